from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from koipond.kernel.db import Database
from koipond.kernel.migrate import units, upgrade
from koipond.kernel.plugins import discover
from koipond.member.tables import member
from koipond_groupbuy.tables import metadata
from koipond_sdk import MemberId, new_id
from koipond_sdk.testing.shop import START

ALL = units(discover())
CORE, GROUPBUY = ALL[0], next(unit for unit in ALL if unit.name == "groupbuy")


@pytest.fixture
async def database(blank_database_url: str) -> Any:
    opened = Database(blank_database_url)
    yield opened
    await opened.close()


async def look(database: Database, see: Callable[[Connection], Any]) -> Any:
    async with database.reading() as db:
        return await db.run_sync(see)


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_its_tables_are_made_behind_cores_and_its_revision_is_its_own(
    database: Database,
) -> None:
    await upgrade(database, [CORE])
    before = await look(database, table_names)
    assert await upgrade(database, [CORE, GROUPBUY]) == ["groupbuy 0001_first"]
    added = await look(database, table_names) - before
    assert added == {
        "groupbuy_activity",
        "groupbuy_order",
        "groupbuy_team",
        "alembic_version_groupbuy",
    }
    assert await revision(database, "alembic_version_groupbuy") == "0001_first"


async def test_a_shop_with_members_keeps_them(database: Database) -> None:
    await upgrade(database, [CORE])
    row = {
        "id": MemberId(new_id()),
        "state": "registered",
        "name": "Lin",
        "locale": "en",
        "created_at": START,
    }
    async with database.writer.begin() as db:
        await db.execute(member.insert().values(row))
    await upgrade(database, ALL)
    async with database.reading() as db:
        assert [dict(found._mapping) for found in await db.execute(member.select())] == [row]


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    await upgrade(database, [CORE, GROUPBUY])
    assert await upgrade(database, [CORE, GROUPBUY]) == []


async def test_the_migrated_tables_are_those_of_the_code(database: Database) -> None:
    await upgrade(database, [CORE, GROUPBUY])
    assert await look(database, differences) == []
    assert await look(database, check_constraints) == {
        "ck_groupbuy_activity_lifetime_s",
        "ck_groupbuy_activity_price_minor",
        "ck_groupbuy_activity_size",
        "ck_groupbuy_activity_times",
        "ck_groupbuy_team_opened",
        "ck_groupbuy_team_succeeded_at",
    }


def differences(connection: Connection) -> list[Any]:
    def is_own(name: str | None, kind: str, parents: Any) -> bool:
        return kind != "table" or str(name).startswith("groupbuy_")

    context = MigrationContext.configure(
        connection, opts={"include_name": is_own, "version_table": GROUPBUY.version_table}
    )
    return list(compare_metadata(context, metadata))


def check_constraints(connection: Connection) -> set[str | None]:
    return {
        one["name"]
        for table in metadata.tables
        for one in inspect(connection).get_check_constraints(table)
    }


async def revision(database: Database, table: str) -> str:
    async with database.reading() as db:
        found = await db.execute(text(f"SELECT version_num FROM {table}"))
        return str(found.scalar_one())


def test_a_revision_stands_where_core_looks_for_it() -> None:
    assert sorted(path.name for path in Path(GROUPBUY.folder).rglob("*.py")) == ["0001_first.py"]
