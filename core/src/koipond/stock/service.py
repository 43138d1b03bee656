"""Use-cases of stock. What can be sold of a level is a quota, whose capacity this changes."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from koipond.catalog.types import Variant
from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.idempotency import Step
from koipond.kernel.ids import (
    LocationId,
    OrderId,
    OwnerId,
    QuotaId,
    SubjectId,
    VariantId,
    encode,
    new_id,
)
from koipond.kernel.invariants import Finding
from koipond.kernel.quantity import Quantity
from koipond.quota import service as quota
from koipond.quota.errors import CapacityTaken, QuotaShort
from koipond.quota.types import Claim, QuotaSpec
from koipond.stock import repository, rules
from koipond.stock.errors import (
    BackOrderInvalid,
    InsufficientStock,
    LocationUnknown,
    ReferenceMissing,
    StockDeltaInvalid,
    StockPromised,
)
from koipond.stock.events import StockShort
from koipond.stock.types import (
    Allocation,
    Availability,
    Demand,
    GiveBackUnits,
    Level,
    Location,
    MovementReason,
    StockCorrection,
    StockLevel,
    StockReceipt,
)

# Made when the first goods come in.
DEFAULT_LOCATION = "main"
_UNITS_MAX = 10**9
_REFERENCE_MAX = 200
# How often an order looks again when others were faster at one of several locations.
_PLANS = 3
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
    location = await _find_location(ctx, location_code)
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
    held = await idempotency.claim(
        ctx,
        principal=f"{ctx.viewer.kind}:{ctx.viewer.id}",
        operation="adjustStock",
        key=idempotency_key,
        request=(variant_id, change),
        subject_id=variant_id,
    )
    if held.step is Step.DONE:
        return
    try:
        await _adjust_held(ctx, variant_id, change, held)
    except DomainError:
        await idempotency.forget(ctx, held)
        raise


@transaction
async def _adjust_held(
    ctx: Context, variant_id: VariantId, change: StockCorrection, held: idempotency.Claim
) -> None:
    # First: of two requests that hold one key, the second waits here and finds it done.
    if await idempotency.advance(ctx, held, Step.DONE):
        await adjust_stock(
            ctx,
            variant_id,
            delta=change.delta,
            reference=change.reference,
            location_code=change.location_code,
            missing=change.missing,
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
    location = await _find_location(ctx, location_code)
    level = await _lock_level(ctx, location, variant_id)
    change = [StockReceipt(variant_id=variant_id, quantity=delta)]
    await _book(ctx, location, change, reason=MovementReason.CORRECTION, reference=reference)
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
    location = await _find_location(ctx, location_code)
    level = await _lock_level(ctx, location, variant_id)
    if not 0 <= units <= _UNITS_MAX:
        raise BackOrderInvalid(units=Quantity(units), minimum=0, maximum=_UNITS_MAX)
    await repository.set_back_order(ctx.db, level.quota_id, units)
    try:
        await quota.change_capacity(ctx, {level.quota_id: units - level.back_order})
    except CapacityTaken as error:
        free = error.capacity - error.taken
        minimum = level.back_order - free
        raise BackOrderInvalid(
            units=Quantity(units), minimum=minimum, maximum=_UNITS_MAX
        ) from error


async def reserve(
    ctx: Context,
    order_id: OrderId,
    demands: Sequence[Demand],
    *,
    others: Sequence[Claim] = (),
    part: int = 0,
) -> list[Claim]:
    """Hold all that an order wants for a short while, or nothing; in no transaction.

    demands: one per tracked variant. others: what it wants beside the stock, on quotas that are no
    level's. Returns the claims that `place` takes. The same ask again by the same order keeps what
    it has. Raises InsufficientStock, AlreadyPlaced, DeskBusy, and a quota's own refusal for one of
    `others`.
    """
    for attempt in range(1, _PLANS + 1):
        levels = await _find_levels(ctx, [demand.variant_id for demand in demands])
        plan = rules.plan_without_choice(demands, levels)
        has_choice = plan is None
        if plan is None:
            plan = await _plan_allocation(ctx, order_id, part, demands, levels)
        claims = [*rules.make_claims(plan, SubjectId(order_id)), *others]
        try:
            await quota.reserve(ctx, OwnerId(order_id), claims, part=part)
        except QuotaShort as error:
            if any(one.quota_id == error.quota for one in others):
                raise
            # Others were faster; perhaps another location has it.
            if attempt == _PLANS or not has_choice:
                raise rules.shortage_of(error, levels, demands, cap=_told_at_most(ctx)) from error
        else:
            return claims
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _plan_allocation(
    ctx: Context, order_id: OrderId, part: int, demands: Sequence[Demand], levels: Sequence[Level]
) -> list[Allocation]:
    counted = await _count_free(ctx, levels)
    # Second: else what another try of this order takes in between is seen by neither.
    held = await _held_by(ctx, order_id, part)
    return rules.plan_allocation(
        demands,
        rules.with_held(counted, held),
        rules.STRATEGIES[ctx.settings.allocation_strategy],
        cap=_told_at_most(ctx),
    )


@transaction
async def place(ctx: Context, order_id: OrderId, claims: Sequence[Claim], *, part: int = 0) -> None:
    """Tie what was reserved to its order; the transaction's last statement. Raises Lapsed."""
    await quota.place(ctx, OwnerId(order_id), claims, part=part)


@transaction
async def consume(ctx: Context, order_id: OrderId) -> None:
    """Say that what an order placed is paid for."""
    await quota.consume(ctx, OwnerId(order_id))


@transaction
async def release(ctx: Context, order_id: OrderId) -> None:
    """Let go of all that an order has; a second time there is nothing. `give_back` frees it."""
    await quota.ask_release(ctx, OwnerId(order_id))


