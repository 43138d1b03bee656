"""Whom a proposal meets, and that it does not take a comparison with every other one."""

import sys
from collections.abc import Sequence
from types import FrameType
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond.kernel.ids import OrderLineId
from koipond.kernel.money import Currency
from koipond.pricing.rules import Proposed, price_order
from koipond.pricing.rules.stacking import Contender, Counted
from koipond.pricing.types import (
    AmountOff,
    Proposal,
    QuoteLine,
    Stacking,
    StackMode,
    Stage,
    UnitPrice,
)

KEYS = [OrderLineId(UUID(int=number + 1)) for number in range(4)]


@st.composite
def contenders(draw: st.DrawFn) -> list[Proposal]:
    targets = st.none() | st.dictionaries(st.sampled_from(KEYS), st.just(1), min_size=1)
    made = st.builds(
        Proposal,
        rule=st.just("r"),
        label=st.just(""),
        stage=st.just(Stage.COUPON),
        effect=st.just(AmountOff(amount_minor=1)),
        targets=targets,
        stacking=st.builds(Stacking, mode=st.sampled_from(StackMode), per_line=st.booleans()),
    )
    return draw(st.lists(made, max_size=8))


def may_not_go_together(one: Proposal, other: Proposal) -> bool:
    """Say it in the words of decision 0013."""
    modes = {one.stacking.mode, other.stacking.mode}
    if StackMode.EXCLUSIVE not in modes and modes != {StackMode.BEST_DEAL}:
        return False
    if one.targets is None or other.targets is None:
        return True
    both_per_line = one.stacking.per_line and other.stacking.per_line
    return not both_per_line or not one.targets.keys().isdisjoint(other.targets)


@pytest.mark.slow
@given(contenders(), contenders())
def test_it_meets_the_first_that_it_may_not_go_beside(
    counting: list[Proposal], asking: list[Proposal]
) -> None:
    counted = Counted()
    for turn, one in enumerate(counting):
        counted.add(Contender(turn, "shop", one))
    for one in asking:
        turns = [turn for turn, other in enumerate(counting) if may_not_go_together(one, other)]
        met = counted.find_met(one)
        assert (None if met is None else met.turn) == (turns[0] if turns else None)


def calls_of(proposed: Sequence[Proposed]) -> int:
    """Count the calls of functions that a price takes: unlike seconds, the same every time."""
    lines = [
        QuoteLine(id=key, quantity=2, unit=UnitPrice(list_minor=50_00), label="Tea") for key in KEYS
    ]
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        price_order(lines, currency=Currency("EUR"), proposed=proposed)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("mode", StackMode)
@pytest.mark.parametrize("per_line", [False, True])
def test_ten_times_the_proposals_are_ten_times_the_work(mode: StackMode, per_line: bool) -> None:
    def made(count: int) -> list[Proposed]:
        return [
            (
                "shop",
                Proposal(
                    rule=f"r{place}",
                    label="",
                    stage=Stage.LINE_PROMOTION if place % 2 else Stage.ORDER_PROMOTION,
                    effect=AmountOff(amount_minor=1),
                    targets={KEYS[place % len(KEYS)]: 1},
                    stacking=Stacking(mode=mode, per_line=per_line),
                ),
            )
            for place in range(count)
        ]

    assert calls_of(made(1_000)) < 11 * calls_of(made(100))
