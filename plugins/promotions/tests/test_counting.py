"""What carts and orders come to, action by action; every sum is worked out in the test."""

from plugins.promotions.tests.stall import Stall, eur, off, outcome, percent


async def test_a_share_is_off_every_line(stall: Stall) -> None:
    await stall.run(percent("15"))
    # 2 x 10.00 + 4.00 = 24.00; 15 % of it is 3.60.
    assert await stall.total((stall.tea, 2), (stall.cup, 1)) == "20.40"


async def test_an_amount_is_off_for_each_time_that_the_minimum_is_reached(stall: Stall) -> None:
    await stall.run(off("4.00", every=True), minimum=eur("15.00"))
    # 14.00 is below; 34.00 is twice 15.00 and something.
    assert await stall.total((stall.tea, 1), (stall.cup, 1)) == "14.00"
    assert await stall.total((stall.tea, 3), (stall.cup, 1)) == "26.00"


async def test_a_code_unlocks_what_is_off(stall: Stall) -> None:
    await stall.coupon("SPRING10", percent("10"))
    assert await stall.total((stall.tea, 1)) == "10.00"
    assert await stall.total((stall.tea, 1), couponCodes=[" spring10 "]) == "9.00"
    assert outcome(await stall.order_of(couponCodes=["Spring10"])) == "PLACED 9.00"
    (use,) = await stall.uses()
    assert (use["off_minor"], use["version"]) == (1_00, 2)
