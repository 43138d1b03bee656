"""Notices of providers: who may send them, once each, in any order. Battery 21 to 23, attacks 26,
27."""

import asyncio
from itertools import permutations
from typing import Any

import pytest
from core.tests.payment.till import WEBHOOK, Till, codes, tender
from core.tests.quota.rebuilt import rebuilt
from msgspec.structs import replace

from koipond.kernel.ids import OrderId, PaymentId, decode, encode, new_id
from koipond.kernel.money import Currency, Money
from koipond.order.types import AttentionReason, OrderState
from koipond.payment import rules, service
from koipond.payment.sandbox import KEY, Notice, Sandbox
from koipond.payment.types import (
    ChargeResult,
    PaymentState,
    ProviderEvent,
    RefundState,
    ToldRefund,
)

pytestmark = pytest.mark.story

EUR = Currency("EUR")


async def waiting(till: Till) -> tuple[OrderId, str]:
    """Return an order whose payment waits for its buyer."""
    return await till.buy(outcome="pending")


def told(
    payment_id: PaymentId, state: PaymentState, *, name: str, captured: int = 0, **given: Any
) -> ProviderEvent:
    """Return a notice of a charge of 100.00; refunded: at the provider's own desk."""
    authorised = given.pop("authorised", 0)
    refunded = given.pop("refunded", 0)
    refunds = (ToldRefund(reference="desk-1", amount_minor=refunded),) if refunded else ()
    usual: dict[str, Any] = {
        "id": name,
        "payment_id": payment_id,
        "merchant": Sandbox.merchant,
        "amount": Money(100_00, EUR),
        "charge": ChargeResult(
            state=state, captured_minor=captured, authorised_minor=authorised, reference="ref"
        ),
        "refunds": refunds,
    }
    return ProviderEvent(**(usual | given))


async def test_a_notice_confirms_an_order(till: Till) -> None:
    order_id, _ = await waiting(till)
    assert (await till.order(order_id)).state is OrderState.PLACED
    till.sandbox.finish((await till.payment(order_id)).id)
    assert await till.sandbox.deliver(till.post) == [200, 200]
    assert (await till.order(order_id)).state is OrderState.CONFIRMED
    assert (await till.payment(order_id)).captured == Money(100_00, EUR)


async def test_a_notice_sent_again_is_taken_and_does_nothing(till: Till) -> None:
    order_id, _ = await waiting(till)
    till.sandbox.finish((await till.payment(order_id)).id)
    await till.sandbox.deliver(till.post)
    before = await till.shop.snapshot()
    till.shop.clock.advance(minutes=2)
    assert await till.sandbox.deliver(till.post, times=2) == [200] * 4
    assert await till.shop.snapshot() == before


async def test_notices_in_reverse_come_to_the_same(till: Till) -> None:
    order_id, _ = await waiting(till)
    till.sandbox.finish((await till.payment(order_id)).id)
    await till.sandbox.deliver(till.post, reverse=True, times=2)
    assert (await till.order(order_id)).state is OrderState.CONFIRMED


def unsigned(signed: Notice) -> Notice:
    return Notice(headers={}, body=signed.body)


def changed(signed: Notice) -> Notice:
    return Notice(headers=signed.headers, body=signed.body.replace(b"100", b"900"))


def renamed(signed: Notice) -> Notice:
    return Notice(headers=signed.headers | {"webhook-id": "evt-other"}, body=signed.body)


def undated(signed: Notice) -> Notice:
    return Notice(headers=signed.headers | {"webhook-timestamp": "now"}, body=signed.body)


def beyond_time(signed: Notice) -> Notice:
    return Notice(headers=signed.headers | {"webhook-timestamp": "9" * 12}, body=signed.body)


def garbled(signed: Notice) -> Notice:
    return Notice(headers=signed.headers | {"webhook-signature": "v1,%%%"}, body=signed.body)


@pytest.mark.one_database
@pytest.mark.parametrize("forge", [unsigned, changed, renamed, undated, beyond_time, garbled])
async def test_a_notice_that_the_provider_did_not_sign_is_refused(till: Till, forge: Any) -> None:
    order_id, _ = await waiting(till)
    till.sandbox.finish((await till.payment(order_id)).id)
    before = await till.shop.snapshot()
    forged = forge(till.sandbox.sign(till.sandbox.notices[-1]))
    assert await till.post(forged.headers, forged.body) == 401
    assert await till.shop.snapshot() == before


