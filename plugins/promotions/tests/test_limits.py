"""Limits and budgets: what is counted, what a cart shows of it, and what comes back when."""

from typing import Any

import pytest
from core.tests.payment.till import tender
from plugins.promotions.tests.stall import Stall, eur, off, outcome, percent

from koipond.kernel.faults import planned
from koipond.kernel.ids import OrderId, decode
from koipond.order import service as orders
from koipond_sdk import Viewer
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story


async def test_an_automatic_promotion_ends_with_its_last_use(stall: Stall) -> None:
    await stall.run(percent("10"), usesMax=2)
    got = [outcome(await stall.order_of()) for _ in range(3)]
    assert got == ["PLACED 9.00", "PLACED 9.00", "PLACED 10.00"]


async def test_each_member_has_it_as_often_as_they_may(stall: Stall, lin: Viewer) -> None:
    await stall.run(percent("10"), usesPerMember=2)
    got = [outcome(await stall.order_of(viewer=lin)) for _ in range(3)]
    assert got == ["PLACED 9.00", "PLACED 9.00", "PLACED 10.00"]
    assert outcome(await stall.order_of()) == "PLACED 10.00"


async def test_a_coupon_that_a_member_has_had_says_how_often(stall: Stall, lin: Viewer) -> None:
    await stall.coupon("ONCE", percent("10"), usesPerMember=1)
    assert outcome(await stall.order_of(couponCodes=["ONCE"], viewer=lin)) == "PLACED 9.00"
    refused = await stall.refused(stall.order_of(couponCodes=["ONCE"], viewer=lin))
    assert refused["message"] == (
        "You have used the coupon 'ONCE' 1 times, and may 1. Leave it out."
    )


async def test_of_a_budget_the_last_gets_what_is_left(stall: Stall) -> None:
    await stall.run(percent("50"), budget=eur("12.00"))
    got = [outcome(await stall.order_of()) for _ in range(4)]
    assert got == ["PLACED 5.00", "PLACED 5.00", "PLACED 8.00", "PLACED 10.00"]
    assert sum(use["off_minor"] for use in await stall.uses()) == 12_00


async def cancel(stall: Stall, placed: dict[str, Any]) -> None:
    key = decode(OrderId, placed["order"]["id"])
    async with stall.shop.context(viewer=STAFF) as ctx:
        await orders.cancel_any_order(ctx, key, reason="test")
    await stall.settle()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "unpaid", "paid"),
    [
        ("RETURN", "PLACED 9.00", "PLACED 9.00"),
        ("KEEP_ONCE_PAID", "PLACED 9.00", "PLACED 10.00"),
        ("KEEP_ONCE_PLACED", "PLACED 10.00", "PLACED 10.00"),
    ],
)
async def test_a_use_comes_back_when_its_order_is_off_by_policy(
    stall: Stall, policy: str, unpaid: str, paid: str
) -> None:
    for pay, expected in (("", unpaid), ("captured", paid)):
        one = await stall.run(percent("10"), usesMax=1, releaseUses=policy)
        placed = await stall.order_of(pay=pay)
        assert outcome(placed) in {"PLACED 9.00", "CONFIRMED 9.00"}
        await cancel(stall, placed)
        assert outcome(await stall.order_of()) == expected
        await stall.act("endPromotion", promotionId=one["id"], version=one["version"])


async def test_a_use_comes_back_while_the_members_limit_stays_used(
    stall: Stall, lin: Viewer
) -> None:
    await stall.run(percent("10"), usesMax=1, usesPerMember=1, releaseMember="KEEP_ONCE_PLACED")
    await cancel(stall, await stall.order_of(viewer=lin))
    assert outcome(await stall.order_of(viewer=lin)) == "PLACED 10.00"
    (uses, limit) = sorted(
        (row for row in await stall.shop.rows("quota") if row["capacity"] in {1, None}),
        key=lambda row: row["capacity"] is None,
    )
    assert (uses["taken"], limit["taken"]) == (0, 1)


async def test_a_budget_has_its_money_back_when_an_order_is_off(stall: Stall) -> None:
    await stall.run(off("6.00"), budget=eur("6.00"), releaseUses="KEEP_ONCE_PLACED")
    placed = await stall.order_of()
    assert outcome(await stall.order_of()) == "PLACED 10.00"
    await cancel(stall, placed)
    assert outcome(await stall.order_of()) == "PLACED 4.00"


async def test_a_code_comes_back_when_its_order_expires(stall: Stall) -> None:
    await stall.coupon("BACK", percent("10"), usesOfCode=1)
    assert outcome(await stall.order_of(couponCodes=["BACK"])) == "PLACED 9.00"
    assert outcome(await stall.order_of(couponCodes=["BACK"])) == "COUPON_EXHAUSTED"
    await stall.pass_time(minutes=31)
    await stall.settle()
    assert outcome(await stall.order_of(couponCodes=["BACK"])) == "PLACED 9.00"


async def test_what_an_order_holds_itself_is_not_used_up_when_it_is_tried_again(
    stall: Stall, lin: Viewer
) -> None:
    """The process ended when all was held; the next try, with its key, finds the last use free."""
    await stall.coupon(
        "LAST", percent("10"), usesMax=1, usesPerMember=1, usesOfCode=1, budget=eur("1.00")
    )

    def fault(here: str) -> None:
        if here == "order.reserved":
            raise Ended

    with planned(fault), pytest.raises(Ended):
        await stall.place_directly(lin, coupon="LAST", key="again")
    assert [row["state"] for row in await stall.shop.rows("reservation")] == ["held"] * 5
    # As long as the key is believed to be at work; what is held is held longer.
    stall.shop.clock.advance(seconds=stall.shop.settings.idempotency_lease_s + 1)
    placed = await stall.place_directly(lin, coupon="LAST", key="again")
    assert placed == 9_00
    assert outcome(await stall.order_of(couponCodes=["LAST"], viewer=lin)) == (
        "COUPON_LIMIT_REACHED"
    )


class Ended(BaseException):
    """The process ends here."""


@pytest.mark.slow
async def test_an_expired_order_is_paid_late_only_if_its_code_is_still_there(
    stall: Stall,
) -> None:
    """Late money buys what is still there, the use of a code included."""
    await stall.coupon("RARE", percent("10"), usesOfCode=1)
    late = await stall.order_of(couponCodes=["RARE"])
    await stall.pass_time(minutes=31)
    await stall.settle()
    assert outcome(await stall.order_of(couponCodes=["RARE"], pay="captured")) == "CONFIRMED 9.00"
    key = decode(OrderId, late["order"]["id"])
    refused = await stall.pay(key, late["token"], **tender(outcome="captured"))
    assert [one["code"] for one in refused["userErrors"]] != []
    assert (await stall.order(key)).state == "expired"
