"""What staff see of orders and do with them and their payments."""

from typing import Any
from uuid import uuid4

import pytest
from core.tests.payment.till import Till, codes, tender

from koipond.kernel.ids import OrderId, PaymentId, decode, encode, new_id
from koipond.kernel.pages import cursor
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.order import service as orders
from koipond.order.types import AttentionReason, OrderState
from koipond.payment.types import PaymentState
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

CAPTURE = """mutation($input: CapturePaymentInput!) { done: capturePayment(input: $input) {
  payment { state captured { amount } authorised { amount } } userErrors { code message } } }"""
VOID = """mutation($input: VoidPaymentInput!) { done: voidPayment(input: $input) {
  payment { state } userErrors { code message } } }"""
CANCEL = """mutation($input: CancelOrderInput!) { done: cancelOrder(input: $input) {
  order { state paid { amount } } userErrors { code } } }"""
CLEAR = """mutation($input: ClearOrderAttentionInput!) { done: clearOrderAttention(input: $input) {
  order { attention { reason } } userErrors { code } } }"""
LIST = """query($filter: OrderFilter, $first: Int, $after: String) {
  orders(filter: $filter, first: $first, after: $after) {
    nodes { id state attention { reason detail } } pageInfo { hasNextPage endCursor } } }"""
LOOK = "query($id: ID, $number: String) { order(id: $id, number: $number) { id number } }"


async def read(till: Till, document: str, viewer: Viewer = STAFF, **given: Any) -> dict[str, Any]:
    return await till.shop.graphql(document, given, viewer=viewer, admin=True)


async def capture(till: Till, order_id: OrderId, **given: Any) -> dict[str, Any]:
    payment = await till.payment(order_id)
    wish = {"paymentId": encode(PaymentId, payment.id), "idempotencyKey": str(uuid4())} | given
    return await till.staff(CAPTURE, **wish)


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


async def test_held_money_is_captured_in_parts(till: Till) -> None:
    order_id, _ = await till.buy(outcome="authorised")
    first = await capture(till, order_id, amount=eur("30.00"))
    assert first["payment"] == {
        "state": "CAPTURED",
        "captured": {"amount": "30.00"},
        "authorised": {"amount": "100.00"},
    }
    rest = await capture(till, order_id)
    assert rest["payment"]["captured"] == {"amount": "100.00"}
    assert (await till.order(order_id)).state is OrderState.CONFIRMED
    await till.work()
    await till.check_books()


async def test_the_same_capture_again_takes_no_more(till: Till) -> None:
    order_id, _ = await till.buy(outcome="authorised")
    wish = {"amount": eur("30.00"), "idempotencyKey": "once"}
    first = await capture(till, order_id, **wish)
    before = await till.shop.snapshot()
    assert await capture(till, order_id, **wish) == first
    assert await till.shop.snapshot() == before


@pytest.mark.slow
async def test_a_capture_whose_answer_was_lost_is_taken_once(till: Till) -> None:
    """Battery 20: the same key again, by a repeat or by the job."""
    tea = await till.stock()
    for by_job in (False, True):
        wish = {"idempotencyKey": str(uuid4())}
        held = tender(outcome="authorised", answer="lost")
        await till.place(tea, held, **wish)
        placed = await till.place(tea, held, **wish)
        order_id = decode(OrderId, placed["order"]["id"])
        ask = {"amount": eur("30.00"), "idempotencyKey": str(uuid4())}
        assert codes(await capture(till, order_id, **ask)) == ["PAYMENT_UNRESOLVED"]
        other = await capture(till, order_id, amount=eur("10.00"))
        assert codes(other) == ["PAYMENT_UNRESOLVED"]
        if by_job:
            await till.pass_time(seconds=30)
        assert codes(await capture(till, order_id, **ask)) == []
        record = till.sandbox.look((await till.payment(order_id)).id)
        assert record is not None
        assert list(record.captures.values()) == [30_00]
    await till.check_books()


