"""The use-case of cancelling."""

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderId
from koipond.kernel.state import allows
from koipond.order import repository, rules
from koipond.order.errors import OrderNotCancellable, OrderUnknown
from koipond.order.events import OrderCancelled
from koipond.order.service.paying import answer
from koipond.order.service.reading import find_own_order
from koipond.order.types import OrderState, Placed
from koipond.payment import service as payment
from koipond.payment.types import PaymentState
from koipond.stock import service as stock

REASON_MAX = 200


async def cancel_order(
    ctx: Context, order_id: OrderId, *, token: str | None, reason: str
) -> Placed:
    """Cancel an order: its units are free at once, what was paid is given back.

    Asked again, it answers the same. Raises OrderUnknown, OrderNotCancellable, and
    PaymentUnresolved while a payment of it is at work.
    """
    order = await find_own_order(ctx, order_id=order_id, token=token)
    if order is None:
        raise OrderUnknown
    await payment.resolve(ctx, order_id)
    await _cancel(ctx, order_id, reason)
    await payment.settle_refunds(ctx, order_id)
    return await answer(ctx, order_id)


@transaction
async def _cancel(ctx: Context, order_id: OrderId, reason: str) -> None:
    order = await repository.lock(ctx.db, order_id)
    if order.state is OrderState.CANCELLED:
        return
    if not allows(rules.ORDER_MOVES, order.state, OrderState.CANCELLED):
        raise OrderNotCancellable(state=order.state)
    for one in await payment.find_payments(ctx, order_id):
        if one.state is PaymentState.PENDING:
            raise payment.unresolved(ctx, one.provider)
    kept = reason.strip()[:REASON_MAX]
    await repository.move(
        ctx.db, order_id, OrderState.CANCELLED, now=ctx.clock.now(), cancel_reason=kept
    )
    await stock.release(ctx, order_id)
    owed = await payment.owe_refund(ctx, order_id)
    ctx.emit(
        OrderCancelled(
            order_id=order_id,
            refund_due_minor=sum(one.amount.amount_minor for one in owed),
            currency=order.total.currency,
            reason=kept,
        )
    )
