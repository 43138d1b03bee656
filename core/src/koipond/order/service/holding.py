"""Use-cases of holds: what keeps an order from being fulfilled, until somebody lifts it."""

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderId
from koipond.order import repository
from koipond.order.types import HoldWish, Order, OrderHold


@transaction
async def place_hold(ctx: Context, order_id: OrderId, wish: HoldWish, *, source: str) -> Order:
    """Place a hold on an order; one of this name that is there already stays as it is."""
    order = await repository.lock(ctx.db, order_id)
    if any(one.name == wish.name for one in order.holds):
        return order
    now = ctx.clock.now()
    new = OrderHold(name=wish.name, source=source, reason=wish.reason, placed_at=now)
    await repository.save_holds(ctx.db, order_id, (*order.holds, new), now=now)
    return await repository.lock(ctx.db, order_id)


@transaction
async def lift_hold(ctx: Context, order_id: OrderId, name: str) -> Order:
    """Take a hold off an order; without one of this name nothing changes."""
    order = await repository.lock(ctx.db, order_id)
    left = [one for one in order.holds if one.name != name]
    if len(left) == len(order.holds):
        return order
    await repository.save_holds(ctx.db, order_id, left, now=ctx.clock.now())
    return await repository.lock(ctx.db, order_id)
