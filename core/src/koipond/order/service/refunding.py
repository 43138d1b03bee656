"""Use-cases of staff giving money back, and letting go of payments."""

from uuid import UUID

from koipond.approval import service as approval
from koipond.channel import service as channels
from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.faults import crash_point
from koipond.kernel.idempotency import Claim, Step
from koipond.kernel.ids import OrderId, PaymentId, RefundId, encode
from koipond.kernel.money import Money
from koipond.order import repository, rules
from koipond.order.errors import OrderUnknown
from koipond.order.service.attention import settle_attention
from koipond.order.service.reading import check_in_reach, find_any_order, get_any_order
from koipond.order.types import AttentionReason, Order, OrderState, RefundWish
from koipond.payment import service as payment
from koipond.payment.errors import (
    PaymentNotVoidable,
    PaymentUnknown,
    RefundNotRetryable,
    RefundUnknown,
)
from koipond.payment.types import Payment, RefundReason, RefundState

_OPERATION = "refundOrder"
_NOTE_MAX = 200
# What people decided to give back.
_BY_STAFF = {RefundReason.STAFF, RefundReason.RETURNED, RefundReason.EDITED}
_STANDS = {OrderState.CONFIRMED, OrderState.CLOSED}


async def refund_order(ctx: Context, wish: RefundWish, *, idempotency_key: str) -> Order:
    """Give back units of lines, or an amount, of what was paid; a repeat gives nothing twice.

    Raises OrderUnknown, OrderNotRefundable, RefundAmbiguous, OrderLineUnknown,
    RefundQuantityTooLarge, ShippingNotRefundable, RefundTooLarge.
    """
    if await find_any_order(ctx, order_id=wish.order_id) is None:
        raise OrderUnknown
    held = await idempotency.claim(
        ctx,
        principal=f"{ctx.viewer.kind}:{ctx.viewer.id}",
        operation=_OPERATION,
        key=idempotency_key,
        request=wish,
        subject_id=wish.order_id,
    )
    if held.step is Step.CLAIMED:
        try:
            await _owe(ctx, wish, held)
        except DomainError:
            await idempotency.forget(ctx, held)
            raise
    await payment.settle_refunds(ctx, wish.order_id)
    found = await find_any_order(ctx, order_id=wish.order_id)
    assert found is not None, "orders are never deleted"
    return found


async def retry_refund(ctx: Context, key: RefundId, *, idempotency_key: str) -> Order:
    """Ask a provider once more for what it did not give back, as a refund of its own.

    Raises RefundUnknown, RefundNotRetryable, RefundTooLarge.
    """
    failed = await payment.find_refund(ctx, key)
    if failed is None:
        raise RefundUnknown(refund_id=key)
    await check_in_reach(ctx, failed.order_id, RefundUnknown(refund_id=key))

    async def retry(inside: Context, _: UUID) -> None:
        await payment.lock_payments(inside, failed.order_id)
        order = await repository.lock_whole(inside.db, failed.order_id)
        refunds = await payment.find_refunds(inside, order.id)
        known = next(one for one in refunds if one.id == key)
        if not rules.is_unsettled(known, refunds):
            raise RefundNotRetryable(state=known.state)
        new = await payment.owe_again(inside, known)
        inside.audited(
            encode(RefundId, known.id),
            before={"state": known.state},
            after={"state": known.state, "again_as": encode(RefundId, new.id)},
        )
        if not any(rules.is_unsettled(one, [*refunds, new]) for one in refunds):
            await settle_attention(inside, order, AttentionReason.REFUND_FAILED)

    await idempotency.once(
        ctx,
        retry,
        operation="retryRefund",
        key=idempotency_key,
        request=key,
        subject_id=key,
    )
    await payment.settle_refunds(ctx, failed.order_id)
    return await get_any_order(ctx, failed.order_id)


