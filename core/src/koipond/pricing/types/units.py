"""What a unit could cost, and what it costs. Amounts are whole minor units of the currency."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from koipond.kernel.ids import ActivityId, ChannelId, MemberId, ProductId, VariantId
from koipond.kernel.money import Currency
from koipond.pricing.types.stages import Stage, Verdict
from koipond.pricing.types.values import LABEL_MAX, RULE_MAX, is_amount, is_text


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
        assert is_amount(self.unit_price_minor), "a unit price is 0 or more"
        assert is_text(self.rule, RULE_MAX), f"a rule has at most {RULE_MAX} characters"
        assert is_text(self.label, LABEL_MAX), f"a label has at most {LABEL_MAX} characters"


class Considered(Struct, frozen=True, kw_only=True, omit_defaults=True):
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
