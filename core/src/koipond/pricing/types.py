"""Stages, adjustments and priced orders. Amounts are whole minor units of the order's currency."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from koipond.kernel.ids import ActivityId, ChannelId, MemberId, OrderLineId, ProductId, VariantId
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


class PriceItem(Struct, frozen=True, kw_only=True):
    """Something whose unit price is asked for; quantity >= 1, list_minor >= 0 each.

    key: the line of a purchase; in a list the variant. chosen: the activity that the buyer wants
    this line to be sold by, None: whichever is best.
    """

    key: UUID
    variant_id: VariantId
    product_id: ProductId
    quantity: int
    list_minor: int
    chosen: ActivityId | None = None


class PriceRequest(Struct, frozen=True, kw_only=True):
    """Who asks for the unit prices of `items`, where and when. member_id: None for a guest."""

    channel_id: ChannelId
    currency: Currency
    member_id: MemberId | None
    now: datetime
    items: tuple[PriceItem, ...]


class PriceQuote(Struct, frozen=True, kw_only=True):
    """What one unit of an item costs by one rule, in the request's currency.

    key: the item's. stage: TIER_PRICE, or ACTIVITY, of which one wins. rule: what the plugin calls
    the rule, kept with the order. chosen: the buyer asked for this one. activity_id: core says it
    of an activity that was published.
    """

    key: UUID
    stage: Stage
    unit_price_minor: int
    label: str
    rule: str
    ends_at: datetime | None = None
    chosen: bool = False
    activity_id: ActivityId | None = None

    def __post_init__(self) -> None:
        assert self.stage in {Stage.TIER_PRICE, Stage.ACTIVITY}, "other stages are no unit prices"
        assert self.unit_price_minor >= 0, "a unit price is 0 or more"


class Verdict(StrEnum):
    """What became of a quote."""

    # It is the price.
    WON = "won"
    # Another of its stage is cheaper.
    BEATEN = "beaten"
    # It is not below what the unit costs without it.
    NOT_CHEAPER = "not_cheaper"
    # The buyer chose another.
    NOT_CHOSEN = "not_chosen"


class Considered(Struct, frozen=True, kw_only=True):
    """A quote, who made it, and what became of it: an entry of the price's trace."""

    key: UUID
    stage: Stage
    origin: str
    rule: str
    label: str
    unit_price_minor: int
    verdict: Verdict
    ends_at: datetime | None = None
    activity_id: ActivityId | None = None


class UnitPrice(Struct, frozen=True, kw_only=True):
    """What one unit costs, and why: every quote, in the order in which the winners count."""

    list_minor: int
    considered: tuple[Considered, ...] = ()

    @property
    def won(self) -> tuple[Considered, ...]:
        """The quotes that make the price, one per stage, in the order of their stages."""
        return tuple(one for one in self.considered if one.verdict is Verdict.WON)

    @property
    def unit_minor(self) -> int:
        """What is paid for a unit."""
        won = self.won
        return won[-1].unit_price_minor if won else self.list_minor

    @property
    def activity_id(self) -> ActivityId | None:
        """The activity that the unit is sold by, if it is sold by one."""
        return next((one.activity_id for one in self.won if one.activity_id is not None), None)


class QuoteLine(Struct, frozen=True, kw_only=True):
    """What is to be priced: quantity >= 1 units at `unit` each."""

    id: OrderLineId
    quantity: int
    unit: UnitPrice
    label: str


class PricedOrder(Struct, frozen=True, kw_only=True):
    """The adjustments that make an order's price; everything else is a sum of them.

    considered: every quote that there was for one of its lines, those that lost too.
    """

    currency: Currency
    adjustments: tuple[Adjustment, ...]
    considered: tuple[Considered, ...] = ()

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
