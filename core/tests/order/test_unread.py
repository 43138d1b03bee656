"""An order is confirmed unread by who placed it, unless somebody did something to it meanwhile."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from core.tests.payment.till import Till, tender

from koipond.kernel.ids import OrderId, decode
from koipond.kernel.viewer import GUEST
from koipond.order import service as orders
from koipond.order.types import HoldWish, OrderState
from koipond.payment import service as payments
from koipond.payment.sandbox import Sandbox
from koipond.payment.types import Charge, ChargeResult
from koipond.pricing.rules import CORE

_TOLD = ("OrderConfirmed", "PaymentCaptured")
Deed = Callable[[OrderId], Awaitable[object]]


class Slow(Sandbox):
    """While it takes the money somebody does something to the order."""

    deed: Deed

    async def create_charge(self, charge: Charge) -> ChargeResult:
        told = await super().create_charge(charge)
        await self.deed(charge.order_id)
        return told


async def told(till: Till, placed: dict[str, Any]) -> list[str]:
    """Return what was told of an order after it was placed, in that order."""
    order_id = decode(OrderId, placed["order"]["id"])
    async with till.shop.shop.context(viewer=GUEST) as ctx:
        return (await ctx.find_told([order_id], _TOLD))[order_id]


@pytest.fixture
def slow(till: Till) -> Slow:
    sandbox = Slow(secret="slow", clock=till.shop.clock)
    till.install(sandbox)
    return sandbox


async def test_a_hold_that_was_placed_meanwhile_stays(till: Till, slow: Slow) -> None:
    async def hold(order_id: OrderId) -> None:
        async with till.shop.shop.context(viewer=GUEST) as ctx:
            await orders.place_hold(ctx, order_id, HoldWish(name="risk", reason="odd"), source=CORE)

    slow.deed = hold
    placed = await till.place(await till.stock(), tender())
    assert (placed["order"]["state"], placed["userErrors"]) == ("CONFIRMED", [])
    order = await till.order(decode(OrderId, placed["order"]["id"]))
    assert (order.state, [one.name for one in order.holds]) == (OrderState.CONFIRMED, ["risk"])


async def test_an_order_of_which_the_window_passed_meanwhile_is_confirmed_once(
    till: Till, slow: Slow
) -> None:
    async def wait(_: OrderId) -> None:
        await till.pass_time(days=2)

    slow.deed = wait
    placed = await till.place(await till.stock(), tender())
    assert (placed["order"]["state"], placed["userErrors"]) == ("CONFIRMED", [])
    assert await told(till, placed) == ["PaymentCaptured", "OrderConfirmed"]


async def test_an_answer_that_a_query_applied_meanwhile_is_applied_once(
    till: Till, slow: Slow
) -> None:
    async def query(order_id: OrderId) -> None:
        async with till.shop.shop.context(viewer=GUEST) as ctx:
            await payments.resolve(ctx, order_id)

    slow.deed = query
    placed = await till.place(await till.stock(), tender())
    assert (placed["order"]["state"], placed["userErrors"]) == ("CONFIRMED", [])
    assert await told(till, placed) == ["PaymentCaptured", "OrderConfirmed"]
