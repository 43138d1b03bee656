"""Which location serves what, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond.kernel.ids import LocationId, QuotaId, VariantId, new_id
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


QUOTAS: dict[tuple[VariantId, LocationId], QuotaId] = {
    (variant, location): QuotaId(new_id()) for variant in (TEA, CUP) for location in (MAIN, DEPOT)
}


def level(
    variant_id: VariantId, location_id: LocationId, on_hand: int, promised: int = 0
) -> StockLevel:
    return StockLevel(
        variant_id=variant_id,
        location_id=location_id,
        quota_id=QUOTAS[variant_id, location_id],
        location_priority=[MAIN, DEPOT].index(location_id),
        on_hand=on_hand,
        back_order=0,
        short=0,
        free=on_hand - promised,
        promised=promised,
    )


def test_the_first_location_gives_what_it_has_and_the_next_one_the_rest() -> None:
    plan = rules.plan_allocation(
        [Demand(variant_id=TEA, sku="TEA", quantity=5)],
        [level(TEA, DEPOT, 9), level(TEA, MAIN, 3)],
        rules.by_priority,
        cap=10,
    )
    assert plan == [
        Allocation(variant_id=TEA, quota_id=QUOTAS[TEA, MAIN], quantity=3),
        Allocation(variant_id=TEA, quota_id=QUOTAS[TEA, DEPOT], quantity=2),
    ]


def test_a_location_that_has_everything_may_go_before_those_that_have_a_part() -> None:
    plan = rules.plan_allocation(
        [Demand(variant_id=TEA, sku="TEA", quantity=5)],
        [level(TEA, MAIN, 3), level(TEA, DEPOT, 9)],
        rules.whole_first,
        cap=10,
    )
    assert plan == [Allocation(variant_id=TEA, quota_id=QUOTAS[TEA, DEPOT], quantity=5)]


def test_units_that_are_promised_to_others_are_not_given_again() -> None:
    with pytest.raises(InsufficientStock) as refused:
        rules.plan_allocation(
            [Demand(variant_id=TEA, sku="TEA", quantity=2)],
            [level(TEA, MAIN, 5, promised=4)],
            rules.by_priority,
            cap=10,
        )
    assert str(refused.value) == "TEA: 2 requested, 1 can be had. Lower the quantity."


def test_a_variant_that_nobody_has_is_out_of_stock() -> None:
    with pytest.raises(InsufficientStock) as refused:
        rules.plan_allocation(
            [Demand(variant_id=TEA, sku="TEA", quantity=1)], [], rules.by_priority, cap=10
        )
    assert str(refused.value) == "TEA: 1 requested, 0 can be had. Leave it out, or come back later."


@given(
    st.dictionaries(st.sampled_from([TEA, CUP]), st.integers(1, 20), min_size=1),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=4),
    st.sampled_from(sorted(rules.STRATEGIES)),
)
def test_a_plan_sums_to_the_demand_and_takes_no_more_than_is_free(
    wanted: dict[VariantId, int], units: list[tuple[int, int]], key: str
) -> None:
    places = [(TEA, MAIN), (TEA, DEPOT), (CUP, MAIN), (CUP, DEPOT)]
    levels = [
        level(variant, location, on_hand, min(promised, on_hand))
        for (variant, location), (on_hand, promised) in zip(places, units, strict=True)
    ]
    demands = [Demand(variant_id=one, sku="X", quantity=count) for one, count in wanted.items()]
    free = {one: sum(at.free for at in levels if at.variant_id == one) for one in wanted}
    if any(free[one] < count for one, count in wanted.items()):
        with pytest.raises(InsufficientStock):
            rules.plan_allocation(demands, levels, rules.STRATEGIES[key], cap=10)
        return
    plan = rules.plan_allocation(demands, levels, rules.STRATEGIES[key], cap=10)
    given_out = {own: sum(one.quantity for one in plan if one.variant_id == own) for own in wanted}
    assert given_out == wanted
    by_quota = {one.quota_id: one.quantity for one in plan}
    assert all(by_quota.get(one.quota_id, 0) <= one.free for one in levels)


def test_a_buyer_is_never_told_more_than_the_cap() -> None:
    told = rules.tell_availability({TEA: 500}, {TEA: True, CUP: True}, cap=10)
    assert told == {
        TEA: Availability(state=AvailabilityState.IN_STOCK, quantity_at_most=10),
        CUP: Availability(state=AvailabilityState.OUT_OF_STOCK, quantity_at_most=0),
    }


def test_what_is_not_counted_is_always_there() -> None:
    told = rules.tell_availability({}, {TEA: False}, cap=10)
    assert told[TEA] == Availability(state=AvailabilityState.IN_STOCK, quantity_at_most=10)


def test_a_refusal_tells_of_no_more_units_than_the_cap() -> None:
    with pytest.raises(InsufficientStock) as refused:
        rules.plan_allocation(
            [Demand(variant_id=TEA, sku="TEA", quantity=999)],
            [level(TEA, MAIN, 123)],
            rules.by_priority,
            cap=10,
        )
    assert refused.value.available == 10
