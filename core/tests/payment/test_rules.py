"""The rules of payments, without a database."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from core.tests.payment.payments import (
    AUTHORISED,
    CAPTURED,
    EUR,
    FAILED,
    NOW,
    PENDING,
    VOIDED,
    captured,
    eur,
    payment,
)
from msgspec.structs import replace

from koipond.kernel.ids import OrderId, PaymentId, RefundId, new_id
from koipond.kernel.money import Currency, Money
from koipond.payment import rules
from koipond.payment.types import (
    ChargeResult,
    Payment,
    PaymentState,
    ProviderEvent,
    Refund,
    RefundReason,
    RefundState,
    ToldRefund,
)


def told(state: PaymentState, **given: Any) -> ChargeResult:
    sums = {f"{name}_minor": given.pop(name, 0) for name in ("captured", "authorised")}
    return ChargeResult(state=state, reference="ref", **sums, **given)


STORIES = {
    "a card": [
        told(FAILED, failure="no"),
        told(AUTHORISED, authorised=100_00),
        told(CAPTURED, authorised=100_00, captured=40_00),
        told(CAPTURED, authorised=100_00, captured=100_00),
        told(PENDING),
    ],
    "let go": [
        told(PENDING),
        told(FAILED, failure="no"),
        told(AUTHORISED, authorised=60_00),
        told(AUTHORISED, authorised=100_00),
        told(VOIDED, authorised=100_00),
    ],
    "let go in part": [
        told(AUTHORISED, authorised=100_00),
        told(CAPTURED, authorised=100_00, captured=40_00),
        told(CAPTURED, authorised=100_00, captured=40_00, released=True),
        told(PENDING),
    ],
}


@pytest.mark.parametrize("story", STORIES)
def test_what_was_told_comes_to_the_same_in_every_order(story: str) -> None:
    ends = set()
    for order in permutations(STORIES[story]):
        known = payment()
        for one in order:
            known = rules.fold(rules.fold(known, one), one)
        ends.add(
            (known.state, known.authorised, known.captured, known.released, known.held.amount_minor)
        )
    assert len(ends) == 1


def test_a_story_ends_as_it_should() -> None:
    known = payment()
    for one in STORIES["let go in part"]:
        known = rules.fold(known, one)
    assert (known.state, known.captured, known.held, known.covers) == (
        CAPTURED,
        eur(40_00),
        eur(0),
        eur(40_00),
    )


def test_what_was_told_is_laid_over_what_is_known() -> None:
    known = payment(100)
    held = rules.fold(known, told(AUTHORISED, authorised=60))
    assert held == replace(known, state=AUTHORISED, authorised=eur(60), reference="ref")
    taken = rules.fold(held, ChargeResult(state=CAPTURED, captured_minor=70, reference="other"))
    assert taken == replace(
        held, state=CAPTURED, authorised=eur(70), captured=eur(70), capturing=eur(70)
    )
    more = replace(known, capturing=eur(90))
    assert rules.fold(more, told(CAPTURED, captured=70)).capturing == eur(90)
    assert rules.fold(held, told(VOIDED, authorised=60)) == replace(
        held, state=VOIDED, released=True
    )
    assert rules.fold(taken, told(CAPTURED, captured=70, released=True)).released


def test_each_state_becomes_later_ones_only() -> None:
    states = [PENDING, FAILED, AUTHORISED, VOIDED, CAPTURED]
    for place, state in enumerate(states):
        assert rules.PAYMENT_MOVES[state] == set(states[place + 1 :])


def test_why_it_failed_is_known_as_long_as_it_has() -> None:
    failed = rules.fold(payment(), told(FAILED, failure="no money"))
    assert failed.failure == "no money"
    assert rules.fold(failed, told(CAPTURED, captured=1)).failure is None
    assert rules.fold(captured(1), told(FAILED, failure="no money")).failure is None


def test_what_the_buyer_must_do_is_known_as_long_as_it_waits() -> None:
    waits = rules.fold(payment(), told(PENDING, action={"url": "there"}))
    assert (waits.action, waits.is_pending) == ({"url": "there"}, True)
    assert rules.fold(waits, told(PENDING)).action == {"url": "there"}
    assert rules.fold(waits, told(CAPTURED, captured=1)).action == {}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (told(CAPTURED, captured=100_01), "captured 100.01 EUR of 100.00 EUR"),
        (told(AUTHORISED, authorised=100_01), "authorised 100.01 EUR"),
        (told(CAPTURED, captured=-1), "captured -0.01 EUR"),
        (told(AUTHORISED, authorised=-1), "that was asked for"),
        (told(CAPTURED), "captured, but 0.00 EUR was captured"),
        (told(AUTHORISED, authorised=2, captured=1), "authorised, but 0.01 EUR was captured"),
        (told(FAILED, captured=1), "failed, but 0.01 EUR was captured"),
        (told(AUTHORISED), "authorised, but nothing was"),
    ],
)
def test_what_a_provider_cannot_mean_is_named(result: ChargeResult, words: str) -> None:
    assert words in (rules.find_mismatch(payment(), result) or "")


@pytest.mark.parametrize(
    "result",
    [
        told(CAPTURED, captured=100_00),
        told(CAPTURED, captured=1),
        told(AUTHORISED, authorised=1),
        told(AUTHORISED, authorised=100_00),
        told(FAILED),
        told(PENDING),
        told(VOIDED),
        told(VOIDED, authorised=100_00),
    ],
)
def test_what_a_provider_can_mean_is_taken(result: ChargeResult) -> None:
    assert rules.find_mismatch(payment(), result) is None


def test_a_notice_of_something_else_is_named() -> None:
    known = payment()
    event = ProviderEvent(
        id="1",
        payment_id=known.id,
        merchant="us",
        amount=eur(100_00),
        charge=told(CAPTURED, captured=100_00),
        refunds=(ToldRefund(reference="r", amount_minor=100_00),),
    )
    assert rules.find_event_mismatch(known, event, merchant="us") is None
    none_back = replace(event, refunds=())
    assert rules.find_event_mismatch(known, none_back, merchant="us") is None
    # One that failed gave nothing back; the same money is tried again by another.
    failed = ToldRefund(reference="f", amount_minor=100_00, state=RefundState.FAILED)
    again = replace(event, refunds=(failed, *event.refunds))
    assert rules.find_event_mismatch(known, again, merchant="us") is None
    none = replace(event, refunds=(ToldRefund(reference="r", amount_minor=0),))
    wrong = {
        "a refund of 0.00 EUR is told of": (none, "us"),
        "the account 'us', not 'them'": (event, "them"),
        f"the account {'x' * 60!r}, not 'us'": (replace(event, merchant="x" * 61), "us"),
        "for 99.99 EUR, not for 100.00 EUR": (replace(event, amount=eur(99_99)), "us"),
        "not for 100.00 EUR": (replace(event, amount=Money(100_00, Currency("CNY"))), "us"),
        "100.01 EUR": (
            replace(event, refunds=(ToldRefund(reference="r", amount_minor=100_01),)),
            "us",
        ),
        "a refund of -0.01 EUR": (
            replace(event, refunds=(ToldRefund(reference="r", amount_minor=-1),)),
            "us",
        ),
        "failed, but": (replace(event, charge=told(FAILED, captured=1), refunds=()), "us"),
    }
    for words, (notice, merchant) in wrong.items():
        assert words in (rules.find_event_mismatch(known, notice, merchant=merchant) or "")


def test_a_notice_of_a_refund_is_of_its_amount_and_of_one_end() -> None:
    known = Refund(
        id=RefundId(new_id()),
        payment_id=PaymentId(new_id()),
        order_id=OrderId(new_id()),
        provider="sandbox",
        payment_reference=None,
        state=RefundState.PENDING,
        amount=eur(5_00),
        reason=RefundReason.STAFF,
    )

    def mismatch(was: RefundState, state: RefundState, amount: int = 5_00) -> str | None:
        notice = ToldRefund(reference="r", amount_minor=amount, state=state)
        return rules.find_refund_mismatch(replace(known, state=was), notice)

    waits, done, failed = RefundState
    for was, state in ((waits, waits), (waits, done), (waits, failed), (done, done), (done, waits)):
        assert mismatch(was, state) is None
    assert mismatch(waits, done, 5_01) == (
        "a refund of 5.01 EUR is told of, 5.00 EUR was asked for"
    )
    assert mismatch(done, failed) == "the refund of 5.00 EUR is failed, and was done before"
    assert mismatch(failed, done) == "the refund of 5.00 EUR is done, and was failed before"


def test_what_is_not_known_counts_as_claimed_in_full() -> None:
    tenders = [
        captured(30_00),
        payment(40_00),
        payment(20_00, state=AUTHORISED, authorised=20_00),
        payment(50_00, state=FAILED),
        payment(60_00, state=VOIDED, authorised=60_00, released=True),
    ]
    assert rules.covered(tenders, EUR) == eur(50_00)
    assert rules.claimed(tenders, EUR) == eur(90_00)
    assert rules.due(eur(100_00), tenders) == eur(10_00)
    assert rules.due(eur(80_00), tenders) == eur(0)


def test_what_was_given_back_covers_still_but_is_not_kept() -> None:
    tenders = [captured(30_00, refunded=10_00)]
    assert rules.covered(tenders, EUR) == eur(30_00)
    assert rules.paid(tenders, EUR) == eur(20_00)


def refund(of: Payment, reason: RefundReason, amount: int = 1, **given: Any) -> Refund:
    usual: dict[str, Any] = {"payment_reference": None, "state": RefundState.PENDING}
    return Refund(
        id=RefundId(new_id()),
        payment_id=of.id,
        order_id=of.order_id,
        provider="sandbox",
        amount=eur(amount),
        reason=reason,
        **(usual | given),
    )


def test_what_an_order_did_not_need_is_summed_for_each_payment_that_it_was_of() -> None:
    first, second, third = captured(30_00), captured(40_00), captured(50_00)
    refunds = [
        refund(first, RefundReason.SURPLUS, 5_00),
        refund(first, RefundReason.EDITED, 3_00, state=RefundState.DONE),
        refund(first, RefundReason.SURPLUS, 1_00, state=RefundState.FAILED),
        refund(second, RefundReason.EDITED, 2_00),
        *(refund(third, one) for one in RefundReason if one not in ("surplus", "edited")),
    ]
    assert rules.given_up(refunds) == {first.id: 8_00, second.id: 2_00}
    assert rules.given_up([]) == {}


def test_payments_that_went_back_when_the_order_was_off_stand_no_more() -> None:
    first, second = captured(30_00), captured(40_00)
    off = [RefundReason.CANCELLED, RefundReason.EXPIRED, RefundReason.LATE]
    for reason in RefundReason:
        left = rules.standing([first, second], [refund(first, reason)])
        assert left == ([second] if reason in off else [first, second])


def test_a_payment_is_asked_about_later_the_longer_it_waits() -> None:
    def wait(hours: int) -> timedelta:
        created = NOW - timedelta(hours=hours)
        first = timedelta(seconds=30)
        return rules.next_query(created_at=created, now=NOW, first=first) - NOW

    assert [wait(hours) for hours in (0, 1, 50)] == [
        timedelta(seconds=30),
        timedelta(hours=1),
        timedelta(hours=1),
    ]
