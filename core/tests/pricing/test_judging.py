"""What is noted of every proposal: the amounts that it was judged by, and who stood in its way."""

from typing import Any
from uuid import UUID

import pytest

from koipond.kernel.ids import ActivityId, OrderLineId, VariantId
from koipond.kernel.money import PPM, Currency, Rounding, RoundingPolicy
from koipond.pricing.rules import CORE, choose_unit_price, price_order
from koipond.pricing.rules.promotions import written
from koipond.pricing.types import (
    Adjustment,
    AmountOff,
    Effect,
    Gift,
    GiftPrice,
    Judged,
    Percent,
    PricedOrder,
    PriceQuote,
    Proposal,
    QuoteLine,
    ShippingCost,
    ShippingStep,
    Stacking,
    StackMode,
    Stage,
    TaxShare,
    TaxTable,
    TotalIs,
    Verdict,
)

EUR = Currency("EUR")
TEA, CUP, POT, JAR = (OrderLineId(UUID(int=number)) for number in (1, 2, 3, 4))
MUG, SPOON = VariantId(UUID(int=9_001)), VariantId(UUID(int=9_002))
TENTH = Percent(rate_ppm=100_000)
SHOP = "promotions"
WON, BELOW, NOTHING = Verdict.WON, Verdict.BELOW_MINIMUM, Verdict.NOTHING_LEFT


def sold(key: OrderLineId, unit: int, quantity: int = 1, *, flash: bool = False) -> QuoteLine:
    """Return a line. flash: an activity sells it, the list asks for more."""
    quote = PriceQuote(
        key=key,
        stage=Stage.ACTIVITY,
        unit_price_minor=unit,
        label="Flash",
        rule="flash",
        activity_id=ActivityId(key),
    )
    offered = [("flashsale", quote)] if flash else []
    return QuoteLine(
        id=key, quantity=quantity, unit=choose_unit_price(unit + flash, offered), label="Tea"
    )


def rule(effect: Effect, name: str = "a", **given: Any) -> tuple[str, Proposal]:
    """Return a proposal that takes from the order as a whole, unless it says otherwise."""
    usual = {"rule": name, "label": "Less", "stage": Stage.ORDER_PROMOTION, "effect": effect}
    return SHOP, Proposal(**(usual | given))


def price(lines: list[QuoteLine], *proposed: tuple[str, Proposal], **policy: Any) -> PricedOrder:
    return price_order(
        lines,
        currency=EUR,
        proposed=proposed,
        gifts={MUG: GiftPrice(label="Mug", list_minor=8_00)},
        rounding=RoundingPolicy(**policy),
    )


def judged(priced: PricedOrder, name: str = "a") -> Judged:
    (found,) = [one for one in priced.judged if one.proposal.rule == name]
    return found


def noted(priced: PricedOrder, name: str = "a") -> tuple[Verdict, int, int, int]:
    """Return a proposal's verdict, what its minimum was measured by, its base and its amount."""
    one = judged(priced, name)
    return one.verdict, one.measured_minor, one.base_minor, one.off_minor


def taken(priced: PricedOrder, name: str = "a") -> dict[OrderLineId | None, int]:
    return {one.line_id: -one.amount_minor for one in priced.adjustments if one.rule == name}


def test_an_adjustment_tells_all_that_it_follows_from() -> None:
    stacking = Stacking(group="season", mode=StackMode.EXCLUSIVE)
    tenth = rule(TENTH, rule_version=7, stacking=stacking, priority=5, coupon="TEN")
    priced = price([sold(TEA, 10_00), sold(CUP, 5_00)], tenth)
    told: dict[str, Any] = {
        "stage": Stage.ORDER_PROMOTION,
        "label": "Less",
        "origin": SHOP,
        "rule": "a",
        "rule_version": 7,
        "rate_ppm": 100_000,
        "stack_group": "season",
        "priority": 5,
        "coupon": "TEN",
    }
    assert priced.adjustments[2:] == (
        Adjustment(line_id=TEA, amount_minor=-1_00, base_minor=10_00, **told),
        Adjustment(line_id=CUP, amount_minor=-50, base_minor=5_00, **told),
    )
    assert noted(priced) == (WON, 0, 15_00, 1_50)


def test_an_amount_has_no_rate() -> None:
    (_, made) = price([sold(TEA, 10_00)], rule(AmountOff(amount_minor=2_00))).adjustments
    assert (made.amount_minor, made.rate_ppm, made.base_minor) == (-2_00, None, 10_00)


