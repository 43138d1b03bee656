"""Whatever somebody writes to the tables by hand is found, by the invariant that it breaks."""

from uuid import uuid4

import pytest
import pytest_asyncio
from core.tests.payment.till import Till, tender
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from koipond.kernel.ids import OrderId, OrderLineId, VariantId, decode, encode
from koipond.order import rules
from koipond.order.events import (
    OrderCancelled,
    OrderClosed,
    OrderConfirmed,
    OrderExpired,
    OrderPlaced,
)
from koipond.order.types import OrderState
from koipond_sdk.testing import RunningShop

pytestmark = pytest.mark.story

PLACED, CONFIRMED, CLOSED = OrderPlaced.name(), OrderConfirmed.name(), OrderClosed.name()
CANCELLED, EXPIRED = OrderCancelled.name(), OrderExpired.name()


@pytest_asyncio.fixture
async def broken(shop: RunningShop) -> Till:
    """A till whose books a test breaks by hand."""
    return Till(shop)


async def bought(till: Till) -> OrderId:
    """Buy two units of TEA-1 for 20.00, paid by two tenders; returns the order."""
    tea = await till.stock(price="10.00")
    placed = await till.place(tea, tender("5.00"), tender(), quantity=2)
    assert await till.audit() == []
    return decode(OrderId, placed["order"]["id"])


async def change(till: Till, *statements: str) -> None:
    for statement in statements:
        await till.shop.shop.database.transact(lambda db, told=statement: db.execute(text(told)))


CORRUPTIONS = {
    "units on the shelf": ("UPDATE stock_level SET on_hand = on_hand + 1", "I1"),
    "a lost movement": ("DELETE FROM stock_movement", "I1"),
    "units taken": ("UPDATE quota SET taken = taken + 1", "I1"),
    "a capacity": ("UPDATE quota SET capacity = capacity + 1", "I1"),
    "a lost reservation": ("DELETE FROM reservation", "I1 I2"),
    "units that an order was promised": (
        "UPDATE reservation SET quantity = 1; UPDATE quota SET taken = 1",
        "I2",
    ),
    "a reservation let go": (
        "UPDATE reservation SET state = 'released'; UPDATE quota SET taken = 0",
        "I2",
    ),
    "units that an order has": ("UPDATE order_line SET quantity = 3", "I2"),
    "what a payment was refunded": (
        "UPDATE payment SET refunded_minor = 1 WHERE captured_minor > 0",
        "I4",
    ),
    "what a part was refunded": ("UPDATE paid_part SET refunded_minor = 1", "I4"),
    "a lost payment": ("DELETE FROM paid_part; DELETE FROM payment", "I10"),
    "another effect of a key": (
        "UPDATE idempotency SET key = 'a'; "
        "INSERT INTO idempotency SELECT principal, operation, 'b', fingerprint, step, subject_id, "
        "leased_until, created_at FROM idempotency",
        "I5",
    ),
    "a state that was not come to": ("UPDATE \"order\" SET state = 'cancelled'", "I4 I7"),
    "a state without its event": ("UPDATE \"order\" SET state = 'expired'", "I7"),
    "a gap in the events": (
        "DELETE FROM outbox_event WHERE name = 'PaymentCaptured' AND seq = 2",
        "I6",
    ),
    "a total": ('UPDATE "order" SET total_minor = total_minor - 1', "I13"),
    "an adjustment": ("UPDATE order_adjustment SET amount_minor = amount_minor + 1", "I10 I13"),
    "a lost adjustment": ("DELETE FROM order_adjustment", "I13"),
}


@pytest.mark.parametrize("what", CORRUPTIONS)
async def test_what_was_changed_by_hand_is_found(broken: Till, what: str) -> None:
    await bought(broken)
    statements, invariants = CORRUPTIONS[what]
    await change(broken, *statements.split("; "))
    found = await broken.audit()
    assert " ".join(sorted({one.invariant for one in found}, key=lambda one: int(one[1:]))) == (
        invariants
    ), found
    assert all(one.problem and one.fix for one in found)