async def capture_payment(
    ctx: Context, payment_id: PaymentId, *, amount: Money | None, idempotency_key: str
) -> Payment:
    """Do `payment.capture_payment` for staff, who may look after some channels alone."""
    known = await payment.find_payment(ctx, payment_id)
    if known is not None:
        await check_in_reach(ctx, known.order_id, PaymentUnknown(payment_id=payment_id))
    return await payment.capture_payment(
        ctx, payment_id, amount=amount, idempotency_key=idempotency_key
    )


async def void_payment(ctx: Context, payment_id: PaymentId) -> Payment:
    """Let go of what a payment holds and has not captured; again, it answers the same.

    Raises PaymentUnknown, PaymentNotVoidable, PaymentUnresolved.
    """
    known = await payment.find_payment(ctx, payment_id)
    if known is None:
        raise PaymentUnknown(payment_id=payment_id)
    await check_in_reach(ctx, known.order_id, PaymentUnknown(payment_id=payment_id))
    if known.released:
        return known
    if known.captured.amount_minor > 0 or known.held.amount_minor == 0:
        raise PaymentNotVoidable(state=known.state, reason="nothing but held money is let go")
    order = await find_any_order(ctx, order_id=known.order_id)
    if order is not None and order.state in _STANDS:
        reason = "its order stands on it, cancel that"
        raise PaymentNotVoidable(state=known.state, reason=reason)
    return await payment.void(ctx, known)


@transaction
async def _owe(ctx: Context, wish: RefundWish, held: Claim) -> None:
    # Another try of the same request was faster.
    if not await idempotency.advance(ctx, held, Step.DONE):
        return
    # Locked, so that two refunds at once see what the other has taken.
    await payment.lock_payments(ctx, wish.order_id)
    order = await repository.lock_whole(ctx.db, wish.order_id)
    await owe_units(ctx, order, wish, reason=RefundReason.STAFF)
    crash_point("refund.owed.before_commit")


@transaction
async def owe_units(ctx: Context, order: Order, wish: RefundWish, *, reason: RefundReason) -> None:
    """Owe back what a wish says of an order that is locked, its payments before it.

    Raises what `refund_order` does.
    """
    payments = await payment.find_payments(ctx, order.id)
    parts = await payment.find_parts(ctx, order.id)
    plan = rules.plan_refund(order, parts, payments, wish)
    await _check_policy(ctx, order, sum(plan.values()))
    await repository.count_refunded(ctx.db, rules.refunded_units(wish))
    note = wish.note.strip()[:_NOTE_MAX]
    owed = await payment.owe_parts(ctx, payments, plan, reason=reason, note=note)
    ctx.audited(
        encode(OrderId, order.id),
        after={"refunds": {encode(RefundId, one.id): str(one.amount) for one in owed}},
    )


async def _check_policy(ctx: Context, order: Order, amount_minor: int) -> None:
    """Raise ApprovalNeeded if so much, with what staff gave back of it before, needs four eyes."""
    given = sum(
        one.amount.amount_minor
        for one in await payment.find_refunds(ctx, order.id)
        if one.reason in _BY_STAFF and one.state is not RefundState.FAILED
    )
    await _check_alone(ctx, order, given + amount_minor)


async def check_editing(ctx: Context, before: Order, after: Order) -> None:
    """Raise ApprovalNeeded if what goes back because an order costs less needs four eyes."""
    paid = sum(one.captured.amount_minor for one in await payment.find_payments(ctx, before.id))
    less = min((before.total - after.total).amount_minor, paid)
    if less > 0:
        await _check_policy(ctx, before, less)


async def check_cancelling(ctx: Context, order: Order) -> None:
    """Raise ApprovalNeeded if what goes back with a cancelled order needs four eyes."""
    paid = sum(one.captured.amount_minor for one in await payment.find_payments(ctx, order.id))
    await _check_alone(ctx, order, paid)


async def _check_alone(ctx: Context, order: Order, amount_minor: int) -> None:
    known = await channels.recall_channels(ctx)
    # One that is newer than what this process knows: then only who has no limits may agree.
    approval.check_policy(
        ctx,
        "refund",
        unit=order.total.currency,
        amount=amount_minor,
        channel=next((one.code for one in known if one.id == order.channel_id), ""),
    )
