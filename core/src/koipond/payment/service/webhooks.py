"""The use-case of notices: whatever a provider signed is applied once, in any order."""

from collections.abc import Mapping

from koipond.kernel.context import Context, transaction
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import RefundId, new_id
from koipond.kernel.money import Money
from koipond.payment import repository, rules
from koipond.payment.service.applying import apply, tell_mismatch
from koipond.payment.service.providers import find_provider
from koipond.payment.service.refunding import apply_refund, tell_refunded
from koipond.payment.types import (
    Outcome,
    Payment,
    PaymentProvider,
    ProviderEvent,
    Refund,
    RefundReason,
    RefundResult,
    RefundState,
    ToldRefund,
)


async def receive_notice(
    ctx: Context, provider: str, headers: Mapping[str, str], body: bytes
) -> None:
    """Apply what a provider's notice says; again, it does nothing.

    headers: with lower-case names. A notice about a payment that is not ours is kept as UNKNOWN and
    taken: a payment is stored before its provider is asked, so it will never be ours. One that
    names a wrong amount, currency or account changes nothing and is raised to staff.
    Raises PaymentProviderUnknown, WebhookRefused.
    """
    found = find_provider(ctx, provider)
    for event in found.parse_webhook(headers, body):
        await _receive(ctx, provider, found, event)


@transaction
async def _receive(ctx: Context, key: str, provider: PaymentProvider, event: ProviderEvent) -> None:
    known = await repository.lock(ctx.db, event.payment_id)
    if known is not None and known.provider != key:
        known = None
    wrong = (
        rules.find_event_mismatch(known, event, merchant=provider.merchant)
        if known is not None
        else None
    )
    outcome = Outcome.REFUSED if wrong else Outcome.APPLIED
    is_new = await repository.add_event(
        ctx.db,
        provider=key,
        event_id=event.id,
        payment_id=event.payment_id,
        outcome=outcome if known is not None else Outcome.UNKNOWN,
        reason=wrong,
        now=ctx.clock.now(),
    )
    if known is None or not is_new:
        return
    if wrong is not None:
        tell_mismatch(ctx, known, wrong)
        return
    applied = await apply(ctx, known, event.charge)
    for told in event.refunds:
        await _apply_refund(ctx, applied, told)
    crash_point("payment.notice.before_commit")


async def _apply_refund(ctx: Context, payment: Payment, told: ToldRefund) -> None:
    """Apply a refund that a notice tells of: ours, or one that was made at the provider."""
    if told.refund_id is not None:
        ours = await repository.find_refund(ctx.db, told.refund_id)
        if ours is None or ours.payment_id != payment.id:
            return
        wrong = rules.find_refund_mismatch(ours, told)
        if wrong is not None:
            tell_mismatch(ctx, payment, wrong)
            return
        result = RefundResult(state=told.state, reference=told.reference)
        await apply_refund(ctx, payment.id, told.refund_id, result)
        return
    known = await repository.has_refund(ctx.db, payment.id, told.reference)
    if known or told.state is not RefundState.DONE:
        return
    current = await repository.lock(ctx.db, payment.id)
    assert current is not None, "it is locked already"
    if told.amount_minor > current.refundable.amount_minor:
        asked = Money(told.amount_minor, current.amount.currency)
        tell_mismatch(
            ctx, current, f"{asked} given back at the provider, {current.refundable} could be"
        )
        return
    made = _refund_elsewhere(current, told)
    await repository.owe(ctx.db, made, {}, now=ctx.clock.now())
    tell_refunded(ctx, made)


def _refund_elsewhere(payment: Payment, told: ToldRefund) -> Refund:
    return Refund(
        id=RefundId(new_id()),
        payment_id=payment.id,
        order_id=payment.order_id,
        provider=payment.provider,
        payment_reference=payment.reference,
        state=RefundState.DONE,
        amount=Money(told.amount_minor, payment.amount.currency),
        reason=RefundReason.PROVIDER,
        reference=told.reference,
    )
