"""Promotions in the schemas: what staff send."""

from datetime import datetime

import strawberry

from koipond_promotions.types import (
    ActionKind,
    ActionWish,
    BatchWish,
    CouponWish,
    Hours,
    PromotionId,
    PromotionWish,
    Release,
    Selection,
    StackKind,
)
from koipond_sdk import (
    CategoryId,
    Locale,
    MemberId,
    ProductId,
    Quantity,
    VariantId,
    decode,
)
from koipond_sdk.hooks import Stacking, StackMode
from koipond_sdk.schema import MoneyInput
from koipond_sdk.services.quotas import ReleasePolicy

_ZERO = Quantity(0)
_ONE = Quantity(1)


@strawberry.input(description="Which lines are meant: those of any of these, all if none is named.")
class PromotionSelectionInput:
    product_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    variant_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    category_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    except_product_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    except_category_ids: list[strawberry.ID] = strawberry.field(default_factory=list)

    def read(self) -> Selection:
        """Return what is meant. Raises IdInvalid."""
        return Selection(
            product_ids=tuple(decode(ProductId, one) for one in self.product_ids),
            variant_ids=tuple(decode(VariantId, one) for one in self.variant_ids),
            category_ids=tuple(decode(CategoryId, one) for one in self.category_ids),
            except_product_ids=tuple(decode(ProductId, one) for one in self.except_product_ids),
            except_category_ids=tuple(decode(CategoryId, one) for one in self.except_category_ids),
        )


@strawberry.input(description="What a promotion does; give what its kind takes, and nothing else.")
class PromotionActionInput:
    kind: ActionKind
    percent: str | None = strawberry.field(
        default=None, description="PERCENT, NTH, BUY_GET: 12.5; of BUY_GET left out: 100"
    )
    amount: MoneyInput | None = strawberry.field(
        default=None, description="AMOUNT: what is off. BUNDLE: what the units cost together"
    )
    cap: MoneyInput | None = strawberry.field(
        default=None, description="PERCENT, FREE_SHIPPING: the most that is off"
    )
    every: bool | None = strawberry.field(
        default=None, description="AMOUNT: once for each time that the minimum is reached"
    )
    units: Quantity | None = strawberry.field(
        default=None,
        description="BUNDLE: its units. BUY_GET: to buy. NTH: each how manieth. GIFT: how many",
    )
    get: Quantity | None = strawberry.field(default=None, description="BUY_GET: units on top")
    gets: PromotionSelectionInput | None = strawberry.field(
        default=None, description="BUY_GET: of which lines; left out: of the selected ones"
    )
    times_max: Quantity | None = strawberry.field(
        default=None, description="BUY_GET: how often in one order"
    )
    variant_id: strawberry.ID | None = strawberry.field(default=None, description="GIFT: of what")

    def read(self) -> ActionWish:
        """Return what is asked for. Raises IdInvalid, CurrencyUnknown, AmountInvalid."""
        return ActionWish(
            kind=self.kind,
            percent=self.percent,
            amount=None if self.amount is None else self.amount.read(),
            cap=None if self.cap is None else self.cap.read(),
            every=self.every,
            units=self.units,
            get=self.get,
            gets=None if self.gets is None else self.gets.read(),
            times_max=self.times_max,
            variant_id=None if self.variant_id is None else decode(VariantId, self.variant_id),
        )


@strawberry.input(description="Times of the week, by the clock of the channel's zone; half open.")
class PromotionHoursInput:
    weekdays: list[int] = strawberry.field(
        default_factory=list, description="1 is Monday, 7 Sunday; none means every day"
    )
    from_minute: int = strawberry.field(default=0, description="Of the day: 90 is 01:30")
    until_minute: int = strawberry.field(
        default=24 * 60, description="Below `fromMinute`: of the next day"
    )


@strawberry.input
class PromotionLabelInput:
    locale: str
    text: str


