"""Proposals and quotes that a plugin cannot mean are its mistake as soon as it makes them."""

from typing import Any
from uuid import uuid4

import pytest

from koipond.kernel.ids import OrderLineId, VariantId
from koipond.pricing.types import (
    AmountOff,
    Gift,
    Percent,
    PriceQuote,
    Proposal,
    Stacking,
    Stage,
    TotalIs,
)

EFFECT = Percent(rate_ppm=100_000)
LINE = OrderLineId(uuid4())


@pytest.mark.parametrize("value", [0.5, 2.0, "2", None, True, float("nan"), 10**40, -1])
def test_amounts_shares_and_units_are_whole_and_can_be_kept(value: Any) -> None:
    for make in (
        lambda: Percent(rate_ppm=value),
        lambda: AmountOff(amount_minor=value),
        lambda: TotalIs(total_minor=value),
        lambda: Gift(variant_id=VariantId(uuid4()), quantity=value),
        lambda: PriceQuote(
            key=uuid4(), stage=Stage.ACTIVITY, unit_price_minor=value, label="", rule="r"
        ),
    ):
        with pytest.raises(AssertionError):
            make()


@pytest.mark.parametrize(
    "given",
    [
        {"rule": ""},
        {"rule": None},
        {"rule": "r" * 121},
        {"rule": "a\0b"},
        {"label": None},
        {"label": "l" * 501},
        {"stage": "order_promotion"},
        {"stage": Stage.TAX},
        {"effect": None},
        {"effect": "10 %"},
        {"rule_version": 2**31},
        {"priority": 2**31},
        {"priority": 0.5},
        {"minimum_minor": 10**40},
        {"cap_minor": 0.5},
        {"targets": [LINE]},
        {"targets": {"a line": 1}},
        {"targets": {LINE: 0.5}},
        {"minimum_of": {LINE: None}},
        {"stacking": "alone"},
        {"coupon": 7},
    ],
)
def test_a_proposal_is_what_can_be_kept_and_read_again(given: dict[str, Any]) -> None:
    wanted: dict[str, Any] = {
        "rule": "r",
        "label": "l",
        "stage": Stage.ORDER_PROMOTION,
        "effect": EFFECT,
    }
    Proposal(**wanted)
    with pytest.raises(AssertionError):
        Proposal(**(wanted | given))


@pytest.mark.parametrize("given", [{"group": "g" * 61}, {"group": None}, {"mode": "alone"}])
def test_how_it_stacks_is_what_can_be_kept(given: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        Stacking(**given)


def test_text_that_is_none_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        Stacking(group="\ud800")
