"""What there is, and what of it can be sold."""

from collections.abc import Collection, Mapping, Sequence

from koipond.kernel.context import Context
from koipond.kernel.ids import (
    LocationId,
    OrderId,
    OwnerId,
    QuotaId,
    VariantId,
    encode,
)
from koipond.kernel.invariants import Finding
from koipond.kernel.questions import Answered, Asked
from koipond.quota import service as quota
from koipond.stock import repository, rules
from koipond.stock.types import (
    Availability,
    Level,
    Location,
    StockLevel,
)

_FREE = quota.free_of(repository.QUOTAS_OF)


async def find_levels(ctx: Context, variant_ids: Collection[VariantId]) -> list[StockLevel]:
    """Return the levels of variants with what can be sold of them."""
    return await count_free(ctx, await find_level_rows(ctx, variant_ids))


async def find_level_rows(ctx: Context, variant_ids: Collection[VariantId]) -> list[Level]:
    if not variant_ids:
        return []
    async with ctx.reading() as db:
        return await repository.find_levels(db, variant_ids)


def asking_levels(
    variant_ids: Collection[VariantId],
) -> Asked[dict[VariantId, list[Level]]]:
    """Ask for {variant: its levels}, which `reserve` wants, together with something else."""
    if not variant_ids:
        return Answered({})
    return repository.asking_levels(variant_ids)


async def count_free(ctx: Context, levels: Sequence[Level]) -> list[StockLevel]:
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


async def find_availability(
    ctx: Context, tracked: Mapping[VariantId, bool]
) -> dict[VariantId, Availability]:
    """Return what a buyer is told of each variant of `tracked`, {variant: is its stock counted}."""
    free = await find_free(ctx, [key for key, counted in tracked.items() if counted])
    return rules.tell_availability(free, tracked, cap=ctx.settings.availability_quantity_max)


async def find_free(ctx: Context, variant_ids: Sequence[VariantId]) -> dict[VariantId, int]:
    """Return {variant: units that may be sold}, over all locations; 0 of one that has none."""
    free = dict.fromkeys(variant_ids, 0)
    if not free:
        return free
    async with ctx.reading() as db:
        rows = await _FREE.rows(db, {"variants": list(free)})
    for row in rows:
        free[row.key] += row.free
    return free


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


def told_at_most(ctx: Context) -> int:
    """How many units a buyer is told of, at most: nobody shall read the shop's sales from it."""
    return ctx.settings.availability_quantity_max
