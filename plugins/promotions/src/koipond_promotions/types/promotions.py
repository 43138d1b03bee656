"""Promotions and the codes that unlock them."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, NewType
from uuid import UUID

from msgspec import Meta, Struct

from koipond_sdk import (
    CategoryId,
    ChannelId,
    Currency,
    Locale,
    MemberId,
    PluginSettings,
    ProductId,
    VariantId,
    name_ids,
)
from koipond_sdk.hooks import Stacking, StackMode
from koipond_sdk.services.quotas import ReleasePolicy

PromotionId = NewType("PromotionId", UUID)
CouponId = NewType("CouponId", UUID)
BatchId = NewType("BatchId", UUID)
name_ids(PromotionId, "promo")
name_ids(CouponId, "coupon")
name_ids(BatchId, "batch")

PLUGIN = "promotions"
COUPONS_AT_ONCE_MAX = 10_000
CODE_MAX = 40


class PromotionsSettings(PluginSettings, frozen=True):
    """What staff may set.

    coupons_per_order: codes that one order may carry. reward_promotion: the id of the promotion
    whose codes are given as rewards; "": none are. reward_expiry_days: how long such a code may be
    used. dry_run_orders: orders that a dry run looks at, the newest first.
    """

    coupons_per_order: Annotated[int, Meta(ge=1, le=20)] = 5
    reward_promotion: Annotated[str, Meta(max_length=40)] = ""
    reward_expiry_days: Annotated[int, Meta(ge=1, le=3_650)] = 30
    dry_run_orders: Annotated[int, Meta(ge=1, le=100_000)] = 5_000


class PromotionState(StrEnum):
    """Where a promotion stands; what may follow what stands in rules.PROMOTION_MOVES."""

    DRAFT = "draft"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"


class StackKind(StrEnum):
    """How a promotion goes beside others of its group: StackMode, in this plugin's schema."""

    STACK = StackMode.STACK
    EXCLUSIVE = StackMode.EXCLUSIVE
    BEST_DEAL = StackMode.BEST_DEAL


class Release(StrEnum):
    """What becomes of a use when its order is off.

    RETURN: it is free again. KEEP_ONCE_PAID, KEEP_ONCE_PLACED: from then on it stays used.
    """

    RETURN = ReleasePolicy.RETURN
    KEEP_ONCE_PAID = ReleasePolicy.KEEP_CONSUMED
    KEEP_ONCE_PLACED = ReleasePolicy.KEEP_PLACED


