"""Promotions in the schemas: what is shown of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import strawberry

from koipond_promotions import service, types
from koipond_promotions.types import (
    ActionKind,
    CouponId,
    Promotion,
    PromotionId,
    PromotionState,
    Release,
    StackKind,
    Unlocked,
)
from koipond_sdk import (
    CategoryId,
    Locale,
    MemberId,
    Money,
    OrderId,
    ProductId,
    Quantity,
    VariantId,
    encode,
)
from koipond_sdk.schema import Info, MoneyType, batch

strawberry.enum(PromotionState)
strawberry.enum(ActionKind, name="PromotionActionKind")
strawberry.enum(StackKind, name="PromotionStackMode")
strawberry.enum(Release, name="PromotionRelease")


@strawberry.type(description="What a promotion is to who may have it.")
class PromotionTerms:
    id: strawberry.ID
    label: str
    kind: ActionKind
    percent: str | None = strawberry.field(description="How much of a hundred is off")
    amount: MoneyType | None = strawberry.field(description="Off, or what a bundle costs")
    units: int | None = strawberry.field(description="Of a bundle; to buy; each how manieth")
    get: int | None = strawberry.field(description="Units that come with those that are bought")
    minimum: MoneyType | None = strawberry.field(description="From what on it counts")
    minimum_units: int
    members_only: bool = strawberry.field(description="Guests have to log in first")
    starts_at: datetime
    ends_at: datetime | None
    server_now: datetime = strawberry.field(description="What to count down from")

    @classmethod
    def of(cls, one: Promotion, locales: Sequence[Locale], now: datetime) -> "PromotionTerms":
        """Wrap what buyers may know of a promotion."""
        action = service.write_action(one)
        conditions = one.rule.conditions
        return cls(
            id=strawberry.ID(encode(PromotionId, one.id)),
            label=service.label_of(one, locales),
            kind=action.kind,
            percent=action.percent,
            amount=_money(action.amount),
            units=action.units,
            get=action.get,
            minimum=_minor(conditions.minimum_minor or None, one),
            minimum_units=conditions.minimum_units,
            members_only=one.members_only,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            server_now=now,
        )


@strawberry.type(description="A code that is yours.")
class PromotionOwnCoupon:
    code: str
    promotion: PromotionTerms
    expires_at: datetime | None

    @classmethod
    def of(cls, one: Unlocked, locales: Sequence[Locale], now: datetime) -> "PromotionOwnCoupon":
        """Wrap a code."""
        ends = [at for at in (one.coupon.expires_at, one.promotion.ends_at) if at is not None]
        return cls(
            code=one.coupon.code,
            promotion=PromotionTerms.of(one.promotion, locales, now),
            expires_at=min(ends, default=None),
        )


@strawberry.type(description="Which lines are meant: those of any of these, all if none is named.")
class PromotionSelection:
    product_ids: list[strawberry.ID]
    variant_ids: list[strawberry.ID]
    category_ids: list[strawberry.ID]
    except_product_ids: list[strawberry.ID]
    except_category_ids: list[strawberry.ID]

    @classmethod
    def of(cls, one: types.Selection) -> "PromotionSelection":
        """Wrap a selection."""
        return cls(
            product_ids=[strawberry.ID(encode(ProductId, key)) for key in one.product_ids],
            variant_ids=[strawberry.ID(encode(VariantId, key)) for key in one.variant_ids],
            category_ids=[strawberry.ID(encode(CategoryId, key)) for key in one.category_ids],
            except_product_ids=[
                strawberry.ID(encode(ProductId, key)) for key in one.except_product_ids
            ],
            except_category_ids=[
                strawberry.ID(encode(CategoryId, key)) for key in one.except_category_ids
            ],
        )


@strawberry.type(description="What a promotion does; null is what its kind does not have.")
class PromotionAction:
    kind: ActionKind
    percent: str | None
    amount: MoneyType | None
    cap: MoneyType | None
    every: bool | None
    units: int | None
    get: int | None
    gets: PromotionSelection | None
    times_max: int | None
    variant_id: strawberry.ID | None

    @classmethod
    def of(cls, one: types.ActionWish) -> "PromotionAction":
        """Wrap an action."""
        gift = one.variant_id
        return cls(
            kind=one.kind,
            percent=one.percent,
            amount=_money(one.amount),
            cap=_money(one.cap),
            every=one.every,
            units=one.units,
            get=one.get,
            gets=None if one.gets is None else PromotionSelection.of(one.gets),
            times_max=one.times_max,
            variant_id=None if gift is None else strawberry.ID(encode(VariantId, gift)),
        )


@strawberry.type(description="Times of the week, by the clock of the channel's zone.")
class PromotionHours:
    weekdays: list[int] = strawberry.field(description="1 is Monday; none means every day")
    from_minute: int
    until_minute: int


@strawberry.type(description="A text in one language.")
class PromotionLabel:
    locale: str
    text: str


@strawberry.type(description="A code as staff see it.")
class PromotionCoupon:
    id: strawberry.ID
    code: str
    member_id: strawberry.ID | None = strawberry.field(description="Whose it is; null: anybody's")
    uses_max: Quantity | None = strawberry.field(description="null: as many as the promotion has")
    expires_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, one: types.Coupon) -> "PromotionCoupon":
        """Wrap a code."""
        owner = one.member_id
        return cls(
            id=strawberry.ID(encode(CouponId, one.id)),
            code=one.code,
            member_id=None if owner is None else strawberry.ID(encode(MemberId, owner)),
            uses_max=None if one.uses_max is None else Quantity(one.uses_max),
            expires_at=one.expires_at,
            created_at=one.created_at,
        )


@strawberry.type(description="An order that carries a promotion.")
class PromotionUse:
    order_id: strawberry.ID
    number: str
    order_state: str
    off: MoneyType = strawberry.field(description="What it took off the order")
    coupon: str | None = strawberry.field(description="By which code, if by one")
    version: int = strawberry.field(description="Of the promotion, then")
    placed_at: datetime

    @classmethod
    def of(cls, one: types.SeenUse) -> "PromotionUse":
        """Wrap a use."""
        return cls(
            order_id=strawberry.ID(encode(OrderId, one.use.order_id)),
            number=one.number,
            order_state=one.order_state,
            off=MoneyType.of(Money(one.use.off_minor, one.use.currency)),
            coupon=one.code,
            version=one.use.version,
            placed_at=one.use.placed_at,
        )


@strawberry.type(name="Promotion", description="A promotion as staff see it.")
class PromotionType:
    found: strawberry.Private[Promotion]
    id: strawberry.ID
    version: int
    state: PromotionState
    name: str
    label: list[PromotionLabel]
    needs_coupon: bool
    currency: str
    action: PromotionAction
    selection: PromotionSelection
    minimum: MoneyType | None
    minimum_units: int
    groups: list[str]
    first_order: bool
    hours: PromotionHours | None
    stack_group: str
    stack_mode: StackKind
    stack_per_line: bool
    priority: int
    with_activities: bool
    starts_at: datetime
    ends_at: datetime | None
    uses_max: Quantity | None
    uses_per_member: Quantity | None
    budget: MoneyType | None
    release_uses: Release
    release_member: Release

    @batch
    @staticmethod
    async def uses_count(parents: list["PromotionType"], info: Info) -> list[Quantity]:
        """How many orders that stand carry it."""
        found = await _standing(info, parents)
        return [Quantity(found.get(one.found.id, (0, 0))[0]) for one in parents]

    @batch
    @staticmethod
    async def off(parents: list["PromotionType"], info: Info) -> list[MoneyType]:
        """What it takes off orders that stand, all together."""
        found = await _standing(info, parents)
        return [
            MoneyType.of(Money(found.get(one.found.id, (0, 0))[1], one.found.currency))
            for one in parents
        ]

    @classmethod
    def of(cls, one: Promotion) -> "PromotionType":
        """Wrap a promotion."""
        conditions, stacking, hours = (
            one.rule.conditions,
            one.rule.stacking,
            one.rule.conditions.hours,
        )
        return cls(
            found=one,
            id=strawberry.ID(encode(PromotionId, one.id)),
            version=one.version,
            state=one.state,
            name=one.name,
            label=[PromotionLabel(locale=key, text=text) for key, text in one.label.items()],
            needs_coupon=one.needs_coupon,
            currency=one.currency,
            action=PromotionAction.of(service.write_action(one)),
            selection=PromotionSelection.of(one.rule.selection),
            minimum=_minor(conditions.minimum_minor or None, one),
            minimum_units=conditions.minimum_units,
            groups=list(conditions.groups),
            first_order=conditions.first_order,
            hours=None
            if hours is None
            else PromotionHours(
                weekdays=list(hours.weekdays),
                from_minute=hours.from_minute,
                until_minute=hours.until_minute,
            ),
            stack_group=stacking.group,
            stack_mode=StackKind(stacking.mode),
            stack_per_line=stacking.per_line,
            priority=one.rule.priority,
            with_activities=one.rule.with_activities,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            uses_max=None if one.uses_max is None else Quantity(one.uses_max),
            uses_per_member=None if one.uses_per_member is None else Quantity(one.uses_per_member),
            budget=_minor(one.budget_minor, one),
            release_uses=Release(one.release_uses),
            release_member=Release(one.release_member),
        )


@strawberry.type(description="What a promotion would have cost, beside what runs now.")
class PromotionDryRun:
    since: datetime
    until: datetime
    orders: int = strawberry.field(description="That were looked at")
    touched: int = strawberry.field(description="For which it would have counted")
    stopped: int = strawberry.field(description="For which a limit of it was used up by then")
    off: MoneyType = strawberry.field(description="What it would have taken off")
    cost: MoneyType = strawberry.field(
        description="How much more all promotions together would have taken off: other than `off` "
        "where it takes the place of another one"
    )

    @classmethod
    def of(cls, one: types.DryRun) -> "PromotionDryRun":
        """Wrap a dry run."""
        return cls(
            since=one.since,
            until=one.until,
            orders=one.orders,
            touched=one.touched,
            stopped=one.stopped,
            off=MoneyType.of(one.off),
            cost=MoneyType.of(one.cost),
        )


async def _standing(
    info: Info, parents: Sequence[PromotionType]
) -> Mapping[PromotionId, tuple[int, int]]:
    return await service.find_standing(info.context, [one.found.id for one in parents])


def _money(amount: Money | None) -> MoneyType | None:
    return None if amount is None else MoneyType.of(amount)


def _minor(minor: int | None, one: Promotion) -> MoneyType | None:
    return None if minor is None else MoneyType.of(Money(minor, one.currency))
