"""Payee slots: two persons at most are paid for a line, over all plugins (I14)."""

import asyncio

import pytest
from core.tests.payment.till import Till
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from koipond.kernel.ids import OrderLineId, decode
from koipond.order.errors import PayeeSlotsTaken
from koipond.order.service import claim_payee_slot


async def line_of(till: Till) -> OrderLineId:
    placed = await till.place(await till.stock(units=100))
    return decode(OrderLineId, placed["order"]["lines"][0]["id"])


async def claim(till: Till, line_id: OrderLineId, person: str, source: str = "promoter") -> int:
    async with till.shop.context() as ctx:
        return (await claim_payee_slot(ctx, line_id, person=person, source=source)).slot


async def test_two_persons_have_a_slot_and_the_third_is_refused(till: Till) -> None:
    line_id = await line_of(till)
    assert await claim(till, line_id, "Wang") == 1
    assert await claim(till, line_id, "Li", "leader") == 2
    before = await till.shop.snapshot()
    with pytest.raises(PayeeSlotsTaken, match="by leader, promoter"):
        await claim(till, line_id, "Zhao", "host")
    assert await till.shop.snapshot() == before


async def test_who_has_a_slot_keeps_it_whoever_asks_again(till: Till) -> None:
    line_id = await line_of(till)
    assert [await claim(till, line_id, "Wang", source) for source in ("promoter", "host")] == [1, 1]
    assert await claim(till, line_id, "Li") == 2
    assert await claim(till, line_id, "Wang") == 1


@pytest.mark.slow
async def test_of_many_at_once_two_get_a_slot(till: Till) -> None:
    for _ in range(5):
        line_id = await line_of(till)

        async def ends(person: str, line_id: OrderLineId = line_id) -> int:
            try:
                return await claim(till, line_id, person)
            except PayeeSlotsTaken:
                return 0

        slots = await asyncio.gather(*(ends(f"person {n}") for n in range(8)))
        assert sorted(slots) == [0] * 6 + [1, 2]


async def test_the_database_itself_knows_no_third_slot(till: Till) -> None:
    line_id = await line_of(till)
    await claim(till, line_id, "Wang")
    with pytest.raises(IntegrityError):
        await till.shop.shop.database.transact(
            lambda db: db.execute(text("UPDATE order_line_payee SET slot = 3"))
        )
