"""The stages of a price, what a rule adds in one of them, and what became of it."""

from enum import StrEnum

from msgspec import Struct

from koipond.kernel.ids import OrderLineId


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
    rule, rule_version: what the origin calls the rule that it follows from. base_minor: of what
    amount it was worked out; rate_ppm: of which share of that, if by a share. stack_group,
    priority: how it stood among other promotions. coupon: the code that unlocked it.
    """

    stage: Stage
    line_id: OrderLineId | None
    amount_minor: int
    label: str
    origin: str
    included: bool = False
    rule: str | None = None
    rule_version: int | None = None
    rate_ppm: int | None = None
    base_minor: int | None = None
    stack_group: str | None = None
    priority: int | None = None
    coupon: str | None = None


class Verdict(StrEnum):
    """What became of a quote or a proposal."""

    # It is the price, or part of it.
    WON = "won"
    # Another of its stage is cheaper; of its group, takes more off.
    BEATEN = "beaten"
    # It is not below what is paid without it.
    NOT_CHEAPER = "not_cheaper"
    # The buyer chose another.
    NOT_CHOSEN = "not_chosen"
    # Another of its group counts already, and one of the two stands alone.
    EXCLUDED = "excluded"
    # What its minimum is measured by does not come to it.
    BELOW_MINIMUM = "below_minimum"
    # An activity sells what it is for, and it does not say that it counts beside one.
    SOLD_BY_ACTIVITY = "sold_by_activity"
    # There is nothing that it could be for: no such line, no shipping, no price left.
    NOTHING_LEFT = "nothing_left"
    # The gift is not sold here, or there are too few of it.
    GIFT_NOT_SOLD = "gift_not_sold"
