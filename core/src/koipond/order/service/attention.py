"""Use-cases of what people must look at: said once with its order, until somebody settles it."""

from koipond.fulfilment import service as fulfilment
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderId, encode
from koipond.kernel.jobs import enqueue
from koipond.order import repository, rules
from koipond.order.errors import OrderUnknown
from koipond.order.events import OrderNeedsAttention
from koipond.order.service.reading import find_any_order
from koipond.order.types import AttentionAction, AttentionReason, FlagShortOrders, Order
from koipond.payment.events import PaymentMismatched, Refunded, RefundFailed
from koipond.payment.types import RefundReason
from koipond.stock import service as stock
from koipond.stock.events import StockShort


def actions_for(reason: AttentionReason) -> list[AttentionAction]:
    """Return what people can do about a reason, the usual way first."""
    return list(rules.ATTENTION_ACTIONS[reason])


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
    known = await find_any_order(ctx, order_id=order_id)
    if known is None:
        raise OrderUnknown
    locked = await repository.lock(ctx.db, order_id)
    await settle_attention(ctx, locked)
    reasons = sorted({one.reason for one in locked.attention})
    ctx.audited(encode(OrderId, order_id), before={"attention": reasons}, after={"attention": []})
    return await repository.lock(ctx.db, order_id)


@transaction
async def await_short_orders(ctx: Context, event: StockShort) -> None:
    """Have the orders found that lack what a count found missing.

    By a job: this transaction has the stock locked, which orders lock after themselves.
    """
    job = FlagShortOrders(quota_id=event.quota_id, variant_id=event.variant_id, units=event.units)
    await enqueue(ctx, job)


async def flag_short_orders(ctx: Context, job: FlagShortOrders) -> None:
    """Have people look at the orders that lack units, those that were placed last first."""
    promised = await stock.find_promised(ctx, job.quota_id)
    packed = await fulfilment.find_fulfilments_of(ctx, list(promised))
    waiting = [
        (key, units - rules.units_left_house(packed[key], job.quota_id))
        for key, units in promised.items()
    ]
    lacking = rules.find_lacking([one for one in waiting if one[1] > 0], job.units)
    for key, units in lacking.items():
        order = await find_any_order(ctx, order_id=key)
        if order is None:
            continue  # it is being placed just now
        sku = next((o.sku for o in order.lines if o.variant_id == job.variant_id), "")
        await flag_order(ctx, key, AttentionReason.STOCK_SHORT, f"{units} of {sku} are missing")


async def flag_mismatch(ctx: Context, event: PaymentMismatched) -> None:
    """Have people look at a payment of which a provider told something else than was asked.

    Runs in the transaction that received it (duties.py).
    """
    await flag_order(ctx, event.order_id, AttentionReason.PAYMENT_MISMATCH, event.reason)


async def flag_failed_refund(ctx: Context, event: RefundFailed) -> None:
    """Have people look at money that is owed and that the provider does not give back.

    Runs in the transaction that received it (duties.py).
    """
    await flag_order(ctx, event.order_id, AttentionReason.REFUND_FAILED, event.failure)


async def flag_refund_elsewhere(ctx: Context, event: Refunded) -> None:
    """Have people look at money that was given back at the provider, and not here.

    Runs in the transaction that received it (duties.py).
    """
    if event.reason == RefundReason.PROVIDER:
        detail = f"{event.amount_minor} minor units of {event.currency}"
        await flag_order(ctx, event.order_id, AttentionReason.REFUNDED_ELSEWHERE, detail)
