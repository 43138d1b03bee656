"""The long form of tests/races/test_coupons.py: battery 9."""

from collections.abc import Callable

import pytest
from tests.races.test_coupons import UNCOUNTED, use_up
from tests.rig.naive import built

from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.plugin import KINDS

ROUNDS, SEEDS = 50, 10
pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]


@pytest.fixture
def plugins() -> list[str]:
    return ["promotions"]


async def test_50_rounds_of_100_parallel_uses(
    shop: RunningShop, tell: Callable[[str], None]
) -> None:
    tell(await use_up(shop, rounds=ROUNDS))


@pytest.mark.parametrize("kind", KINDS)
async def test_the_uses_of_a_coupon_on_a_naive_build(
    databases: Databases, kind: Kind, tell: Callable[[str], None]
) -> None:
    failed = 0
    with built(UNCOUNTED):
        for _ in range(SEEDS):
            url = await databases.emptied(kind)
            async with running_shop(url, plugins=["promotions"]) as shop:
                try:
                    await use_up(shop, rounds=1, uses=20)
                except AssertionError:
                    failed += 1
    tell(f"{UNCOUNTED}: failed in {failed} of {SEEDS}")
    assert failed >= 9
