from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from koipond_groupbuy.tables import metadata
from koipond_sdk.testing.migrations import Migrations, migrating, unit_of

pytestmark = pytest.mark.story


@pytest_asyncio.fixture
async def migrations(blank_database_url: str) -> AsyncIterator[Migrations]:
    async with migrating(blank_database_url, "groupbuy", metadata) as made:
        yield made


@pytest.mark.slow
async def test_its_tables_are_made_behind_cores_and_its_revision_is_its_own(
    migrations: Migrations,
) -> None:
    await migrations.run_core()
    before = await migrations.tables()
    assert await migrations.run() == ["groupbuy 0001_first"]
    added = await migrations.tables() - before
    assert added == {
        "groupbuy_activity",
        "groupbuy_order",
        "groupbuy_team",
        "alembic_version_groupbuy",
    }
    assert await migrations.revision() == "0001_first"


async def test_a_shop_with_members_keeps_them(migrations: Migrations) -> None:
    await migrations.run_core()
    row = await migrations.add_member()
    await migrations.run_all()
    assert await migrations.members() == [row]


async def test_migrating_twice_changes_nothing(migrations: Migrations) -> None:
    await migrations.run()
    assert await migrations.run() == []


async def test_the_migrated_tables_are_those_of_the_code(migrations: Migrations) -> None:
    await migrations.run()
    assert await migrations.differences() == []
    assert await migrations.checks() == {
        "ck_groupbuy_activity_lifetime_s",
        "ck_groupbuy_activity_price_minor",
        "ck_groupbuy_activity_size",
        "ck_groupbuy_activity_times",
        "ck_groupbuy_team_opened",
        "ck_groupbuy_team_succeeded_at",
    }


def test_a_revision_stands_where_core_looks_for_it() -> None:
    found = Path(unit_of("groupbuy").folder).rglob("*.py")
    assert sorted(path.name for path in found) == ["0001_first.py"]
