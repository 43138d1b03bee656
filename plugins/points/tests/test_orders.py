"""What an order gives, and how it goes back with the money: steps 4 and 5 of a refund's cascade."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from core.tests.payment.till import Till, tender

from koipond.duties import audits_of
from koipond.kernel.ids import MemberId, OrderId, decode, encode
from koipond.kernel.invariants import run_audits
from koipond.kernel.outbox import delivery
from koipond_points.service import order_source
from koipond_points.types import account_of
from koipond_sdk.services import ledger
from koipond_sdk.services.ledger import Slip
from koipond_sdk.testing.shop import STAFF, RunningShop

SET = """mutation($input: SetPluginSettingsInput!) { done: setPluginSettings(input: $input) {
  userErrors { code } } }"""
REFUND = """mutation($input: RefundOrderInput!) { done: refundOrder(input: $input) {
  order { paid { amount } } userErrors { code } } }"""
STEPS = """query($id: ID!) { order(id: $id) {
  consequences { consumer state attempts problem } } }"""


@pytest_asyncio.fixture
async def till(shop: RunningShop) -> AsyncIterator[Till]:
    """An order of 100.00 gives 300 points."""
    made = Till(shop)
    wanted = {"plugin": "points", "values": {"order_points": 3}, "expectedVersion": 0}
    assert (await made.staff(SET, **wanted))["userErrors"] == []
    await made.work()
    yield made
    assert await run_audits(shop.shop, audits_of(shop.shop)) == []


async def buy(till: Till) -> tuple[OrderId, MemberId]:
    placed = await till.place(await till.stock(sku=f"TEA-{uuid4().hex[:6]}"), tender())
    key = decode(OrderId, placed["order"]["id"])
    buyer = (await till.order(key)).member_id
    assert buyer is not None
    return key, buyer


async def refund(till: Till, order_id: OrderId, amount: str) -> None:
    wish = {"orderId": encode(OrderId, order_id), "idempotencyKey": str(uuid4())}
    done = await till.staff(REFUND, **wish, amount={"amount": amount, "currency": "EUR"})
    assert done["userErrors"] == []


async def stands(till: Till, member_id: MemberId) -> tuple[int, int]:
    """Return what a member can spend, and what they owe."""
    key = account_of(member_id)
    async with till.shop.context() as ctx:
        found = (await ledger.find_balances(ctx, [key]))[key]
    return found.available, found.debt


async def step(till: Till, order_id: OrderId) -> dict[str, Any]:
    """Return how far the plugin is with the one refund of an order."""
    given = {"id": encode(OrderId, order_id)}
    answer = await till.shop.graphql(STEPS, given, viewer=STAFF, admin=True)
    found = answer["data"]["order"]["consequences"]
    (mine,) = [one for one in found if one["consumer"] == "points"]
    del mine["consumer"]
    return dict(mine)


async def spend(till: Till, member_id: MemberId, order_id: OrderId, points: int) -> None:
    async with till.shop.context() as ctx:
        slip = Slip(source=order_source(order_id), day=ctx.clock.now().date())
        await ledger.burn(ctx, account_of(member_id), points, slip)


async def test_a_paid_order_gives_points_once(till: Till) -> None:
    _, buyer = await buy(till)
    assert await stands(till, buyer) == (0, 0)
    await till.work()
    await till.work()
    assert await stands(till, buyer) == (300, 0)


@pytest.mark.slow
async def test_points_that_an_order_gave_go_with_the_money_to_the_last(till: Till) -> None:
    key, buyer = await buy(till)
    await till.work()
    for amount, left in [("33.33", 201), ("33.33", 101), ("33.34", 0)]:
        await refund(till, key, amount)
        await till.work()
        await till.work()
        assert await stands(till, buyer) == (left, 0)


async def test_points_that_are_spent_already_become_a_debt(till: Till) -> None:
    key, buyer = await buy(till)
    other, _ = await buy(till)
    await till.work()
    await spend(till, buyer, key, 500)
    await refund(till, other, "50.00")
    await till.work()
    assert await stands(till, buyer) == (0, 50)


@pytest.mark.slow
async def test_points_that_were_spent_on_an_order_come_back_with_the_money(till: Till) -> None:
    _, buyer = await buy(till)
    await till.work()
    key, _ = await buy(till)
    await spend(till, buyer, key, 200)
    await till.work()
    assert await stands(till, buyer) == (400, 0)
    # A quarter of 200 comes back, a quarter of the 300 that it gave goes.
    await refund(till, key, "25.00")
    await till.work()
    assert await stands(till, buyer) == (375, 0)
    await refund(till, key, "75.00")
    await till.work()
    assert await stands(till, buyer) == (300, 0)


@pytest.mark.slow
async def test_staff_see_the_step_before_anybody_has_looked_and_when_it_is_done(
    till: Till,
) -> None:
    key, _ = await buy(till)
    await till.work()
    await refund(till, key, "10.00")
    assert await step(till, key) == {"state": "PENDING", "attempts": 0, "problem": None}
    await till.work()
    assert await step(till, key) == {"state": "DONE", "attempts": 1, "problem": None}


@pytest.mark.slow
async def test_a_refund_told_again_takes_nothing_twice(till: Till) -> None:
    key, buyer = await buy(till)
    await till.work()
    await refund(till, key, "50.00")
    await till.work()
    async with till.shop.shop.database.writer.begin() as db:
        told = delivery.c.event_name == "Refunded"
        await db.execute(delivery.update().where(told).values(state="pending", finished_at=None))
    await till.work()
    assert await stands(till, buyer) == (150, 0)