@pytest.mark.parametrize("amount", ["0.00", "100.01"])
async def test_an_amount_that_is_not_held_is_not_captured(till: Till, amount: str) -> None:
    order_id, _ = await till.buy(outcome="authorised")
    before = await till.shop.snapshot()
    assert codes(await capture(till, order_id, amount=eur(amount))) == ["PAYMENT_AMOUNT_INVALID"]
    foreign = {"amount": "1.00", "currency": "CNY"}
    assert codes(await capture(till, order_id, amount=foreign)) == ["PAYMENT_AMOUNT_INVALID"]
    assert await till.shop.snapshot() == before


async def test_what_holds_nothing_is_neither_captured_nor_voided(till: Till) -> None:
    order_id, _ = await till.buy()
    payment = await till.payment(order_id)
    before = await till.shop.snapshot()
    assert codes(await capture(till, order_id)) == ["PAYMENT_NOT_CAPTURABLE"]
    voided = await till.staff(VOID, paymentId=encode(PaymentId, payment.id))
    assert codes(voided) == ["PAYMENT_NOT_VOIDABLE"]
    stranger = encode(PaymentId, PaymentId(new_id()))
    assert codes(await till.staff(VOID, paymentId=stranger)) == ["PAYMENT_UNKNOWN"]
    unknown = await till.staff(CAPTURE, paymentId=stranger, idempotencyKey="1")
    assert codes(unknown) == ["PAYMENT_UNKNOWN"]
    assert await till.shop.snapshot() == before


async def test_held_money_is_let_go_unless_an_order_stands_on_it(till: Till) -> None:
    standing, _ = await till.buy(outcome="authorised")
    payment = await till.payment(standing)
    before = await till.shop.snapshot()
    refused = await till.staff(VOID, paymentId=encode(PaymentId, payment.id))
    assert codes(refused) == ["PAYMENT_NOT_VOIDABLE"]
    assert await till.shop.snapshot() == before
    placed = await till.place(
        await till.stock(sku="CUP-1"),
        tender("30.00", outcome="authorised"),
        tender(outcome="declined"),
    )
    key = placed["order"]["payments"][0]["id"]
    for _ in range(2):
        assert (await till.staff(VOID, paymentId=key))["payment"] == {"state": "VOIDED"}


@pytest.mark.slow
async def test_staff_cancel_an_order_of_anybody(till: Till) -> None:
    order_id, _ = await till.buy()
    done = await till.staff(CANCEL, orderId=encode(OrderId, order_id), reason="a flood")
    assert done["order"] == {"state": "CANCELLED", "paid": {"amount": "0.00"}}
    unknown = await till.staff(CANCEL, orderId=encode(OrderId, OrderId(new_id())))
    assert codes(unknown) == ["ORDER_UNKNOWN"]


async def test_staff_find_orders_by_id_number_state_and_attention(till: Till) -> None:
    paid, _ = await till.buy()
    flagged, _ = await till.buy()
    async with till.shop.context(viewer=STAFF) as ctx:
        await orders.flag_order(ctx, flagged, AttentionReason.STOCK_SHORT, "1 unit of TEA-1")
        await orders.flag_order(ctx, flagged, AttentionReason.STOCK_SHORT, "1 unit of TEA-1")
    number = (await till.order(paid)).number
    for given in ({"id": encode(OrderId, paid)}, {"number": number}):
        answer = await read(till, LOOK, **given)
        assert answer["data"]["order"] == {"id": encode(OrderId, paid), "number": number}
    for given in ({}, {"id": encode(OrderId, paid), "number": number}):
        (error,) = (await read(till, LOOK, **given))["errors"]
        assert error["extensions"] == {"code": "NAMES_AMBIGUOUS", "names": "id, number"}

    async def find(**wanted: Any) -> list[str]:
        found = await read(till, LIST, filter=wanted)
        return [one["id"] for one in found["data"]["orders"]["nodes"]]

    assert await find(state="CONFIRMED") == [encode(OrderId, flagged), encode(OrderId, paid)]
    assert await find(state="EXPIRED") == []
    assert await find(needsAttention=True) == [encode(OrderId, flagged)]
    assert await find(needsAttention=False) == [encode(OrderId, paid)]
    first = (await read(till, LIST, first=1))["data"]["orders"]
    assert first["nodes"] == [
        {
            "id": encode(OrderId, flagged),
            "state": "CONFIRMED",
            "attention": [{"reason": "STOCK_SHORT", "detail": "1 unit of TEA-1"}],
        }
    ]
    after = (await read(till, LIST, first=1, after=first["pageInfo"]["endCursor"]))["data"]
    assert [one["id"] for one in after["orders"]["nodes"]] == [encode(OrderId, paid)]