class Selection(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """Which lines a promotion speaks of: those of any of the first three, all if none is named.

    Those of the last two are left out.
    """

    product_ids: tuple[ProductId, ...] = ()
    variant_ids: tuple[VariantId, ...] = ()
    category_ids: tuple[CategoryId, ...] = ()
    except_product_ids: tuple[ProductId, ...] = ()
    except_category_ids: tuple[CategoryId, ...] = ()

    @cached_property
    def is_all(self) -> bool:
        """Tell whether every line is meant."""
        return self == Selection()

    @cached_property
    def named(self) -> tuple[UUID, ...]:
        """What the lines are named by; all are meant if by nothing."""
        return (*self.product_ids, *self.variant_ids, *self.category_ids)

    @cached_property
    def key(self) -> str:
        """The same for selections of the same lines: hundreds of promotions are for one category,
        and a cart is searched once for all of them."""
        parts = (getattr(self, name) for name in self.__struct_fields__)
        return "|".join(",".join(sorted(key.hex for key in part)) for part in parts)


class Hours(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Times of the week, by the clock of the channel's zone: half open, in minutes of the day.

    weekdays: 1 is Monday, 7 Sunday; none named means every day.
    """

    weekdays: tuple[int, ...] = ()
    from_minute: int = 0
    until_minute: int = 24 * 60


class Conditions(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must be so for a promotion to count; all of it.

    minimum_minor, minimum_units: of the selected lines. groups: codes of member groups, of which
    the buyer is in one. first_order: the buyer has no order that stands.
    """

    minimum_minor: int = 0
    minimum_units: int = 0
    groups: tuple[str, ...] = ()
    first_order: bool = False
    hours: Hours | None = None


class PercentOff(Struct, frozen=True, kw_only=True, tag="percent", omit_defaults=True):
    """A share off what is selected. rate_ppm: 1 to 1,000,000; cap_minor: the most of it."""

    rate_ppm: int
    cap_minor: int | None = None


class FixedOff(Struct, frozen=True, kw_only=True, tag="amount", omit_defaults=True):
    """An amount off what is selected. every: once for each time that the minimum is reached."""

    amount_minor: int
    every: bool = False


class Bundle(Struct, frozen=True, kw_only=True, tag="bundle", omit_defaults=True):
    """So many units together for a price (N元N件), the dearest first; as often as they fit."""

    units: int
    price_minor: int


class BuyGet(Struct, frozen=True, kw_only=True, tag="buy_get", omit_defaults=True):
    """Who buys so many gets so many more, the cheapest, for a share less.

    gets: of which lines those are; None: of the selected ones. Lines that are there to be got are
    not counted as bought. times_max: how often in one order.
    """

    buy: int
    get: int
    rate_ppm: int
    gets: Selection | None = None
    times_max: int | None = None


class NthOff(Struct, frozen=True, kw_only=True, tag="nth", omit_defaults=True):
    """Each nth unit for a share less; those are the cheapest."""

    nth: int
    rate_ppm: int


class GiftLine(Struct, frozen=True, kw_only=True, tag="gift", omit_defaults=True):
    """Units of a variant on top, for nothing."""

    variant_id: VariantId
    quantity: int = 1


class FreeShipping(Struct, frozen=True, kw_only=True, tag="free_shipping", omit_defaults=True):
    """Shipping for nothing. cap_minor: at most so much of it."""

    cap_minor: int | None = None


Action = PercentOff | FixedOff | Bundle | BuyGet | NthOff | GiftLine | FreeShipping


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a promotion does, to what, and when; kept with each order that it counts for."""

    action: Action
    selection: Selection = Selection()
    conditions: Conditions = Conditions()
    stacking: Stacking = Stacking()
    priority: int = 0
    with_activities: bool = False


class Promotion(Struct, frozen=True, kw_only=True):
    """A promotion as it is kept.

    name: what staff call it; label: what buyers read. needs_coupon: it counts for who has a code.
    uses_max, uses_per_member, budget_minor: None means no end. release_uses, release_member: what
    becomes of a use, and of a member's, when the order is off; of the budget all comes back.
    version: one more with every change.
    """

    id: PromotionId
    channel_id: ChannelId
    currency: Currency
    name: str
    label: Mapping[Locale, str]
    needs_coupon: bool
    rule: Rule
    starts_at: datetime
    ends_at: datetime | None
    uses_max: int | None
    uses_per_member: int | None
    budget_minor: int | None
    release_uses: ReleasePolicy
    release_member: ReleasePolicy
    state: PromotionState
    created_at: datetime
    published_at: datetime | None = None
    version: int = 1

    @property
    def members_only(self) -> bool:
        """Tell whether guests are left out: nobody could say who they are."""
        conditions = self.rule.conditions
        return bool(self.uses_per_member or conditions.groups or conditions.first_order)

    def is_over(self, now: datetime) -> bool:
        """Tell whether it has ended, by staff or by the clock."""
        past = self.ends_at is not None and now >= self.ends_at
        return past or self.state is PromotionState.ENDED


class Coupon(Struct, frozen=True, kw_only=True):
    """A code that unlocks a promotion.

    code: in capitals. member_id: whose it is, None: anybody's. uses_max: of this code, None: as
    many as the promotion has. batch_id: with which it was generated. source: what it was given for.
    """

    id: CouponId
    code: str
    promotion_id: PromotionId
    member_id: MemberId | None = None
    uses_max: int | None = None
    expires_at: datetime | None = None
    batch_id: BatchId | None = None
    source: str | None = None
    created_at: datetime


class Unlocked(Struct, frozen=True, kw_only=True):
    """A code, and the promotion that it unlocks."""

    coupon: Coupon
    promotion: Promotion
