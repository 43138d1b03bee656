"""The use-case of closing orders: the buyer has all of it, and the time to send it back is over."""

from koipond.fulfilment import service as fulfilment
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderId
from koipond.order import repository, rules
from koipond.order.events import OrderClosed
from koipond.order.types import CloseOrders, OrderState

_AT_ONCE = 500


async def close_orders(ctx: Context, job: CloseOrders) -> None:
    """Close each order whose time has come, in a transaction of its own."""
    async with ctx.reading() as db:
        due = await repository.find_closable(db, now=ctx.clock.now(), limit=_AT_ONCE)
    for order_id in due:
        await _close(ctx, order_id)


@transaction
async def _close(ctx: Context, order_id: OrderId) -> None:
    order = await repository.lock_whole(ctx.db, order_id)
    now = ctx.clock.now()
    if order.state is not OrderState.CONFIRMED or order.close_at is None or order.close_at > now:
        return
    assert not rules.has_open(await fulfilment.find_returns(ctx, order_id)), "then it has no time"
    repository.move(ctx.unsent, order_id, OrderState.CLOSED, now=now)
    ctx.emit(OrderClosed(order_id=order_id))
