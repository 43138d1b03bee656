"""Use-cases of stock."""

from collections.abc import Mapping, Sequence

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import LocationId, OrderId, VariantId, new_id
from koipond.stock import repository, rules
from koipond.stock.errors import LocationUnknown, StockBelowAllocated, StockDeltaInvalid
from koipond.stock.types import (
    Availability,
    Demand,
    Location,
    MovementReason,
    StockLevel,
    StockReceipt,
)

# Made when the first goods come in.
DEFAULT_LOCATION = "main"
_DELTA_MAX = 10**12


@transaction
async def receive(
    ctx: Context,
    receipts: Sequence[StockReceipt],
    *,
    location_code: str | None = None,
    reason: MovementReason = MovementReason.RECEIPT,
    reference: str = "",
) -> None:
    """Book units that came in, each variant at most once; None is the shop's default location.

    Raises LocationUnknown.
    """
    wanted = [receipt for receipt in receipts if receipt.quantity > 0]
    location = await _find_location(ctx, location_code)
    if wanted:
        await repository.move(
            ctx.db,
            location.id,
            wanted,
            reason=reason,
            reference=reference,
            now=ctx.clock.now(),
        )


@transaction
async def adjust_stock(
    ctx: Context,
    variant_id: VariantId,
    *,
    delta: int,
    reference: str,
    location_code: str | None = None,
) -> StockLevel:
    """Correct what a location has of a variant by `delta` units; returns the new level.

    A change, not a new number: two people who count at once must not undo each other.
    Raises StockDeltaInvalid, LocationUnknown, StockBelowAllocated.
    """
    if delta == 0 or abs(delta) > _DELTA_MAX:
        raise StockDeltaInvalid(delta=delta)
    location = await _find_location(ctx, location_code)
    level = await _lock_level(ctx, variant_id, location.id)
    if level.free + delta < 0:
        raise StockBelowAllocated(
            location=location.code,
            delta=delta,
            on_hand=level.on_hand,
            allocated=level.allocated,
        )
    await repository.move(
        ctx.db,
        location.id,
        [StockReceipt(variant_id=variant_id, quantity=delta)],
        reason=MovementReason.CORRECTION,
        reference=reference,
        now=ctx.clock.now(),
    )
    return await _lock_level(ctx, variant_id, location.id)


@transaction
async def allocate(ctx: Context, order_id: OrderId, demands: Sequence[Demand]) -> None:
    """Promise an order all that it wants, or nothing. demands: one per tracked variant.

    Raises InsufficientStock.
    """
    if not demands:
        return
    levels = await repository.lock_levels(ctx.db, [demand.variant_id for demand in demands])
    plan = rules.plan_allocation(demands, levels)
    taken = await repository.take(ctx.db, order_id, plan)
    assert taken, "a locked level changed under its lock"


@transaction
async def release(ctx: Context, order_id: OrderId) -> None:
    """Free all that is promised to an order; a second time there is nothing to free."""
    await repository.give_back(ctx.db, order_id)


async def find_availability(
    ctx: Context, tracked: Mapping[VariantId, bool]
) -> dict[VariantId, Availability]:
    """Return what a buyer is told of each variant of `tracked`, {variant: is its stock counted}."""
    async with ctx.reading() as db:
        free = await repository.find_free(db, list(tracked))
    return rules.tell_availability(free, tracked, cap=ctx.settings.availability_quantity_max)


async def find_levels_of(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> dict[VariantId, list[tuple[Location, StockLevel]]]:
    """Return {variant: what each location has of it, the default location first}."""
    async with ctx.reading() as db:
        locations = {location.id: location for location in await repository.find_locations(db)}
        levels = await repository.find_levels(db, variant_ids)
    found: dict[VariantId, list[tuple[Location, StockLevel]]] = {key: [] for key in variant_ids}
    for level in levels:
        found[level.variant_id].append((locations[level.location_id], level))
    return found


async def _lock_level(ctx: Context, variant_id: VariantId, location_id: LocationId) -> StockLevel:
    levels = await repository.lock_levels(ctx.db, [variant_id])
    none = StockLevel(variant_id=variant_id, location_id=location_id, on_hand=0, allocated=0)
    return next((level for level in levels if level.location_id == location_id), none)


async def _find_location(ctx: Context, code: str | None) -> Location:
    locations = await repository.find_locations(ctx.db)
    if not locations:
        first = Location(id=LocationId(new_id()), code=DEFAULT_LOCATION, name="Main")
        await repository.add_location(ctx.db, first)
        locations = await repository.find_locations(ctx.db)
    found = next((one for one in locations if code in {None, one.code}), None)
    if found is None:
        known = ", ".join(one.code for one in locations)
        raise LocationUnknown(location=code or "", known=known)
    return found
