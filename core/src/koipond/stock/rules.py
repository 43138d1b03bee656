"""Which location serves what, and what a buyer is told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from koipond.kernel.ids import VariantId
from koipond.stock.errors import InsufficientStock
from koipond.stock.types import (
    Allocation,
    Availability,
    AvailabilityState,
    Demand,
    StockLevel,
)


def plan_allocation(demands: Sequence[Demand], levels: Sequence[StockLevel]) -> list[Allocation]:
    """Say which location gives how much: locations in the order of `levels`, each what it has.

    demands: one per variant. Returns allocations that sum to each demand, by variant and location.
    Raises InsufficientStock for the first demand, by variant id, that cannot be met in full.
    """
    by_variant: dict[VariantId, list[StockLevel]] = defaultdict(list)
    for level in levels:
        by_variant[level.variant_id].append(level)
    plan = []
    for demand in sorted(demands, key=lambda demand: demand.variant_id):
        plan += _cover(demand, by_variant[demand.variant_id])
    return plan


def _cover(demand: Demand, levels: Sequence[StockLevel]) -> list[Allocation]:
    missing = demand.quantity
    plan = []
    for level in levels:
        taken = min(missing, level.free)
        if taken > 0:
            plan.append(
                Allocation(
                    variant_id=demand.variant_id, location_id=level.location_id, quantity=taken
                )
            )
            missing -= taken
    if missing > 0:
        raise InsufficientStock(
            sku=demand.sku, requested=demand.quantity, available=demand.quantity - missing
        )
    return plan


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