async def give_back(ctx: Context) -> int:
    """Free what lapsed or was let go, then pay what counts found missing; in no transaction.

    Returns how many reservations it freed.
    """
    freed = 0
    while portion := await quota.give_back(ctx):
        freed += portion
    if freed:
        await _pay_shortages(ctx)
    return freed


async def do_give_back(ctx: Context, job: GiveBackUnits) -> None:
    """Run `give_back` as the job that it is."""
    await give_back(ctx)


@transaction
async def set_apart(ctx: Context, variant: Variant, wanted: QuotaSpec, units: int) -> QuotaSpec:
    """Move free units of a variant into a quota of their own, made as `wanted` says.

    All from one location, the first by the strategy that has them: there they go back to when that
    quota is closed, or when they are let go after they were paid. Returns the quota as it was made.
    Raises InsufficientStock, with the most that any location has.
    """
    levels = await find_levels(ctx, [variant.id])
    demand = Demand(variant_id=variant.id, sku=variant.sku, quantity=units)
    strategy = rules.STRATEGIES[ctx.settings.allocation_strategy]
    source = rules.choose_whole(demand, strategy(demand, levels))
    made = msgspec.structs.replace(wanted, capacity=0, parent_id=source)
    await quota.create(ctx, [made])
    try:
        await quota.move_units(ctx, source, made.id, units)
    except CapacityTaken as error:
        left = max(error.capacity - error.taken, 0)
        raise InsufficientStock(sku=variant.sku, requested=units, available=left) from error
    return made


async def find_availability(
    ctx: Context, tracked: Mapping[VariantId, bool]
) -> dict[VariantId, Availability]:
    """Return what a buyer is told of each variant of `tracked`, {variant: is its stock counted}."""
    free: dict[VariantId, int] = {}
    for level in await find_levels(ctx, [key for key, counted in tracked.items() if counted]):
        free[level.variant_id] = free.get(level.variant_id, 0) + level.free
    return rules.tell_availability(free, tracked, cap=ctx.settings.availability_quantity_max)


async def find_levels(ctx: Context, variant_ids: Collection[VariantId]) -> list[StockLevel]:
    """Return the levels of variants with what can be sold of them."""
    return await _count_free(ctx, await _find_levels(ctx, variant_ids))


async def _find_levels(ctx: Context, variant_ids: Collection[VariantId]) -> list[Level]:
    if not variant_ids:
        return []
    async with ctx.reading() as db:
        return await repository.find_levels(db, variant_ids)


async def _count_free(ctx: Context, levels: Sequence[Level]) -> list[StockLevel]:
    if not levels:
        return []
    quotas = await quota.find_quotas(ctx, [level.quota_id for level in levels])
    return [rules.with_quota(level, quotas[level.quota_id]) for level in levels]


async def find_level_quotas(ctx: Context, variant_ids: Collection[VariantId]) -> set[QuotaId]:
    """Return the quotas that are what can be sold of these variants, at any location."""
    async with ctx.reading() as db:
        return {level.quota_id for level in await repository.find_levels(db, list(variant_ids))}


async def find_levels_of(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> dict[VariantId, list[tuple[Location, StockLevel]]]:
    """Return {variant: what each location has of it, the one that is asked first first}."""
    async with ctx.reading() as db:
        locations = {location.id: location for location in await repository.find_locations(db)}
    found: dict[VariantId, list[tuple[Location, StockLevel]]] = {key: [] for key in variant_ids}
    for level in await find_levels(ctx, variant_ids):
        found[level.variant_id].append((locations[level.location_id], level))
    return found


async def find_kept(
    ctx: Context, order_ids: Collection[OrderId]
) -> dict[OrderId, dict[VariantId, int]]:
    """Return {order: {variant: units that the stock keeps for it}} of placed orders."""
    kept = await quota.find_kept(ctx, [OwnerId(key) for key in order_ids])
    quotas = await quota.find_quotas(ctx, {key for _, key, _ in kept})
    # Units that were set apart are of the level that they came from.
    levels = {key: one.parent_id or key for key, one in quotas.items()}
    async with ctx.reading() as db:
        variants = await repository.find_variants(db, set(levels.values()))
    found: dict[OrderId, dict[VariantId, int]] = {key: {} for key in order_ids}
    for owner, key, units in kept:
        variant_id = variants.get(levels[key])
        if variant_id is not None:
            own = found[OrderId(owner)]
            own[variant_id] = own.get(variant_id, 0) + units
    return found


async def audit(ctx: Context) -> list[Finding]:
    """Return what is wrong with stock: I1, for `kernel.invariants.run_audits`."""
    async with ctx.reading() as db:
        uneven = await repository.find_uneven(db)
    return [
        Finding(
            invariant="I1",
            problem=f"{encode(VariantId, variant_id)} at {encode(LocationId, location_id)} has "
            f"{on_hand} on hand, but its movements sum to {moved}",
            fix="Compare with the shelf, then correct by adjustStock",
        )
        for variant_id, location_id, on_hand, moved in uneven
    ]


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


@transaction
async def _pay_shortages(ctx: Context) -> None:
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


def _told_at_most(ctx: Context) -> int:
    """How many units a buyer is told of, at most: nobody shall read the shop's sales from it."""
    return ctx.settings.availability_quantity_max


async def _held_by(ctx: Context, order_id: OrderId, part: int) -> dict[QuotaId, int]:
    rows = await quota.find_reservations(ctx, OwnerId(order_id))
    return {row.quota_id: row.quantity for row in rows if row.part == part and rules.stands(row)}


async def _lock_level(ctx: Context, location: Location, variant_id: VariantId) -> Level:
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


async def _find_location(ctx: Context, code: str | None) -> Location:
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
