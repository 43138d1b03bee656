"""Coupon codes: added, generated, given as rewards, shown."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import timedelta
from functools import partial
from uuid import UUID

from koipond_promotions import rules
from koipond_promotions.errors import (
    CouponCodeTaken,
    CouponRewardUnset,
    PromotionUnknown,
    PromotionWithoutCoupons,
)
from koipond_promotions.events import PromotionCouponsGenerated
from koipond_promotions.repository import coupons as repository
from koipond_promotions.repository import promotions as promotion_repository
from koipond_promotions.types import (
    COUPONS_AT_ONCE_MAX,
    BatchId,
    BatchWish,
    Coupon,
    CouponWish,
    Promotion,
    PromotionId,
    PromotionsSettings,
    Unlocked,
)
from koipond_sdk import (
    Context,
    MemberId,
    Page,
    Slice,
    decode,
    encode,
    new_id,
    once,
    settings_of,
    transaction,
)
from koipond_sdk.services.members import MemberUnknown, hold_member
from koipond_sdk.services.rewards import Reward

COUPONS_SHOWN_MAX = 200


async def add_coupon(ctx: Context, wish: CouponWish) -> Coupon:
    """Add a code that staff have thought of.

    Raises CouponCodeInvalid, CouponCodeTaken, PromotionUnknown, PromotionWithoutCoupons,
    MemberUnknown, PromotionNumberInvalid, CouponExpiryPast.
    """
    await _find_promotion(ctx, wish.promotion_id)
    if wish.member_id is not None:
        await _check_members(ctx, [wish.member_id])
    code, most = rules.check_code(wish.code), wish.uses_max
    new = Coupon(
        id=rules.coupon_of(code),
        code=code,
        promotion_id=wish.promotion_id,
        member_id=wish.member_id,
        uses_max=None if most is None else rules.check_number(most, rules.USES_MAX, "usesMax"),
        expires_at=rules.check_expiry(wish.expires_at, ctx.clock.now()),
        created_at=ctx.clock.now(),
    )
    await _add(ctx, new)
    return new


@transaction
async def _add(ctx: Context, new: Coupon) -> None:
    if not await repository.add(ctx.db, [new]):
        raise CouponCodeTaken(coupon=new.code).located("code")
    # A code opens something, so the audit has its id.
    told = {"coupon": new.id, "uses_max": new.uses_max, "expires_at": new.expires_at}
    ctx.audited(encode(PromotionId, new.promotion_id), after=told)


async def generate(ctx: Context, wish: BatchWish, *, idempotency_key: str) -> list[Coupon]:
    """Make codes that nobody can guess, once per key; a repeat gives the same ones.

    Raises CouponCodeInvalid, PromotionUnknown, PromotionWithoutCoupons, MemberUnknown,
    PromotionNumberInvalid, CouponExpiryPast, and what is wrong with the key.
    """
    await _find_promotion(ctx, wish.promotion_id)
    made = await once(
        ctx,
        partial(_generate, wish=wish),
        operation="generatePromotionCoupons",
        key=idempotency_key,
        request=wish,
        subject_id=new_id(),
    )
    async with ctx.reading() as db:
        return await repository.find_of_batch(db, BatchId(made))


async def _generate(ctx: Context, key: UUID, *, wish: BatchWish) -> None:
    batch_id, prefix = BatchId(key), rules.check_prefix(wish.prefix)
    owners: list[MemberId | None] = list(dict.fromkeys(wish.member_ids))
    await _check_members(ctx, [one for one in owners if one is not None])
    count = len(owners) or rules.check_number(wish.count or 0, COUPONS_AT_ONCE_MAX, "count")
    rules.check_number(count, COUPONS_AT_ONCE_MAX, "memberIds")
    most = rules.check_number(wish.uses_max, rules.USES_MAX, "usesMax")
    now = ctx.clock.now()
    expires_at = rules.check_expiry(wish.expires_at, now)
    missing: list[MemberId | None] = owners or [None] * count
    new = []
    for member_id in missing:
        code = rules.make_code(prefix, secrets.randbelow)
        new.append(
            Coupon(
                id=rules.coupon_of(code),
                code=code,
                promotion_id=wish.promotion_id,
                member_id=member_id,
                uses_max=most,
                expires_at=expires_at,
                batch_id=batch_id,
                created_at=now,
            )
        )
    added = await repository.add(ctx.db, new)
    assert added == count, "of 60 bits no two are alike"
    told = {"batch": batch_id, "coupons": count, "uses_max": most, "expires_at": expires_at}
    ctx.audited(encode(PromotionId, wish.promotion_id), after=told)
    ctx.emit(
        PromotionCouponsGenerated(promotion_id=wish.promotion_id, batch_id=batch_id, count=count)
    )


@transaction
async def give_reward(ctx: Context, reward: Reward) -> None:
    """Give a member a code of their own as a reward; one of a source that was given gives none.

    Its amount is how often the code may be used. Raises CouponRewardUnset, PromotionUnknown,
    PromotionWithoutCoupons.
    """
    settings = await settings_of(ctx, PromotionsSettings)
    if not settings.reward_promotion:
        raise CouponRewardUnset
    promotion_id = decode(PromotionId, settings.reward_promotion)
    await _find_promotion(ctx, promotion_id)
    code, now = rules.make_code("", secrets.randbelow), ctx.clock.now()
    new = Coupon(
        id=rules.coupon_of(code),
        code=code,
        promotion_id=promotion_id,
        member_id=await hold_member(ctx, reward.member_id),
        uses_max=reward.amount,
        expires_at=now + timedelta(days=settings.reward_expiry_days),
        source=reward.source,
        created_at=now,
    )
    await repository.add(ctx.db, [new])


async def find_coupons_of(
    ctx: Context, member_ids: Collection[MemberId]
) -> dict[MemberId, list[Unlocked]]:
    """Return {member: their own codes that are not over}, the newest first."""
    async with ctx.reading() as db:
        found = await repository.find_of_members(db, member_ids, most=COUPONS_SHOWN_MAX)
    now = ctx.clock.now()
    own: dict[MemberId, list[Unlocked]] = {key: [] for key in member_ids}
    for one in found:
        expired = one.coupon.expires_at is not None and now >= one.coupon.expires_at
        if one.coupon.member_id is not None and not (expired or one.promotion.is_over(now)):
            own[one.coupon.member_id].append(one)
    return own


async def find_coupons(ctx: Context, key: PromotionId, page: Page) -> Slice[Coupon]:
    """Return one page of a promotion's codes."""
    async with ctx.reading() as db:
        return await repository.find_page(db, key, page)


async def _find_promotion(ctx: Context, key: PromotionId) -> Promotion:
    async with ctx.reading() as db:
        found = (await promotion_repository.find_by_ids(db, [key])).get(key)
    if found is None:
        raise PromotionUnknown(promotion_id=key).located("promotionId")
    if not found.needs_coupon:
        raise PromotionWithoutCoupons(promotion=found.name).located("promotionId")
    return found


async def _check_members(ctx: Context, keys: Collection[MemberId]) -> None:
    async with ctx.reading() as db:
        known = await repository.find_members(db, keys)
    for key in keys:
        if key not in known:
            raise MemberUnknown(member=encode(MemberId, key)).located("memberId")
