"""What staff ask for, before anything of it was checked."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from koipond_promotions.types.promotions import (
    Hours,
    PromotionId,
    Selection,
)
from koipond_sdk import (
    Currency,
    Locale,
    MemberId,
    Money,
    Quantity,
    VariantId,
)
from koipond_sdk.hooks import Stacking
from koipond_sdk.services.quotas import ReleasePolicy


class ActionKind(StrEnum):
    """What a promotion does; see the action of the same name."""

    PERCENT = "percent"
    AMOUNT = "amount"
    BUNDLE = "bundle"
    BUY_GET = "buy_get"
    NTH = "nth"
    GIFT = "gift"
    FREE_SHIPPING = "free_shipping"


class ActionWish(Struct, frozen=True, kw_only=True):
    """An action as staff ask for it; which of these a kind takes stands in rules.ACTION_FIELDS.

    percent: as it is written, "12.5". units: of a bundle, to buy, the nth, given.
    """

    kind: ActionKind
    percent: str | None = None
    amount: Money | None = None
    cap: Money | None = None
    every: bool | None = None
    units: Quantity | None = None
    get: Quantity | None = None
    gets: Selection | None = None
    times_max: Quantity | None = None
    variant_id: VariantId | None = None


class PromotionWish(Struct, frozen=True, kw_only=True):
    """A promotion as staff ask for it, before anything of it was checked.

    channel: its code, None: the request's. currency: None means the request's. starts_at: None
    means now, ends_at: None means never.
    """

    name: str
    label: Mapping[Locale, str]
    action: ActionWish
    selection: Selection = Selection()
    minimum: Money | None = None
    minimum_units: Quantity = Quantity(0)
    groups: tuple[str, ...] = ()
    first_order: bool = False
    hours: Hours | None = None
    stacking: Stacking = Stacking()
    priority: int = 0
    with_activities: bool = False
    needs_coupon: bool = False
    channel: str | None = None
    currency: Currency | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    uses_max: Quantity | None = None
    uses_per_member: Quantity | None = None
    budget: Money | None = None
    release_uses: ReleasePolicy = ReleasePolicy.RETURN
    release_member: ReleasePolicy = ReleasePolicy.RETURN


class CouponWish(Struct, frozen=True, kw_only=True):
    """A code as staff ask for it."""

    promotion_id: PromotionId
    code: str
    member_id: MemberId | None = None
    uses_max: Quantity | None = None
    expires_at: datetime | None = None


class BatchWish(Struct, frozen=True, kw_only=True):
    """So many codes that nobody can guess. prefix: with which each begins.

    member_ids: one code for each of them, theirs alone; else `count` codes.
    """

    promotion_id: PromotionId
    count: Quantity | None = None
    prefix: str = ""
    member_ids: tuple[MemberId, ...] = ()
    uses_max: Quantity = Quantity(1)
    expires_at: datetime | None = None
