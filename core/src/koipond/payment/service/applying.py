"""Laying what a provider told over a payment that is locked, by whatever way it was told."""

from datetime import timedelta

from koipond.kernel.context import Context
from koipond.payment import repository, rules
from koipond.payment.events import (
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    PaymentMismatched,
    PaymentVoided,
)
from koipond.payment.types import ChargeResult, Payment, PaymentState


async def apply(
    ctx: Context, known: Payment, told: ChargeResult, *, unread: bool = False
) -> Payment:
    """Store what a provider told of a locked payment; what comes again, or too late, does nothing.

    What a provider cannot mean is not applied but raised to staff. unread: it is not locked but
    believed to be as it was begun; then what sends the rest stores this too, or raises Outdated.
    """
    mismatch = rules.find_mismatch(known, told)
    if mismatch is not None:
        tell_mismatch(ctx, known, mismatch)
        return known
    now = ctx.clock.now()
    changed = rules.fold(known, told)
    if changed == known and not changed.is_pending:
        return known
    lease = timedelta(seconds=ctx.settings.idempotency_lease_s)
    query_at = rules.next_query(created_at=known.created_at, now=now, first=lease)
    if unread:
        repository.save_begun(ctx.unsent, changed, now=now, query_at=query_at)
    else:
        await repository.save(ctx.db, changed, now=now, query_at=query_at)
    _tell(ctx, known, changed)
    return changed


def tell_mismatch(ctx: Context, known: Payment, reason: str) -> None:
    """Raise to staff what a provider told and cannot mean."""
    ctx.emit(PaymentMismatched(order_id=known.order_id, payment_id=known.id, reason=reason))


def _tell(ctx: Context, known: Payment, changed: Payment) -> None:
    order_id, currency = known.order_id, known.amount.currency
    captured = (changed.captured - known.captured).amount_minor
    authorised = (changed.authorised - known.authorised).amount_minor
    if captured > 0:
        ctx.emit(
            PaymentCaptured(
                order_id=order_id,
                payment_id=known.id,
                amount_minor=captured,
                currency=currency,
            )
        )
    elif authorised > 0:
        ctx.emit(
            PaymentAuthorised(
                order_id=order_id,
                payment_id=known.id,
                amount_minor=authorised,
                currency=currency,
            )
        )
    if changed.released and not known.released:
        ctx.emit(PaymentVoided(order_id=order_id, payment_id=known.id))
    if changed.state is PaymentState.FAILED and known.state is not PaymentState.FAILED:
        ctx.emit(PaymentFailed(order_id=order_id, payment_id=known.id))
