"""Which location serves what, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond.kernel.ids import LocationId, VariantId, new_id
from koipond.stock import rules
from koipond.stock.errors import InsufficientStock
from koipond.stock.types import (
    Allocation,
    Availability,
    AvailabilityState,
    Demand,
    StockLevel,
)

TEA, CUP = sorted([VariantId(new_id()), VariantId(new_id())])
MAIN, DEPOT = sorted([LocationId(new_id()), LocationId(new_id())])


def level(
    variant_id: VariantId, location_id: LocationId, on_hand: int, allocated: int = 0
) -> StockLevel:
    return StockLevel(
        variant_id=variant_id, location_id=location_id, on_hand=on_hand, allocated=allocated
    )


def test_the_first_location_gives_what_it_has_and_the_next_one_the_rest() -> None:
    plan = rules.plan_allocation(
        [Demand(variant_id=TEA, sku="TEA", quantity=5)], [level(TEA, MAIN, 3), level(TEA, DEPOT, 9)]
    )
    assert plan == [
        Allocation(variant_id=TEA, location_id=MAIN, quantity=3),
        Allocation(variant_id=TEA, location_id=DEPOT, quantity=2),
    ]


def test_units_that_are_promised_to_others_are_not_given_again() -> None:
    with pytest.raises(InsufficientStock) as refused:
        rules.plan_allocation(
            [Demand(variant_id=TEA, sku="TEA", quantity=2)], [level(TEA, MAIN, 5, allocated=4)]
        )
    assert str(refused.value) == "TEA: 2 requested, 1 left. Lower the quantity."


def test_a_variant_that_nobody_has_is_out_of_stock() -> None:
    with pytest.raises(InsufficientStock) as refused:
        rules.plan_allocation([Demand(variant_id=TEA, sku="TEA", quantity=1)], [])
    assert str(refused.value) == "TEA: 1 requested, 0 left. Leave it out, or come back later."


@given(
    st.dictionaries(st.sampled_from([TEA, CUP]), st.integers(1, 20), min_size=1),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=4),
)
def test_a_plan_sums_to_the_demand_and_takes_no_more_than_is_free(
    wanted: dict[VariantId, int], units: list[tuple[int, int]]
) -> None:
    places = [(TEA, MAIN), (TEA, DEPOT), (CUP, MAIN), (CUP, DEPOT)]
    levels = [
        level(variant, location, on_hand, min(allocated, on_hand))
        for (variant, location), (on_hand, allocated) in zip(places, units, strict=True)
    ]
    demands = [Demand(variant_id=key, sku="X", quantity=count) for key, count in wanted.items()]
    free = {key: sum(one.free for one in levels if one.variant_id == key) for key in wanted}
    if any(free[key] < count for key, count in wanted.items()):
        with pytest.raises(InsufficientStock):
            rules.plan_allocation(demands, levels)
        return
    plan = rules.plan_allocation(demands, levels)
    given_out = {key: sum(one.quantity for one in plan if one.variant_id == key) for key in wanted}
    assert given_out == wanted
    by_place = {(one.variant_id, one.location_id): one.quantity for one in plan}
    assert all(by_place.get((one.variant_id, one.location_id), 0) <= one.free for one in levels)


def test_a_buyer_is_never_told_more_than_the_cap() -> None:
    told = rules.tell_availability({TEA: 500}, {TEA: True, CUP: True}, cap=10)
    assert told == {
        TEA: Availability(state=AvailabilityState.IN_STOCK, quantity_at_most=10),
        CUP: Availability(state=AvailabilityState.OUT_OF_STOCK, quantity_at_most=0),
    }


def test_what_is_not_counted_is_always_there() -> None:
    told = rules.tell_availability({}, {TEA: False}, cap=10)
    assert told[TEA] == Availability(state=AvailabilityState.IN_STOCK, quantity_at_most=10)
