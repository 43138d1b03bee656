"""Each purchase of examples/*.toml comes to what was worked out for it by hand."""

from collections import Counter
from fractions import Fraction

import pytest
from core.tests.pricing.worked import Example, amounts_in, given_in, read_examples, results_of

from koipond.kernel.ids import OrderLineId
from koipond.pricing.rules import price_at
from koipond.pricing.types import Adjustment, Gift, PricedOrder, Verdict

EXAMPLES = read_examples()
EACH = pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
# How many there are at least.
AT_LEAST = 172


def test_there_are_as_many_examples_as_are_promised_each_of_its_own_name() -> None:
    assert len(EXAMPLES) >= AT_LEAST
    assert [
        name for name, times in Counter(one.name for one in EXAMPLES).items() if times > 1
    ] == []


@EACH
def test_the_arithmetic_by_hand_is_right_and_comes_to_every_amount(example: Example) -> None:
    known = results_of(example) | given_in(example)
    assert [text for text in amounts_in(example.expected) if Fraction(text) not in known] == []


@EACH
def test_every_line_the_shipping_and_the_total_come_to_it(example: Example) -> None:
    price, expected = example.price(), example.expected
    paid = {name: example.line_id(name) for name in example.lines}
    assert {
        name: example.said(price.line_total(key).amount_minor) for name, key in paid.items()
    } == expected.lines
    shipping = expected.shipping or example.shipping or example.said(0)
    assert example.said(price.shipping.amount_minor) == shipping
    assert example.said(price.total.amount_minor) == expected.total


@EACH
def test_every_line_and_shipping_has_its_tax_and_every_method_its_price(example: Example) -> None:
    price, expected = example.price(), example.expected
    taxes = {
        name: example.said(price.line_tax(example.line_id(name)).amount_minor)
        for name in expected.taxes
        if name != "shipping"
    }
    if "shipping" in expected.taxes:
        lines = sum(price.line_tax(example.line_id(name)).amount_minor for name in example.lines)
        taxes["shipping"] = example.said(price.tax.amount_minor - lines)
    assert taxes == expected.taxes
    assert example.said(price.tax.amount_minor) == (expected.tax or example.said(0))
    goods = price.subtotal.amount_minor
    prices = {one.code: price_at(one.steps, goods) for one in example.offers}
    offered = {code: example.said(minor) for code, minor in prices.items() if minor is not None}
    assert offered == expected.offered


@EACH
def test_every_rule_gets_its_verdict_and_takes_its_share_of_each_line(example: Example) -> None:
    price, expected = example.price(), example.expected
    verdicts: dict[str, Verdict] = {}
    for one in price.judged:
        # A rule that is proposed several times has won if it has once.
        if verdicts.get(one.proposal.rule) is not Verdict.WON:
            verdicts[one.proposal.rule] = one.verdict
    assert verdicts == dict.fromkeys((one.rule for one in example.proposed), Verdict.WON) | dict(
        expected.rules
    )
    taken = {rule: taken_by(example, price, rule) for rule in expected.taken}
    assert taken == {rule: dict(parts) for rule, parts in expected.taken.items()}


@EACH
def test_gifts_are_lines_that_cost_nothing(example: Example) -> None:
    price = example.price()
    given: dict[str, int] = {}
    for one in price.judged:
        if one.gift_id is not None:
            assert isinstance(one.proposal.effect, Gift)
            names = [
                n for n in example.gifts if example.variant_id(n) == one.proposal.effect.variant_id
            ]
            given[names[0]] = given.get(names[0], 0) + one.proposal.effect.quantity
            assert price.line_total(one.gift_id).amount_minor == 0
    assert given == example.expected.gifts


@EACH
def test_the_order_of_lines_and_of_plugins_changes_nothing(example: Example) -> None:
    there, back = example.price(), example.price(backwards=True)
    assert per_line(there) == per_line(back)
    assert sorted(map(repr, there.judged)) == sorted(map(repr, back.judged))


@EACH
def test_nothing_is_below_zero_and_all_of_it_sums_to_the_total(example: Example) -> None:
    price = example.price()
    lines = {one.line_id for one in price.adjustments if one.line_id is not None}
    totals = [price.line_total(key).amount_minor for key in lines]
    assert min([*totals, price.shipping.amount_minor]) >= 0
    whole = sum(one.amount_minor for one in price.adjustments if not one.included)
    assert price.total.amount_minor == whole


def taken_by(example: Example, price: PricedOrder, rule: str) -> dict[str, str]:
    """Return {line or "shipping": what a rule takes off it}."""
    names = {example.line_id(name): name for name in example.lines}
    parts: Counter[str] = Counter()
    for one in price.adjustments:
        if one.rule == rule and one.rule_version is not None:
            name = "shipping" if one.line_id is None else names.get(one.line_id, "gift")
            parts[name] -= one.amount_minor
    return {name: example.said(minor) for name, minor in parts.items()}


def per_line(price: PricedOrder) -> dict[OrderLineId | None, list[Adjustment]]:
    """Return {line: its adjustments, in their order}."""
    found: dict[OrderLineId | None, list[Adjustment]] = {}
    for one in price.adjustments:
        found.setdefault(one.line_id, []).append(one)
    return found
