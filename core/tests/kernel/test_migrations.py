"""Core's migrations make exactly the tables that its code knows."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

import koipond.app
from koipond.kernel import migrate
from koipond.kernel.db import BY_HAND, Database, metadata
from koipond.kernel.migrate import MigrationRefused, move, upgrade
from koipond.kernel.plugins import discover
from koipond.kernel.revisions import Unit, pending, units
from koipond_sdk.testing.databases import Databases, Kind

CORE = units([])
assert koipond.app, "importing it has made every table known"


@pytest.mark.slow
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


@pytest.mark.slow
async def test_a_second_time_there_is_nothing_to_do(blank_database_url: str) -> None:
    database = Database(blank_database_url)
    try:
        await upgrade(database, CORE)
        assert await upgrade(database, CORE) == []
    finally:
        await database.close()


@pytest.mark.slow
@pytest.mark.story
async def test_every_migration_goes_up_and_down_and_up_again(blank_database_url: str) -> None:
    database = Database(blank_database_url)
    everything = units(discover())
    try:
        made: list[set[str]] = []
        for _ in range(2):
            steps = await upgrade(database, everything)
            assert {step.partition(" ")[0] for step in steps} == {one.name for one in everything}
            made.append(await names(database))
            for unit in reversed(everything):
                await move(database, unit, "base")
            left = {unit.version_table for unit in everything}
            assert await names(database) == left
        assert made[0] == made[1]
    finally:
        await database.close()


@pytest.mark.slow
@pytest.mark.postgres
async def test_a_migration_that_finds_a_table_in_use_keeps_nobody_from_it(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_PAUSE_S", 0.05)
    monkeypatch.setattr(migrate, "LOCK_WAIT_S", 0.2)
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "0001_first.py").write_text(
        "from alembic import op\n"
        "revision = '0001_first'\n"
        "down_revision = None\n"
        "def upgrade():\n"
        "    op.execute('CREATE TABLE ponds_pond (id int)')\n"
        "    op.execute('ALTER TABLE channel ADD COLUMN pond int')\n"
    )
    pond = Unit(name="ponds", folder=tmp_path, prefix="ponds")
    async with databases.blank(Kind.POSTGRES) as url:
        database = Database(url)
        try:
            await upgrade(database, CORE)
            async with database.snapshot() as busy:
                await busy.execute(text("LOCK TABLE channel IN ACCESS SHARE MODE"))
                migrating = asyncio.create_task(upgrade(database, [*CORE, pond]))
                for _ in range(20):
                    async with database.reading() as db:
                        await db.execute(text("SET statement_timeout = '5s'"))
                        await db.execute(text("SELECT count(*) FROM channel"))
                    await asyncio.sleep(0.05)
                assert not migrating.done()
            assert await migrating == ["ponds 0001_first"]
            monkeypatch.setattr(migrate, "LOCK_TRIES", 2)
            async with database.snapshot() as busy:
                await busy.execute(text("LOCK TABLE channel IN ACCESS SHARE MODE"))
                changed = await names(database)
                (versions / "0002_more.py").write_text(
                    "from alembic import op\n"
                    "revision = '0002_more'\n"
                    "down_revision = '0001_first'\n"
                    "def upgrade():\n"
                    "    op.execute('CREATE TABLE ponds_more (id int)')\n"
                    "    op.execute('ALTER TABLE channel ADD COLUMN lake int')\n"
                )
                with pytest.raises(MigrationRefused, match="was in use 2 times for more than"):
                    await upgrade(database, [*CORE, pond])
                assert await names(database) == changed
        finally:
            await database.close()


async def names(database: Database) -> set[str]:
    async with database.reading() as db:
        return set(await db.run_sync(lambda sync: inspect(sync).get_table_names()))


def differences(connection: Connection) -> list[object]:
    """What autogenerate would put into the next migration."""
    (core,) = CORE
    by_hand = metadata.info[BY_HAND]
    assert by_hand == ["ix_product_search_terms"]
    options = {
        "version_table": core.version_table,
        "compare_type": True,
        "include_name": lambda name, kind, _: (
            name not in by_hand and (kind != "table" or name in metadata.tables)
        ),
    }
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))
