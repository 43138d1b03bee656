from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from koipond_promotions.tables import metadata
from koipond_sdk.testing.migrations import Migrations, migrating, unit_of

pytestmark = pytest.mark.story


@pytest_asyncio.fixture
async def migrations(blank_database_url: str) -> AsyncIterator[Migrations]:
    async with migrating(blank_database_url, "promotions", metadata) as made:
        yield made


async def test_its_tables_are_made_behind_cores_and_its_revision_is_its_own(
    migrations: Migrations,
) -> None:
    await migrations.run_core()
    before = await migrations.tables()
    assert await migrations.run() == ["promotions 0001_first"]
    added = await migrations.tables() - before
    assert added == {
        "promotions_board",
        "promotions_coupon",
        "promotions_promotion",
        "promotions_use",
        "alembic_version_promotions",
    }
    assert await migrations.revision() == "0001_first"


@pytest.mark.slow
async def test_a_shop_with_members_keeps_them(migrations: Migrations) -> None:
    await migrations.run_core()
    row = await migrations.add_member()
    await migrations.run_all()
    assert await migrations.members() == [row]


@pytest.mark.slow
async def test_migrating_twice_changes_nothing(migrations: Migrations) -> None:
    await migrations.run()
    assert await migrations.run() == []


@pytest.mark.slow
async def test_the_migrated_tables_are_those_of_the_code(migrations: Migrations) -> None:
    await migrations.run()
    assert await migrations.differences() == []
    assert await migrations.checks() == {
        "ck_promotions_promotion_window",
        "ck_promotions_promotion_uses_max",
        "ck_promotions_promotion_uses_per_member",
        "ck_promotions_promotion_budget_minor",
        "ck_promotions_promotion_state",
        "ck_promotions_coupon_uses_max",
        "ck_promotions_use_off_minor",
    }


def test_a_revision_stands_where_core_looks_for_it() -> None:
    found = Path(unit_of("promotions").folder).rglob("*.py")
    assert sorted(path.name for path in found) == ["0001_first.py"]