async def test_an_order_that_was_acknowledged_and_is_gone_is_found(broken: Till) -> None:
    order_id = await bought(broken)
    tables = ("order_adjustment", "refund_part", "refund", "paid_part", "payment", "order_line")
    await change(broken, *(f"DELETE FROM {one}" for one in tables), 'DELETE FROM "order"')
    assert [str(one) for one in await broken.audit()] == [
        f"I10: order {encode(OrderId, order_id)} was told to be placed, and is not there. "
        "Somebody wrote to the database by hand: restore what was changed"
    ]


HELD_BY_THE_TABLES = {
    "I1: more units than there are": "UPDATE quota SET taken = capacity + 1",
    "I1: a reservation of nothing": "UPDATE reservation SET quantity = 0",
    "I5: one key twice": "INSERT INTO idempotency SELECT * FROM idempotency",
    "I5: one request, two payments": "UPDATE payment SET request_key = 'same'",
    "I6: one place twice": "UPDATE outbox_event SET seq = 1",
    "I14: a third person": (
        "INSERT INTO order_line_payee SELECT id, 3, 'Wang', 'host', '2026-01-01' FROM order_line"
    ),
}


@pytest.mark.parametrize("what", HELD_BY_THE_TABLES)
async def test_the_tables_themselves_refuse(broken: Till, what: str) -> None:
    await bought(broken)
    before = await broken.shop.snapshot()
    with pytest.raises(IntegrityError):
        await change(broken, HELD_BY_THE_TABLES[what])
    assert await broken.shop.snapshot() == before


async def test_units_of_what_was_not_counted_then_need_not_be_kept(broken: Till) -> None:
    made = await broken.shop.make_product("CUP-1", track_stock=False)
    placed = await broken.place(encode(VariantId, made.variants["CUP-1"]), tender())
    assert placed["order"]["state"] == "CONFIRMED"
    await change(broken, "UPDATE variant SET track_stock = true")
    assert await broken.audit() == []


async def test_units_that_were_given_money_back_for_are_kept_until_they_are_back(
    broken: Till,
) -> None:
    order_id = await bought(broken)
    (line,) = (await broken.order(order_id)).lines
    refund = (
        "mutation($input: RefundOrderInput!) { done: refundOrder(input: $input) { order { id } } }"
    )
    wish = {"orderId": encode(OrderId, order_id), "idempotencyKey": str(uuid4())}
    lines = [{"lineId": encode(OrderLineId, line.id), "quantity": 1}]
    await broken.staff(refund, **wish, lines=lines)
    assert await broken.audit() == []
    await change(broken, "UPDATE reservation SET quantity = 1", "UPDATE quota SET taken = 1")
    assert [one.invariant for one in await broken.audit()] == ["I2"]


@pytest.mark.parametrize(
    ("state", "told", "problem"),
    [
        (OrderState.CONFIRMED, [PLACED, CONFIRMED], None),
        (OrderState.CONFIRMED, [PLACED, EXPIRED, CONFIRMED], None),
        (OrderState.CLOSED, [PLACED, CONFIRMED, CLOSED], None),
        (OrderState.CLOSED, [PLACED, CONFIRMED], "is closed, and was last told to be confirmed"),
        (
            OrderState.CONFIRMED,
            [PLACED, CONFIRMED, CLOSED, CONFIRMED],
            "went from closed to confirmed",
        ),
        (OrderState.CANCELLED, [], None),
        (OrderState.CONFIRMED, [PLACED, CANCELLED, CONFIRMED], "went from cancelled to confirmed"),
        (OrderState.EXPIRED, [PLACED, CONFIRMED, EXPIRED], "went from confirmed to expired"),
        (OrderState.PLACED, [PLACED, PLACED], "went from placed to placed"),
        (OrderState.CONFIRMED, [PLACED], "is confirmed, and was last told to be placed"),
        (OrderState.CLOSED, [PLACED], "is closed, and was last told to be placed"),
    ],
)
def test_only_legal_moves_lead_to_a_state(
    state: OrderState, told: list[str], problem: str | None
) -> None:
    assert rules.find_illegal_move(state, told) == problem
