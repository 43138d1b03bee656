"""An order's lines to be priced, and its price: adjustments, of which everything else is a sum."""

from collections.abc import Callable

from msgspec import Struct

from koipond.kernel.ids import OrderLineId
from koipond.kernel.money import Currency, Money, Rounding
from koipond.pricing.types.promotions import Judged
from koipond.pricing.types.stages import Adjustment, Stage
from koipond.pricing.types.units import Considered, UnitPrice


class RoundingPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a currency's fractions become whole minor units.

    per_unit: shares of a line are rounded for each unit of it, not once for the line.
    """

    rounding: Rounding = Rounding.HALF_AWAY
    per_unit: bool = False


class QuoteLine(Struct, frozen=True, kw_only=True):
    """What is to be priced: quantity >= 1 units at `unit` each."""

    id: OrderLineId
    quantity: int
    unit: UnitPrice
    label: str


class ShippingCost(Struct, frozen=True, kw_only=True):
    """What the chosen shipping method costs."""

    label: str
    amount_minor: int


class GiftPrice(Struct, frozen=True, kw_only=True):
    """What a variant that may be given costs by the list, and what it is called."""

    label: str
    list_minor: int


class PricedOrder(Struct, frozen=True, kw_only=True):
    """The adjustments that make an order's price; everything else is a sum of them.

    considered: every quote that there was for one of its lines, those that lost too; judged: every
    proposal, in the order in which they were looked at. rounding: how fractions were rounded.
    """

    currency: Currency
    adjustments: tuple[Adjustment, ...]
    considered: tuple[Considered, ...] = ()
    judged: tuple[Judged, ...] = ()
    rounding: RoundingPolicy = RoundingPolicy()

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