@pytest.mark.one_database
@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_notice_signed_long_ago_or_in_the_future_is_refused(
    till: Till, minutes: int
) -> None:
    await waiting(till)
    signed = till.sandbox.sign(till.sandbox.notices[-1])
    before = await till.shop.snapshot()
    till.shop.clock.advance(minutes=minutes)
    assert await till.post(signed.headers, signed.body) == 401
    assert await till.shop.snapshot() == before


@pytest.mark.one_database
async def test_a_notice_signed_by_an_unknown_secret_is_refused(till: Till) -> None:
    order_id, _ = await waiting(till)
    stranger = Sandbox(secret="another", clock=till.shop.clock)
    signed = stranger.sign(
        told((await till.payment(order_id)).id, PaymentState.CAPTURED, name="1", captured=100_00)
    )
    before = await till.shop.snapshot()
    assert await till.post(signed.headers, signed.body) == 401
    assert await till.shop.snapshot() == before


@pytest.mark.one_database
async def test_a_provider_that_there_is_none_of_is_not_found(till: Till) -> None:
    answer = await till.shop.http.post("/payments/moon/webhook", content=b"{}")
    assert answer.status_code == 404
    assert (await till.shop.http.get(WEBHOOK)).status_code == 405


@pytest.mark.one_database
async def test_a_signed_notice_that_cannot_be_read_is_refused(till: Till) -> None:
    secret = till.shop.settings.secret.encode()
    headers = rules.sign(b"{}", event_id="1", secret=secret, now=till.shop.clock.now())
    assert await till.post(headers, b"{}") == 401


