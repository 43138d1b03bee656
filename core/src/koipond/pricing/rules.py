"""The price of an order, stage by stage."""

from collections.abc import Sequence

from koipond.kernel.money import Currency
from koipond.pricing.types import Adjustment, PricedOrder, QuoteLine, Stage

CORE = "koipond"


def price_order(
    lines: Sequence[QuoteLine], *, currency: Currency, shipping: tuple[str, int] | None
) -> PricedOrder:
    """Price an order. shipping: (label, minor units) of the chosen method, None without one."""
    adjustments = [
        Adjustment(
            stage=Stage.PRICE_LIST,
            line_id=line.id,
            amount_minor=line.unit_price_minor * line.quantity,
            label=line.label,
            origin=CORE,
        )
        for line in lines
    ]
    if shipping is not None:
        label, amount_minor = shipping
        adjustments.append(
            Adjustment(
                stage=Stage.SHIPPING,
                line_id=None,
                amount_minor=amount_minor,
                label=label,
                origin=CORE,
            )
        )
    return PricedOrder(currency=currency, adjustments=tuple(adjustments))
