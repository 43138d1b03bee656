"""Crowds: what is sold at most, what one member gets at most, and two who plan at once.

Each fails on a naive build, else it would show nothing.
"""

import asyncio

import pytest
from plugins.flashsale.tests.stall import Stall, all_at_once, at, make_member, outcome
from tests.rig.meddling import Act, meanwhile
from tests.rig.naive import builds, raced

from koipond_flashsale import service
from koipond_flashsale.types import EndFlashSaleRounds, FlashSaleRoundId
from koipond_sdk import Viewer, decode
from koipond_sdk.testing import STAFF, RunningShop


@pytest.mark.slow
@builds("the desk does not look at what is free")
async def test_of_30_buyers_at_once_as_many_buy_as_there_are_units(
    shop: RunningShop, build: str
) -> None:
    stall = await Stall.open(shop)
    await stall.begin(units=7)
    with raced(build):
        got = await all_at_once(stall.order_of(pay="captured") for _ in range(30))
        assert got == {"CONFIRMED 6.00": 7, "ACTIVITY_SOLD_OUT": 23}
        assert await stall.free() == (13, [0])
        assert await stall.audit() == []


@pytest.mark.slow
async def test_members_with_a_limit_buy_all_there_is_and_nobody_more(shop: RunningShop) -> None:
    stall = await Stall.open(shop)
    await stall.begin(units=7, limitPerMember=1)
    buyers = [await make_member(shop) for _ in range(10)]
    got = await all_at_once(stall.order_of(viewer=one) for one in buyers * 3)
    assert got["PLACED 6.00"] == 7
    assert got.keys() <= {"PLACED 6.00", "ACTIVITY_SOLD_OUT", "LIMIT_REACHED"}
    rows = [row for row in await shop.rows("reservation") if row["state"] == "placed"]
    assert len({row["subject_id"] for row in rows}) == 7
    assert await stall.free() == (13, [0])
    assert await stall.audit() == []


@builds("the desk does not look at what a person has")
async def test_one_member_who_asks_20_times_at_once_gets_the_limit(
    shop: RunningShop, lin: Viewer, build: str
) -> None:
    stall = await Stall.open(shop)
    await stall.begin(units=20, limitPerMember=3)
    with raced(build):
        got = await all_at_once(stall.order_of(viewer=lin) for _ in range(20))
        assert got == {"PLACED 6.00": 3, "LIMIT_REACHED": 17}
        assert await stall.free() == (0, [17])
        assert await stall.audit() == []


@builds("rounds of one variant are planned side by side")
async def test_of_rounds_that_are_planned_at_once_one_is_made(
    shop: RunningShop, build: str
) -> None:
    stall = await Stall.open(shop)
    # SQLite has one writer at a time, whatever is written.
    with raced("" if shop.shop.database.is_sqlite else build):
        asked = [stall.schedule(units=1, endsAt=at(hours=1, minutes=one)) for one in range(10)]
        payloads = await asyncio.gather(*asked)
        refused = [one["userErrors"][0]["code"] for one in payloads if one["userErrors"]]
        assert refused == ["FLASH_SALE_OVERLAPS"] * 9
        assert await stall.free() == (19, [1])


async def test_a_round_that_is_ended_ten_times_at_once_ends_once(shop: RunningShop) -> None:
    stall = await Stall.open(shop)
    round_id = decode(FlashSaleRoundId, await stall.begin())
    shop.clock.advance(hours=1)

    async def end(number: int) -> None:
        async with shop.context(viewer=STAFF) as ctx:
            if number % 2:
                await service.end_rounds(ctx, EndFlashSaleRounds())
            else:
                await service.end_round(ctx, round_id)

    await asyncio.gather(*map(end, range(10)))
    assert await stall.free() == (20, [0])
    names = [row["name"] for row in await shop.rows("outbox_event")]
    assert names.count("FlashSaleRoundEnded") == 1
    assert await stall.audit() == []


@pytest.mark.slow
@pytest.mark.parametrize("named", [False, True])
async def test_a_round_that_ends_while_an_order_is_placed_sells_it_nothing(
    shop: RunningShop, named: bool
) -> None:
    stall = await Stall.open(shop)
    round_id = await stall.begin()
    total = {"expectedTotal": {"amount": "6.00", "currency": "EUR"}} if named else {}
    acts, url = [ending(round_id)], shop.settings.database_url
    with meanwhile("order.reserved", url, acts, plugins=["flashsale"]):
        placed = await stall.order_of(**total)
    assert outcome(placed) == ("QUOTE_CHANGED" if named else "PLACED 10.00")
    await stall.pass_time(seconds=shop.settings.reservation_hold_s)
    await stall.settle()
    assert await stall.free() == (20 if named else 19, [0])
    assert await stall.audit() == []


def ending(round_id: str) -> Act:
    async def end(other: RunningShop) -> None:
        async with other.context(viewer=STAFF) as ctx:
            await service.end_round(ctx, decode(FlashSaleRoundId, round_id))

    return end
