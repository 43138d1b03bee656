"""The long forms of what money must bear, rows 20 to 25; the short ones are in core/tests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from core.tests.order.test_refunding import back, eur, race, refund
from core.tests.order.test_staff import capture
from core.tests.payment.test_webhooks import FIVE, end_of, told, waiting
from core.tests.payment.till import Till, codes, tender

from koipond.kernel.ids import OrderId, decode
from koipond.order import service as orders
from koipond.payment.sandbox import Sandbox
from koipond.payment.types import ChargeResult, PaymentState
from koipond_sdk.testing import RunningShop

Tell = Callable[[str], None]
TIMES = 100
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


@pytest_asyncio.fixture
async def till(shop: RunningShop) -> AsyncIterator[Till]:
    """A shop at its till; at the end what must always hold does."""
    made = Till(shop)
    yield made
    assert await made.audit() == []
    await made.check_books()


async def test_250_answers_of_the_provider_that_were_lost(till: Till, tell: Tell) -> None:
    """Of charges, captures and refunds; on both databases 500."""
    tea = await till.stock(units=TIMES)
    for _ in range(84):
        wish = {"idempotencyKey": str(uuid4())}
        held = tender(outcome="authorised", answer="lost")
        assert codes(await till.place(tea, held, **wish)) == ["PAYMENT_UNRESOLVED"]
        placed = await till.place(tea, held, **wish)
        order_id = decode(OrderId, placed["order"]["id"])
        ask = {"idempotencyKey": str(uuid4())}
        assert codes(await capture(till, order_id, **ask)) == ["PAYMENT_UNRESOLVED"]
        assert codes(await capture(till, order_id, **ask)) == []
        done = await refund(till, order_id, amount=eur("60.00"))
        assert done["order"]["refunds"][0]["state"] == "PENDING"
    await till.work()
    books = [
        (list(one.captures.values()), [back.amount_minor for back in one.refunds])
        for one in till.sandbox.charges
    ]
    assert books == [([100_00], [60_00])] * 84
    tell("84 charges, 84 captures, 84 refunds, each answer lost once, each done once")


async def test_500_notices_ten_times_in_parallel(till: Till, tell: Tell) -> None:
    """On both databases 1,000."""
    for _ in range(500):
        order_id, _token = await waiting(till)
        payment_id = (await till.payment(order_id)).id
        event = told(payment_id, PaymentState.CAPTURED, name=f"evt-{payment_id}", captured=100_00)
        till.sandbox.finish(payment_id)
        assert await asyncio.gather(*(till.send(event) for _ in range(10))) == [200] * 10
    names = Counter(row["name"] for row in await till.shop.rows("outbox_event"))
    assert (names["PaymentCaptured"], names["OrderConfirmed"]) == (500, 500)
    tell("5,000 notices, all 2xx, 500 applied")


async def test_notices_in_all_120_orders(shop: RunningShop, tell: Tell) -> None:
    till = Till(shop)
    ends = set()
    for order in permutations(range(5)):
        order_id, _ = await waiting(till)
        payment_id = (await till.payment(order_id)).id
        for place in order:
            state, sums = FIVE[place]
            assert (
                await till.send(told(payment_id, state, name=f"{payment_id}-{place}", **sums))
                == 200
            )
        ends.add(await end_of(till, order_id))
    assert ends == {("CONFIRMED", "CAPTURED", 100_00, 100_00, 30_00, ("REFUNDED_ELSEWHERE",))}
    assert await till.audit() == []
    tell("120 orders of five notices, one end")


async def test_100_notices_before_the_answer(till: Till, tell: Tell) -> None:
    class Eager(Sandbox):
        """Tells by notice before it answers."""

        async def create_charge(self, charge: Any) -> ChargeResult:
            result = await super().create_charge(charge)
            assert await till.send(self.notices[-1]) == 200
            return result

    till.install(Eager(secret="eager", clock=till.shop.clock))
    for _ in range(TIMES):
        await till.buy()
    names = Counter(row["name"] for row in await till.shop.rows("outbox_event"))
    assert (names["PaymentCaptured"], names["OrderConfirmed"]) == (TIMES, TIMES)
    tell(f"{TIMES} notices before the answer: {TIMES} orders confirmed once")


async def test_100_notices_three_days_late(till: Till, tell: Tell) -> None:
    bought = [await waiting(till) for _ in range(TIMES)]
    await expire(till)
    till.shop.clock.advance(days=3)
    await pay_after_all(till, bought)
    assert await ends(till, bought) == {("EXPIRED", ("DONE", 100_00, "LATE")): TIMES}
    tell(f"{TIMES} payments three days late: {TIMES} given back, no order moved")


async def test_100_notices_after_a_cancel(till: Till, tell: Tell) -> None:
    bought = [await waiting(till) for _ in range(TIMES)]
    for order_id, token in bought:
        assert codes(await till.cancel(order_id, token)) == []
    await pay_after_all(till, bought)
    assert await ends(till, bought) == {("CANCELLED", ("DONE", 100_00, "LATE")): TIMES}
    tell(f"{TIMES} payments after a cancel: {TIMES} given back, no order moved")


async def test_100_paid_but_the_stock_is_gone(till: Till, tell: Tell) -> None:
    tea = await till.stock(units=TIMES)
    bought = [await till.buy_of(tea, outcome="pending") for _ in range(TIMES)]
    await expire(till)
    for _ in range(TIMES):
        await till.buy_of(tea)
    await pay_after_all(till, bought)
    assert await ends(till, bought) == {("EXPIRED", ("DONE", 100_00, "LATE")): TIMES}
    assert await till.taken() == TIMES
    tell(f"{TIMES} paid when the stock was gone: {TIMES} given back")


async def test_100_pairs_of_refunds_of_60_on_100(till: Till, tell: Tell) -> None:
    for _ in range(TIMES):
        order_id, _token = await till.buy()
        assert await race(till, orders, order_id) == ["at most 40.00 EUR", "given"]
        assert await back(till, order_id) == [60_00]
    tell(f"{TIMES} pairs: one given, one refused")


async def expire(till: Till) -> None:
    await till.pass_time(minutes=30)
    await till.pass_time(seconds=5)


async def pay_after_all(till: Till, bought: list[tuple[OrderId, str]]) -> None:
    """Let the provider tell that it has taken the money of each, whatever was closed there."""
    for order_id, _ in bought:
        till.sandbox.take_anyway((await till.payment(order_id)).id)
        assert await till.send(till.sandbox.notices[-1]) == 200
    await till.work()


async def ends(till: Till, bought: list[tuple[OrderId, str]]) -> dict[tuple[Any, ...], int]:
    """Return {(state, refund …): how many orders ended so}."""
    found = [
        ((await till.order(order_id)).state.name, *await till.refunds(order_id))
        for order_id, _ in bought
    ]
    return dict(Counter(found))
