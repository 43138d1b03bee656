"""What carts and orders come to, action by action; every sum is worked out in the test."""

from datetime import timedelta

import pytest
from plugins.promotions.tests.stall import Stall, at, eur, off, outcome, percent

from koipond.order import service as orders
from koipond_sdk import Viewer

pytestmark = pytest.mark.story


async def test_a_share_is_off_every_line(stall: Stall) -> None:
    await stall.run(percent("15"))
    # 2 x 10.00 + 4.00 = 24.00; 15 % of it is 3.60.
    assert await stall.total((stall.tea, 2), (stall.cup, 1)) == "20.40"


async def test_a_share_has_a_cap(stall: Stall) -> None:
    await stall.run(percent("50", cap=eur("6.00")))
    # Half of 10.00 is 5.00, half of 20.00 would be 10.00.
    assert await stall.total((stall.tea, 1)) == "5.00"
    assert await stall.total((stall.tea, 2)) == "14.00"


async def test_a_share_is_off_the_lines_of_one_product(stall: Stall) -> None:
    await stall.run(percent("20"), selection={"productIds": [stall.tea_product]})
    # 20 % of 10.00; the cup costs what it costs.
    assert await stall.total((stall.tea, 1), (stall.cup, 1)) == "12.00"
    assert await stall.total((stall.cup, 1)) == "4.00"


async def test_a_product_can_be_left_out(stall: Stall) -> None:
    await stall.run(percent("50"), selection={"exceptProductIds": [stall.tea_product]})
    assert await stall.total((stall.tea, 1), (stall.cup, 1)) == "12.00"


async def test_an_amount_is_off_for_each_time_that_the_minimum_is_reached(stall: Stall) -> None:
    await stall.run(off("4.00", every=True), minimum=eur("15.00"))
    # 14.00 is below; 34.00 is twice 15.00 and something.
    assert await stall.total((stall.tea, 1), (stall.cup, 1)) == "14.00"
    assert await stall.total((stall.tea, 3), (stall.cup, 1)) == "26.00"


async def test_an_amount_is_at_most_all(stall: Stall) -> None:
    await stall.run(off("50.00"))
    assert outcome(await stall.order_of((stall.cup, 1))) == "CONFIRMED 0.00"


async def test_three_for_the_price_of_a_bundle_the_dearest_first(stall: Stall) -> None:
    await stall.run({"kind": "BUNDLE", "units": 3, "amount": eur("20.00")})
    # Two of 10.00 and one of 4.00 for 20.00, and another of 4.00.
    assert await stall.total((stall.tea, 2), (stall.cup, 2)) == "24.00"
    # Twice three: 30.00 for 20.00, and three of 4.00 would cost more together than apart.
    assert await stall.total((stall.tea, 3)) == "20.00"
    assert await stall.total((stall.cup, 3)) == "12.00"


async def test_who_buys_two_gets_the_cheapest_third(stall: Stall) -> None:
    await stall.run({"kind": "BUY_GET", "units": 2, "get": 1})
    assert await stall.total((stall.tea, 2)) == "20.00"
    # The cup is the cheapest of three.
    assert await stall.total((stall.tea, 2), (stall.cup, 1)) == "20.00"
    # Of seven units two come for nothing.
    assert await stall.total((stall.tea, 7)) == "50.00"


async def test_who_buys_tea_gets_a_cup_at_half_price_twice_at_most(stall: Stall) -> None:
    gets = {"variantIds": [stall.cup]}
    action = {"kind": "BUY_GET", "units": 2, "get": 1, "percent": "50", "gets": gets, "timesMax": 2}
    await stall.run(action, selection={"variantIds": [stall.tea]})
    assert await stall.total((stall.tea, 2), (stall.cup, 2)) == "26.00"
    # Six teas would be three times; 60.00 + 5 x 4.00 - 2 x 2.00.
    assert await stall.total((stall.tea, 6), (stall.cup, 5)) == "76.00"


async def test_the_second_at_half_price(stall: Stall) -> None:
    await stall.run({"kind": "NTH", "units": 2, "percent": "50"})
    assert await stall.total((stall.tea, 1)) == "10.00"
    assert await stall.total((stall.tea, 3)) == "25.00"
    # Two of four units, the cheapest: both cups.
    assert await stall.total((stall.tea, 2), (stall.cup, 2)) == "24.00"


async def test_a_gift_is_a_line_that_costs_nothing(stall: Stall) -> None:
    await stall.run({"kind": "GIFT", "variantId": stall.cup}, minimum=eur("20.00"))
    assert outcome(await stall.order_of((stall.tea, 1))) == "PLACED 10.00"
    placed = await stall.order_of((stall.tea, 2))
    assert [
        (one["sku"], one["quantity"], one["total"]["amount"]) for one in placed["order"]["lines"]
    ] == [("TEA-1", 2, "20.00"), ("CUP-1", 1, "0.00")]
    (use,) = await stall.uses()
    assert use["off_minor"] == 4_00


