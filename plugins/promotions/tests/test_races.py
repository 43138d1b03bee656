"""Crowds: each limit holds however many ask at once.

Each fails on a naive build, else it would show nothing.
"""

from typing import Any

import pytest
from plugins.promotions.tests.stall import Stall, all_at_once, eur, off, percent
from tests.rig.naive import builds, raced

from koipond_sdk import Viewer
from koipond_sdk.testing import RunningShop

# Battery 9 has a hundred: tests/races/test_coupons.py.
CROWD = 30


@pytest.mark.slow
@builds("the uses of a code are not counted")
async def test_of_30_parallel_uses_of_a_coupon_with_limit_1_one_counts(
    shop: RunningShop, build: str
) -> None:
    stall = await Stall.open(shop, stock=CROWD)
    await stall.coupon("SINGLE", percent("10"), usesOfCode=1)
    with raced(build):
        got = await all_at_once(stall.order_of(couponCodes=["SINGLE"]) for _ in range(CROWD))
        assert got == {"PLACED 9.00": 1, "COUPON_EXHAUSTED": CROWD - 1}
        assert len(await stall.uses()) == 1
        assert await stall.audit() == []


@pytest.mark.slow
@builds("limits are claimed for codes only")
async def test_of_30_carts_an_automatic_promotion_counts_for_as_many_as_its_limit(
    shop: RunningShop, build: str
) -> None:
    stall = await Stall.open(shop, stock=CROWD)
    await stall.run(percent("10"), usesMax=7)
    with raced(build):
        got = await all_at_once(stall.order_of() for _ in range(CROWD))
        # Who looked at the cart after the last use was gone pays the whole price.
        assert got["PLACED 9.00"] == 7
        assert got.keys() <= {"PLACED 9.00", "PLACED 10.00", "PROMOTION_USED_UP"}
        assert await stall.audit() == []


@pytest.mark.slow
@builds("the desk does not look at what a person has")
async def test_a_member_who_asks_20_times_at_once_has_it_as_often_as_one_may(
    shop: RunningShop, lin: Viewer, build: str
) -> None:
    stall = await Stall.open(shop)
    await stall.coupon("THRICE", percent("10"), usesPerMember=3)
    with raced(build):
        asked = (stall.order_of(couponCodes=["THRICE"], viewer=lin) for _ in range(20))
        got = await all_at_once(asked)
        assert got == {"PLACED 9.00": 3, "COUPON_LIMIT_REACHED": 17}
        assert await stall.audit() == []


@pytest.mark.slow
@builds("a budget counts orders, not money")
async def test_a_budget_is_not_passed_by_a_crowd(shop: RunningShop, build: str) -> None:
    stall = await Stall.open(shop, stock=CROWD)
    await stall.coupon("BUDGET", off("3.00"), budget=eur("10.00"))
    with raced(build):
        got = await all_at_once(stall.order_of(couponCodes=["BUDGET"]) for _ in range(20))
        assert got["PLACED 7.00"] == 3
        assert got.keys() <= {"PLACED 7.00", "PLACED 9.00", "COUPON_EXHAUSTED"}
        assert sum(one["off_minor"] for one in await stall.uses()) <= 10_00
        assert await stall.audit() == []


@builds("a first order is looked for, not claimed")
async def test_of_two_first_orders_at_once_one_is_the_first(
    shop: RunningShop, lin: Viewer, build: str
) -> None:
    stall = await Stall.open(shop)
    await stall.coupon("HELLO", percent("50"), firstOrder=True)
    with raced(build):
        asked = (stall.order_of(couponCodes=["HELLO"], viewer=lin) for _ in range(10))
        got = await all_at_once(asked)
        assert got == {"PLACED 5.00": 1, "COUPON_FIRST_ORDER_ONLY": 9}


@pytest.mark.slow
@builds("exclusive promotions are published side by side")
async def test_of_promotions_that_stand_alone_one_is_published(
    shop: RunningShop, build: str
) -> None:
    stall = await Stall.open(shop)
    drafts = [
        (await stall.create(percent("10"), name=f"{one}", stackMode="EXCLUSIVE", usesMax=1))
        for one in range(20)
    ]
    # SQLite has one writer at a time, whatever is written.
    with raced("" if shop.shop.database.is_sqlite else build):

        async def publish(draft: dict[str, Any]) -> dict[str, Any]:
            made = await stall.publish(draft)
            return made | {"order": {"state": "LIVE", "total": {"amount": ""}}}

        got = await all_at_once(publish(one["promotion"]) for one in drafts)
        assert got == {"LIVE ": 1, "PROMOTION_OVERLAPS": 19}


@pytest.mark.slow
@pytest.mark.parametrize("moved", ["pausePromotion", "endPromotion"])
async def test_a_promotion_that_is_moved_while_an_order_is_placed_counts_for_it_or_says_so(
    stall: Stall, moved: str
) -> None:
    one = await stall.run(percent("10"))
    asked = [stall.order_of() for _ in range(10)]

    async def move() -> dict[str, Any]:
        made = await stall.act(moved, promotionId=one["id"], version=one["version"])
        return made | {"order": {"state": "MOVED", "total": {"amount": ""}}}

    got = await all_at_once([*asked, move()])
    assert got["MOVED "] == 1
    assert got.keys() <= {"MOVED ", "PLACED 9.00", "PLACED 10.00", "PROMOTION_CHANGED"}
    assert len(await stall.uses()) == got["PLACED 9.00"]


@builds("versions are not looked at when an order is placed")
async def test_a_promotion_that_ends_elsewhere_while_an_order_is_placed_takes_nothing_off(
    stall: Stall, build: str
) -> None:
    one = await stall.run(percent("10"))
    await stall.total((stall.tea, 1))
    # As another process does: this one does not know of it for up to a second.
    await stall.end_elsewhere(one)
    with raced(build):
        assert await stall.total((stall.tea, 1)) == "9.00"
        got = await all_at_once([stall.order_of()])
        assert got == {"PROMOTION_CHANGED": 1}
        assert await all_at_once([stall.order_of()]) == {"PLACED 10.00": 1}
