"""Use-cases of what people must look at: said once with its order, until somebody settles it."""

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderId
from koipond.order import repository, rules
from koipond.order.errors import OrderUnknown
from koipond.order.events import OrderNeedsAttention
from koipond.order.types import AttentionReason, Order
from koipond.payment.events import PaymentMismatched, Refunded, RefundFailed
from koipond.payment.types import RefundReason


@transaction
async def flag_order(ctx: Context, order_id: OrderId, reason: AttentionReason, detail: str) -> None:
    """Have people look at an order; what is said already is not said again."""
    order = await repository.lock(ctx.db, order_id)
    now = ctx.clock.now()
    noted = rules.add_attention(order.attention, reason, detail, now=now)
    if noted != order.attention:
        await repository.set_attention(ctx.db, order_id, noted, now=now)
        ctx.emit(OrderNeedsAttention(order_id=order_id, reason=reason, detail=detail))


@transaction
async def settle_attention(ctx: Context, order: Order, *reasons: AttentionReason) -> None:
    """Take from a locked order what is settled by itself; no reasons: all of it."""
    noted = rules.without_attention(order.attention, reasons or tuple(AttentionReason))
    if noted != order.attention:
        await repository.set_attention(ctx.db, order.id, noted, now=ctx.clock.now())


@transaction
async def clear_attention(ctx: Context, order_id: OrderId) -> Order:
    """Say that people have looked at an order. Raises OrderUnknown."""
    known = await repository.find_order(ctx.db, repository.visible_to_staff(), order_id=order_id)
    if known is None:
        raise OrderUnknown
    await settle_attention(ctx, await repository.lock(ctx.db, order_id))
    return await repository.lock(ctx.db, order_id)


async def flag_mismatch(ctx: Context, event: PaymentMismatched) -> None:
    """Have people look at a payment of which a provider told something else than was asked.

    Runs in the transaction that received it (app.py's table).
    """
    await flag_order(ctx, event.order_id, AttentionReason.PAYMENT_MISMATCH, event.reason)


async def flag_failed_refund(ctx: Context, event: RefundFailed) -> None:
    """Have people look at money that is owed and that the provider does not give back.

    Runs in the transaction that received it (app.py's table).
    """
    await flag_order(ctx, event.order_id, AttentionReason.REFUND_FAILED, event.failure)


async def flag_refund_elsewhere(ctx: Context, event: Refunded) -> None:
    """Have people look at money that was given back at the provider, and not here.

    Runs in the transaction that received it (app.py's table).
    """
    if event.reason == RefundReason.PROVIDER:
        detail = f"{event.amount_minor} minor units of {event.currency}"
        await flag_order(ctx, event.order_id, AttentionReason.REFUNDED_ELSEWHERE, detail)
