"""Tax, and what shipping costs: what the last stages of a price are worked out by."""

from collections.abc import Mapping

from msgspec import Struct

from koipond.kernel.ids import OrderLineId


class TaxShare(Struct, frozen=True, kw_only=True):
    """A rate of tax that holds somewhere now. rule: the rate's outside id."""

    rule: str
    label: str
    rate_ppm: int


class TaxTable(Struct, frozen=True, kw_only=True):
    """What is taxed how where an order goes.

    included: prices include it; else it comes on top. rates: {category: what holds}; a category
    that is missing is not taxed there. goods, shipping: the category of goods that name none, and
    that of shipping.
    """

    included: bool
    rates: Mapping[str, TaxShare]
    goods: str
    shipping: str

    def share_of(self, category: str | None) -> TaxShare | None:
        """Return what holds for goods of a category."""
        return self.rates.get(self.goods if category is None else category)


class Taxable(Struct, frozen=True, kw_only=True):
    """What tax is asked for: a line of `quantity` units after all discounts, or shipping (None)."""

    line_id: OrderLineId | None
    amount_minor: int
    quantity: int
    category: str | None


class ShippingStep(Struct, frozen=True, kw_only=True):
    """What shipping costs for goods of a total. free_from_minor: from which total nothing."""

    total_from_minor: int
    amount_minor: int
    free_from_minor: int | None = None


class ShippingCost(Struct, frozen=True, kw_only=True):
    """What the chosen method costs for this parcel to this place, by the total of the goods.

    rule: the method's code. steps: at least one, the least total first; the goods after all their
    discounts decide which one holds.
    """

    rule: str
    label: str
    steps: tuple[ShippingStep, ...]
