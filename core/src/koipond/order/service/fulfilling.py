"""Use-cases of sending an order's units: in parcels, from where they are, or fetched with a code.

Each locks the order, so that two people never send the same unit.
"""

from uuid import UUID

from koipond.fulfilment import service as fulfilment
from koipond.fulfilment.errors import FulfilmentUnknown, PickUpCodeWrong
from koipond.fulfilment.rules import units_out
from koipond.fulfilment.types import Fulfilment, FulfilmentMethod, FulfilmentWish, Tracking
from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.faults import crash_point
from koipond.kernel.idempotency import Claim, Step
from koipond.kernel.ids import FulfilmentId, OrderId, OrderLineId, encode
from koipond.order import repository, rules
from koipond.order.events import OrderDelivered, OrderFulfilled
from koipond.order.service.acting import Acting
from koipond.order.service.attention import settle_attention
from koipond.order.service.policies import find_return_window
from koipond.order.service.reading import get_any_order
from koipond.order.types import AttentionReason, Order


def _told(known: Fulfilment) -> dict[str, object]:
    return {"state": known.state, "tracking": known.tracking, "code_round": known.code_round}


_FULFILMENTS = Acting(
    fulfilment.find_fulfilment, kind=FulfilmentId, told=_told, missing=FulfilmentUnknown
)


async def create_fulfilment(ctx: Context, wish: FulfilmentWish, *, idempotency_key: str) -> Order:
    """Have units of an order packed, one fulfilment for each location that they are at.

    A repeat packs nothing twice. Raises OrderUnknown, OrderNotFulfillable, OrderOnHold,
    NothingToFulfil, OrderLineUnknown, FulfilmentQuantityTooLarge.
    """
    await get_any_order(ctx, wish.order_id)

    async def create(inside: Context, _: UUID) -> None:
        order = await repository.lock_whole(inside.db, wish.order_id)
        rules.check_fulfillable(order)
        wanted = rules.plan_fulfilment(order, wish.lines)
        method = wish.method or await _find_chosen(inside, order)
        await fulfilment.create(inside, order.id, wanted, method=method, location=wish.location)
        units = {one.line_id: one.quantity for one in wanted}
        await repository.count_fulfilled(inside.db, units)
        packed = {f"{one.sku} {encode(OrderLineId, one.line_id)}": one.quantity for one in wanted}
        inside.audited(encode(OrderId, order.id), after={"packed": packed, "method": method})
        crash_point("fulfilment.created.before_commit")

    await idempotency.once(
        ctx,
        create,
        operation="createFulfilment",
        key=idempotency_key,
        request=wish,
        subject_id=wish.order_id,
    )
    return await get_any_order(ctx, wish.order_id)


async def _find_chosen(ctx: Context, order: Order) -> FulfilmentMethod:
    """Return how the buyer chose to get an order: sent, if that method is not there any more."""
    found = await fulfilment.find_rules(ctx)
    methods = found.methods.get(order.channel_id, ())
    chosen = (one.method for one in methods if one.code == order.details.shipping_method)
    return next(chosen, FulfilmentMethod.SHIPMENT)


async def ship_fulfilment(
    ctx: Context, key: FulfilmentId, tracking: Tracking, *, idempotency_key: str
) -> Order:
    """Send a fulfilment off: its units leave the house, by a movement of the stock.

    Raises FulfilmentUnknown, FulfilmentNotShippable, OrderNotFulfillable, OrderOnHold,
    StockNotInHouse.
    """

    async def ship(inside: Context, order: Order, known: Fulfilment) -> None:
        rules.check_fulfillable(order)
        await fulfilment.ship(inside, known, tracking)
        await _tell_left(inside, order)
        crash_point("fulfilment.shipped.before_commit")

    request = (key, tracking)
    return await _FULFILMENTS.once(
        ctx, key, ship, operation="shipFulfilment", name=idempotency_key, request=request
    )


async def deliver_fulfilment(ctx: Context, key: FulfilmentId) -> Order:
    """Say that a fulfilment has arrived; from then on its units can be sent back for a while.

    Raises FulfilmentUnknown, FulfilmentNotDeliverable.
    """
    return await _FULFILMENTS.alone(ctx, key, _deliver)


async def ready_fulfilment(ctx: Context, key: FulfilmentId) -> Order:
    """Say that a pick-up can be fetched. Raises FulfilmentUnknown, FulfilmentNotReadiable,
    OrderNotFulfillable, OrderOnHold."""
    return await _FULFILMENTS.alone(ctx, key, _ready)


async def renew_pick_up_code(ctx: Context, key: FulfilmentId) -> Order:
    """Let another code count for a pick-up, and none that was shown before.

    Raises FulfilmentUnknown, FulfilmentNotCollectable.
    """
    return await _FULFILMENTS.alone(ctx, key, _renew)


