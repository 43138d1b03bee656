"""The use-case of cancelling."""

from koipond.fulfilment import service as fulfilment
from koipond.kernel.context import Context, transaction
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import OrderId, RefundId, encode
from koipond.kernel.state import allows
from koipond.order import repository, rules
from koipond.order.errors import OrderUnknown
from koipond.order.events import OrderCancelled
from koipond.order.service.paying import answer
from koipond.order.service.reading import find_any_order, find_own_order
from koipond.order.service.refunding import check_cancelling
from koipond.order.types import Order, OrderState, Placed
from koipond.payment import service as payment
from koipond.payment.types import RefundReason
from koipond.stock import service as stock

REASON_MAX = 200


async def cancel_order(
    ctx: Context, order_id: OrderId, *, token: str | None, reason: str
) -> Placed:
    """Cancel an order of the caller: its units are free at once, what was paid is given back.

    Asked again, it answers the same. Raises OrderUnknown, OrderNotCancellable,
    OrderPartlyFulfilled, what a plugin refuses it by, and PaymentUnresolved while a payment of it
    is at work.
    """
    order = await find_own_order(ctx, order_id=order_id, token=token)
    if order is None:
        raise OrderUnknown
    if allows(rules.ORDER_MOVES, order.state, OrderState.CANCELLED):
        for refusal in await ctx.hooks.order_move_validate(ctx, order, OrderState.CANCELLED):
            raise refusal
    await _carry_out(ctx, order, reason)
    return await answer(ctx, order_id)


async def cancel_any_order(ctx: Context, order_id: OrderId, *, reason: str) -> Order:
    """Cancel an order as staff do; else as `cancel_order`."""
    order = await find_any_order(ctx, order_id=order_id)
    if order is None:
        raise OrderUnknown
    if order.state is not OrderState.CANCELLED:
        await check_cancelling(ctx, order)
    await _carry_out(ctx, order, reason)
    cancelled = await find_any_order(ctx, order_id=order_id)
    assert cancelled is not None, "orders are never deleted"
    return cancelled


async def _carry_out(ctx: Context, order: Order, reason: str) -> None:
    if order.state is not OrderState.CANCELLED:
        # Before any payment is let go: a refusal changes nothing.
        rules.check_cancellable(order, await fulfilment.find_fulfilments(ctx, order.id))
        await payment.resolve(ctx, order.id)
        # Closed at its provider before anything is released here.
        await payment.void_pending(ctx, order.id)
    await _cancel(ctx, order.id, reason)
    # Jobs would do all this too; who looks at once should see the units free and the money back.
    await stock.give_back(ctx)
    await payment.settle_voids(ctx, order.id)
    await payment.settle_refunds(ctx, order.id)


@transaction
async def _cancel(ctx: Context, order_id: OrderId, reason: str) -> None:
    await payment.lock_payments(ctx, order_id)
    order = await repository.lock_whole(ctx.db, order_id)
    if order.state is OrderState.CANCELLED:
        return
    rules.check_cancellable(order, await fulfilment.find_fulfilments(ctx, order_id))
    # Those that were begun since, too: read again under the order's lock.
    for one in await payment.find_payments(ctx, order_id):
        if one.is_pending:
            raise payment.unresolved(ctx, one.provider)
    kept = reason.strip()[:REASON_MAX]
    repository.move(
        ctx.unsent, order_id, OrderState.CANCELLED, now=ctx.clock.now(), cancel_reason=kept
    )
    await stock.release(ctx, order_id)
    owed = await payment.owe_refund(ctx, order_id, reason=RefundReason.CANCELLED)
    ctx.emit(
        OrderCancelled(
            order_id=order_id,
            refund_due_minor=sum(one.amount.amount_minor for one in owed),
            currency=order.total.currency,
            reason=kept,
        )
    )
    ctx.audited(
        encode(OrderId, order_id),
        before={"state": order.state},
        after={
            "state": OrderState.CANCELLED,
            "refunds": {encode(RefundId, one.id): str(one.amount) for one in owed},
        },
    )
    crash_point("order.cancelled.before_commit")