@strawberry.input
class PromotionInput:
    name: str = strawberry.field(description="What staff call it")
    label: list[PromotionLabelInput] = strawberry.field(description="What buyers read")
    action: PromotionActionInput
    selection: PromotionSelectionInput | None = strawberry.field(
        default=None, description="Left out: every line"
    )
    minimum: MoneyInput | None = strawberry.field(
        default=None, description="What the selected lines have to come to"
    )
    minimum_units: Quantity = strawberry.field(
        default=_ZERO, description="How many units of them there have to be"
    )
    groups: list[str] = strawberry.field(
        default_factory=list, description="Codes of member groups; none means everybody"
    )
    first_order: bool = strawberry.field(default=False, description="Only for a first order")
    hours: PromotionHoursInput | None = None
    stack_group: str = strawberry.field(
        default="", description="Promotions of different groups always go beside each other"
    )
    stack_mode: StackKind = StackKind.STACK
    stack_per_line: bool = strawberry.field(
        default=False, description="Two of a group that say so and share no line do not meet"
    )
    priority: int = strawberry.field(default=0, description="The higher goes first")
    with_activities: bool = strawberry.field(
        default=False, description="Also for what a flash sale or another activity sells"
    )
    needs_coupon: bool = strawberry.field(default=False, description="Only for who has a code")
    channel: str | None = strawberry.field(default=None, description="Left out: this request's")
    starts_at: datetime | None = strawberry.field(default=None, description="Left out: now")
    ends_at: datetime | None = strawberry.field(default=None, description="Left out: never")
    uses_max: Quantity | None = strawberry.field(
        default=None, description="Orders that may carry it, all together"
    )
    uses_per_member: Quantity | None = strawberry.field(
        default=None, description="Orders of one member; guests are left out then"
    )
    budget: MoneyInput | None = strawberry.field(
        default=None, description="The most that it takes off, all orders together"
    )
    release_uses: Release = strawberry.field(
        default=Release.RETURN, description="When an order is off: of its use, and of its code's"
    )
    release_member: Release = strawberry.field(
        default=Release.RETURN, description="When an order is off: of its member's use"
    )

    def read(self) -> PromotionWish:
        """Return what is asked for. Raises IdInvalid, CurrencyUnknown, AmountInvalid."""
        hours = self.hours
        amounts = [self.action.amount, self.action.cap, self.minimum, self.budget]
        named = next((one.read().currency for one in amounts if one is not None), None)
        return PromotionWish(
            name=self.name,
            label={Locale(one.locale): one.text for one in self.label},
            action=self.action.read(),
            selection=Selection() if self.selection is None else self.selection.read(),
            minimum=None if self.minimum is None else self.minimum.read(),
            minimum_units=self.minimum_units,
            groups=tuple(self.groups),
            first_order=self.first_order,
            hours=None
            if hours is None
            else Hours(
                weekdays=tuple(hours.weekdays),
                from_minute=hours.from_minute,
                until_minute=hours.until_minute,
            ),
            stacking=Stacking(
                group=self.stack_group,
                mode=StackMode(self.stack_mode),
                per_line=self.stack_per_line,
            ),
            priority=self.priority,
            with_activities=self.with_activities,
            needs_coupon=self.needs_coupon,
            channel=self.channel,
            currency=named,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            uses_max=self.uses_max,
            uses_per_member=self.uses_per_member,
            budget=None if self.budget is None else self.budget.read(),
            release_uses=ReleasePolicy(self.release_uses),
            release_member=ReleasePolicy(self.release_member),
        )


@strawberry.input
class PromotionEditInput:
    promotion_id: strawberry.ID
    version: int = strawberry.field(description="That it is a change of")
    promotion: PromotionInput = strawberry.field(description="All of it, as it is to be")


@strawberry.input
class PromotionMoveInput:
    promotion_id: strawberry.ID
    version: int = strawberry.field(description="That is moved")


@strawberry.input
class PromotionCouponInput:
    promotion_id: strawberry.ID
    code: str = strawberry.field(
        description="4 to 40 letters, digits, - and _; capitals are all one"
    )
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose it is; left out: anybody's"
    )
    uses_max: Quantity | None = strawberry.field(
        default=None, description="Left out: as many as the promotion has"
    )
    expires_at: datetime | None = None

    def read(self) -> CouponWish:
        """Return what is asked for. Raises IdInvalid."""
        return CouponWish(
            promotion_id=decode(PromotionId, self.promotion_id),
            code=self.code,
            member_id=None if self.member_id is None else decode(MemberId, self.member_id),
            uses_max=self.uses_max,
            expires_at=self.expires_at,
        )


@strawberry.input
class PromotionCouponsInput:
    promotion_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="One per act; a repeat with the same key gives the same codes"
    )
    count: Quantity | None = strawberry.field(default=None, description="How many codes")
    member_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="In place of `count`: one code for each of them"
    )
    prefix: str = strawberry.field(default="", description="With which each code begins")
    uses_max: Quantity = strawberry.field(default=_ONE, description="Of each code")
    expires_at: datetime | None = None

    def read(self) -> BatchWish:
        """Return what is asked for. Raises IdInvalid."""
        return BatchWish(
            promotion_id=decode(PromotionId, self.promotion_id),
            count=self.count,
            prefix=self.prefix,
            member_ids=tuple(decode(MemberId, one) for one in self.member_ids),
            uses_max=self.uses_max,
            expires_at=self.expires_at,
        )