async def test_a_minimum_of_units(stall: Stall) -> None:
    await stall.run(off("3.00"), minimumUnits=3)
    assert await stall.total((stall.tea, 2)) == "20.00"
    assert await stall.total((stall.tea, 2), (stall.cup, 1)) == "21.00"


async def test_it_counts_from_its_start_until_before_its_end(stall: Stall) -> None:
    await stall.run(percent("10"), startsAt=at(hours=1), endsAt=at(hours=2))
    instant = timedelta(microseconds=1)
    start, end = (stall.shop.clock.now() + timedelta(hours=hours) for hours in (1, 2))
    for moment, total in (
        (start - instant, "10.00"),
        (start, "9.00"),
        (end - instant, "9.00"),
        (end, "10.00"),
    ):
        stall.shop.clock.set(moment)
        assert await stall.total((stall.tea, 1)) == total


async def test_it_counts_at_its_hours_of_its_days(stall: Stall) -> None:
    now = stall.shop.clock.now()
    hours = {
        "weekdays": [now.isoweekday()],
        "fromMinute": now.hour * 60 + now.minute,
        "untilMinute": now.hour * 60 + now.minute + 60,
    }
    await stall.run(percent("10"), hours=hours)
    assert await stall.total((stall.tea, 1)) == "9.00"
    stall.shop.clock.advance(hours=1)
    assert await stall.total((stall.tea, 1)) == "10.00"
    stall.shop.clock.advance(days=1, hours=-1)
    assert await stall.total((stall.tea, 1)) == "10.00"


async def test_of_two_best_deals_the_better_counts(stall: Stall) -> None:
    await stall.run(percent("10"), stackMode="BEST_DEAL")
    await stall.run(off("3.00"), stackMode="BEST_DEAL")
    assert await stall.total((stall.tea, 1)) == "7.00"
    assert await stall.total((stall.tea, 4)) == "36.00"


async def test_groups_of_stacking_go_beside_each_other_the_higher_priority_first(
    stall: Stall,
) -> None:
    await stall.run(off("2.00"), priority=1)
    await stall.run(percent("50"), stackGroup="season")
    # 2.00 off 10.00, then half of what is left.
    assert await stall.total((stall.tea, 1)) == "4.00"


async def test_what_a_first_order_gets_no_second_one_gets(stall: Stall, lin: Viewer) -> None:
    await stall.run(percent("50"), firstOrder=True)
    assert outcome(await stall.order_of(viewer=lin)) == "PLACED 5.00"
    assert outcome(await stall.order_of(viewer=lin)) == "PLACED 10.00"
    # Nobody can say of a guest what they have bought.
    assert outcome(await stall.order_of()) == "PLACED 10.00"


async def test_what_an_activity_sells_is_left_out_unless_it_says_so(stall: Stall) -> None:
    await stall.sell_by_activity("6.00")
    one = await stall.run(percent("50"), selection={"productIds": [stall.tea_product]})
    assert await stall.total((stall.tea, 1), (stall.cup, 1)) == "10.00"
    await stall.act("endPromotion", promotionId=one["id"], version=one["version"])
    await stall.run(percent("50"), withActivities=True)
    assert await stall.total((stall.tea, 1), (stall.cup, 1)) == "5.00"


async def test_a_price_is_worked_out_again_from_what_the_order_keeps(stall: Stall) -> None:
    await stall.run(percent("10"), minimum=eur("5.00"), budget=eur("2.50"))
    await stall.coupon("REPLAY", {"kind": "NTH", "units": 2, "percent": "50"})
    placed = await stall.order_of((stall.tea, 3), couponCodes=["replay"])
    # 10 % of 30.00 is 3.00; the budget has 2.50. A third of 27.50 is 9.17, half of it 4.59.
    assert outcome(placed) == "PLACED 22.91"
    async with stall.shop.context() as ctx:
        found = await orders.replay(ctx, placed["order"]["id"])
    assert found is not None
    assert found.is_same
    assert [(one.plugin, str(one.outcome)) for one in found.calculations] == [
        ("promotions", "same")
    ]


@pytest.mark.slow
async def test_a_cart_costs_no_statement_more_where_nothing_is_limited(stall: Stall) -> None:
    token = await stall.cart_of((stall.tea, 1))
    await stall.look(token)
    with stall.shop.count_statements() as before:
        await stall.look(token)
    for number in range(20):
        await stall.run(percent("1"), stackGroup=f"g{number}")
    await stall.look(token)
    with stall.shop.count_statements() as after:
        await stall.look(token)
    assert len(after) == len(before)


async def test_limits_of_all_promotions_together_cost_one_statement(
    stall: Stall, lin: Viewer
) -> None:
    token = await stall.cart_of((stall.tea, 1), viewer=lin)
    counted = []
    for number in range(3):
        await stall.run(percent("1"), stackGroup=f"g{number}", usesMax=9, usesPerMember=1)
        await stall.look(token, lin)
        with stall.shop.count_statements() as sent:
            await stall.look(token, lin)
        counted.append(len(sent))
    assert len(set(counted)) == 1
