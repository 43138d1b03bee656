"""An order's lines to be priced, and its price: adjustments, of which everything else is a sum."""

from collections.abc import Callable

from msgspec import Struct

from koipond.kernel.ids import OrderLineId
from koipond.kernel.money import Currency, Money, RoundingPolicy
from koipond.pricing.types.promotions import Judged
from koipond.pricing.types.stages import Adjustment, Stage
from koipond.pricing.types.units import Considered, UnitPrice


class QuoteLine(Struct, frozen=True, kw_only=True):
    """What is to be priced: quantity >= 1 units at `unit` each. tax_category: None names none."""

    id: OrderLineId
    quantity: int
    unit: UnitPrice
    label: str
    tax_category: str | None = None


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
        """All that is paid for one line, with the tax that comes on top."""
        return self._sum(lambda one: one.line_id == line_id)

    def line_tax(self, line_id: OrderLineId) -> Money:
        """The tax of one line, part of its price or on top of it."""
        return self._tax(lambda one: one.line_id == line_id)

    @property
    def subtotal(self) -> Money:
        """The sum of all lines, without tax on top and what is added to the order as a whole."""
        return self._sum(lambda one: one.line_id is not None and one.stage is not Stage.TAX)

    @property
    def shipping(self) -> Money:
        """What shipping costs after its discounts, without tax on top."""
        stages = {Stage.SHIPPING, Stage.SHIPPING_DISCOUNT}
        return self._sum(lambda one: one.stage in stages)

    @property
    def tax(self) -> Money:
        """All tax, part of prices or on top of them."""
        return self._tax(lambda one: True)

    @property
    def tax_included(self) -> bool:
        """Whether the tax is part of prices; so it counts, too, if there is none."""
        return all(one.included for one in self.adjustments if one.stage is Stage.TAX)

    @property
    def total(self) -> Money:
        """What is to be paid."""
        return self._sum(lambda one: True)

    def _tax(self, wanted: Callable[[Adjustment], bool]) -> Money:
        taxes = (a.amount_minor for a in self.adjustments if a.stage is Stage.TAX and wanted(a))
        return Money(sum(taxes), self.currency)

    def _sum(self, wanted: Callable[[Adjustment], bool]) -> Money:
        amounts = (a.amount_minor for a in self.adjustments if not a.included and wanted(a))
        return Money(sum(amounts), self.currency)
