"""Use-cases of units that leave the house, and come back to the shelf that they were of.

Shipping lowers on_hand and leaves the quota alone: its units stay taken. A unit that comes back
raises on_hand again, and the order lets go of it.
"""

from collections.abc import Mapping, Sequence

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import LocationId, OrderId, OwnerId, QuotaId, VariantId, encode
from koipond.kernel.quantity import Quantity
from koipond.quota import service as quota
from koipond.quota.types import ReservationState
from koipond.stock import repository
from koipond.stock.errors import StockNotInHouse
from koipond.stock.types import HeldUnits, LocatedUnits, MovementReason, StockReceipt


async def find_held(ctx: Context, order_id: OrderId) -> list[HeldUnits]:
    """Return what the stock keeps for a placed order, and where; the location that is asked first
    first."""
    kept = await quota.find_kept(ctx, [OwnerId(order_id)])
    quotas = await quota.find_quotas(ctx, {key for _, key, _ in kept})
    levels = {key: one.parent_id or key for key, one in quotas.items()}
    async with ctx.reading() as db:
        places = await repository.find_level_places(db, set(levels.values()))
        locations = await repository.find_locations(db)
    codes = {one.id: (place, one.code) for place, one in enumerate(locations)}
    found = []
    for _, key, units in kept:
        if levels[key] in places:
            variant_id, location_id = places[levels[key]]
            held = HeldUnits(
                quota_id=key,
                variant_id=variant_id,
                location_id=location_id,
                location=codes[location_id][1],
                units=units,
                apart=levels[key] != key,
            )
            found.append(held)
    return sorted(found, key=lambda one: (codes[one.location_id], one.quota_id))


async def find_promised(ctx: Context, quota_id: QuotaId) -> dict[OrderId, int]:
    """Return {order: units} of all that a level's quota has placed orders promised."""
    promised: dict[OrderId, int] = {}
    for one in await quota.find_holders(ctx, quota_id):
        if one.state in {ReservationState.PLACED, ReservationState.CONSUMED}:
            key = OrderId(one.owner_id)
            promised[key] = promised.get(key, 0) + one.quantity
    return promised


@transaction
async def ship(ctx: Context, units: Sequence[LocatedUnits], *, reference: str) -> None:
    """Book units out of the house. reference: what they left by. Raises StockNotInHouse."""
    # Sorted: two who send units of the same variants lock their levels in one order.
    for one in sorted(units, key=lambda one: (one.variant_id, one.location_id)):
        level = await repository.lock_level(ctx.db, one.variant_id, one.location_id)
        if level is None or level.on_hand < one.quantity:
            locations = await repository.find_locations(ctx.db)
            raise StockNotInHouse(
                variant_id=encode(VariantId, one.variant_id),
                location=next(place.code for place in locations if place.id == one.location_id),
                quantity=Quantity(one.quantity),
                on_hand=0 if level is None else level.on_hand,
            )
    await _move(ctx, units, MovementReason.SHIPMENT, reference, sign=-1)


@transaction
async def restock(
    ctx: Context,
    order_id: OrderId,
    units: Sequence[LocatedUnits],
    quotas: Mapping[QuotaId, int],
    *,
    reference: str,
) -> None:
    """Book units back to the shelves that they left, and let go of as many of what the order has.

    quotas: {quota: units}, those that they were held of. `give_back` frees them.
    """
    await _move(ctx, units, MovementReason.RETURN, reference, sign=1)
    await let_go(ctx, order_id, quotas)


@transaction
async def let_go(ctx: Context, order_id: OrderId, quotas: Mapping[QuotaId, int]) -> None:
    """Let go of some units that an order has, {quota: units}. Not idempotent. Raises
    UnitsNotHeld."""
    for key, count in sorted(quotas.items()):
        await quota.return_part(ctx, OwnerId(order_id), key, count)


@transaction
async def release_others(ctx: Context, order_id: OrderId) -> None:
    """Let go of what an order has beside the stock, each claim by its policy."""
    held = {one.quota_id for one in await find_held(ctx, order_id)}
    for owner, key, units in await quota.find_kept(ctx, [OwnerId(order_id)]):
        if key not in held:
            await quota.return_part(ctx, owner, key, units)


async def find_moved(ctx: Context, reason: MovementReason) -> dict[tuple[str, VariantId], int]:
    """Return {(reference, variant): units} of all that moved for a reason: for audits."""
    async with ctx.reading() as db:
        return await repository.sum_movements(db, reason)


async def _move(
    ctx: Context,
    units: Sequence[LocatedUnits],
    reason: MovementReason,
    reference: str,
    *,
    sign: int,
) -> None:
    by_location: dict[LocationId, dict[VariantId, int]] = {}
    for one in units:
        there = by_location.setdefault(one.location_id, {})
        there[one.variant_id] = there.get(one.variant_id, 0) + sign * one.quantity
    for location_id, changes in sorted(by_location.items()):
        receipts = [StockReceipt(variant_id=key, quantity=n) for key, n in changes.items()]
        await repository.move(
            ctx.db, location_id, receipts, reason=reason, reference=reference, now=ctx.clock.now()
        )
