"""What others' trackers teach about coupons and promotions: each is a test, named after it."""

import pytest
from core.tests.payment.till import tender
from plugins.promotions.tests.stall import (
    Stall,
    all_at_once,
    eur,
    off,
    outcome,
    percent,
)

from koipond.kernel.ids import OrderId, decode
from koipond_sdk import Viewer

pytestmark = pytest.mark.story


async def test_vendure_4353_a_usage_limit_counts_for_automatic_promotions(
    stall: Stall, lin: Viewer
) -> None:
    await stall.run(percent("10"), usesMax=1)
    await stall.run(off("1.00"), usesPerMember=1, stackGroup="other")
    # 10 % and 1.00 off 10.00, whichever comes first by its stage: 1.00 off each of the two.
    assert outcome(await stall.order_of(viewer=lin)) == "PLACED 8.00"
    assert outcome(await stall.order_of(viewer=lin)) == "PLACED 10.00"


async def test_medusa_15823_a_guest_is_not_eligible_and_never_an_error(stall: Stall) -> None:
    await stall.run(percent("10"), usesPerMember=1)
    await stall.run(percent("20"), firstOrder=True)
    await stall.run(percent("30"), groups=["gold"])
    assert await stall.total((stall.tea, 1)) == "10.00"
    assert outcome(await stall.order_of()) == "PLACED 10.00"


@pytest.mark.one_database
async def test_saleor_17453_two_halves_off_are_three_quarters_not_all(stall: Stall) -> None:
    await stall.run(percent("50"))
    await stall.coupon("HALF", percent("50"))
    assert await stall.total((stall.tea, 1), couponCodes=["HALF"]) == "2.50"


async def test_saleor_15855_who_loses_the_race_for_a_coupon_has_nothing_refunded(
    stall: Stall,
) -> None:
    await stall.coupon("SOLE", percent("10"), usesOfCode=1)
    got = await all_at_once(stall.order_of(couponCodes=["SOLE"], pay="captured") for _ in range(5))
    assert got == {"CONFIRMED 9.00": 1, "COUPON_EXHAUSTED": 4}
    (payment,) = await stall.shop.rows("payment")
    assert (payment["captured_minor"], payment["refunded_minor"]) == (9_00, 0)
    (order,) = await stall.shop.rows("order")
    assert order["state"] == "confirmed"


@pytest.mark.slow
async def test_vendure_4660_saleor_544_each_cart_has_its_own_order_and_one_has_the_last_use(
    stall: Stall,
) -> None:
    await stall.coupon("LASTONE", percent("10"), usesMax=1)
    carts = [await stall.cart_of((stall.tea, 1)) for _ in range(20)]
    got = await all_at_once(
        stall.order_of(lines=None, token=token, couponCodes=["LASTONE"]) for token in carts
    )
    assert got == {"PLACED 9.00": 1, "COUPON_EXHAUSTED": 19}


async def test_vendure_550_a_use_is_counted_once_when_it_is_placed_and_when_it_is_paid(
    stall: Stall,
) -> None:
    await stall.run(percent("10"), usesMax=5, budget=eur("50.00"))
    placed = await stall.order_of()
    key = decode(OrderId, placed["order"]["id"])
    paid = await stall.pay(key, placed["token"], data=tender(outcome="captured")["data"])
    assert outcome(paid) == "CONFIRMED 9.00"
    taken = {row["capacity"]: row["taken"] for row in await stall.shop.rows("quota")}
    assert (taken[5], taken[50_00]) == (1, 1_00)


@pytest.mark.slow
@pytest.mark.one_database
async def test_vendure_4811_what_is_off_one_line_does_not_slide_to_the_others(
    stall: Stall,
) -> None:
    await stall.run(off("7.00"))
    # 7.00 off 10.00 + 4.00, in proportion: 5.00 and 2.00.
    placed = await stall.order_of((stall.tea, 1), (stall.cup, 1), pay="captured")
    totals = {one["sku"]: one["total"]["amount"] for one in placed["order"]["lines"]}
    assert totals == {"TEA-1": "5.00", "CUP-1": "2.00"}
    order = await stall.order(decode(OrderId, placed["order"]["id"]))
    before = order.price.adjustments
    await stall.refund_line(order, sku="CUP-1")
    after = await stall.order(order.id)
    assert after.price.adjustments == before
    assert await stall.refunds(order.id) == [("DONE", 2_00, "STAFF")]


async def test_medusa_16502_a_gift_and_a_line_of_one_variant_share_its_stock(
    stall: Stall,
) -> None:
    await stall.run({"kind": "GIFT", "variantId": stall.cup})
    refused = await stall.refused(stall.order_of((stall.cup, 100)))
    assert refused["code"] == "INSUFFICIENT_STOCK"
    assert outcome(await stall.order_of((stall.cup, 99))) == "PLACED 396.00"


@pytest.mark.parametrize("codes", [["A" * 500], ["'; DROP TABLE x"], ["%%%%"], ["ﷺ" * 39]])
async def test_what_nobody_would_call_a_code_is_unknown_and_no_error(
    stall: Stall, codes: list[str]
) -> None:
    refused = await stall.refused(stall.order_of(couponCodes=codes))
    assert refused["code"] == "COUPON_UNKNOWN"
