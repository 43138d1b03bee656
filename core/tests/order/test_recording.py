"""What staff do to orders, parcels, returns and money stands in the audit by its name, with what it
was before and is after."""

from typing import Any

import pytest
from core.tests.order.counter import Counter
from core.tests.payment.till import codes

from koipond.kernel.ids import FulfilmentId, PaymentId, RefundId, ReturnId, encode

pytestmark = pytest.mark.story


async def records(counter: Counter, operation: str) -> list[tuple[str, Any, Any]]:
    """Return (subject, before, after) of what has a name, in the order in which it was done."""
    query = """query($named: String) {
      auditRecords(filter: {operation: $named}) { nodes { subject before after } } }"""
    shop, staff = counter.till.shop, counter.staff
    answer = await shop.graphql(query, {"named": operation}, viewer=staff, admin=True)
    assert "errors" not in answer, answer
    nodes = answer["data"]["auditRecords"]["nodes"]
    return [
        (one["subject"], one["before"], one["after"]) for one in reversed(nodes) if one["subject"]
    ]


async def test_an_edit_and_a_cancelled_order(counter: Counter) -> None:
    bought = await counter.bought(3)
    (line,) = bought.lines
    edited = await counter.act("editOrder", orderId=bought.id, lines=bought.units(2))
    assert codes(edited) == []
    named = f"TEA-1 {line}"
    assert (await records(counter, "editOrder"))[0] == (
        bought.id,
        {"total": "30.00 EUR", "units": {named: 3}},
        {"total": "20.00 EUR", "units": {named: 2}},
    )
    await counter.act("cancelOrder", orderId=bought.id)
    subject, before, after = (await records(counter, "cancelOrder"))[0]
    assert (subject, before) == (bought.id, {"state": "confirmed"})
    assert after["state"] == "cancelled"
    assert list(after["refunds"].values()) == ["20.00 EUR"]


async def test_what_is_packed_sent_and_has_arrived(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    (line,), (parcel,) = bought.lines, await bought.parcels()
    assert await records(counter, "createFulfilment") == [
        (bought.id, None, {"packed": {f"TEA-1 {line}": 2}, "method": "shipment"})
    ]
    assert await records(counter, "shipFulfilment") == [
        (parcel, {"state": "pending"}, {"state": "shipped"})
    ]
    assert await records(counter, "deliverFulfilment") == [
        (parcel, {"state": "shipped"}, {"state": "delivered"})
    ]
    assert parcel.startswith(encode(FulfilmentId, FulfilmentId(bought.key))[:4])


async def test_what_comes_back_and_is_paid_back(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    done = await bought.take_back(1)
    assert codes(done) == []
    key, (line,) = done["order"]["returns"][0]["id"], bought.lines
    assert await records(counter, "approveReturn") == [
        (key, {"state": "requested"}, {"state": "approved"})
    ]
    subject, before, after = (await records(counter, "inspectReturn"))[0]
    assert (subject, before["state"], after["state"]) == (key, "received", "inspected")
    assert after["lines"][line]["accepted"] == 1
    told = await records(counter, "refundReturn")
    assert (key, {"state": "inspected"}, {"state": "refunded"}) in told
    (refunds,) = [after["refunds"] for subject, _, after in told if subject == bought.id]
    assert list(refunds.values()) == ["10.00 EUR"]
    assert key.startswith(encode(ReturnId, ReturnId(bought.key))[:4])


async def test_money_that_staff_give_back(counter: Counter) -> None:
    bought = await counter.bought(2)
    coin = {"amount": "1.00", "currency": "EUR"}
    await counter.act("refundOrder", orderId=bought.id, amount=coin)
    told = await records(counter, "refundOrder")
    subject, before, after = told[0]
    assert (subject, before) == (bought.id, None)
    ((refund, amount),) = after["refunds"].items()
    assert amount == "1.00 EUR"
    assert refund.startswith(encode(RefundId, RefundId(bought.key))[:4])
    # Who writes what the provider answered names the payment.
    assert {one[:4] for one, _, _ in told} <= {
        bought.id[:4],
        encode(PaymentId, PaymentId(bought.key))[:4],
    }
