"""Core's migrations make exactly the tables that its code knows."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

import koipond.app
from koipond.kernel.db import Database, metadata
from koipond.kernel.migrate import pending, units, upgrade

CORE = units([])
assert koipond.app, "importing it has made every table known"


async def test_a_blank_database_becomes_what_the_tables_say(blank_database_url: str) -> None:
    database = Database(blank_database_url)
    try:
        assert [one.name for one in await pending(database, CORE)] == ["core"]
        assert (await upgrade(database, CORE))[0] == "core 0001_first"
        assert await pending(database, CORE) == []
        async with database.reading() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await database.close()


async def test_a_second_time_there_is_nothing_to_do(blank_database_url: str) -> None:
    database = Database(blank_database_url)
    try:
        await upgrade(database, CORE)
        assert await upgrade(database, CORE) == []
    finally:
        await database.close()


def differences(connection: Connection) -> list[object]:
    """What autogenerate would put into the next migration."""
    (core,) = CORE
    options = {
        "version_table": core.version_table,
        "compare_type": True,
        "include_name": lambda name, kind, _: kind != "table" or name in metadata.tables,
    }
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))
