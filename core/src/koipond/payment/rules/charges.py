"""What a payment has become, and what an order has of it."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import datetime, timedelta

import msgspec

from koipond.kernel.ids import OrderId, PaymentId
from koipond.kernel.money import Currency, Money
from koipond.kernel.state import allows
from koipond.payment.types import (
    Begun,
    Charge,
    ChargeResult,
    Payment,
    PaymentState,
    ProviderEvent,
    Refund,
    RefundReason,
    RefundState,
    Tender,
    ToldRefund,
)

_QUERY_LATEST = timedelta(hours=1)
_NOT_NEEDED = {RefundReason.SURPLUS, RefundReason.EDITED}
_CALLED_OFF = {RefundReason.CANCELLED, RefundReason.EXPIRED, RefundReason.LATE}

# Each state may become any later one of this table and none before it, so that it does not matter
# in which order answers and notices come: the latest of all that was told is the state.
PAYMENT_MOVES: Mapping[PaymentState, Set[PaymentState]] = {
    PaymentState.PENDING: {
        PaymentState.FAILED,
        PaymentState.AUTHORISED,
        PaymentState.VOIDED,
        PaymentState.CAPTURED,
    },
    # A buyer may try again what a provider told as failed, and a notice may come late.
    PaymentState.FAILED: {PaymentState.AUTHORISED, PaymentState.VOIDED, PaymentState.CAPTURED},
    PaymentState.AUTHORISED: {PaymentState.VOIDED, PaymentState.CAPTURED},
    # Voiding may cross with a capture; money that was taken counts.
    PaymentState.VOIDED: {PaymentState.CAPTURED},
    PaymentState.CAPTURED: set(),
}


def begin(key: PaymentId, order_id: OrderId, tender: Tender, *, now: datetime) -> Begun:
    """Return a payment of which nobody has told anything, and what its provider is asked for."""
    nothing = Money(0, tender.amount.currency)
    payment = Payment(
        id=key,
        order_id=order_id,
        provider=tender.provider,
        state=PaymentState.PENDING,
        amount=tender.amount,
        authorised=nothing,
        captured=nothing,
        refunded=nothing,
        capturing=nothing,
        released=False,
        reference=None,
        failure=None,
        action={},
        request_key=tender.request_key,
        created_at=now,
    )
    charge = Charge(
        id=key,
        order_id=order_id,
        amount=tender.amount,
        data=tender.data,
        capture=tender.capture,
    )
    return Begun(payment=payment, charge=charge)


def brings_all(begun: Payment, told: ChargeResult, total: Money) -> bool:
    """Tell whether a first answer, rightly meant, makes a payment cover all of its order."""
    return find_mismatch(begun, told) is None and fold(begun, told).covers >= total


def fold(known: Payment, told: ChargeResult) -> Payment:
    """Return a payment with what its provider told laid over it: sums only grow.

    Told twice, or in another order, it comes to the same.
    """
    captured = max(known.captured.amount_minor, told.captured_minor)
    authorised = max(known.authorised.amount_minor, told.authorised_minor, captured)
    state = told.state if allows(PAYMENT_MOVES, known.state, told.state) else known.state
    failed = {PaymentState.FAILED, PaymentState.VOIDED}
    currency = known.amount.currency
    return msgspec.structs.replace(
        known,
        state=state,
        authorised=Money(authorised, currency),
        captured=Money(captured, currency),
        capturing=Money(max(known.capturing.amount_minor, captured), currency),
        released=known.released or told.released or told.state is PaymentState.VOIDED,
        reference=known.reference or told.reference,
        failure=(known.failure or told.failure) if state in failed else None,
        action=(told.action or known.action) if state is PaymentState.PENDING else {},
    )


def next_query(*, created_at: datetime, now: datetime, first: timedelta) -> datetime:
    """Return when to ask again about a payment that waits: the longer it does, the later."""
    return now + max(first, min(now - created_at, _QUERY_LATEST))


def find_mismatch(known: Payment, told: ChargeResult) -> str | None:
    """Return what a provider cannot mean, or None if all is well."""
    state, captured = told.state, told.captured_minor
    authorised = max(told.authorised_minor, captured)
    if min(captured, told.authorised_minor) < 0 or authorised > known.amount.amount_minor:
        return (
            f"authorised {Money(authorised, known.amount.currency)}, captured "
            f"{Money(captured, known.amount.currency)} of {known.amount} that was asked for"
        )
    if (state is PaymentState.CAPTURED) != (captured > 0):
        return f"{state}, but {Money(captured, known.amount.currency)} was captured"
    if state is PaymentState.AUTHORISED and authorised == 0:
        return f"{state}, but nothing was"
    return None


def find_event_mismatch(known: Payment, told: ProviderEvent, *, merchant: str) -> str | None:
    """Return what is wrong with a notice, rightly signed as it is, or None if all is well."""
    if told.merchant != merchant:
        return f"it is about the account {told.merchant[:60]!r}, not {merchant!r}"
    if told.amount != known.amount:
        return f"the charge is for {told.amount}, not for {known.amount}"
    problem = find_mismatch(known, told.charge)
    # One that failed gave nothing back; the same money may be tried again by another one.
    given = sum(o.amount_minor for o in told.refunds if o.state is not RefundState.FAILED)
    captured = fold(known, told.charge).captured
    least = min((one.amount_minor for one in told.refunds), default=1)
    if problem is None and least <= 0:
        return f"a refund of {Money(least, captured.currency)} is told of"
    if problem is None and given > captured.amount_minor:
        return f"{Money(given, captured.currency)} given back of {captured} that was captured"
    return problem


def find_refund_mismatch(known: Refund, told: ToldRefund) -> str | None:
    """Return what a notice cannot mean by one of our refunds, or None if all is well."""
    amount = Money(told.amount_minor, known.amount.currency)
    if amount != known.amount:
        return f"a refund of {amount} is told of, {known.amount} was asked for"
    ends = {RefundState.DONE, RefundState.FAILED}
    if {known.state, told.state} == ends:
        return f"the refund of {known.amount} is {told.state}, and was {known.state} before"
    return None


def paid(payments: Sequence[Payment], currency: Currency) -> Money:
    """Return what the shop holds for an order: everything captured less everything refunded."""
    kept = sum(one.refundable.amount_minor for one in payments)
    return Money(kept, currency)


def covered(payments: Sequence[Payment], currency: Currency) -> Money:
    """Return what an order's payments bring: captured, or authorised and still held.

    What was given back counts still, so that a refund told before its payment changes nothing.
    """
    return Money(sum(one.covers.amount_minor for one in payments), currency)


def standing(payments: Sequence[Payment], refunds: Sequence[Refund]) -> list[Payment]:
    """Return the payments that still count for an order: not those that we gave back."""
    gone = {one.payment_id for one in refunds if one.reason in _CALLED_OFF}
    return [one for one in payments if one.id not in gone]


def claimed(payments: Sequence[Payment], currency: Currency) -> Money:
    """Return what payments bring or may bring: those whose outcome is not known count in full."""
    pending = sum(one.amount.amount_minor for one in payments if one.is_pending)
    return covered(payments, currency) + Money(pending, currency)


def due(total: Money, payments: Sequence[Payment]) -> Money:
    """Return what another payment may ask for."""
    return max(total - claimed(payments, total.currency), Money(0, total.currency))


def given_up(refunds: Sequence[Refund]) -> dict[PaymentId, int]:
    """Return {payment: what went back of it because its order did not need it}."""
    gone: Counter[PaymentId] = Counter()
    for one in refunds:
        if one.reason in _NOT_NEEDED and one.state is not RefundState.FAILED:
            gone[one.payment_id] += one.amount.amount_minor
    return dict(gone)
