"""What holds of every price, whatever plugins propose."""

from collections import Counter
from random import Random
from uuid import UUID

import msgspec
import pytest
from core.tests.pricing.test_rules import parcel
from hypothesis import given, settings
from hypothesis import strategies as st

from koipond.kernel.ids import ActivityId, OrderLineId, VariantId
from koipond.kernel.money import Currency, Rounding, RoundingPolicy
from koipond.kernel.texts import Locale
from koipond.pricing.rules import Proposed, choose_unit_price, explain, price_again, price_order
from koipond.pricing.types import (
    AmountOff,
    Gift,
    GiftPrice,
    Percent,
    PricedOrder,
    PriceQuote,
    PriceTrace,
    Proposal,
    QuoteLine,
    Stacking,
    StackMode,
    Stage,
    TotalIs,
    UnitPrice,
    Verdict,
)

EUR = Currency("EUR")
MUG = VariantId(UUID(int=9_001))
LINES = 4
KEYS = [OrderLineId(UUID(int=number + 1)) for number in range(LINES)]

amounts = st.integers(1, 20_00)
units = st.dictionaries(st.sampled_from(KEYS), st.integers(1, 4), min_size=1)
effects = st.one_of(
    st.builds(Percent, rate_ppm=st.integers(1, 1_000_000)),
    st.builds(AmountOff, amount_minor=amounts, every_minor=st.none() | amounts),
    st.builds(TotalIs, total_minor=amounts),
    st.builds(Gift, variant_id=st.sampled_from([MUG, VariantId(UUID(int=1))])),
)
stackings = st.builds(
    Stacking,
    group=st.sampled_from(["", "one"]),
    mode=st.sampled_from(StackMode),
    per_line=st.booleans(),
)
of_lines = [Stage.LINE_PROMOTION, Stage.ORDER_PROMOTION, Stage.COUPON, Stage.POINTS]


@st.composite
def proposals(draw: st.DrawFn) -> Proposed:
    stage = draw(st.sampled_from([*of_lines, Stage.SHIPPING_DISCOUNT]))
    proposal = Proposal(
        rule=draw(st.sampled_from("ab")),
        label="Rule",
        stage=stage,
        effect=draw(effects),
        rule_version=1,
        targets=None if stage is Stage.SHIPPING_DISCOUNT else draw(st.none() | units),
        minimum_minor=draw(st.sampled_from([0, 0, 5_00, 30_00])),
        minimum_of=draw(st.none() | units),
        cap_minor=draw(st.none() | amounts),
        stacking=draw(stackings),
        priority=draw(st.integers(0, 1)),
        coupon=draw(st.none() | st.just("TEN")),
        with_activities=draw(st.booleans()),
    )
    return draw(st.sampled_from(["ant", "zoo"])), proposal


@st.composite
def quote_lines(draw: st.DrawFn) -> list[QuoteLine]:
    lines = []
    for key in KEYS[: draw(st.integers(1, LINES))]:
        list_minor = draw(st.integers(0, 20_00))
        sold = PriceQuote(
            key=key,
            stage=Stage.ACTIVITY,
            unit_price_minor=draw(st.integers(0, 20_00)),
            label="Flash",
            rule="flash",
            activity_id=ActivityId(key),
        )
        offered = [("flashsale", sold)] if draw(st.booleans()) else []
        unit = choose_unit_price(list_minor, offered)
        lines.append(QuoteLine(id=key, quantity=draw(st.integers(1, 4)), unit=unit, label="Tea"))
    return lines


