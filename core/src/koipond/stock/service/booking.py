"""Use-cases of goods that come, go, and are counted."""

from collections.abc import Sequence
from uuid import UUID

from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import (
    LocationId,
    QuotaId,
    VariantId,
    encode,
    new_id,
)
from koipond.kernel.quantity import Quantity
from koipond.quota import service as quota
from koipond.quota.errors import CapacityTaken
from koipond.quota.types import QuotaSpec
from koipond.stock import repository, rules
from koipond.stock.errors import (
    BackOrderInvalid,
    LocationUnknown,
    ReferenceMissing,
    StockDeltaInvalid,
    StockPromised,
)
from koipond.stock.events import StockShort
from koipond.stock.types import (
    Level,
    Location,
    MovementReason,
    StockCorrection,
    StockReceipt,
)

# Made when the first goods come in.
DEFAULT_LOCATION = "main"
_UNITS_MAX = 10**9
_REFERENCE_MAX = 200
_SHORT_AT_ONCE = 100


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
    location = await find_location(ctx, location_code)
    if not wanted:
        return
    keys = [receipt.variant_id for receipt in wanted]
    quotas = {level.variant_id: level.quota_id for level in await _levels_at(ctx, location, keys)}
    await _book(ctx, location, wanted, reason=reason, reference=reference)
    await quota.change_capacity(
        ctx, rules.sum_deltas((quotas[one.variant_id], one.quantity) for one in wanted)
    )


async def adjust_stock_once(
    ctx: Context, variant_id: VariantId, change: StockCorrection, *, idempotency_key: str
) -> None:
    """Do `adjust_stock`; a repeat with the same key changes nothing more. In no transaction."""

    async def adjust(inside: Context, _: UUID) -> None:
        await adjust_stock(
            inside,
            variant_id,
            delta=change.delta,
            reference=change.reference,
            location_code=change.location_code,
            missing=change.missing,
        )

    await idempotency.once(
        ctx,
        adjust,
        operation="adjustStock",
        key=idempotency_key,
        request=(variant_id, change),
        subject_id=variant_id,
    )


@transaction
async def adjust_stock(
    ctx: Context,
    variant_id: VariantId,
    *,
    delta: int,
    reference: str,
    location_code: str | None = None,
    missing: bool = False,
) -> None:
    """Correct what a location has of a variant by `delta` units.

    A change, not a new number: two people who count at once must not undo each other. missing: the
    units are not there, promised or not; what is promised and missing is told by StockShort, and
    taken from the next units that come free.
    Raises StockDeltaInvalid, ReferenceMissing, LocationUnknown, StockPromised.
    """
    if delta == 0 or abs(delta) > _UNITS_MAX:
        raise StockDeltaInvalid(delta=Quantity(delta), maximum=_UNITS_MAX)
    if not 1 <= len(reference.strip()) <= _REFERENCE_MAX:
        raise ReferenceMissing(maximum=_REFERENCE_MAX)
    location = await find_location(ctx, location_code)
    level = await lock_level(ctx, location, variant_id)
    change = [StockReceipt(variant_id=variant_id, quantity=delta)]
    await _book(ctx, location, change, reason=MovementReason.CORRECTION, reference=reference)
    at = f"on_hand at {location.code}"
    before, after = {at: level.on_hand}, {at: level.on_hand + delta, "reference": reference}
    ctx.audited(encode(VariantId, variant_id), before=before, after=after)
    if missing:
        await _take_or_owe(ctx, level, delta)
        return
    try:
        await quota.change_capacity(ctx, {level.quota_id: delta})
    except CapacityTaken as error:
        raise StockPromised(
            location=location.code,
            delta=Quantity(delta),
            on_hand=level.on_hand,
            free=error.capacity - error.taken,
        ) from error


@transaction
async def allow_back_order(
    ctx: Context, variant_id: VariantId, *, units: int, location_code: str | None = None
) -> None:
    """Let `units` be sold ahead of those in the house; 0 ends it. Raises BackOrderInvalid,
    LocationUnknown."""
    location = await find_location(ctx, location_code)
    level = await lock_level(ctx, location, variant_id)
    if not 0 <= units <= _UNITS_MAX:
        raise BackOrderInvalid(units=Quantity(units), minimum=0, maximum=_UNITS_MAX)
    await repository.set_back_order(ctx.db, level.quota_id, units)
    at = f"back_order at {location.code}"
    ctx.audited(encode(VariantId, variant_id), before={at: level.back_order}, after={at: units})
    try:
        await quota.change_capacity(ctx, {level.quota_id: units - level.back_order})
    except CapacityTaken as error:
        free = error.capacity - error.taken
        minimum = level.back_order - free
        raise BackOrderInvalid(
            units=Quantity(units), minimum=minimum, maximum=_UNITS_MAX
        ) from error


async def _book(
    ctx: Context,
    location: Location,
    changes: Sequence[StockReceipt],
    *,
    reason: MovementReason,
    reference: str,
) -> None:
    now = ctx.clock.now()
    await repository.move(ctx.db, location.id, changes, reason=reason, reference=reference, now=now)


async def _take_or_owe(ctx: Context, level: Level, delta: int) -> None:
    short = await quota.take_what_is_free(ctx, {level.quota_id: delta})
    units = short.get(level.quota_id, 0)
    if units:
        await repository.add_short(ctx.db, level.quota_id, units)
        ctx.emit(
            StockShort(
                variant_id=level.variant_id,
                location_id=level.location_id,
                quota_id=level.quota_id,
                units=units,
            )
        )


async def lock_level(ctx: Context, location: Location, variant_id: VariantId) -> Level:
    await _levels_at(ctx, location, [variant_id])
    level = await repository.lock_level(ctx.db, variant_id, location.id)
    assert level is not None, "made a line ago"
    return level


async def _levels_at(
    ctx: Context, location: Location, variant_ids: Sequence[VariantId]
) -> list[Level]:
    """Return the levels of variants at one location; those that are missing are made, empty."""
    levels = await repository.find_levels(ctx.db, variant_ids)
    new = rules.find_new_levels(variant_ids, location.id, levels)
    if new:
        made = {variant_id: QuotaId(new_id()) for variant_id in new}
        await quota.create(ctx, [QuotaSpec(id=key, capacity=0) for key in made.values()])
        await repository.add_levels(ctx.db, location.id, made)
        levels = await repository.find_levels(ctx.db, variant_ids)
    return [level for level in levels if level.location_id == location.id]


async def find_location(ctx: Context, code: str | None) -> Location:
    locations = await repository.find_locations(ctx.db)
    if not locations:
        first = Location(id=LocationId(new_id()), code=DEFAULT_LOCATION, name="Main", priority=0)
        await repository.add_location(ctx.db, first)
        locations = await repository.find_locations(ctx.db)
    found = next((one for one in locations if code in {None, one.code}), None)
    if found is None:
        known = ", ".join(one.code for one in locations)
        raise LocationUnknown(location=code or "", known=known)
    return found


@transaction
async def pay_shortages(ctx: Context) -> None:
    """Take units that came free from those levels that lack promised ones."""
    levels = await repository.find_short_levels(ctx.db, most=_SHORT_AT_ONCE)
    if not levels:
        return
    for level in levels:
        await repository.lock_level(ctx.db, level.variant_id, level.location_id)
    owed = {level.quota_id: -level.short for level in levels}
    left = await quota.take_what_is_free(ctx, owed)
    for level in levels:
        paid = level.short - left.get(level.quota_id, 0)
        await repository.add_short(ctx.db, level.quota_id, -paid)