async def test_what_people_have_looked_at_is_cleared(till: Till) -> None:
    order_id, _ = await till.buy()
    async with till.shop.context(viewer=STAFF) as ctx:
        await orders.flag_order(ctx, order_id, AttentionReason.STOCK_SHORT, "1 unit of TEA-1")
    cleared = await till.staff(CLEAR, orderId=encode(OrderId, order_id))
    assert cleared["order"] == {"attention": []}
    names = [row["name"] for row in await till.shop.rows("outbox_event")]
    assert names.count("OrderNeedsAttention") == 1
    unknown = await till.staff(CLEAR, orderId=encode(OrderId, OrderId(new_id())))
    assert codes(unknown) == ["ORDER_UNKNOWN"]


async def test_an_order_whose_held_money_is_gone_is_raised_to_staff(till: Till) -> None:
    order_id, _ = await till.buy(outcome="authorised")
    await till.sandbox.void(await till.payment(order_id))
    await till.sandbox.deliver(till.post)
    order, payment = await till.order(order_id), await till.payment(order_id)
    assert (order.state, payment.state) == (OrderState.CONFIRMED, PaymentState.VOIDED)
    assert [(one.reason, one.detail) for one in order.attention] == [
        (AttentionReason.UNCOVERED, "0.00 EUR of 100.00 EUR is covered")
    ]


NEEDED = {
    CAPTURE: "payment.write",
    VOID: "payment.write",
    CANCEL: "order.write",
    CLEAR: "order.write",
    LIST: "order.read",
    LOOK: "order.read",
}


@pytest.mark.one_database
@pytest.mark.parametrize("document", NEEDED)
async def test_who_has_no_right_is_refused(till: Till, document: str) -> None:
    order_id, _ = await till.buy()
    payment = await till.payment(order_id)
    others = frozenset(NEEDED.values()) - {NEEDED[document]}
    clerk = Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=others)
    given = {"orderId": encode(OrderId, order_id)}
    if "Payment" in document:
        given = {"paymentId": encode(PaymentId, payment.id)}
    if "capture" in document:
        given["idempotencyKey"] = "1"
    before = await till.shop.snapshot()
    answer = await read(till, document, clerk, input=given)
    assert [one["extensions"]["code"] for one in answer["errors"]] == ["PERMISSION_MISSING"]
    assert await till.shop.snapshot() == before


@pytest.mark.one_database
@pytest.mark.parametrize("key", [("x",), ("\0",), ("0" * 31,), (1,)])
async def test_a_cursor_of_another_list_is_refused(till: Till, key: tuple[str | int]) -> None:
    order_id, _ = await till.buy()
    member = Viewer(kind=ViewerKind.MEMBER, id=(await till.order(order_id)).member_id)
    own = "query($after: String) { me { orders(after: $after) { nodes { id } } } }"
    given = {"after": cursor(key)}
    answers = [
        await read(till, LIST, **given),
        await till.shop.graphql(own, given, viewer=member),
    ]
    codes = [answer["errors"][0]["extensions"]["code"] for answer in answers]
    assert codes == ["BAD_USER_INPUT", "BAD_USER_INPUT"]
