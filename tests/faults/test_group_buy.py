"""The long forms of tests/races/test_group_buy.py: battery 3 and 4."""

from collections.abc import Callable

import pytest
from tests.races.test_group_buy import UNCOUNTED, live_a_day, take_the_last_seat
from tests.rig.naive import built

from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.plugin import KINDS

SEEDS = 10
pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]


@pytest.fixture
def plugins() -> list[str]:
    return ["groupbuy"]


async def test_1000_requests_of_500_members_for_one_seat(
    shop: RunningShop, tell: Callable[[str], None]
) -> None:
    tell(await take_the_last_seat(shop, requests=1_000, members=500))


async def test_50_teams_and_5000_joiners(shop: RunningShop, tell: Callable[[str], None]) -> None:
    tell(await live_a_day(shop, teams=50, joiners=5_000, hours=range(24)))


@pytest.mark.parametrize("kind", KINDS)
async def test_the_last_seat_on_a_naive_build(
    databases: Databases, kind: Kind, tell: Callable[[str], None]
) -> None:
    failed = 0
    with built(UNCOUNTED):
        for _ in range(SEEDS):
            url = await databases.emptied(kind)
            async with running_shop(url, plugins=["groupbuy"]) as shop:
                try:
                    await take_the_last_seat(shop, requests=20, members=20)
                except AssertionError:
                    failed += 1
    tell(f"{UNCOUNTED}: failed in {failed} of {SEEDS}")
    assert failed >= 9