def test_a_gift_is_a_line_of_its_own_at_its_list_price_and_all_of_it_off() -> None:
    priced = price([sold(TEA, 10_00)], rule(Gift(variant_id=MUG, quantity=2), minimum_minor=9_00))
    key = judged(priced).gift_id
    assert priced.adjustments[1:] == (
        Adjustment(
            stage=Stage.PRICE_LIST, line_id=key, amount_minor=16_00, label="Mug", origin=CORE
        ),
        Adjustment(
            stage=Stage.ORDER_PROMOTION,
            line_id=key,
            amount_minor=-16_00,
            label="Less",
            origin=SHOP,
            rule="a",
            rule_version=1,
            base_minor=16_00,
            stack_group="",
            priority=0,
        ),
    )
    assert noted(priced) == (WON, 10_00, 16_00, 16_00)


def test_a_gifts_line_has_the_same_id_whenever_and_beside_whatever_it_is_priced() -> None:
    """Else a cart that is priced again would lose its gift; so these are never to change."""
    lines = [sold(TEA, 10_00), sold(CUP, 5_00)]
    mug = rule(Gift(variant_id=MUG))
    ids = [one.gift_id for one in price(lines, mug, mug, mug).judged]
    assert [str(one) for one in ids] == [
        "00000000-0000-787d-b42a-e9f5a77a0a08",
        "00000000-0000-78f6-b0ec-332077279a15",
        "00000000-0000-74b0-b56b-6982fe0e0ba6",
    ]
    assert [one.version for one in ids if one is not None] == [7, 7, 7]
    assert [one.gift_id for one in price(lines[::-1], mug).judged] == ids[:1]
    other = rule(Gift(variant_id=MUG), "0")
    assert judged(price(lines, other, mug)).gift_id == ids[0]


def test_a_gift_that_cannot_be_given_tells_why() -> None:
    gift = Gift(variant_id=SPOON)
    priced = price([sold(TEA, 10_00)], rule(gift, minimum_minor=10_00))
    assert noted(priced) == (Verdict.GIFT_NOT_SOLD, 10_00, 0, 0)
    assert noted(price([], rule(Gift(variant_id=MUG)))) == (NOTHING, 0, 0, 0)


def test_below_its_minimum_it_tells_how_much_there_was() -> None:
    lines = [sold(TEA, 10_00), sold(CUP, 5_00)]
    assert noted(price(lines, rule(TENTH, minimum_minor=15_01))) == (BELOW, 15_00, 0, 0)
    assert noted(price(lines, rule(TENTH, minimum_minor=15_00))) == (WON, 15_00, 15_00, 1_50)
    of_each = {TEA: 1, CUP: 1}
    assert noted(price(lines, rule(TENTH, targets=of_each, minimum_minor=15_01)))[:2] == (
        BELOW,
        15_00,
    )


def test_an_amount_for_every_so_much_begins_at_the_first() -> None:
    lines = [sold(TEA, 10_00)]
    off = AmountOff(amount_minor=1_00, every_minor=10_00)
    assert noted(price(lines, rule(off))) == (WON, 10_00, 10_00, 1_00)
    off = AmountOff(amount_minor=1_00, every_minor=10_01)
    assert noted(price(lines, rule(off))) == (BELOW, 10_00, 0, 0)


@pytest.mark.parametrize(
    ("given", "measured"),
    [
        ({}, 10_00),
        ({"with_activities": True}, 15_00),
        ({"targets": {TEA: 1, CUP: 1}}, 10_00),
        ({"targets": {TEA: 1, CUP: 1}, "with_activities": True}, 15_00),
        # What is named for it counts whoever sells it.
        ({"minimum_of": {CUP: 1}}, 5_00),
        ({"minimum_of": {TEA: 1, CUP: 1}}, 15_00),
    ],
)
def test_what_an_activity_sells_counts_for_a_minimum_where_it_is_said_so(
    given: dict[str, Any], measured: int
) -> None:
    lines = [sold(TEA, 10_00), sold(CUP, 5_00, flash=True)]
    assert judged(price(lines, rule(TENTH, minimum_minor=1, **given))).measured_minor == measured


def test_where_nothing_is_left_it_tells_by_how_much_it_was_measured() -> None:
    all_of_it = rule(Percent(rate_ppm=1_000_000), "first", priority=1)
    priced = price([sold(TEA, 10_00)], all_of_it, rule(TENTH, minimum_minor=5_00))
    assert noted(priced) == (NOTHING, 10_00, 0, 0)


def test_a_total_is_of_the_whole_order_too() -> None:
    priced = price([sold(TEA, 10_00), sold(CUP, 5_00)], rule(TotalIs(total_minor=12_00)))
    assert noted(priced) == (WON, 0, 15_00, 3_00)


