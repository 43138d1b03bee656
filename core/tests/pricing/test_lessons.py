"""What other shops' bugs teach of prices, one test for each."""

from koipond.kernel.ids import OrderLineId, new_id
from koipond.kernel.money import Currency, split
from koipond.pricing.rules import price_order
from koipond.pricing.types import (
    AmountOff,
    Percent,
    Proposal,
    QuoteLine,
    Stage,
    UnitPrice,
)

EUR = Currency("EUR")


def line(price_minor: int, quantity: int = 1) -> QuoteLine:
    unit = UnitPrice(list_minor=price_minor)
    return QuoteLine(id=OrderLineId(new_id()), quantity=quantity, unit=unit, label="Tea")


def percent(rule: str, rate_ppm: int, stage: Stage = Stage.ORDER_PROMOTION) -> Proposal:
    return Proposal(rule=rule, label=rule, stage=stage, effect=Percent(rate_ppm=rate_ppm))


def test_a_percent_voucher_is_not_of_the_undiscounted_total_so_no_order_is_free() -> None:
    """Sale 50 %, voucher 50 %: of the undiscounted total that would be all of it."""
    tea = line(100_00)
    sale, voucher = percent("sale", 500_000), percent("voucher", 500_000, Stage.COUPON)
    price = price_order([tea], currency=EUR, proposed=[("p", sale), ("p", voucher)])
    assert price.total.amount_minor == 25_00
    (_, _, off) = price.adjustments
    # The base is named.
    assert (off.rate_ppm, off.base_minor, off.amount_minor) == (500_000, 50_00, -25_00)


def test_rounding_gives_14_99_and_not_15_00() -> None:
    price = price_order([line(19_99)], currency=EUR, proposed=[("p", percent("q", 250_000))])
    assert price.total.amount_minor == 14_99


def test_a_cancelled_lines_discount_does_not_slide_to_the_others() -> None:
    """What each line takes of an order's discount is its own adjustment, frozen as it was."""
    a, b = line(30_00), line(70_00)
    ten = Proposal(
        rule="ten",
        label="Ten",
        stage=Stage.ORDER_PROMOTION,
        effect=AmountOff(amount_minor=10_00),
    )
    price = price_order([a, b], currency=EUR, proposed=[("p", ten)])
    shares = {one.line_id: one.amount_minor for one in price.adjustments if one.rule == "ten"}
    assert shares == {a.id: -3_00, b.id: -7_00}
    # Without a, b is still what was paid for it.
    assert price.line_total(b.id).amount_minor == 63_00


def test_an_order_discount_of_a_cent_is_not_split_into_two_of_nothing() -> None:
    a, b = line(1_00), line(1_00)
    cent = Proposal(rule="cent", label="Cent", stage=Stage.COUPON, effect=AmountOff(amount_minor=1))
    price = price_order([a, b], currency=EUR, proposed=[("p", cent)])
    assert price.total.amount_minor == 1_99
    assert sum(split(1, {a.id: 1_00, b.id: 1_00}).values()) == 1
