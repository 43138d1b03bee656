"""Dry runs: what a promotion would have cost the orders of the last days."""

from typing import Any

import pytest
from plugins.promotions.tests.stall import Stall, eur, make_member, off, outcome, percent

from koipond_sdk import VariantId, Viewer, encode
from koipond_sdk.services import members
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

CHANNEL = """mutation($input: SetChannelInput!) { done: setChannel(input: $input) {
  userErrors { code message field } } }"""
RUN = """query($id: ID!, $days: Int! = 7) { promotionDryRun(id: $id, days: $days) {
  orders touched stopped off { amount } cost { amount } since until
} }"""


async def rehearse(stall: Stall, one: dict[str, Any], **given: Any) -> dict[str, Any]:
    answer = await stall.shop.graphql(RUN, {"id": one["id"]} | given, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["promotionDryRun"]
    return found


def figures(found: dict[str, Any]) -> tuple[int, int, int, str, str]:
    amounts = (found["off"]["amount"], found["cost"]["amount"])
    return (found["orders"], found["touched"], found["stopped"], *amounts)


async def draft(stall: Stall, action: dict[str, Any], **given: Any) -> dict[str, Any]:
    made = await stall.create(action, **given)
    assert made["userErrors"] == [], made
    found: dict[str, Any] = made["promotion"]
    return found


async def test_a_draft_would_have_cost_what_it_takes_off_last_weeks_orders(stall: Stall) -> None:
    await stall.order_of((stall.tea, 3))
    stall.shop.clock.advance(days=8)
    await stall.order_of((stall.tea, 1))
    await stall.order_of((stall.tea, 2), (stall.cup, 1))
    await stall.order_of((stall.cup, 1))
    one = await draft(stall, percent("10"), minimum=eur("10.00"))
    before = await stall.shop.snapshot()
    # 10 % of 10.00 and of 24.00; the order of 4.00 is below the minimum, that of 30.00 too old.
    assert figures(await rehearse(stall, one)) == (3, 2, 0, "3.40", "3.40")
    assert figures(await rehearse(stall, one, days=9)) == (4, 3, 0, "6.40", "6.40")
    assert await stall.shop.snapshot() == before


async def test_what_takes_the_place_of_another_costs_the_difference(stall: Stall) -> None:
    await stall.run(percent("10"), stackMode="BEST_DEAL")
    assert outcome(await stall.order_of()) == "PLACED 9.00"
    one = await draft(stall, off("3.00"), stackMode="BEST_DEAL")
    # 3.00 off in place of 1.00.
    assert figures(await rehearse(stall, one)) == (1, 1, 0, "3.00", "2.00")


async def test_limits_and_budgets_are_used_up_in_the_order_of_the_orders(
    stall: Stall, lin: Viewer
) -> None:
    other = await make_member(stall.shop)
    for buyer in (lin, lin, other, other):
        await stall.order_of(viewer=buyer)
        stall.shop.clock.advance(seconds=1)
    twice = await draft(stall, off("1.00"), usesMax=3)
    assert figures(await rehearse(stall, twice)) == (4, 3, 1, "3.00", "3.00")
    # What the shop knows of a buyer is their address; each of these orders has one of its own.
    money = await draft(stall, off("4.00"), budget=eur("10.00"))
    assert figures(await rehearse(stall, money)) == (4, 3, 1, "10.00", "10.00")


async def test_a_coupon_is_taken_to_be_used_by_all_who_could(stall: Stall) -> None:
    await stall.order_of()
    await stall.order_of((stall.cup, 1))
    one = await draft(stall, off("2.00"), needsCoupon=True, minimum=eur("5.00"))
    assert figures(await rehearse(stall, one)) == (2, 1, 0, "2.00", "2.00")


async def test_gifts_and_bundles_are_reckoned_too(stall: Stall) -> None:
    await stall.order_of((stall.tea, 3))
    gift = await draft(stall, {"kind": "GIFT", "variantId": stall.cup})
    # A cup of 4.00 would have been given.
    assert figures(await rehearse(stall, gift)) == (1, 1, 0, "4.00", "4.00")
    bundle = await draft(stall, {"kind": "BUNDLE", "units": 3, "amount": eur("25.00")})
    assert figures(await rehearse(stall, bundle)) == (1, 1, 0, "5.00", "5.00")


async def test_orders_that_are_off_are_left_out(stall: Stall) -> None:
    await stall.order_of()
    await stall.pass_time(minutes=31)
    await stall.settle()
    one = await draft(stall, percent("10"))
    assert figures(await rehearse(stall, one)) == (0, 0, 0, "0.00", "0.00")


async def test_what_cannot_be_rehearsed(stall: Stall) -> None:
    one = await draft(stall, percent("10"))
    for key, days, code in (
        (one["id"], 0, "PROMOTION_NUMBER_INVALID"),
        (one["id"], 32, "PROMOTION_NUMBER_INVALID"),
        ("promo_00000000000000000000000000", 7, "PROMOTION_UNKNOWN"),
    ):
        answer = await stall.shop.graphql(RUN, {"id": key, "days": days}, viewer=STAFF, admin=True)
        assert answer["errors"][0]["extensions"]["code"] == code


async def test_a_promotion_of_a_group_counts_for_its_members(stall: Stall, lin: Viewer) -> None:
    assert lin.member_id is not None
    async with stall.shop.context(viewer=STAFF) as ctx:
        await members.change_groups(ctx, lin.member_id, join=["gold"])
    await stall.order_of(viewer=lin)
    await stall.order_of(viewer=await make_member(stall.shop))
    one = await draft(stall, percent("10"), groups=["gold"])
    assert figures(await rehearse(stall, one)) == (2, 1, 0, "1.00", "1.00")
    await stall.run(percent("20"), groups=["gold"])
    assert outcome(await stall.order_of(viewer=lin)) == "PLACED 8.00"
    assert outcome(await stall.order_of(viewer=await make_member(stall.shop))) == "PLACED 10.00"


async def test_what_an_activity_sold_costs_only_what_counts_beside_one(stall: Stall) -> None:
    await stall.sell_by_activity("6.00")
    assert outcome(await stall.order_of()) == "PLACED 6.00"
    one = await draft(stall, percent("10"))
    assert figures(await rehearse(stall, one)) == (1, 0, 0, "0.00", "0.00")
    beside = await draft(stall, percent("10"), withActivities=True)
    assert figures(await rehearse(stall, beside)) == (1, 1, 0, "0.60", "0.60")


async def test_a_share_is_rounded_as_the_channel_rounds(stall: Stall) -> None:
    """10 % of 3 x 0.25 is 0.075: by the line that is 0.08, by the unit 3 x 0.03."""
    product = await stall.shop.make_product("PIN-1", price="0.25", stock=9, name="Pin")
    pin = encode(VariantId, product.variants["PIN-1"])
    await stall.order_of((pin, 3))
    one = await draft(stall, percent("10"), selection={"variantIds": [pin]})
    assert figures(await rehearse(stall, one)) == (1, 1, 0, "0.08", "0.08")
    rounding = [{"currency": "EUR", "mode": "HALF_AWAY", "perUnit": True}]
    done = await stall.staff(CHANNEL, code="main", rounding=rounding)
    assert done["userErrors"] == []
    assert figures(await rehearse(stall, one)) == (1, 1, 0, "0.09", "0.09")
