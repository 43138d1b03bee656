"""Tax of any amount, included and on top, against exact fractions."""

from collections import Counter
from fractions import Fraction

import pytest
from core.tests.pricing.test_promotions import FEW, MUG, Cart, carts
from core.tests.pricing.test_rules import quote_lines
from hypothesis import given
from hypothesis import strategies as st

from koipond.kernel.ids import OrderLineId, new_id
from koipond.kernel.money import PPM, Currency, Money, Rounding, RoundingPolicy
from koipond.pricing.rules import price_again, price_order
from koipond.pricing.rules.taxes import tax_of
from koipond.pricing.types import (
    GiftPrice,
    ShippingCost,
    ShippingStep,
    Stage,
    Taxable,
    TaxShare,
    TaxTable,
)

EUR = Currency("EUR")
amounts = st.integers(0, 10**12)
rates = st.integers(0, PPM)
roundings = st.sampled_from(Rounding)
baskets = st.lists(st.tuples(st.integers(1, 99), st.integers(0, 10**7)), min_size=1, max_size=12)


def taxable(amount_minor: int, quantity: int = 1) -> Taxable:
    return Taxable(
        line_id=OrderLineId(new_id()), amount_minor=amount_minor, quantity=quantity, category=None
    )


def share(rate_ppm: int) -> TaxShare:
    return TaxShare(rule="tax", label="VAT", rate_ppm=rate_ppm)


def table(rate_ppm: int, *, included: bool) -> TaxTable:
    rates = {"standard": share(rate_ppm)}
    return TaxTable(included=included, rates=rates, goods="standard", shipping="standard")


@given(amounts, rates, st.booleans(), roundings)
def test_tax_is_within_half_a_minor_unit_of_the_exact_one(
    amount: int, rate_ppm: int, included: bool, rounding: Rounding
) -> None:
    tax = tax_of(
        taxable(amount),
        share(rate_ppm),
        included=included,
        rounding=RoundingPolicy(rounding=rounding),
    )
    exact = Fraction(amount * rate_ppm, PPM + rate_ppm if included else PPM)
    assert abs(tax - exact) <= Fraction(1, 2)
    assert 0 <= tax <= amount


@given(amounts, rates, st.integers(1, 9_999), roundings)
def test_per_unit_no_line_is_off_by_more_than_half_a_minor_unit_for_each_unit(
    amount: int, rate_ppm: int, quantity: int, rounding: Rounding
) -> None:
    policy = RoundingPolicy(rounding=rounding, per_unit=True)
    tax = tax_of(taxable(amount, quantity), share(rate_ppm), included=False, rounding=policy)
    assert abs(tax - Fraction(amount * rate_ppm, PPM)) <= Fraction(quantity, 2)


@given(st.integers(0, 10**9), rates, roundings)
def test_what_tax_was_added_to_holds_that_tax(net: int, rate_ppm: int, rounding: Rounding) -> None:
    """Of a price that is net and tax, the tax that it holds is that tax, to a minor unit."""
    policy = RoundingPolicy(rounding=rounding)
    added = tax_of(taxable(net), share(rate_ppm), included=False, rounding=policy)
    held = tax_of(taxable(net + added), share(rate_ppm), included=True, rounding=policy)
    assert abs(held - added) <= 1


@given(baskets, rates, st.integers(0, 10**6), st.booleans(), st.booleans())
def test_tax_on_top_is_all_that_the_total_is_more_and_included_tax_changes_no_total(
    drawn: list[tuple[int, int]], rate_ppm: int, shipping: int, included: bool, per_unit: bool
) -> None:
    lines = quote_lines(drawn)
    step = ShippingStep(total_from_minor=0, amount_minor=shipping)
    price = price_order(
        lines,
        currency=EUR,
        shipping=ShippingCost(rule="post", label="Post", steps=(step,)),
        tax=table(rate_ppm, included=included),
        rounding=RoundingPolicy(per_unit=per_unit),
    )
    on_top = Money(0, EUR) if included else price.tax
    assert price.total == price.subtotal + price.shipping + on_top
    of_lines = sum(price.line_tax(line.id).amount_minor for line in lines)
    of_shipping = sum(
        one.amount_minor
        for one in price.adjustments
        if one.stage is Stage.TAX and one.line_id is None
    )
    assert price.tax == Money(of_lines + of_shipping, EUR)


@given(baskets, rates, st.booleans())
def test_the_order_of_lines_changes_no_tax(
    drawn: list[tuple[int, int]], rate_ppm: int, included: bool
) -> None:
    lines = quote_lines(drawn)
    there = price_order(lines, currency=EUR, tax=table(rate_ppm, included=included))
    back = price_order(lines[::-1], currency=EUR, tax=table(rate_ppm, included=included))
    assert {line.id: there.line_tax(line.id) for line in lines} == {
        line.id: back.line_tax(line.id) for line in lines
    }


def test_a_tax_says_its_rate_its_base_and_the_rule_that_it_follows_from() -> None:
    (line,) = quote_lines([(2, 50_00)])
    price = price_order([line], currency=EUR, tax=table(190_000, included=False))
    tax = price.adjustments[-1]
    assert (tax.stage, tax.line_id, tax.amount_minor, tax.included) == (
        Stage.TAX,
        line.id,
        19_00,
        False,
    )
    assert (tax.label, tax.origin, tax.rule) == ("VAT", "koipond", "tax")
    assert (tax.rate_ppm, tax.base_minor) == (190_000, 100_00)


def test_where_nothing_is_sent_no_shipping_is_taxed() -> None:
    price = price_order(quote_lines([(1, 10_00)]), currency=EUR, tax=table(1, included=True))
    assert [one.line_id is None for one in price.adjustments if one.stage is Stage.TAX] == [False]


@pytest.mark.slow
@FEW
@given(carts, rates, st.booleans(), st.integers(0, 40_00), st.none() | st.integers(0, 40_00))
def test_what_is_promoted_sent_and_taxed_is_worked_out_again_from_itself(
    cart: Cart, rate_ppm: int, included: bool, price_minor: int, free_from: int | None
) -> None:
    lines, proposed, _, rounding = cart
    step = ShippingStep(total_from_minor=0, amount_minor=price_minor, free_from_minor=free_from)
    price = price_order(
        lines,
        currency=EUR,
        proposed=proposed,
        gifts={MUG: GiftPrice(label="Mug", list_minor=8_00)},
        shipping=ShippingCost(rule="post", label="Post", steps=(step,)),
        tax=table(rate_ppm, included=included),
        rounding=rounding,
    )
    again = price_again(price, {line.id: line.quantity for line in lines})
    assert Counter(again.adjustments) == Counter(price.adjustments)
    assert again.total == price.total
