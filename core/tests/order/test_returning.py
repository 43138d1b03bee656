"""Units that come back: requested, approved, received, inspected, refunded."""

from typing import Any

import pytest
from core.tests.order.counter import Counter
from core.tests.payment.till import Till, codes, tender
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from koipond.kernel.ids import OrderLineId, ReturnId, encode, new_id
from koipond.order.types import OrderState

pytestmark = pytest.mark.story


async def quota(counter: Counter) -> tuple[int, int]:
    """Return (capacity, taken) of the one quota."""
    (row,) = await counter.till.shop.rows("quota")
    return row["capacity"], row["taken"]


def back(done: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = done["order"]["returns"][-1]
    return found


@pytest.mark.slow
async def test_units_come_back_and_are_paid_back(counter: Counter) -> None:
    bought = await counter.bought(3)
    await bought.deliver()
    asked = await bought.request(2, reason="too green")
    assert (back(asked)["state"], back(asked)["reason"]) == ("REQUESTED", "too green")
    assert asked["order"]["returnState"] == "OPEN"
    key = back(asked)["id"]
    done = await counter.act("approveReturn", returnId=key, note="send it to us")
    assert (back(done)["state"], back(done)["note"]) == ("APPROVED", "send it to us")
    assert back(await counter.act("receiveReturn", returnId=key))["state"] == "RECEIVED"
    assert (await counter.on_hand(), await quota(counter)) == (7, (10, 3))
    done = await counter.act("inspectReturn", returnId=key)
    assert (await counter.on_hand(), await quota(counter)) == (9, (10, 1))
    assert done["order"]["paid"] == {"amount": "30.00"}
    done = await counter.act("refundReturn", returnId=key)
    assert (codes(done), back(done)["state"]) == ([], "REFUNDED")
    assert done["order"]["paid"] == {"amount": "10.00"}
    assert done["order"]["refunds"] == [
        {"state": "DONE", "amount": {"amount": "20.00"}, "reason": "RETURNED"}
    ]
    (line,) = done["order"]["lines"]
    assert (line["returnedQuantity"], line["refundedQuantity"]) == (2, 2)
    assert done["order"]["returnState"] == "PARTIALLY_RETURNED"
    await counter.till.check_books()


async def test_what_cannot_be_sold_again_is_paid_back_and_not_put_on_the_shelf(
    counter: Counter,
) -> None:
    bought = await counter.bought(3)
    await bought.deliver()
    done = await bought.take_back(2, accepted=2, restocked=1)
    assert done["order"]["paid"] == {"amount": "10.00"}
    assert (await counter.on_hand(), await quota(counter)) == (8, (10, 2))


@pytest.mark.slow
async def test_what_is_not_accepted_is_not_paid_back(counter: Counter) -> None:
    bought = await counter.bought(3)
    await bought.deliver()
    done = await bought.take_back(2, accepted=1, restocked=1)
    assert done["order"]["paid"] == {"amount": "20.00"}
    assert (await counter.on_hand(), await quota(counter)) == (8, (10, 2))


async def test_a_return_of_which_nothing_is_accepted_is_rejected(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    key = await bought.send_back(1)
    lines = [{"lineId": bought.lines[0], "accepted": 0, "restocked": 0}]
    await counter.act("inspectReturn", returnId=key, lines=lines)
    before = await counter.till.shop.snapshot()
    assert codes(await counter.act("refundReturn", returnId=key)) == ["NOTHING_ACCEPTED"]
    assert await counter.till.shop.snapshot() == before
    done = await counter.act("rejectReturn", returnId=key, note="worn")
    assert (back(done)["state"], done["order"]["returnState"]) == ("REJECTED", "NONE")


async def test_what_was_accepted_cannot_be_rejected_any_more(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    key = await bought.send_back(1)
    await counter.act("inspectReturn", returnId=key)
    assert codes(await counter.act("rejectReturn", returnId=key)) == ["RETURN_NOT_REJECTABLE"]


@pytest.mark.slow
async def test_units_that_did_not_come_may_be_sent_back_another_time(counter: Counter) -> None:
    bought = await counter.bought(3)
    await bought.deliver()
    key = back(await bought.request(3))["id"]
    await counter.act("approveReturn", returnId=key)
    done = await counter.act("receiveReturn", returnId=key, lines=bought.units(1))
    assert done["order"]["lines"][0]["returnedQuantity"] == 1
    assert codes(await bought.request(2)) == []


async def test_a_return_is_cancelled_by_its_buyer_until_it_is_received(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    key = back(await bought.request(2))["id"]
    await counter.act("approveReturn", returnId=key)
    done = await counter.ask("cancelReturn", returnId=key, token=bought.token)
    assert (back(done)["state"], done["order"]["lines"][0]["returnedQuantity"]) == ("CANCELLED", 0)
    key = await bought.send_back(2)
    before = await counter.till.shop.snapshot()
    done = await counter.ask("cancelReturn", returnId=key, token=bought.token)
    assert codes(done) == ["RETURN_NOT_CANCELLABLE"]
    assert await counter.till.shop.snapshot() == before


@pytest.mark.slow
async def test_what_cannot_be_sent_back_is_refused(counter: Counter) -> None:
    bought = await counter.bought(3)
    assert codes(await bought.request(1)) == ["RETURN_QUANTITY_TOO_LARGE"]
    await bought.ship(2)
    assert codes(await bought.request(1)) == ["RETURN_QUANTITY_TOO_LARGE"]
    for parcel in await bought.parcels():
        await counter.act("deliverFulfilment", fulfilmentId=parcel)
    await bought.request(1)
    (one,) = bought.units(1)
    stranger = {"lineId": encode(OrderLineId, OrderLineId(new_id())), "quantity": 1}
    wrong: list[tuple[list[dict[str, Any]], str, str | None]] = [
        ([], "RETURN_EMPTY", None),
        (bought.units(2), "RETURN_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ([one | {"quantity": 0}], "RETURN_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ([one | {"quantity": -1}], "RETURN_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ([one | {"quantity": 2**70}], "RETURN_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ([one, one], "ORDER_LINE_UNKNOWN", "lines.1.lineId"),
        ([stranger], "ORDER_LINE_UNKNOWN", "lines.0.lineId"),
    ]
    before = await counter.till.shop.snapshot()
    for lines, code, field in wrong:
        (error,) = (await bought.request(lines=lines))["userErrors"]
        assert (error["code"], error["field"]) == (code, field), lines
    assert "at most 1 can" in (await bought.request(2))["userErrors"][0]["message"]
    assert codes(await bought.request(1, token="another")) == ["ORDER_UNKNOWN"]
    assert await counter.till.shop.snapshot() == before


async def test_nothing_is_sent_back_after_the_window(counter: Counter, till: Till) -> None:
    bought = await counter.bought(3)
    await bought.deliver(1)
    till.shop.clock.advance(days=10)
    await bought.deliver(1)
    till.shop.clock.advance(days=5)
    before = await till.shop.snapshot()
    (error,) = (await bought.request(2))["userErrors"]
    assert error["code"] == "RETURN_WINDOW_OVER"
    assert "within 14 days of their delivery; 1 can be still" in error["message"]
    assert await till.shop.snapshot() == before
    assert codes(await bought.request(1)) == []


@pytest.mark.slow
async def test_an_order_stays_open_while_units_are_on_their_way_back(
    counter: Counter, till: Till
) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    key = await bought.send_back(1)
    await till.pass_time(days=30)
    assert (await till.order(bought.key)).state is OrderState.CONFIRMED
    await counter.act("inspectReturn", returnId=key)
    await counter.act("refundReturn", returnId=key)
    await till.pass_time(minutes=2)
    assert (await till.order(bought.key)).state is OrderState.CLOSED


@pytest.mark.slow
async def test_the_same_request_again_sends_back_nothing_twice(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    first = await bought.request(1, idempotencyKey="once")
    before = await counter.till.shop.snapshot()
    assert await bought.request(1, idempotencyKey="once") == first
    assert await counter.till.shop.snapshot() == before
    key = back(first)["id"]
    for act in ("approveReturn", "receiveReturn"):
        await counter.act(act, returnId=key)
    for act in ("inspectReturn", "refundReturn"):
        done = await counter.act(act, returnId=key, idempotencyKey="once")
        before = await counter.till.shop.snapshot()
        assert await counter.act(act, returnId=key, idempotencyKey="once") == done
        assert await counter.till.shop.snapshot() == before


async def test_only_legal_moves_of_a_return_are_made(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    key = back(await bought.request(1))["id"]
    before = await counter.till.shop.snapshot()
    refused = [
        codes(await counter.act(act, returnId=key))
        for act in ("receiveReturn", "inspectReturn", "refundReturn")
    ]
    assert refused == [
        ["RETURN_NOT_RECEIVABLE"],
        ["RETURN_NOT_INSPECTABLE"],
        ["RETURN_NOT_REFUNDABLE"],
    ]
    unknown = encode(ReturnId, ReturnId(new_id()))
    assert codes(await counter.act("approveReturn", returnId=unknown)) == ["RETURN_UNKNOWN"]
    foreign = await counter.ask("cancelReturn", returnId=key, token="another")
    assert codes(foreign) == ["RETURN_UNKNOWN"]
    assert await counter.till.shop.snapshot() == before
    await counter.act("rejectReturn", returnId=key)
    assert codes(await counter.act("approveReturn", returnId=key)) == ["RETURN_NOT_APPROVABLE"]


async def test_counts_that_a_return_does_not_have_are_refused(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    key = back(await bought.request(2))["id"]
    await counter.act("approveReturn", returnId=key)
    before = await counter.till.shop.snapshot()
    (line,) = bought.units(3)
    assert codes(await counter.act("receiveReturn", returnId=key, lines=[line])) == [
        "RETURN_UNITS_INVALID"
    ]
    assert codes(await counter.act("receiveReturn", returnId=key, lines=[line, line])) == [
        "RETURN_LINE_UNKNOWN"
    ]
    assert await counter.till.shop.snapshot() == before
    await counter.act("receiveReturn", returnId=key)
    before = await counter.till.shop.snapshot()
    for accepted, restocked in ((3, 0), (1, 2), (-1, 0), (0, -1), (2**70, 0)):
        lines = [{"lineId": bought.lines[0], "accepted": accepted, "restocked": restocked}]
        done = await counter.act("inspectReturn", returnId=key, lines=lines)
        assert codes(done) == ["RETURN_UNITS_INVALID"], (accepted, restocked)
    assert await counter.till.shop.snapshot() == before


@pytest.mark.slow
async def test_units_that_were_paid_back_already_are_not_paid_back_again(
    counter: Counter,
) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    await counter.act("refundOrder", orderId=bought.id, lines=bought.units(1))
    key = await bought.send_back(2)
    await counter.act("inspectReturn", returnId=key)
    done = await counter.act("refundReturn", returnId=key)
    assert (codes(done), back(done)["state"]) == ([], "REFUNDED")
    assert [one["amount"]["amount"] for one in done["order"]["refunds"]] == ["10.00", "10.00"]
    assert (done["order"]["paid"], done["order"]["returnState"]) == ({"amount": "0.00"}, "RETURNED")
    assert done["order"]["lines"][0]["refundedQuantity"] == 2
    await counter.till.check_books()


async def test_a_return_of_what_was_all_paid_back_before_is_settled_without_money(
    counter: Counter,
) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    key = await bought.send_back(1)
    await counter.act("inspectReturn", returnId=key)
    await counter.act("refundOrder", orderId=bought.id, lines=bought.units(2))
    done = await counter.act("refundReturn", returnId=key)
    assert (codes(done), back(done)["state"]) == ([], "REFUNDED")
    assert [one["amount"]["amount"] for one in done["order"]["refunds"]] == ["20.00"]
    await counter.till.check_books()


@pytest.mark.slow
async def test_what_came_back_in_full_is_paid_back_with_shipping_by_every_tender(
    counter: Counter,
) -> None:
    tea = await counter.till.stock(price="10.00")
    bought = await counter.buy([(tea, 3)], tender("10.00"), tender())
    await bought.deliver()
    await bought.take_back(1)
    done = await bought.take_back(2)
    assert done["order"]["returnState"] == "RETURNED"
    assert done["order"]["paid"] == {"amount": "0.00"}
    refunded = [one.refunded.amount_minor for one in await counter.till.payments(bought.key)]
    assert refunded == [10_00, 20_00]
    assert (await counter.on_hand(), await quota(counter)) == (10, (10, 0))
    await counter.till.check_books()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "invariants"),
    [
        ("UPDATE fulfilment_line SET restocked_quantity = 2", {"I1"}),
        ("UPDATE order_return_line SET restocked_quantity = 0", {"I1", "I2"}),
        ("DELETE FROM stock_movement WHERE reason = 'return'", {"I1"}),
        ("UPDATE order_line SET returned_quantity = 0", {"I2"}),
        ("UPDATE reservation SET state = 'consumed' WHERE part < 0", {"I1", "I2"}),
        ("UPDATE order_return SET state = 'cancelled'", {"I2"}),
    ],
)
async def test_returns_that_were_changed_by_hand_are_found(
    shop: Any, change: str, invariants: set[str]
) -> None:
    till = Till(shop)
    bought = await Counter(till).bought(3)
    await bought.deliver()
    await bought.take_back(1)
    assert await till.audit() == []
    await shop.shop.database.transact(lambda db: db.execute(text(change)))
    assert {one.invariant for one in await till.audit()} == invariants


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE fulfilment_line SET restocked_quantity = quantity + 1",
        "UPDATE order_line SET returned_quantity = fulfilled_quantity + 1",
        "UPDATE order_line SET fulfilled_quantity = quantity + 1",
        "UPDATE order_return_line SET accepted_quantity = received_quantity + 1",
        "UPDATE order_return_line SET restocked_quantity = accepted_quantity + 1",
        "UPDATE order_return_line SET received_quantity = quantity + 1",
    ],
)
async def test_the_tables_themselves_hold_what_came_back(counter: Counter, change: str) -> None:
    bought = await counter.bought(3)
    await bought.deliver()
    await bought.take_back(1)
    before = await counter.till.shop.snapshot()
    with pytest.raises(IntegrityError):
        await counter.till.shop.shop.database.transact(lambda db: db.execute(text(change)))
    assert await counter.till.shop.snapshot() == before
