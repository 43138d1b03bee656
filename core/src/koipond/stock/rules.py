"""Which location serves what, and what a buyer is told."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from koipond.kernel.ids import LocationId, QuotaId, SubjectId, VariantId
from koipond.quota.errors import QuotaShort
from koipond.quota.types import Claim, Quota, Reservation, ReservationState
from koipond.stock.errors import InsufficientStock
from koipond.stock.types import (
    Allocation,
    AllocationStrategy,
    Availability,
    AvailabilityState,
    Demand,
    Level,
    StockLevel,
)


def by_priority(demand: Demand, levels: Sequence[StockLevel]) -> Sequence[StockLevel]:
    """Ask the locations in the order of their priority; each gives what it has."""
    return sorted(levels, key=lambda level: (level.location_priority, level.location_id))


def whole_first(demand: Demand, levels: Sequence[StockLevel]) -> Sequence[StockLevel]:
    """Ask a location that has everything before those that have a part: one parcel, not two."""
    return sorted(by_priority(demand, levels), key=lambda level: level.free < demand.quantity)


# By the key that the setting `allocation_strategy` names.
STRATEGIES: Mapping[str, AllocationStrategy] = {
    "priority": by_priority,
    "whole_first": whole_first,
}


def plan_without_choice(
    demands: Sequence[Demand], levels: Sequence[Level]
) -> list[Allocation] | None:
    """Say which level gives how much if each variant has just one: then only the desk need know
    whether it has as much. None if there is something to choose, or nothing to choose from.

    demands: one per variant. Returns allocations by variant id.
    """
    quotas = {level.variant_id: level.quota_id for level in levels}
    if len(levels) != len(demands) or len(quotas) != len(demands):
        return None
    return [
        Allocation(
            variant_id=demand.variant_id,
            quota_id=quotas[demand.variant_id],
            quantity=demand.quantity,
        )
        for demand in sorted(demands, key=lambda demand: demand.variant_id)
    ]


def plan_allocation(
    demands: Sequence[Demand],
    levels: Sequence[StockLevel],
    strategy: AllocationStrategy,
    *,
    cap: int,
) -> list[Allocation]:
    """Say which level gives how much: in the strategy's order, each what it has.

    demands: one per variant. Returns allocations that sum to each demand, by variant id.
    Raises InsufficientStock for the first demand, by variant id, that cannot be met in full; it
    tells of no more than `cap` units.
    """
    by_variant: dict[VariantId, list[StockLevel]] = defaultdict(list)
    for level in levels:
        by_variant[level.variant_id].append(level)
    plan = []
    for demand in sorted(demands, key=lambda demand: demand.variant_id):
        plan += _cover(demand, strategy(demand, by_variant[demand.variant_id]), cap)
    return plan


def _cover(demand: Demand, levels: Sequence[StockLevel], cap: int) -> list[Allocation]:
    missing = demand.quantity
    plan = []
    for level in levels:
        taken = min(missing, level.free)
        if taken > 0:
            plan.append(
                Allocation(variant_id=demand.variant_id, quota_id=level.quota_id, quantity=taken)
            )
            missing -= taken
    if missing > 0:
        available = min(demand.quantity - missing, cap)
        raise InsufficientStock(sku=demand.sku, requested=demand.quantity, available=available)
    return plan


def choose_whole(demand: Demand, levels: Sequence[StockLevel]) -> QuotaId:
    """Return the first level's quota that has all of a demand. Raises InsufficientStock."""
    for level in levels:
        if level.free >= demand.quantity:
            return level.quota_id
    most = max([level.free for level in levels], default=0)
    raise InsufficientStock(sku=demand.sku, requested=demand.quantity, available=most)


def make_claims(plan: Iterable[Allocation], subject_id: SubjectId) -> list[Claim]:
    """Return what the desk is asked for. Stock has no limit per person: any subject will do."""
    return [
        Claim(quota_id=part.quota_id, subject_id=subject_id, quantity=part.quantity)
        for part in plan
    ]


def tell_availability(
    free: Mapping[VariantId, int], tracked: Mapping[VariantId, bool], *, cap: int
) -> dict[VariantId, Availability]:
    """Return what a buyer is told of each variant of `tracked`, {variant: is its stock counted}.

    free: {variant: sellable units}; a counted variant that is missing has none. cap: the most that
    is ever told, so that nobody can read the shop's sales from it.
    """
    told = {}
    for variant_id, counted in tracked.items():
        units = min(free.get(variant_id, 0), cap) if counted else cap
        state = AvailabilityState.IN_STOCK if units > 0 else AvailabilityState.OUT_OF_STOCK
        told[variant_id] = Availability(state=state, quantity_at_most=units)
    return told


def find_new_levels(
    wanted: Iterable[VariantId], location_id: LocationId, levels: Iterable[Level]
) -> list[VariantId]:
    """Return those variants that have no level at a location yet."""
    known = {level.variant_id for level in levels if level.location_id == location_id}
    return [variant_id for variant_id in wanted if variant_id not in known]


def sum_deltas(changes: Iterable[tuple[QuotaId, int]]) -> dict[QuotaId, int]:
    """Return {quota: units} of changes, those of one quota taken together."""
    deltas: dict[QuotaId, int] = defaultdict(int)
    for quota_id, delta in changes:
        deltas[quota_id] += delta
    return dict(deltas)


def with_quota(level: Level, pool: Quota) -> StockLevel:
    """Return a level with what its quota says of it."""
    free = 0 if pool.closed else pool.free
    assert free is not None, "stock has a capacity"
    return StockLevel(**msgspec.structs.asdict(level), free=free, promised=pool.taken)


def with_held(levels: Sequence[StockLevel], held: Mapping[QuotaId, int]) -> list[StockLevel]:
    """Return levels as an order sees them that holds some of their units already."""
    return [
        msgspec.structs.replace(level, free=level.free + held.get(level.quota_id, 0))
        for level in levels
    ]


def stands(row: Reservation) -> bool:
    """Tell whether a reservation still counts for its owner."""
    return row.state not in {ReservationState.RETURNING, ReservationState.RELEASED}


def shortage_of(
    refused: QuotaShort, levels: Sequence[Level], demands: Sequence[Demand], *, cap: int
) -> InsufficientStock:
    """Return a quota's refusal as the buyer reads it: by the variant's stock keeping unit."""
    variant_id = next(level.variant_id for level in levels if level.quota_id == refused.quota)
    demand = next(demand for demand in demands if demand.variant_id == variant_id)
    left = min(refused.left, demand.quantity - 1, cap)
    return InsufficientStock(sku=demand.sku, requested=demand.quantity, available=left)
