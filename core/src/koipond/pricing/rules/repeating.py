"""An order's price, worked out again from what is kept with it, without any plugin."""

from collections.abc import Iterator, Mapping

from koipond.kernel.ids import OrderLineId, VariantId
from koipond.pricing.rules.ordering import price_order
from koipond.pricing.rules.shipping import FREE_FROM
from koipond.pricing.rules.units import CORE
from koipond.pricing.types import (
    Adjustment,
    Gift,
    GiftPrice,
    PricedOrder,
    QuoteLine,
    ShippingCost,
    ShippingStep,
    Stage,
    TaxShare,
    TaxTable,
    UnitPrice,
    Verdict,
)

_PRICED = {Verdict.WON, Verdict.BEATEN, Verdict.EXCLUDED}


def price_again(price: PricedOrder, quantities: Mapping[OrderLineId, int]) -> PricedOrder:
    """Return what a price's own trace comes to. quantities: {line: units} of all lines.

    Each tax and what made shipping free tell by themselves what they were worked out by.
    """
    given = {one.gift_id for one in price.judged if one.gift_id is not None}
    bought = {key: quantity for key, quantity in quantities.items() if key not in given}
    return price_order(
        quote_lines_of(price, bought),
        currency=price.currency,
        proposed=[(one.origin, one.proposal) for one in price.judged],
        gifts=gifts_of(price),
        shipping=_shipping(price),
        tax=_tax(price),
        rounding=price.rounding,
    )


def quote_lines_of(price: PricedOrder, quantities: Mapping[OrderLineId, int]) -> list[QuoteLine]:
    """Return lines of a price as they were before promotions: {line: units}, at least one each."""
    listed = {one.line_id: one for one in _of(price, Stage.PRICE_LIST)}
    return [
        QuoteLine(
            id=key,
            quantity=quantity,
            unit=UnitPrice(
                list_minor=listed[key].amount_minor // quantity,
                considered=tuple(one for one in price.considered if one.key == key),
            ),
            label=listed[key].label,
            tax_category=str(key),
        )
        for key, quantity in quantities.items()
    ]


def _shipping(price: PricedOrder) -> ShippingCost | None:
    charged = next(iter(_of(price, Stage.SHIPPING)), None)
    if charged is None:
        return None
    discounts = _of(price, Stage.SHIPPING_DISCOUNT)
    free = next((one for one in discounts if (one.origin, one.rule) == (CORE, FREE_FROM)), None)
    step = ShippingStep(
        total_from_minor=0,
        amount_minor=charged.amount_minor,
        free_from_minor=None if free is None else free.base_minor,
    )
    return ShippingCost(rule=charged.rule or "", label=charged.label, steps=(step,))


def _tax(price: PricedOrder) -> TaxTable | None:
    """Return what was taxed how: each line as a category of its own."""
    rates = {
        str(one.line_id): TaxShare(rule=one.rule or "", label=one.label, rate_ppm=one.rate_ppm or 0)
        for one in _of(price, Stage.TAX)
    }
    return (
        TaxTable(included=price.tax_included, rates=rates, goods="", shipping=str(None))
        if rates
        else None
    )


def _of(price: PricedOrder, stage: Stage) -> Iterator[Adjustment]:
    return (one for one in price.adjustments if one.stage is stage)


def gifts_of(price: PricedOrder) -> dict[VariantId, GiftPrice]:
    """Return what the gifts cost that were looked at; of the others it was never asked."""
    listed = {one.line_id: one for one in _of(price, Stage.PRICE_LIST)}
    found = {}
    for one in price.judged:
        gift = one.proposal.effect
        if isinstance(gift, Gift) and one.verdict in _PRICED:
            # What was not given is no line, and nobody reads what it would be called.
            label = listed[one.gift_id].label if one.gift_id in listed else ""
            if label or gift.variant_id not in found:
                list_minor = one.base_minor // gift.quantity
                found[gift.variant_id] = GiftPrice(label=label, list_minor=list_minor)
    return found
