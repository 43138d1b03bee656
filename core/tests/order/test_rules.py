"""The rules of carts and orders, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond.catalog.types import OptionChoice, Sellable
from koipond.kernel.ids import (
    OrderLineId,
    ProductId,
    VariantId,
    encode,
    new_id,
)
from koipond.kernel.money import MAX_MINOR, Currency, Money
from koipond.kernel.quantity import Quantity
from koipond.kernel.texts import Locale
from koipond.member.errors import AddressInvalid
from koipond.member.rules import check_address
from koipond.member.types import Contact
from koipond.order import rules
from koipond.order.errors import (
    CartEmpty,
    CheckoutIncomplete,
    QuantityOutOfRange,
    QuoteChanged,
    TooManyLines,
    TotalTooLarge,
)
from koipond.order.types import Address, CartLine, CheckoutDetails, OrderLine, OrderState
from koipond.pricing.types import (
    Adjustment,
    PricedOrder,
    ShippingCost,
    ShippingStep,
    Stage,
    UnitPrice,
)

EUR = Currency("EUR")
EN, ZH = Locale("en"), Locale("zh-Hans")
TEA, CUP = VariantId(new_id()), VariantId(new_id())
ADDRESS = Address(line1="1 Tea Road", city="Hangzhou", country="CN")


def cart_line(variant_id: VariantId, quantity: int = 1) -> CartLine:
    return CartLine(id=OrderLineId(new_id()), variant_id=variant_id, quantity=quantity)


def priced(*amounts: int) -> PricedOrder:
    adjustments = [
        Adjustment(
            stage=Stage.PRICE_LIST, line_id=None, amount_minor=amount, label="", origin="koipond"
        )
        for amount in amounts
    ]
    return PricedOrder(currency=EUR, adjustments=tuple(adjustments))


def sellable(
    variant_id: VariantId, *, price_minor: int | None = 12_50, track_stock: bool = True
) -> Sellable:
    return Sellable(
        variant_id=variant_id,
        product_id=ProductId(new_id()),
        sku="TEA-1",
        name={EN: "Longjing", ZH: "龙井"},
        options=(OptionChoice(name={EN: "Weight"}, value={EN: "50 g", ZH: "50 克"}),),
        track_stock=track_stock,
        price_minor=price_minor,
    )


def test_a_state_that_can_be_left_leads_only_to_states_that_there_are() -> None:
    assert set(rules.ORDER_MOVES) == set(OrderState)
    assert set().union(*rules.ORDER_MOVES.values()) <= set(OrderState)


def test_a_cancelled_order_never_moves() -> None:
    assert rules.ORDER_MOVES[OrderState.CANCELLED] == set()


@pytest.mark.parametrize("quantity", [0, -1, 10_000, 2**31, 2**63])
def test_a_quantity_out_of_range_is_refused_with_the_range(quantity: int) -> None:
    with pytest.raises(QuantityOutOfRange) as refused:
        rules.check_quantity(Quantity(quantity), minimum=1, maximum=9_999)
    assert str(refused.value) == (
        f"A quantity of {quantity} is not possible: 1 to 9999 units of a variant go into one order."
    )


def test_units_of_a_variant_that_is_there_are_added_to_its_line() -> None:
    there = [cart_line(TEA, 2), cart_line(CUP, 1)]
    lines = rules.put_in(there, cart_line(TEA, 3), quantity_max=10, lines_max=2)
    assert [(line.id, line.quantity) for line in lines] == [(there[0].id, 5), (there[1].id, 1)]


def test_units_that_do_not_fit_beside_those_that_are_there_are_refused() -> None:
    with pytest.raises(QuantityOutOfRange) as refused:
        rules.put_in([cart_line(TEA, 8)], cart_line(TEA, 3), quantity_max=10, lines_max=2)
    assert refused.value.quantity == 11


def test_one_line_too_many_is_refused() -> None:
    with pytest.raises(TooManyLines) as refused:
        rules.put_in([cart_line(TEA)], cart_line(CUP), quantity_max=10, lines_max=1)
    assert (refused.value.lines, refused.value.maximum) == (2, 1)


def test_problems_name_the_line_and_the_reason() -> None:
    lines = [cart_line(TEA), cart_line(CUP)]
    found = rules.find_problems(lines, {CUP: sellable(CUP, price_minor=None)}, EUR)
    assert [(one.code, one.at) for one in found] == [
        ("VARIANT_UNKNOWN", "lines.0.variantId"),
        ("VARIANT_NOT_PRICED", "lines.1.variantId"),
    ]
    assert encode(VariantId, TEA) in str(found[0])


def made_lines(
    lines: list[CartLine], sellables: dict[VariantId, Sellable], locales: list[Locale]
) -> tuple[OrderLine, ...]:
    """Make lines that cost what the price list says."""
    items = rules.price_items_of(lines, sellables, {})
    units = {item.key: UnitPrice(list_minor=item.list_minor) for item in items}
    return rules.make_lines(lines, sellables, units, locales)


def test_lines_carry_the_buyers_words_and_todays_price() -> None:
    (line,) = made_lines([cart_line(TEA, 2)], {TEA: sellable(TEA)}, [ZH, EN])
    assert (line.name, line.quantity, line.unit_price_minor) == ("龙井, 50 克", 2, 12_50)


def test_an_order_costs_its_lines_and_its_shipping() -> None:
    lines = made_lines([cart_line(TEA, 3)], {TEA: sellable(TEA)}, [EN])
    step = ShippingStep(total_from_minor=0, amount_minor=4_90)
    parcel = ShippingCost(rule="parcel", label="Parcel", steps=(step,))
    units = {line.id: UnitPrice(list_minor=line.unit_price_minor) for line in lines}
    price = rules.price_lines(
        lines, units, {TEA: sellable(TEA)}, currency=EUR, shipping=parcel, locales=[EN]
    )
    assert price.subtotal == Money(37_50, EUR)
    assert price.shipping == Money(4_90, EUR)
    assert price.total == Money(42_40, EUR)
    assert price.line_total(lines[0].id) == Money(37_50, EUR)


def test_two_lines_of_one_variant_are_one_demand_and_untracked_ones_are_none() -> None:
    sellables = {TEA: sellable(TEA), CUP: sellable(CUP, track_stock=False)}
    lines = made_lines([cart_line(TEA, 2), cart_line(CUP, 7), cart_line(TEA, 3)], sellables, [EN])
    demands = rules.find_demands(lines, sellables, {})
    assert [(one.variant_id, one.quantity) for one in demands] == [(TEA, 5)]


def test_an_order_of_nothing_is_refused() -> None:
    with pytest.raises(CartEmpty):
        rules.check_complete((), CheckoutDetails(), needs_address=False)


def test_what_is_missing_is_named() -> None:
    lines = made_lines([cart_line(TEA)], {TEA: sellable(TEA)}, [EN])
    with pytest.raises(CheckoutIncomplete) as refused:
        rules.check_complete(lines, CheckoutDetails(), needs_address=True)
    assert refused.value.missing == "contact, shippingAddress"


def test_a_channel_that_ships_nothing_wants_no_address() -> None:
    lines = made_lines([cart_line(TEA)], {TEA: sellable(TEA)}, [EN])
    contact = Contact(email="lin@example.org")
    rules.check_complete(lines, CheckoutDetails(contact=contact), needs_address=False)


@pytest.mark.parametrize("expected", [Money(12_49, EUR), Money(12_50, Currency("CNY"))])
def test_another_total_or_currency_than_the_buyer_saw_is_refused(expected: Money) -> None:
    with pytest.raises(QuoteChanged) as refused:
        rules.check_total(priced(12_50), expected)
    assert refused.value.total == Money(12_50, EUR)


def test_a_total_is_at_most_what_a_column_holds() -> None:
    rules.check_total(priced(MAX_MINOR - 1, 1), None)
    with pytest.raises(TotalTooLarge) as refused:
        rules.check_total(priced(MAX_MINOR, 1), None)
    assert refused.value.total == Money(MAX_MINOR + 1, EUR)
    assert refused.value.most == Money(MAX_MINOR, EUR)


def test_what_comes_together_before_a_discount_is_judged_and_told() -> None:
    with pytest.raises(TotalTooLarge) as refused:
        rules.check_total(priced(MAX_MINOR, 1, -10), None)
    assert refused.value.total == Money(MAX_MINOR + 1, EUR)


def test_what_is_taken_off_makes_a_total_no_larger() -> None:
    rules.check_total(priced(MAX_MINOR, -MAX_MINOR), None)


def test_what_is_given_later_is_laid_over_what_is_known() -> None:
    known = CheckoutDetails(contact=Contact(email="lin@example.org"), shipping_method="parcel")
    merged = rules.merge_details(known, CheckoutDetails(shipping_address=ADDRESS))
    assert merged == CheckoutDetails(
        contact=Contact(email="lin@example.org"),
        shipping_address=ADDRESS,
        shipping_method="parcel",
    )


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("line1", " ", "line1 is empty"),
        ("city", "", "city is empty"),
        ("country", "China", "not two letters"),
        ("country", "中国", "not two letters"),
        ("name", "x" * 201, "201 characters, at most 200"),
    ],
)
def test_an_address_that_nothing_can_be_sent_to_is_refused(
    field: str, value: str, words: str
) -> None:
    given = {"line1": "1 Tea Road", "city": "Hangzhou", "country": "CN"} | {field: value}
    with pytest.raises(AddressInvalid, match=words):
        check_address(Address(**given))


def test_a_country_is_kept_in_capitals() -> None:
    checked = check_address(Address(line1=" 1 Tea Road ", city="Bonn", country="de"))
    assert (checked.line1, checked.country) == ("1 Tea Road", "DE")


digits = st.lists(st.integers(0, 31), min_size=rules.NUMBER_LENGTH, max_size=rules.NUMBER_LENGTH)


@given(digits)
def test_a_number_that_was_made_is_a_number(drawn: list[int]) -> None:
    assert rules.is_number(rules.make_number(drawn))


@given(digits, st.integers(0, rules.NUMBER_LENGTH), st.integers(1, 31))
def test_one_wrong_character_in_a_number_is_noticed(drawn: list[int], at: int, by: int) -> None:
    number = rules.make_number(drawn)
    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    wrong = alphabet[(alphabet.index(number[at]) + by) % 32]
    assert not rules.is_number(number[:at] + wrong + number[at + 1 :])