policies = st.builds(RoundingPolicy, rounding=st.sampled_from(Rounding), per_unit=st.booleans())
carts = st.tuples(
    quote_lines(), st.lists(proposals(), max_size=8), st.none() | st.integers(0, 9_99), policies
)
FEW = settings(max_examples=settings.default.max_examples * 3 // 5, deadline=None)
Cart = tuple[list[QuoteLine], list[Proposed], int | None, RoundingPolicy]


def priced(cart: Cart) -> PricedOrder:
    lines, proposed, shipping, rounding = cart
    return price_order(
        lines,
        currency=EUR,
        proposed=proposed,
        gifts={MUG: GiftPrice(label="Mug", list_minor=8_00)},
        shipping=None if shipping is None else parcel(shipping),
        rounding=rounding,
    )


def line_totals(price: PricedOrder) -> Counter[OrderLineId | None]:
    found: Counter[OrderLineId | None] = Counter()
    for one in price.adjustments:
        found[one.line_id] += one.amount_minor
    return found


@pytest.mark.slow
@FEW
@given(carts)
def test_no_line_and_no_shipping_is_ever_below_nothing_and_parts_sum(cart: Cart) -> None:
    price = priced(cart)
    totals = line_totals(price)
    assert min(totals.values()) >= 0
    assert sum(totals.values()) == price.total.amount_minor


@pytest.mark.slow
@FEW
@given(carts)
def test_what_a_rule_takes_off_is_the_sum_of_its_adjustments(cart: Cart) -> None:
    price = priced(cart)
    assert len(price.judged) == len(cart[1])
    taken: Counter[tuple[str, str]] = Counter()
    for one in price.adjustments:
        if one.rule is not None and one.rule_version is not None:
            taken[one.origin, one.rule] -= one.amount_minor
    told: Counter[tuple[str, str]] = Counter()
    for found in price.judged:
        if found.verdict is Verdict.WON:
            told[found.origin, found.proposal.rule] += found.off_minor
            cap = found.proposal.cap_minor
            if cap is not None and found.gift_id is None:
                assert found.off_minor <= cap
    assert +taken == +told


@pytest.mark.slow
@FEW
@given(carts, st.randoms())
def test_the_order_of_lines_and_of_proposals_changes_no_amount(cart: Cart, chance: Random) -> None:
    lines, proposed, shipping, rounding = cart
    mixed, other = list(lines), list(proposed)
    chance.shuffle(mixed)
    chance.shuffle(other)
    there, back = priced(cart), priced((mixed, other, shipping, rounding))
    assert line_totals(there) == line_totals(back)
    assert Counter(map(repr, there.adjustments)) == Counter(map(repr, back.adjustments))


@pytest.mark.slow
@FEW
@given(carts)
def test_from_its_own_trace_a_price_comes_to_the_same(cart: Cart) -> None:
    price = priced(cart)
    quantities = {line.id: line.quantity for line in cart[0]}
    trace = PriceTrace.of(price)
    kept = msgspec.json.decode(msgspec.json.encode(trace), type=PriceTrace)
    assert kept == trace
    stored = PricedOrder(
        currency=EUR,
        adjustments=price.adjustments,
        considered=kept.considered,
        judged=kept.judged,
        rounding=kept.rounding,
    )
    gifts = {one.gift_id: 1 for one in price.judged if one.gift_id is not None}
    again = price_again(stored, {**quantities, **gifts})
    assert Counter(again.adjustments) == Counter(price.adjustments)
    assert again.judged == price.judged


@pytest.mark.slow
@FEW
@given(carts)
def test_beside_one_that_is_exclusive_none_of_its_group_counts(cart: Cart) -> None:
    won = [one.proposal for one in priced(cart).judged if one.verdict is Verdict.WON]
    for group in ("", "one"):
        whole = [one for one in won if one.stacking.group == group and not one.stacking.per_line]
        modes = Counter(one.stacking.mode for one in whole)
        assert modes[StackMode.BEST_DEAL] <= 1
        if modes[StackMode.EXCLUSIVE]:
            assert len(whole) == 1


@pytest.mark.slow
@FEW
@given(carts)
def test_every_step_can_be_said_in_both_languages(cart: Cart) -> None:
    price = priced(cart)
    quantities = {line.id: line.quantity for line in cart[0]}
    quantities |= {one.gift_id: 1 for one in price.judged if one.gift_id is not None}
    english = explain(price, quantities, [Locale("fr"), Locale("en")])
    chinese = explain(price, quantities, [Locale("zh-Hans"), Locale("en")])
    assert len(english) == len(chinese)
    assert sum(step.amount_minor for step in english) == price.total.amount_minor
    assert all("\N{IDEOGRAPHIC FULL STOP}" in step.sentence for step in chinese)


def test_two_promotions_of_one_label_are_told_apart_in_sentences() -> None:
    deal = Stacking(mode=StackMode.BEST_DEAL)
    proposed = [
        (
            "shop",
            Proposal(
                rule=rule,
                label="Autumn",
                stage=Stage.ORDER_PROMOTION,
                effect=AmountOff(amount_minor=off),
                stacking=deal,
            ),
        )
        for rule, off in (("a", 1_00), ("b", 2_00))
    ]
    key = KEYS[0]
    line = QuoteLine(id=key, quantity=1, unit=UnitPrice(list_minor=10_00), label="Tea")
    price = price_order([line], currency=EUR, proposed=proposed)
    said = [one.sentence for one in explain(price, {key: 1}, [Locale("en")])]
    assert said[1:] == [
        "Autumn (1) does not count: it would take off €1.00, Autumn (2) as much or more.",
        "Autumn (2) takes €2.00 off €10.00.",
    ]
