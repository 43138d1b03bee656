"""Promotions in the schemas: what is asked and done."""

from uuid import UUID

import strawberry

from koipond_promotions import service
from koipond_promotions.graphql.inputs import (
    PromotionCouponInput,
    PromotionCouponsInput,
    PromotionEditInput,
    PromotionInput,
    PromotionMoveInput,
)
from koipond_promotions.graphql.types import (
    PromotionCoupon,
    PromotionDryRun,
    PromotionOwnCoupon,
    PromotionTerms,
    PromotionType,
    PromotionUse,
)
from koipond_promotions.types import PromotionId, PromotionState
from koipond_sdk import decode
from koipond_sdk.schema import (
    FIRST_DEFAULT,
    PUBLIC,
    Connection,
    Info,
    Member,
    UserError,
    batch,
    connect,
    mutation,
    needs,
    page,
    query,
)

MANAGE = needs("promotions.manage")
_WEEK = 7


@strawberry.type
class PromotionQueries:
    @query(PUBLIC)
    async def promotions_running(self, info: Info) -> list[PromotionTerms]:
        """The promotions that count by themselves here, now or soon, those that end first first."""
        ctx = info.context
        found = await service.find_running(ctx)
        return [PromotionTerms.of(one, ctx.scope.locales, ctx.clock.now()) for one in found]


@strawberry.type
class PromotionCouponsOfMember:
    @batch
    @staticmethod
    async def coupons(parents: list[Member], info: Info) -> list[list[PromotionOwnCoupon] | None]:
        """Codes that are yours and not over; null for everybody else's."""
        ctx = info.context
        own = [one.key for one in parents if one.key == ctx.viewer.member_id]
        found = await service.find_coupons_of(ctx, own)
        locales, now = ctx.scope.locales, ctx.clock.now()
        return [
            [PromotionOwnCoupon.of(each, locales, now) for each in found[one.key]]
            if one.key in found
            else None
            for one in parents
        ]


@strawberry.type
class PromotionStaffQueries:
    @query(MANAGE)
    async def promotions(
        self,
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        state: PromotionState | None = None,
    ) -> Connection[PromotionType]:
        """The promotions of this channel, the newest first."""
        wanted = page(first, after, shape=(UUID,))
        found = await service.find_promotions(info.context, wanted, state=state)
        return connect(found, PromotionType.of, behind=after is not None)

    @query(MANAGE)
    async def promotion(self, info: Info, id: strawberry.ID) -> PromotionType | None:
        """A promotion, of whichever channel."""
        found = await service.find_promotion(info.context, decode(PromotionId, id))
        return None if found is None else PromotionType.of(found)

    @query(MANAGE)
    async def promotion_uses(
        self,
        info: Info,
        id: strawberry.ID,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
    ) -> Connection[PromotionUse]:
        """The orders that carry a promotion, the newest first."""
        wanted = page(first, after, shape=(UUID,))
        found = await service.find_uses(info.context, decode(PromotionId, id), wanted)
        return connect(found, PromotionUse.of, behind=after is not None)

    @query(MANAGE)
    async def promotion_coupons(
        self,
        info: Info,
        id: strawberry.ID,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
    ) -> Connection[PromotionCoupon]:
        """The codes of a promotion."""
        wanted = page(first, after, shape=(UUID,))
        found = await service.find_coupons(info.context, decode(PromotionId, id), wanted)
        return connect(found, PromotionCoupon.of, behind=after is not None)

    @query(MANAGE)
    async def promotion_dry_run(
        self, info: Info, id: strawberry.ID, days: int = _WEEK
    ) -> PromotionDryRun:
        """What a promotion, a draft too, would have cost the orders of so many days."""
        key = decode(PromotionId, id)
        return PromotionDryRun.of(await service.rehearse(info.context, key, days=days))


@strawberry.type
class PromotionPayload:
    promotion: PromotionType | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class PromotionCouponPayload:
    coupon: PromotionCoupon | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class PromotionCouponsPayload:
    coupons: list[PromotionCoupon] | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class PromotionMutations:
    @mutation(MANAGE)
    async def create_promotion(self, info: Info, input: PromotionInput) -> PromotionPayload:
        """Make a draft of a promotion; it counts for nobody before it is published."""
        made = await service.create(info.context, input.read())
        return PromotionPayload(promotion=PromotionType.of(made))

    @mutation(MANAGE)
    async def edit_promotion(self, info: Info, input: PromotionEditInput) -> PromotionPayload:
        """Change a promotion; orders that carry it keep what it took off."""
        changed = await service.edit(
            info.context,
            decode(PromotionId, input.promotion_id),
            input.promotion.read(),
            expected=input.version,
        )
        return PromotionPayload(promotion=PromotionType.of(changed))

    @mutation(MANAGE)
    async def publish_promotion(self, info: Info, input: PromotionMoveInput) -> PromotionPayload:
        """Let a promotion count from its start on, or again after a pause."""
        key = decode(PromotionId, input.promotion_id)
        moved = await service.publish(info.context, key, expected=input.version)
        return PromotionPayload(promotion=PromotionType.of(moved))

    @mutation(MANAGE)
    async def pause_promotion(self, info: Info, input: PromotionMoveInput) -> PromotionPayload:
        """Let a promotion count for no new order, until it is published again."""
        key = decode(PromotionId, input.promotion_id)
        moved = await service.pause(info.context, key, expected=input.version)
        return PromotionPayload(promotion=PromotionType.of(moved))

    @mutation(MANAGE)
    async def end_promotion(self, info: Info, input: PromotionMoveInput) -> PromotionPayload:
        """End a promotion for good."""
        key = decode(PromotionId, input.promotion_id)
        moved = await service.end(info.context, key, expected=input.version)
        return PromotionPayload(promotion=PromotionType.of(moved))

    @mutation(MANAGE)
    async def add_promotion_coupon(
        self, info: Info, input: PromotionCouponInput
    ) -> PromotionCouponPayload:
        """Add a code that you have thought of."""
        made = await service.add_coupon(info.context, input.read())
        return PromotionCouponPayload(coupon=PromotionCoupon.of(made))

    @mutation(MANAGE)
    async def generate_promotion_coupons(
        self, info: Info, input: PromotionCouponsInput
    ) -> PromotionCouponsPayload:
        """Make codes that nobody can guess, at most 10,000 at once."""
        made = await service.generate(
            info.context, input.read(), idempotency_key=input.idempotency_key
        )
        return PromotionCouponsPayload(coupons=[PromotionCoupon.of(one) for one in made])
