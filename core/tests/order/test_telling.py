"""Buyers are reminded to pay, and told of parcels and of money that came back; each once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from core.tests.order.counter import Counter
from core.tests.order.test_paying_rules import make_order
from core.tests.payment.till import Till, tender
from msgspec import structs

from koipond.fulfilment.types import Tracking
from koipond.kernel.context import transaction
from koipond.kernel.ids import OrderId, decode
from koipond.order import service as orders
from koipond.order.events import OrderPlaced
from koipond.order.rules import remind_at, shipped_values
from koipond.settings import Settings
from koipond_sdk.testing import STAFF
from koipond_sdk.testing.clock import START

pytestmark = pytest.mark.story

# When the clock of a test begins: the window to pay is half an hour.
PLACED = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTES = Settings().channels[0].payment_window_minutes


async def told(till: Till, medium: str = "email") -> list[dict[str, Any]]:
    """Return what was written by a medium, in its order, sent or not."""
    rows = [one for one in await till.shop.rows("message") if one["medium"] == medium]
    rows.sort(key=lambda row: str(row["id"]))
    names = ("kind", "state", "suppression", "subject", "body")
    return [{name: row[name] for name in names} for row in rows]


async def stands(till: Till) -> list[str]:
    """Return which mails there are, and how they stand."""
    return [f"{one['kind']} {one['suppression'] or one['state']}" for one in await told(till)]


async def place(till: Till, **given: Any) -> dict[str, Any]:
    return await till.place(await till.stock(), **given)


@pytest.mark.parametrize(
    ("window", "after"),
    [
        (30, 15),
        (60 * 24, 60 * 12),
        (10, 5),
        (9, 4),
        (8, 3),
        (7, 2),
        (6, None),
        (5, None),
        (1, None),
    ],
)
def test_a_reminder_comes_at_half_the_time_or_five_minutes_before_its_end(
    window: int, after: int | None
) -> None:
    due = None if after is None else PLACED + timedelta(minutes=after)
    assert remind_at(PLACED, PLACED + timedelta(minutes=window)) == due


async def test_an_order_that_is_not_paid_is_reminded_of_once(till: Till) -> None:
    assert (MINUTES, START) == (30, PLACED)
    number = (await till.order(decode(OrderId, (await place(till))["order"]["id"]))).number
    await till.work()
    assert await stands(till) == ["order.unpaid queued"]
    await till.pass_time(minutes=14, seconds=59)
    assert await stands(till) == ["order.unpaid queued"]
    await till.pass_time(seconds=1)
    (mail,) = await told(till)
    assert mail["state"] == "sent"
    assert mail["subject"] == f"Your order {number} waits for your payment"
    assert mail["body"] == (
        f"Your order {number} of €100.00 is not paid yet.\n\n"
        "We keep it for you until Jan 1, 2026, 12:30\u202fPM."
    )
    assert await told(till, "in_app") == [mail]
    await till.pass_time(minutes=10)
    assert await stands(till) == ["order.unpaid sent"]


async def test_an_order_that_was_paid_meanwhile_is_not_reminded_of(till: Till) -> None:
    placed = await place(till)
    await till.work()
    await till.pay(decode(OrderId, placed["order"]["id"]), placed["token"])
    await till.pass_time(minutes=15)
    assert await stands(till) == ["order.unpaid stale"]


async def test_an_order_that_was_cancelled_is_not_reminded_of(till: Till) -> None:
    placed = await place(till)
    await till.work()
    await till.cancel(decode(OrderId, placed["order"]["id"]), placed["token"])
    await till.pass_time(minutes=15)
    assert await stands(till) == ["order.unpaid stale"]


async def test_an_order_that_has_expired_is_not_reminded_of(till: Till) -> None:
    await place(till)
    await till.work()
    # No worker was there when it was due.
    await till.pass_time(minutes=31)
    assert await stands(till) == ["order.unpaid stale"]


async def test_an_order_that_is_paid_at_once_has_no_reminder(till: Till) -> None:
    await place(till, payment=[tender()])
    await till.pass_time(minutes=15)
    assert await stands(till) == []


async def test_a_reminder_goes_to_the_contact_of_the_order_in_its_language(till: Till) -> None:
    variant = await till.stock()
    wish = {
        "lines": [{"variantId": variant, "quantity": 1}],
        "contact": {"email": "Mei@example.org", "phone": "+86 138 0000 0000"},
        "idempotencyKey": "3a3c6f0e-5a3b-4f62-9a4b-0d2a6f7b9a11",
    }
    document = """mutation($input: PlaceOrderInput!) { placeOrder(input: $input) {
      order { number } userErrors { code } } }"""
    answer = await till.shop.graphql(document, {"input": wish}, headers={"Koi-Locale": "zh-Hans"})
    number = answer["data"]["placeOrder"]["order"]["number"]
    await till.work()
    await till.pass_time(minutes=15)
    (mail,) = await told(till)
    assert mail["subject"] == f"订单 {number} 待付款"
    rows = [row for row in await till.shop.rows("message") if row["medium"] == "email"]
    assert "mei@example.org" in str(rows[0]["recipient"])


@pytest.mark.slow
async def test_each_parcel_is_told_of_with_where_it_can_be_followed(counter: Counter) -> None:
    bought = await counter.bought(quantity=2)
    await bought.pack(1)
    (parcel,) = await bought.parcels()
    await counter.act(
        "shipFulfilment",
        fulfilmentId=parcel,
        carrier="Post",
        trackingNumber="RR 1",
        trackingUrl="https://post.example/RR1",
    )
    await counter.till.work()
    number = (await counter.till.order(bought.key)).number
    (mail,) = await told(counter.till)
    assert (mail["kind"], mail["state"]) == ("order.shipped", "sent")
    assert mail["body"] == (
        f"Your order {number} has left us with Post.\n\n"
        "Tracking number: RR 1\nhttps://post.example/RR1"
    )
    await bought.pack(1)
    _, other = await bought.parcels()
    await counter.act("shipFulfilment", fulfilmentId=other)
    await counter.till.work()
    assert [one["body"] for one in await told(counter.till)][1:] == [
        f"Your order {number} has left us."
    ]


async def test_each_refund_is_told_of(counter: Counter) -> None:
    bought = await counter.bought(quantity=2)
    await counter.till.work()
    for amount in ("5.00", "7.50"):
        refund = {"amount": amount, "currency": "EUR"}
        await counter.act("refundOrder", orderId=bought.id, amount=refund)
        await counter.till.work()
    number = (await counter.till.order(bought.key)).number
    assert await stands(counter.till) == ["order.refunded sent"] * 2
    assert [one["subject"] for one in await told(counter.till)] == [
        f"€5.00 back for your order {number}",
        f"€7.50 back for your order {number}",
    ]


async def test_a_delivery_that_comes_twice_tells_once(till: Till) -> None:
    placed = await place(till)
    order = await till.order(decode(OrderId, placed["order"]["id"]))
    assert order.member_id is not None
    event = OrderPlaced(
        order_id=order.id,
        member_id=order.member_id,
        total_minor=order.total.amount_minor,
        currency=order.total.currency,
    )
    for _ in range(2):
        await _deliver(till, orders.tell_buyer, event)
    assert await stands(till) == ["order.unpaid queued"]


async def _deliver(till: Till, use_case: Any, event: Any) -> None:
    async with till.shop.context(viewer=STAFF) as ctx:
        await transaction(use_case)(ctx, event)


def test_what_is_no_address_is_not_told_as_one() -> None:
    order = structs.replace(make_order({}), number="A-1")
    parcel = Tracking(carrier=" Post\n", number="", url="javascript:alert(1)")
    assert shipped_values(order, parcel) == {"number": "A-1", "carrier": "Post"}