async def cancel_fulfilment(ctx: Context, key: FulfilmentId) -> Order:
    """Unpack a fulfilment that has not left. Raises FulfilmentUnknown, FulfilmentNotCancellable."""
    return await _FULFILMENTS.alone(ctx, key, _cancel)


async def collect_fulfilment(
    ctx: Context, key: FulfilmentId, code: str, *, idempotency_key: str
) -> Order:
    """Hand a pick-up over to who knows its code, which counts once.

    Raises FulfilmentUnknown, FulfilmentNotCollectable, PickUpCodeWrong, PickUpCodeLocked,
    OrderNotFulfillable, OrderOnHold, StockNotInHouse. A wrong code is counted.
    """
    known = await _FULFILMENTS.get(ctx, key)
    held = await idempotency.claim(
        ctx,
        principal=f"{ctx.viewer.kind}:{ctx.viewer.id}",
        operation="collectFulfilment",
        key=idempotency_key,
        request=(key, code),
        subject_id=key,
    )
    if held.step is not Step.DONE:
        try:
            attempts_left = await _collect(ctx, known.order_id, key, code, held)
            if attempts_left is not None:
                raise PickUpCodeWrong(attempts_left=attempts_left).located("code")
        except DomainError:
            await idempotency.forget(ctx, held)
            raise
    return await get_any_order(ctx, known.order_id)


@transaction
async def _collect(
    ctx: Context, order_id: OrderId, key: FulfilmentId, code: str, held: Claim
) -> int | None:
    """Return None once it is handed over, else how many codes may still be tried."""
    order = await repository.lock_whole(ctx.db, order_id)
    known = await fulfilment.find_fulfilment(ctx, key)
    rules.check_fulfillable(order)
    attempts_left = await fulfilment.collect(ctx, known, code)
    # Committed either way, so that a wrong code is counted.
    if attempts_left is None:
        await idempotency.advance(ctx, held, Step.DONE)
        await _tell_left(ctx, order)
        await _tell_arrived(ctx, order)
        after = {"state": (await fulfilment.find_fulfilment(ctx, key)).state}
        ctx.audited(encode(FulfilmentId, key), before={"state": known.state}, after=after)
        crash_point("fulfilment.collected.before_commit")
    return attempts_left


async def _deliver(ctx: Context, order: Order, known: Fulfilment) -> None:
    await fulfilment.deliver(ctx, known)
    await _tell_arrived(ctx, order)


async def _ready(ctx: Context, order: Order, known: Fulfilment) -> None:
    rules.check_fulfillable(order)
    await fulfilment.ready(ctx, known)


async def _renew(ctx: Context, order: Order, known: Fulfilment) -> None:
    await fulfilment.renew_code(ctx, known)


async def _cancel(ctx: Context, order: Order, known: Fulfilment) -> None:
    await fulfilment.cancel(ctx, known)
    units = units_out([known], [known.state])
    await repository.count_fulfilled(ctx.db, {key: -count for key, count in units.items()})


async def tell_progress(ctx: Context, before: Order, after: Order) -> None:
    """Tell what an edit has brought to its end, if it has; else the order is open again."""
    known = await fulfilment.find_fulfilments(ctx, after.id)
    if rules.has_left(after, known) and not rules.has_left(before, known):
        ctx.emit(OrderFulfilled(order_id=after.id))
    if rules.has_arrived(after, known) and not rules.has_arrived(before, known):
        ctx.emit(OrderDelivered(order_id=after.id))
    if known:
        await await_closing(ctx, after)


async def _tell_left(ctx: Context, order: Order) -> None:
    if rules.has_left(order, await fulfilment.find_fulfilments(ctx, order.id)):
        ctx.emit(OrderFulfilled(order_id=order.id))
        # What a count found missing was there after all, or has come since.
        await settle_attention(ctx, order, AttentionReason.STOCK_SHORT)


async def _tell_arrived(ctx: Context, order: Order) -> None:
    if rules.has_arrived(order, await fulfilment.find_fulfilments(ctx, order.id)):
        ctx.emit(OrderDelivered(order_id=order.id))
        await await_closing(ctx, order)


async def await_closing(ctx: Context, order: Order) -> None:
    """Have a locked order closed when the units that arrived last cannot be sent back any more.

    Not while one is on its way back; whoever settles the last return asks again.
    """
    known = await fulfilment.find_fulfilments(ctx, order.id)
    returns = await fulfilment.find_returns(ctx, order.id)
    now = ctx.clock.now()
    at = None
    if rules.has_arrived(order, known) and not rules.has_open(returns):
        window = await find_return_window(ctx, order.channel_id)
        last = max((one.delivered_at for one in known if one.delivered_at), default=now)
        at = last + window
    await repository.set_close_at(ctx.db, order.id, at, now=now)
