"""Use-cases of orders that are not paid in time: closed at their providers first, then here.

PLACED --window over--> closing --all payments closed--> EXPIRED, or CONFIRMED if one was faster
"""

from koipond.kernel.context import Context, transaction
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import OrderId
from koipond.kernel.jobs import enqueue
from koipond.order import repository
from koipond.order.events import OrderExpired
from koipond.order.service.covering import confirm, find_standing, is_covered
from koipond.order.types import ExpireOrder, ExpireOrders, OrderState
from koipond.payment import service as payment
from koipond.payment.types import RefundReason
from koipond.stock import service as stock

_AT_ONCE = 500


@transaction
async def expire_orders(ctx: Context, job: ExpireOrders) -> None:
    """Have each order closed whose window to be paid is over."""
    for order_id in await repository.find_unpaid(ctx.db, due_by=ctx.clock.now(), limit=_AT_ONCE):
        # One that is at work, or waits to be tried again, is not begun beside it.
        await enqueue(ctx, ExpireOrder(order_id=order_id), unique=f"order.expire:{order_id}")


async def expire_order(ctx: Context, job: ExpireOrder) -> None:
    """Close an unpaid order: its payments at their providers, then the order; in no transaction.

    While a request to a provider may be at work it is left as it is, for the next round.
    """
    if not await _begin_closing(ctx, job.order_id):
        return
    crash_point("order.closing")
    if not await payment.close_open(ctx, job.order_id):
        return
    crash_point("order.closed_at_providers")
    await _expire(ctx, job.order_id)
    await payment.settle_refunds(ctx, job.order_id)


@transaction
async def _begin_closing(ctx: Context, order_id: OrderId) -> bool:
    """Keep an unpaid order from being confirmed while its payments are being closed."""
    order = await repository.lock(ctx.db, order_id)
    if order.state is not OrderState.PLACED:
        return False
    if not order.is_closing:
        await repository.begin_closing(ctx.db, order_id, now=ctx.clock.now())
    return True


@transaction
async def _expire(ctx: Context, order_id: OrderId) -> None:
    await payment.lock_payments(ctx, order_id)
    order = await repository.lock(ctx.db, order_id)
    if order.state is not OrderState.PLACED:
        return
    # It was paid at the last moment: what is closed at the provider is captured.
    payments = await find_standing(ctx, order)
    if is_covered(order, payments):
        await confirm(ctx, order, payments)
        return
    repository.move(ctx.unsent, order_id, OrderState.EXPIRED, now=ctx.clock.now())
    await stock.release(ctx, order_id)
    owed = await payment.owe_refund(ctx, order_id, reason=RefundReason.EXPIRED)
    ctx.emit(
        OrderExpired(
            order_id=order_id,
            refund_due_minor=sum(one.amount.amount_minor for one in owed),
            currency=order.total.currency,
        )
    )
    crash_point("order.expired.before_commit")
