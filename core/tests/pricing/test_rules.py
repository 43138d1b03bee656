"""The price of an order is the sum of its adjustments, without a database."""

from hypothesis import given
from hypothesis import strategies as st

from koipond.kernel.ids import OrderLineId, new_id
from koipond.kernel.money import Currency, Money
from koipond.pricing.rules import price_order
from koipond.pricing.types import (
    Adjustment,
    PricedOrder,
    QuoteLine,
    ShippingCost,
    ShippingStep,
    Stage,
    UnitPrice,
)

EUR = Currency("EUR")
amounts = st.lists(st.tuples(st.integers(1, 9_999), st.integers(0, 10**9)), min_size=1, max_size=20)


def quote_lines(drawn: list[tuple[int, int]]) -> list[QuoteLine]:
    return [
        QuoteLine(
            id=OrderLineId(new_id()),
            quantity=quantity,
            unit=UnitPrice(list_minor=price),
            label="Tea",
        )
        for quantity, price in drawn
    ]


def parcel(amount_minor: int) -> ShippingCost:
    step = ShippingStep(total_from_minor=0, amount_minor=amount_minor)
    return ShippingCost(rule="parcel", label="Parcel", steps=(step,))


@given(amounts, st.none() | st.integers(0, 10**6))
def test_lines_and_shipping_sum_to_the_total(
    drawn: list[tuple[int, int]], shipping: int | None
) -> None:
    lines = quote_lines(drawn)
    chosen = None if shipping is None else parcel(shipping)
    price = price_order(lines, currency=EUR, shipping=chosen)
    goods = sum(quantity * unit for quantity, unit in drawn)
    assert price.subtotal == Money(goods, EUR)
    assert price.shipping == Money(shipping or 0, EUR)
    assert price.total == price.subtotal + price.shipping
    assert sum(price.line_total(line.id).amount_minor for line in lines) == goods


@given(amounts)
def test_the_order_of_lines_changes_no_price(drawn: list[tuple[int, int]]) -> None:
    lines = quote_lines(drawn)
    there = price_order(lines, currency=EUR, shipping=None)
    back = price_order(lines[::-1], currency=EUR, shipping=None)
    assert {line.id: there.line_total(line.id) for line in lines} == {
        line.id: back.line_total(line.id) for line in lines
    }


def test_what_is_included_in_another_amount_is_not_summed_again() -> None:
    def part(stage: Stage, amount_minor: int, *, included: bool = False) -> Adjustment:
        return Adjustment(
            stage=stage,
            line_id=None,
            amount_minor=amount_minor,
            label="",
            origin="koipond",
            included=included,
        )

    price = PricedOrder(
        currency=EUR,
        adjustments=(part(Stage.SHIPPING, 1_190), part(Stage.TAX, 190, included=True)),
    )
    assert price.total == Money(1_190, EUR)


def test_every_amount_says_where_it_comes_from() -> None:
    (line,) = quote_lines([(2, 12_50)])
    price = price_order([line], currency=EUR, shipping=parcel(4_90))
    assert [
        (one.stage, one.line_id, one.amount_minor, one.label, one.origin)
        for one in price.adjustments
    ] == [
        (Stage.PRICE_LIST, line.id, 25_00, "Tea", "koipond"),
        (Stage.SHIPPING, None, 4_90, "Parcel", "koipond"),
    ]