WRONG = {
    "amount": {"amount": Money(1, EUR)},
    "currency": {"amount": Money(100_00, Currency("CNY"))},
    "merchant": {"merchant": "somebody-else"},
    "too much": {"captured": 100_01},
    "nothing captured": {"captured": 0},
    "more back than came": {"refunded": 100_01},
    "less than nothing back": {"refunded": -1},
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_notice_of_something_else_is_raised_to_staff(till: Till, wrong: str) -> None:
    order_id, _ = await waiting(till)
    payment = await till.payment(order_id)
    given: dict[str, Any] = {"captured": 100_00, **WRONG[wrong]}
    event = told(payment.id, PaymentState.CAPTURED, name="1", **given)
    assert await till.send(event) == 200
    assert await till.payment(order_id) == payment
    order = await till.order(order_id)
    assert order.state is OrderState.PLACED
    assert [one.reason for one in order.attention] == [AttentionReason.PAYMENT_MISMATCH]
    (stored,) = await till.shop.rows("payment_event")
    assert stored["outcome"] == "refused"
    before = await till.shop.snapshot()
    assert await till.send(event) == 200
    assert await till.shop.snapshot() == before


async def test_a_notice_about_no_payment_of_this_shop_is_kept_and_changes_nothing(
    till: Till,
) -> None:
    event = told(PaymentId(new_id()), PaymentState.CAPTURED, name="1", captured=100_00)
    assert await till.send(event) == 200
    (stored,) = await till.shop.rows("payment_event")
    assert stored["outcome"] == "unknown"
    assert await till.shop.rows("outbox_event") == []


async def test_a_notice_may_come_before_the_answer_to_checkout(till: Till) -> None:
    class Eager(Sandbox):
        """Tells by notice before it answers."""

        async def create_charge(self, charge: Any) -> ChargeResult:
            result = await super().create_charge(charge)
            assert await self.deliver(till.post) == [200]
            return result

    till.install(Eager(secret="eager", clock=till.shop.clock))
    order_id, _ = await till.buy()
    assert (await till.order(order_id)).state is OrderState.CONFIRMED
    names = [row["name"] for row in await till.shop.rows("outbox_event")]
    assert (names.count("PaymentCaptured"), names.count("OrderConfirmed")) == (1, 1)


async def test_a_notice_sent_ten_times_at_once_is_applied_once(till: Till) -> None:
    for _ in range(3):
        order_id, _ = await waiting(till)
        payment_id = (await till.payment(order_id)).id
        event = told(payment_id, PaymentState.CAPTURED, name=f"evt-{payment_id}", captured=100_00)
        answers = await asyncio.gather(*(till.send(event) for _ in range(10)))
        assert answers == [200] * 10
        assert (await till.payment(order_id)).captured == Money(100_00, EUR)
    names = [row["name"] for row in await till.shop.rows("outbox_event")]
    assert (names.count("PaymentCaptured"), names.count("OrderConfirmed")) == (3, 3)


FIVE = [
    (PaymentState.FAILED, {}),
    (PaymentState.AUTHORISED, {"authorised": 100_00}),
    (PaymentState.CAPTURED, {"authorised": 100_00, "captured": 40_00}),
    (PaymentState.CAPTURED, {"authorised": 100_00, "captured": 100_00}),
    (PaymentState.CAPTURED, {"authorised": 100_00, "captured": 100_00, "refunded": 30_00}),
]
# All 120 are in test_rules.py without a database, and in tests/faults with one.
ORDERS = list(permutations(range(5)))[::8]


@pytest.mark.slow
async def test_notices_in_any_order_end_in_the_same_state(till: Till) -> None:
    ends = set()
    for order in ORDERS:
        order_id, _ = await waiting(till)
        payment_id = (await till.payment(order_id)).id
        for place in order:
            state, sums = FIVE[place]
            event = told(payment_id, state, name=f"{payment_id}-{place}", **sums)
            assert await till.send(event) == 200
        ends.add(await end_of(till, order_id))
    assert ends == {
        ("CONFIRMED", "CAPTURED", 100_00, 100_00, 30_00, ("REFUNDED_ELSEWHERE",)),
    }


async def end_of(till: Till, order_id: OrderId) -> tuple[Any, ...]:
    order, payment = await till.order(order_id), await till.payment(order_id)
    return (
        order.state.name,
        payment.state.name,
        payment.authorised.amount_minor,
        payment.captured.amount_minor,
        payment.refunded.amount_minor,
        tuple(one.reason.name for one in order.attention),
    )


@pytest.mark.slow
async def test_notices_in_any_order_leave_nothing_of_a_cancelled_order(till: Till) -> None:
    ends = set()
    for order in permutations(range(1, 4)):
        order_id, token = await waiting(till)
        payment_id = (await till.payment(order_id)).id
        assert codes(await till.cancel(order_id, token)) == []
        for place in order:
            state, sums = FIVE[place]
            await till.send(told(payment_id, state, name=f"{payment_id}-{place}", **sums))
        ends.add(await end_of(till, order_id))
    assert ends == {("CANCELLED", "CAPTURED", 100_00, 100_00, 100_00, ())}


async def test_a_refund_of_ours_that_was_agreed_ends_by_its_notice(till: Till) -> None:
    order_id, token = await till.buy(refunds="agreed")
    await till.cancel(order_id, token)
    assert await till.refunds(order_id) == [("PENDING", 100_00, "CANCELLED")]
    async with till.shop.context() as ctx:
        (refund,) = await service.find_refunds(ctx, order_id)
    till.sandbox.finish_refund(refund.id)
    await till.sandbox.deliver(till.post, reverse=True, times=2)
    assert await till.refunds(order_id) == [("DONE", 100_00, "CANCELLED")]
    assert (await till.order(order_id)).attention == ()
    await till.check_books()


async def test_a_refund_that_the_provider_does_not_give_is_raised_to_staff(till: Till) -> None:
    order_id, token = await till.buy(refunds="refused")
    await till.cancel(order_id, token)
    assert await till.refunds(order_id) == [("FAILED", 100_00, "CANCELLED")]
    order, payment = await till.order(order_id), await till.payment(order_id)
    assert [one.reason for one in order.attention] == [AttentionReason.REFUND_FAILED]
    assert payment.refunded == Money(0, EUR)


REFUND = """mutation($input: RefundOrderInput!) { done: refundOrder(input: $input) {
  userErrors { code message } } }"""


async def test_refunds_that_failed_gave_nothing_back(till: Till) -> None:
    order_id, _ = await till.buy(refunds="refused")
    whole = {"amount": "100.00", "currency": "EUR"}
    for name in ("first", "second"):
        wish = {"orderId": encode(OrderId, order_id), "amount": whole, "idempotencyKey": name}
        assert codes(await till.staff(REFUND, **wish)) == []
    assert await till.sandbox.deliver(till.post) == [200] * 3
    assert await till.refunds(order_id) == [("FAILED", 100_00, "STAFF")] * 2
    reasons = [one.reason for one in (await till.order(order_id)).attention]
    assert reasons == [AttentionReason.REFUND_FAILED]
    assert {row["outcome"] for row in await till.shop.rows("payment_event")} == {"applied"}


async def agreed(till: Till) -> tuple[OrderId, ProviderEvent]:
    """Return a cancelled order whose refund the provider has agreed to, and the notice of it."""
    order_id, token = await till.buy(refunds="agreed")
    await till.cancel(order_id, token)
    return order_id, till.sandbox.notices[-1]


def ended(event: ProviderEvent, state: RefundState, **given: Any) -> ProviderEvent:
    refunds = tuple(replace(one, state=state, **given) for one in event.refunds)
    return replace(event, id=f"{state}-{given}", refunds=refunds)


async def test_a_refund_of_another_amount_than_was_asked_for_is_raised_to_staff(
    till: Till,
) -> None:
    order_id, event = await agreed(till)
    assert await till.send(ended(event, RefundState.DONE, amount_minor=1)) == 200
    assert await till.refunds(order_id) == [("PENDING", 100_00, "CANCELLED")]
    (told,) = (await till.order(order_id)).attention
    assert (told.reason, told.detail) == (
        AttentionReason.PAYMENT_MISMATCH,
        "a refund of 0.01 EUR is told of, 100.00 EUR was asked for",
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [(RefundState.FAILED, RefundState.DONE), (RefundState.DONE, RefundState.FAILED)],
)
async def test_a_refund_that_ends_twice_in_two_ways_is_raised_to_staff(
    till: Till, first: RefundState, second: RefundState
) -> None:
    order_id, event = await agreed(till)
    assert await till.send(ended(event, first)) == 200
    before = await till.refunds(order_id)
    assert await till.send(ended(event, second)) == 200
    assert await till.refunds(order_id) == before
    reasons = [one.reason for one in (await till.order(order_id)).attention]
    assert AttentionReason.PAYMENT_MISMATCH in reasons


async def test_on_a_naive_build_a_notice_is_applied_twice(till: Till) -> None:
    """It differs by one line: it does not look whether the notice is new."""
    naive = rebuilt(
        "koipond.payment.service.webhooks",
        "    if known is None or not is_new:\n",
        "    if known is None:\n",
    )
    order_id, _ = await till.buy()
    payment_id = (await till.payment(order_id)).id
    refund = ToldRefund(reference="desk", amount_minor=10_00)
    event = told(payment_id, PaymentState.CAPTURED, name="1", captured=100_00, refunded=10_00)
    wrong = replace(event, id="wrong", merchant="somebody-else", refunds=(refund,))
    signed = till.sandbox.sign(wrong)
    async with till.shop.context() as ctx:
        for _ in range(2):
            await naive.receive_notice(ctx, KEY, signed.headers, signed.body)
    names = [row["name"] for row in await till.shop.rows("outbox_event")]
    assert names.count("PaymentMismatched") == 2


async def test_two_tenders_are_told_of_apart(till: Till) -> None:
    tea = await till.stock()
    placed = await till.place(tea, tender("60.00", outcome="pending"), tender(outcome="pending"))
    order_id = decode(OrderId, placed["order"]["id"])
    first, second = await till.payments(order_id)
    assert [one.amount.amount_minor for one in (first, second)] == [60_00, 40_00]
    till.sandbox.finish(second.id)
    await till.sandbox.deliver(till.post)
    assert (await till.order(order_id)).state is OrderState.PLACED
    till.sandbox.finish(first.id)
    await till.sandbox.deliver(till.post)
    assert (await till.order(order_id)).state is OrderState.CONFIRMED