@pytest.mark.parametrize(
    ("targets", "verdict"),
    [
        ({TEA: 1, JAR: 1}, NOTHING),
        ({TEA: 1, POT: 0}, NOTHING),
        ({TEA: 2}, NOTHING),
        ({TEA: 1, CUP: 1}, Verdict.SOLD_BY_ACTIVITY),
    ],
)
def test_a_total_needs_every_unit_that_it_names(
    targets: dict[OrderLineId, int], verdict: Verdict
) -> None:
    lines = [sold(TEA, 10_00), sold(CUP, 5_00, flash=True), sold(POT, 1_00)]
    wish = rule(TotalIs(total_minor=1), targets=targets, minimum_minor=1)
    measured = 10_00
    assert noted(price(lines, wish)) == (verdict, measured, 10_00, 0)


def test_a_share_of_lines_is_rounded_for_each_also_where_it_meets_its_cap() -> None:
    """Split by what is left of them the last would bear 11 and one of the others nothing."""
    lines = [sold(TEA, 6), sold(CUP, 6), sold(POT, 6), sold(JAR, 1_00)]
    each = {TEA: 1, CUP: 1, POT: 1, JAR: 10}
    for cap in (None, 13):
        tenth = rule(TENTH, stage=Stage.LINE_PROMOTION, cap_minor=cap)
        assert taken(price(lines, tenth)) == each


@pytest.mark.parametrize(
    ("targets", "off"), [(None, {TEA: 3, CUP: 1}), ({TEA: 2, CUP: 5}, {TEA: 2, CUP: 1})]
)
def test_by_the_unit_each_unit_that_is_meant_is_rounded(
    targets: dict[OrderLineId, int] | None, off: dict[OrderLineId, int]
) -> None:
    """A tenth of 0.05 is 0.01, three times; of 0.15 it would be 0.02."""
    lines = [sold(TEA, 5, 3), sold(CUP, 5)]
    tenth = rule(TENTH, stage=Stage.LINE_PROMOTION, targets=targets)
    assert taken(price(lines, tenth, per_unit=True)) == off


def test_by_the_unit_a_half_is_rounded_by_the_policy_for_dear_and_cheap_units_alike() -> None:
    """Of 4 units at 0.25 two are a cent cheaper by the coupon before: 0.25, 0.25, 0.24, 0.24."""
    lines = [sold(TEA, 25, 4)]
    cheaper = rule(AmountOff(amount_minor=2), "first", stage=Stage.LINE_PROMOTION, priority=1)
    tenth = rule(TENTH, stage=Stage.LINE_PROMOTION)
    half = rule(Percent(rate_ppm=500_000), stage=Stage.LINE_PROMOTION)
    even, away = Rounding.HALF_EVEN, Rounding.HALF_AWAY
    # 2.5 of the dear ones, 2.4 of the others.
    assert taken(price(lines, cheaper, tenth, per_unit=True, rounding=even)) == {TEA: 8}
    assert taken(price(lines, cheaper, tenth, per_unit=True, rounding=away)) == {TEA: 10}
    # 12.5 of each of four that cost the same.
    assert taken(price(lines, half, per_unit=True, rounding=even)) == {TEA: 48}
    assert taken(price(lines, half, per_unit=True, rounding=away)) == {TEA: 52}


def test_who_was_beaten_or_kept_out_tells_by_whom_and_what_it_would_have_been() -> None:
    deal = Stacking(group="deals", mode=StackMode.BEST_DEAL)
    alone = Stacking(group="deals", mode=StackMode.EXCLUSIVE)
    big = rule(AmountOff(amount_minor=3_00), "big", stacking=deal)
    small = rule(AmountOff(amount_minor=2_00), "small", stacking=deal, minimum_minor=1_00)
    late = rule(AmountOff(amount_minor=1_00), "late", stacking=alone, stage=Stage.COUPON)
    priced = price([sold(TEA, 10_00)], big, small, late)
    assert judged(priced, "small") == Judged(
        origin=SHOP,
        proposal=small[1],
        verdict=Verdict.BEATEN,
        base_minor=10_00,
        off_minor=2_00,
        measured_minor=10_00,
        against=(SHOP, "big"),
    )
    assert judged(priced, "late") == Judged(
        origin=SHOP,
        proposal=late[1],
        verdict=Verdict.EXCLUDED,
        base_minor=7_00,
        off_minor=1_00,
        against=(SHOP, "big"),
    )
    assert judged(priced, "big") == Judged(
        origin=SHOP, proposal=big[1], verdict=WON, base_minor=10_00, off_minor=3_00
    )


@pytest.mark.parametrize("targets", [{TEA: 1}, None])
def test_by_line_one_that_is_of_the_whole_order_meets_all(
    targets: dict[OrderLineId, int] | None,
) -> None:
    alone = Stacking(group="deals", mode=StackMode.EXCLUSIVE, per_line=True)
    first = rule(TENTH, "first", priority=1, stacking=alone, targets={TEA: 1} if targets else None)
    second = rule(TENTH, "second", stacking=alone, targets=None if targets else {CUP: 1})
    priced = price([sold(TEA, 10_00), sold(CUP, 5_00)], first, second)
    assert judged(priced, "second").verdict is Verdict.EXCLUDED
    assert judged(priced, "second").against == (SHOP, "first")


