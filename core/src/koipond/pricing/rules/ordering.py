"""The price of an order: its stages one after another."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from koipond.kernel.ids import VariantId
from koipond.kernel.money import Currency, RoundingPolicy
from koipond.pricing.rules.promotions import Promoting, Proposed
from koipond.pricing.rules.running import Running
from koipond.pricing.types import (
    GiftPrice,
    PricedOrder,
    QuoteLine,
    ShippingCost,
    Stage,
    TaxTable,
)

_NO_GIFTS: Mapping[VariantId, GiftPrice] = MappingProxyType({})
# Stages in which what plugins propose takes from the lines, in their order.
_OF_LINES = (Stage.LINE_PROMOTION, Stage.ORDER_PROMOTION, Stage.COUPON, Stage.POINTS)


def price_order(
    lines: Sequence[QuoteLine],
    *,
    currency: Currency,
    proposed: Sequence[Proposed] = (),
    gifts: Mapping[VariantId, GiftPrice] = _NO_GIFTS,
    shipping: ShippingCost | None = None,
    tax: TaxTable | None = None,
    rounding: RoundingPolicy = RoundingPolicy(),  # noqa: B008  # frozen
) -> PricedOrder:
    """Price an order.

    lines: at what their units cost. proposed: [(plugin, proposal)], in any order. gifts: what
    variants that may be given cost, of those that are sold here. shipping: of the chosen method.
    tax: what holds where it goes.
    """
    running = Running(lines, rounding=rounding, shipping=shipping, gifts=gifts)
    promoting = Promoting(running, proposed)
    for stage in _OF_LINES:
        promoting.promote(stage)
    running.add_shipping(shipping)
    promoting.promote(Stage.SHIPPING_DISCOUNT)
    running.add_tax(lines, tax)
    return PricedOrder(
        currency=currency,
        adjustments=tuple(running.adjustments),
        considered=tuple(one for line in lines for one in line.unit.considered),
        judged=tuple(running.judged),
        rounding=rounding,
    )
