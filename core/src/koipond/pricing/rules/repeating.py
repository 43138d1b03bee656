"""An order's price, worked out again from what is kept with it, without any plugin."""

from collections.abc import Iterator, Mapping

from koipond.kernel.ids import OrderLineId, VariantId
from koipond.pricing.rules.ordering import price_order
from koipond.pricing.types import (
    Adjustment,
    Gift,
    GiftPrice,
    PricedOrder,
    QuoteLine,
    ShippingCost,
    Stage,
    UnitPrice,
    Verdict,
)

_PRICED = {Verdict.WON, Verdict.BEATEN, Verdict.EXCLUDED}


def price_again(price: PricedOrder, quantities: Mapping[OrderLineId, int]) -> PricedOrder:
    """Return what a price's own trace comes to. quantities: {line: units} of all lines.

    Tax is left out: what it was worked out by is not in the trace.
    """
    given = {one.gift_id for one in price.judged if one.gift_id is not None}
    listed = {one.line_id: one for one in _of(price, Stage.PRICE_LIST)}
    lines = [
        QuoteLine(
            id=key,
            quantity=quantity,
            unit=UnitPrice(
                list_minor=listed[key].amount_minor // quantity,
                considered=tuple(one for one in price.considered if one.key == key),
            ),
            label=listed[key].label,
        )
        for key, quantity in quantities.items()
        if key not in given
    ]
    shipping = next(iter(_of(price, Stage.SHIPPING)), None)
    return price_order(
        lines,
        currency=price.currency,
        proposed=[(one.origin, one.proposal) for one in price.judged],
        gifts=_gifts(price, listed),
        shipping=None
        if shipping is None
        else ShippingCost(label=shipping.label, amount_minor=shipping.amount_minor),
        rounding=price.rounding,
    )


def _of(price: PricedOrder, stage: Stage) -> Iterator[Adjustment]:
    return (one for one in price.adjustments if one.stage is stage)


def _gifts(
    price: PricedOrder, listed: Mapping[OrderLineId | None, Adjustment]
) -> dict[VariantId, GiftPrice]:
    """Return what the gifts cost that were looked at; of the others it was never asked."""
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