def test_of_those_that_a_failed_one_beat_the_first_counts_and_beats_the_others() -> None:
    """When they were measured `big` was the best; then others left too little for its minimum."""
    deal = Stacking(group="deals", mode=StackMode.BEST_DEAL)
    seen = rule(AmountOff(amount_minor=10), "seen", stage=Stage.LINE_PROMOTION, stacking=deal)
    other = rule(AmountOff(amount_minor=2_00), "other", stage=Stage.LINE_PROMOTION)
    big = rule(AmountOff(amount_minor=3_00), "big", stacking=deal, minimum_minor=9_00)
    one = rule(AmountOff(amount_minor=1_00), "one", stage=Stage.COUPON, stacking=deal, priority=1)
    two = rule(AmountOff(amount_minor=50), "two", stage=Stage.COUPON, stacking=deal)
    priced = price([sold(TEA, 10_00)], seen, other, big, one, two)
    verdicts = {each.proposal.rule: (each.verdict, each.against) for each in priced.judged}
    assert verdicts == {
        "seen": (Verdict.BEATEN, (SHOP, "big")),
        "other": (WON, None),
        "big": (BELOW, None),
        "one": (WON, None),
        "two": (Verdict.BEATEN, (SHOP, "one")),
    }


def test_who_is_alike_in_all_but_what_it_says_is_judged_by_what_it_says() -> None:
    """Of two the first leaves nothing to the other; which of them came first does not matter."""
    lines = [sold(TEA, 10_00), sold(CUP, 5_00)]
    both = [
        rule(TotalIs(total_minor=total), stage=Stage.LINE_PROMOTION, targets=targets)
        for total, targets in ((9_00, {TEA: 1, CUP: 1}), (6_00, {CUP: 1, TEA: 1}))
    ]
    assert price(lines, *both).adjustments == price(lines, *both[::-1]).adjustments
    there, back = {TEA: 1, CUP: 2, POT: 3}, {POT: 3, CUP: 2, TEA: 1}
    (_, one), (_, other) = (rule(TENTH, targets=targets) for targets in (there, back))
    assert one == other
    assert written(one) == written(other)


def test_shares_of_lines_are_rounded_by_the_policy() -> None:
    """A tenth of 0.25 is half a cent more than 0.02."""
    tenth = rule(TENTH, stage=Stage.LINE_PROMOTION)
    lines = [sold(TEA, 25), sold(CUP, 25)]
    for rounding, off in ((Rounding.HALF_EVEN, 2), (Rounding.HALF_AWAY, 3)):
        priced = price(lines, tenth, rounding=rounding)
        assert taken(priced) == {TEA: off, CUP: off}
        assert priced.rounding == RoundingPolicy(rounding=rounding)


def test_where_nothing_is_sent_a_discount_on_shipping_has_nothing_to_take_from() -> None:
    deal = Stacking(group="deals", mode=StackMode.BEST_DEAL)
    free = rule(Percent(rate_ppm=PPM), "free", stage=Stage.SHIPPING_DISCOUNT, stacking=deal)
    coupon = rule(AmountOff(amount_minor=1_00), stage=Stage.COUPON, stacking=deal)
    priced = price([sold(TEA, 10_00)], free, coupon)
    assert judged(priced).verdict is WON
    assert judged(priced, "free").verdict is not Verdict.BEATEN


@pytest.mark.parametrize(
    ("sent", "taxes"), [(False, [(TEA, 1_00)]), (True, [(TEA, 1_00), (None, 1)])]
)
def test_shipping_is_taxed_as_one_unit_and_only_where_something_is_sent(
    sent: bool, taxes: list[tuple[OrderLineId | None, int]]
) -> None:
    """A tenth of 0.13 is 0.01; of two halves of it, 0.07 and 0.06, it would be 0.02."""
    step = ShippingStep(total_from_minor=0, amount_minor=13)
    share = TaxShare(rule="tax", label="VAT", rate_ppm=100_000)
    priced = price_order(
        [sold(TEA, 10_00)],
        currency=EUR,
        shipping=ShippingCost(rule="parcel", label="Parcel", steps=(step,)) if sent else None,
        tax=TaxTable(
            included=False, rates={"standard": share}, goods="standard", shipping="standard"
        ),
        rounding=RoundingPolicy(per_unit=True),
    )
    made = [one for one in priced.adjustments if one.stage is Stage.TAX]
    assert [(one.line_id, one.amount_minor) for one in made] == taxes
