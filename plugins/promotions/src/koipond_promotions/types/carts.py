"""What may count for a cart, and what orders carry."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from koipond_promotions.types.promotions import CouponId, PromotionId, Rule
from koipond_sdk import (
    Currency,
    MemberId,
    Money,
    OrderId,
    OrderLineId,
    ProductId,
    VariantId,
)
from koipond_sdk.hooks import TracedInputs
from koipond_sdk.services.quotas import SubjectId


class Candidate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A promotion that may count for a cart. coupon: the code as the buyer wrote it.

    cap_minor: what is left of its budget.
    """

    promotion_id: PromotionId
    version: int
    label: str
    rule: Rule
    starts_at: datetime
    ends_at: datetime | None = None
    coupon: str | None = None
    cap_minor: int | None = None


class CouponProblem(StrEnum):
    """Why a code does not count, whatever is in the cart."""

    NOT_YET = "not_yet"
    EXPIRED = "expired"
    PAUSED = "paused"
    ELSEWHERE = "elsewhere"
    EXHAUSTED = "exhausted"
    LIMIT = "limit"
    MEMBERS = "members"
    GROUP = "group"
    FIRST_ORDER = "first_order"
    REPEATED = "repeated"
    TOO_MANY = "too_many"


class RefusedCoupon(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A code that does not count: since or until when, how many there are and how many may be."""

    code: str
    problem: CouponProblem
    at: datetime | None = None
    count: int = 0
    most: int = 0


class PromotionInputs(TracedInputs, frozen=True, kw_only=True, omit_defaults=True):
    """What may count for a cart, and which of its codes do not; kept with the order."""

    time_zone: str
    candidates: tuple[Candidate, ...] = ()
    refused: tuple[RefusedCoupon, ...] = ()


class Use(Struct, frozen=True, kw_only=True):
    """That an order carries a promotion. off_minor: what that took off it."""

    order_id: OrderId
    promotion_id: PromotionId
    version: int
    coupon_id: CouponId | None
    subject_id: SubjectId
    currency: Currency
    off_minor: int
    placed_at: datetime


class Standing(Struct, frozen=True, kw_only=True):
    """What the orders that stand have of a promotion. most: uses by one buyer."""

    uses: int = 0
    off_minor: int = 0
    most: int = 0


class SeenUse(Struct, frozen=True, kw_only=True):
    """A use as staff see it, with its order's number and state and the code, if by one."""

    use: Use
    number: str
    order_state: str
    code: str | None


class PastLine(Struct, frozen=True, kw_only=True):
    """A line of an order that was placed, at what a unit cost before promotions.

    by_activity: an activity sold it.
    """

    id: OrderLineId
    variant_id: VariantId
    product_id: ProductId
    quantity: int
    unit_minor: int
    by_activity: bool = False


class PastOrder(Struct, frozen=True, kw_only=True):
    """An order that was placed and stands. is_first: the buyer had none before it."""

    id: OrderId
    member_id: MemberId
    placed_at: datetime
    lines: tuple[PastLine, ...]
    shipping_minor: int
    is_first: bool


class DryRun(Struct, frozen=True, kw_only=True):
    """What a promotion would have cost the orders of some days, beside what runs now.

    orders: that were looked at; touched: that it would have counted for; stopped: for which one of
    its limits was used up by then. off: what it would have taken off; cost: how much more all
    promotions together would have, which is less where it takes another one's place.
    """

    since: datetime
    until: datetime
    orders: int
    touched: int
    stopped: int
    off: Money
    cost: Money
