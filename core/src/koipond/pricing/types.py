"""Stages, adjustments and priced orders. Amounts are whole minor units of the order's currency."""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from koipond.kernel.ids import OrderLineId
from koipond.kernel.money import Currency, Money


class Stage(StrEnum):
    """The steps of a price, in the order in which they are taken."""

    PRICE_LIST = "price_list"
    TIER_PRICE = "tier_price"
    ACTIVITY = "activity"
    LINE_PROMOTION = "line_promotion"
    ORDER_PROMOTION = "order_promotion"
    COUPON = "coupon"
    POINTS = "points"
    SHIPPING = "shipping"
    SHIPPING_DISCOUNT = "shipping_discount"
    TAX = "tax"


class Adjustment(Struct, frozen=True, kw_only=True):
    """An amount added to a line or, without one, to the order; who added it, and in which stage.

    included: the amount is part of another one already (tax in a price) and is not summed.
    """

    stage: Stage
    line_id: OrderLineId | None
    amount_minor: int
    label: str
    origin: str
    included: bool = False


class QuoteLine(Struct, frozen=True, kw_only=True):
    """What is to be priced: quantity >= 1 units at `unit_price_minor` >= 0 each."""

    id: OrderLineId
    quantity: int
    unit_price_minor: int
    label: str


class PricedOrder(Struct, frozen=True, kw_only=True):
    """The adjustments that make an order's price; everything else is a sum of them."""

    currency: Currency
    adjustments: tuple[Adjustment, ...]

    def line_total(self, line_id: OrderLineId) -> Money:
        """The sum of one line."""
        return self._sum(lambda one: one.line_id == line_id)

    @property
    def subtotal(self) -> Money:
        """The sum of all lines, without what is added to the order as a whole."""
        return self._sum(lambda one: one.line_id is not None)

    @property
    def shipping(self) -> Money:
        """What shipping costs after its discounts."""
        stages = {Stage.SHIPPING, Stage.SHIPPING_DISCOUNT}
        return self._sum(lambda one: one.stage in stages)

    @property
    def total(self) -> Money:
        """What is to be paid."""
        return self._sum(lambda one: True)

    def _sum(self, wanted: Callable[[Adjustment], bool]) -> Money:
        amounts = (a.amount_minor for a in self.adjustments if not a.included and wanted(a))
        return Money(sum(amounts), self.currency)
