"""The rules of payments, without a database."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from koipond.kernel.ids import OrderId, PaymentId, RefundId, new_id
from koipond.kernel.money import Currency, Money
from koipond.payment import rules
from koipond.payment.types import (
    ChargeResult,
    PaidPart,
    Payment,
    PaymentState,
    ProviderEvent,
    Refund,
    RefundReason,
    RefundState,
    ToldRefund,
    WebhookRefused,
)

EUR = Currency("EUR")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET, OTHER = b"one secret", b"another one"
PENDING, FAILED, AUTHORISED, VOIDED, CAPTURED = PaymentState


def eur(amount_minor: int) -> Money:
    return Money(amount_minor, EUR)


def payment(amount: int = 100_00, **given: Any) -> Payment:
    """Return a payment; sums are minor units of EUR."""
    sums = {name: eur(given.pop(name, 0)) for name in ("authorised", "captured", "refunded")}
    usual: dict[str, Any] = {
        "id": PaymentId(new_id()),
        "order_id": OrderId(new_id()),
        "provider": "sandbox",
        "state": PENDING,
        "amount": eur(amount),
        "capturing": sums["captured"],
        "released": False,
        "reference": None,
        "failure": None,
        "action": {},
        "request_key": None,
        "created_at": NOW,
        **sums,
    }
    return Payment(**(usual | given))


def captured(amount: int, **given: Any) -> Payment:
    return payment(amount, state=CAPTURED, authorised=amount, captured=amount, **given)


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


PARTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=6).filter(any)


@st.composite
def bought(draw: st.DrawFn) -> tuple[dict[UUID, int], list[Payment]]:
    """Return what the parts of an order cost, and payments that sum to it."""
    costs = draw(PARTS)
    total = sum(costs)
    cuts = sorted(draw(st.lists(st.integers(0, total), max_size=3)))
    sums = [high - low for low, high in zip([0, *cuts], [*cuts, total], strict=True)]
    return {new_id(): cost for cost in costs}, [captured(one) for one in sums]


@given(bought())
def test_what_was_paid_for_each_part_sums_both_ways(
    order: tuple[dict[UUID, int], list[Payment]],
) -> None:
    parts, payments = order
    frozen = rules.freeze_parts(parts, payments)
    for part, cost in parts.items():
        assert sum(one.paid_minor for one in frozen if one.part_id == part) == cost
    for tender in payments:
        own = sum(one.paid_minor for one in frozen if one.payment_id == tender.id)
        assert own == tender.captured.amount_minor
    assert all(one.paid_minor > 0 for one in frozen)


def test_more_than_the_parts_cost_is_no_part_of_them() -> None:
    part = new_id()
    first, second = captured(60), captured(60)
    frozen = rules.freeze_parts({part: 100}, [first, second])
    assert [(one.payment_id, one.paid_minor) for one in frozen] == [
        (first.id, 60),
        (second.id, 40),
    ]
    assert rules.surplus(first, frozen) == 0
    assert rules.surplus(second, frozen) == 20
    assert rules.surplus(replace(second, refunded=eur(20)), frozen) == 0
    assert rules.surplus(replace(second, refunded=eur(30)), frozen) == 0
    of_the_part = [replace(one, refunded_minor=5) for one in frozen]
    assert rules.surplus(replace(second, refunded=eur(5)), of_the_part) == 20
    assert rules.surplus(replace(second, refunded=eur(12)), of_the_part) == 13


@given(bought(), st.lists(st.tuples(st.booleans(), st.integers(1, 10**6)), max_size=8))
def test_all_that_goes_back_in_whatever_steps_is_exactly_what_was_paid(
    order: tuple[dict[UUID, int], list[Payment]], steps: list[tuple[bool, int]]
) -> None:
    parts, payments = order
    left = rules.freeze_parts(parts, payments)
    given_back: dict[tuple[UUID, UUID], int] = {}
    for by_part, size in [*steps, (False, sum(parts.values()))]:
        chosen = left
        if by_part and left:
            wanted = left[size % len(left)].part_id
            chosen = [one for one in left if one.part_id == wanted]
        amount = min(size, sum(one.left_minor for one in chosen))
        plan = rules.plan_amount(amount, chosen)
        assert sum(plan.values()) == amount
        left = [
            replace(one, refunded_minor=one.refunded_minor + plan.get(one.key, 0)) for one in left
        ]
        assert all(0 <= one.refunded_minor <= one.paid_minor for one in left)
        for key, share in plan.items():
            given_back[key] = given_back.get(key, 0) + share
    for tender in payments:
        back = sum(share for (key, _), share in given_back.items() if key == tender.id)
        assert back == tender.captured.amount_minor


@given(st.integers(0, 10**6), st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_units_given_back_one_after_the_other_sum_to_what_the_line_was_paid(
    paid: int, steps: list[int]
) -> None:
    units, before, left = sum(steps), 0, paid
    for more in steps:
        back = rules.refund_units(
            paid_minor=paid, left_minor=left, units=units, before=before, more=more
        )
        assert 0 <= back <= left
        before, left = before + more, left - back
    assert left == 0


def test_each_unit_gives_back_its_share_and_the_last_one_the_rest() -> None:
    shares = []
    left = 100
    for before in range(3):
        back = rules.refund_units(paid_minor=100, left_minor=left, units=3, before=before, more=1)
        shares.append(back)
        left -= back
    assert shares == [33, 33, 34]
    assert rules.refund_units(paid_minor=100, left_minor=10, units=3, before=0, more=1) == 10
    assert rules.refund_units(paid_minor=100, left_minor=90, units=3, before=1, more=2) == 90


@pytest.mark.parametrize(("before", "more"), [(-1, 1), (0, 0), (1, 3)])
def test_units_that_cannot_be_given_back_are_our_own_bug(before: int, more: int) -> None:
    with pytest.raises(AssertionError, match=r"^checked by the caller"):
        rules.refund_units(paid_minor=100, left_minor=100, units=3, before=before, more=more)


def test_all_that_is_left_is_what_was_not_given_back() -> None:
    key, part, other = PaymentId(new_id()), new_id(), new_id()
    parts = [
        PaidPart(payment_id=key, part_id=part, paid_minor=10, refunded_minor=4),
        PaidPart(payment_id=key, part_id=other, paid_minor=5, refunded_minor=5),
    ]
    assert rules.plan_whole(parts) == {(key, part): 6}
    assert rules.plan_amount(0, parts) == {}
    two = [
        PaidPart(payment_id=key, part_id=UUID(int=number), paid_minor=1, refunded_minor=0)
        for number in range(2)
    ]
    assert rules.plan_amount(1, two) == {two[0].key: 1}
    with pytest.raises(AssertionError, match=r"^checked by the caller"):
        rules.plan_amount(7, parts)


def test_a_signature_is_good_for_five_minutes_and_by_any_of_the_secrets() -> None:
    headers = rules.sign(b"body", event_id="evt", secret=SECRET, now=NOW)
    for late in (timedelta(minutes=-5), timedelta(0), timedelta(minutes=5)):
        found = rules.check_signature(headers, b"body", secrets=[OTHER, SECRET], now=NOW + late)
        assert found == "evt"
    other = rules.sign(b"body", event_id="evt", secret=OTHER, now=NOW)["webhook-signature"]
    both = headers | {"webhook-signature": f"{other} {headers['webhook-signature']}"}
    assert rules.check_signature(both, b"body", secrets=[SECRET], now=NOW) == "evt"


UNSIGNED = "it is not signed"
NO_TIME = "its timestamp is no number of seconds"
TOO_OLD = "it was signed too long ago, or is yet to be"
WRONG = "its signature is wrong"


@pytest.mark.parametrize(
    ("changes", "body", "words"),
    [
        ({"webhook-id": ""}, b"body", UNSIGNED),
        ({"webhook-signature": ""}, b"body", UNSIGNED),
        ({"webhook-timestamp": ""}, b"body", NO_TIME),
        ({"webhook-timestamp": "-1"}, b"body", NO_TIME),
        ({"webhook-timestamp": "9" * 12}, b"body", NO_TIME),
        ({"webhook-timestamp": "9" * 11}, b"body", TOO_OLD),
        ({"webhook-id": "other"}, b"body", WRONG),
        ({}, b"other", WRONG),
        ({"webhook-signature": "v1,AAAA"}, b"body", WRONG),
        ({"webhook-signature": "nonsense"}, b"body", WRONG),
    ],
)
def test_a_signature_that_is_not_good_is_refused(
    changes: dict[str, str], body: bytes, words: str
) -> None:
    headers = rules.sign(b"body", event_id="evt", secret=SECRET, now=NOW) | changes
    with pytest.raises(WebhookRefused, match=f"^{words}$"):
        rules.check_signature(headers, body, secrets=[SECRET], now=NOW)


@pytest.mark.parametrize(
    ("header", "words"),
    [("webhook-id", UNSIGNED), ("webhook-signature", UNSIGNED), ("webhook-timestamp", NO_TIME)],
)
def test_a_notice_without_one_of_the_headers_is_refused(header: str, words: str) -> None:
    headers = rules.sign(b"body", event_id="evt", secret=SECRET, now=NOW)
    del headers[header]
    with pytest.raises(WebhookRefused, match=f"^{words}$"):
        rules.check_signature(headers, b"body", secrets=[SECRET], now=NOW)


def test_what_stands_between_the_characters_of_a_signature_is_not_overlooked() -> None:
    headers = rules.sign(b"body", event_id="evt", secret=SECRET, now=NOW)
    version, signature = headers["webhook-signature"].split(",")
    changed = headers | {"webhook-signature": f"{version},{signature[:8]}!{signature[8:]}"}
    with pytest.raises(WebhookRefused, match=WRONG):
        rules.check_signature(changed, b"body", secrets=[SECRET], now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_or_future_signature_is_refused(seconds: int) -> None:
    headers = rules.sign(b"body", event_id="evt", secret=SECRET, now=NOW)
    later = NOW + timedelta(seconds=seconds)
    with pytest.raises(WebhookRefused, match=TOO_OLD):
        rules.check_signature(headers, b"body", secrets=[SECRET], now=later)
