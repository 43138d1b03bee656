"""What staff do with promotions.

DRAFT --publishPromotion--> LIVE <--pausePromotion, publishPromotion--> PAUSED
each of them --endPromotion--> ENDED
"""

from __future__ import annotations

from collections.abc import Sequence

from koipond_promotions import rules
from koipond_promotions.errors import PromotionLimitTaken, PromotionUnknown
from koipond_promotions.events import PromotionEnded, PromotionPaused, PromotionPublished
from koipond_promotions.repository import promotions as repository
from koipond_promotions.repository import uses as use_repository
from koipond_promotions.service.boards import forget_board
from koipond_promotions.types import (
    GiftLine,
    Promotion,
    PromotionId,
    PromotionState,
    PromotionWish,
    SeenUse,
)
from koipond_sdk import Context, Page, Quantity, Slice, VariantId, encode, new_id, transaction
from koipond_sdk.services import catalog, channels, members, quotas


async def create(ctx: Context, wish: PromotionWish) -> Promotion:
    """Make a draft, which counts for nobody before it is published.

    Raises ChannelUnknown, CurrencyNotSold, VariantUnknown, MemberGroupUnknown, and what
    `rules.plan` refuses.
    """
    new = await _plan(ctx, wish)
    await _add(ctx, new)
    return new


@transaction
async def _add(ctx: Context, new: Promotion) -> None:
    await repository.add(ctx.db, new)
    ctx.audited(encode(PromotionId, new.id), after=new)


async def edit(ctx: Context, key: PromotionId, wish: PromotionWish, *, expected: int) -> Promotion:
    """Change a promotion to what is wished. expected: the version that it is a change of.

    Of a published one the limits move by what they differ, never below what is used.
    Raises PromotionUnknown, PromotionLimitTaken, PromotionOverlaps, and what `create`, `rules.edit`
    refuse.
    """
    wanted = await _plan(ctx, wish)
    changed = await _edit(ctx, key, wanted, expected=expected)
    forget_board(ctx)
    return changed


@transaction
async def _edit(ctx: Context, key: PromotionId, wanted: Promotion, *, expected: int) -> Promotion:
    found = await _lock(ctx, key)
    changed = rules.edit(found, wanted, expected=expected)
    if changed.state is PromotionState.LIVE:
        await _check_alone(ctx, changed)
    await repository.store(ctx.db, changed)
    ctx.audited(encode(PromotionId, key), before=found, after=changed)
    deltas = {} if found.published_at is None else rules.find_deltas(found, changed)
    if deltas:
        await _change_limits(ctx, changed, deltas)
    return changed


async def _change_limits(
    ctx: Context, changed: Promotion, deltas: dict[quotas.QuotaId, int]
) -> None:
    # Last: it locks rows that every buyer wants.
    try:
        await quotas.change_capacity(ctx, deltas)
    except quotas.CapacityTaken as error:
        of_uses = error.quota == rules.uses_of(changed.id)
        wanted = changed.uses_max if of_uses else changed.budget_minor
        assert wanted is not None, "only limits have quotas"
        free = error.capacity - error.taken
        used = wanted - error.delta - free
        raise PromotionLimitTaken(new_limit=Quantity(wanted), used=Quantity(used)).located(
            "usesMax" if of_uses else "budget"
        ) from error


async def publish(ctx: Context, key: PromotionId, *, expected: int) -> Promotion:
    """Let a draft count from its start on, or a paused promotion again.

    Raises PromotionUnknown, PromotionVersionOld, PromotionNotMovable, PromotionTimesInvalid,
    PromotionOverlaps.
    """
    return await _move(ctx, key, PromotionState.LIVE, expected=expected)


async def pause(ctx: Context, key: PromotionId, *, expected: int) -> Promotion:
    """Let a promotion count for no new order. Raises as `publish`."""
    return await _move(ctx, key, PromotionState.PAUSED, expected=expected)


async def end(ctx: Context, key: PromotionId, *, expected: int) -> Promotion:
    """Let a promotion never count again; what orders carry, they keep. Raises as `publish`."""
    return await _move(ctx, key, PromotionState.ENDED, expected=expected)


async def _move(ctx: Context, key: PromotionId, to: PromotionState, *, expected: int) -> Promotion:
    moved = await _move_locked(ctx, key, to, expected=expected)
    forget_board(ctx)
    return moved


@transaction
async def _move_locked(
    ctx: Context, key: PromotionId, to: PromotionState, *, expected: int
) -> Promotion:
    found = await _lock(ctx, key)
    if found.state is to:
        rules.check_repeat(found, expected)
        return found
    rules.check_version(found, expected)
    moved = rules.move(found, to, now=ctx.clock.now())
    if to is PromotionState.LIVE:
        await _check_alone(ctx, moved)
    await repository.store(ctx.db, moved)
    ctx.audited(encode(PromotionId, key), before=found, after=moved)
    if to is PromotionState.LIVE:
        ctx.emit(PromotionPublished(promotion_id=key, published_version=moved.version))
        await quotas.create(ctx, rules.quotas_of(moved))
    elif to is PromotionState.PAUSED:
        ctx.emit(PromotionPaused(promotion_id=key))
    else:
        ctx.emit(PromotionEnded(promotion_id=key))
    return moved


async def _check_alone(ctx: Context, new: Promotion) -> None:
    """Raise PromotionOverlaps; whoever publishes at the same time waits for the channel's row."""
    rules.check_alone(new, await repository.find_live(ctx.db, new.channel_id))


async def _lock(ctx: Context, key: PromotionId) -> Promotion:
    """Return a promotion to be changed, locked after its channel's board."""
    async with ctx.reading() as db:
        known = (await repository.find_by_ids(db, [key])).get(key)
    if known is None:
        raise PromotionUnknown(promotion_id=key).located("promotionId")
    await repository.raise_revision(ctx.db, known.channel_id)
    found = await repository.lock(ctx.db, key)
    assert found is not None, "promotions are never deleted"
    return found


async def _plan(ctx: Context, wish: PromotionWish) -> Promotion:
    scope = await channels.choose_scope(
        ctx, code=wish.channel or ctx.channel, currency=wish.currency
    )
    new = rules.plan(
        PromotionId(new_id()),
        wish,
        channel_id=scope.channel_id,
        currency=scope.currency,
        now=ctx.clock.now(),
    )
    action = new.rule.action
    if isinstance(action, GiftLine):
        found = await catalog.find_variants_by_ids(ctx, [action.variant_id])
        if action.variant_id not in found:
            unknown = catalog.VariantUnknown(variant_id=encode(VariantId, action.variant_id))
            raise unknown.located("action.variantId")
    await _check_groups(ctx, new.rule.conditions.groups)
    return new


async def _check_groups(ctx: Context, codes: Sequence[str]) -> None:
    """Raise MemberGroupUnknown for a group that nobody could be in."""
    for place, code in enumerate(codes):
        try:
            await members.check_group(ctx, code)
        except members.MemberGroupUnknown as error:
            raise error.located(f"groups.{place}") from None


async def find_promotion(ctx: Context, key: PromotionId) -> Promotion | None:
    """Return a promotion, of whichever channel."""
    async with ctx.reading() as db:
        return (await repository.find_by_ids(db, [key])).get(key)


async def find_promotions(
    ctx: Context, page: Page, *, state: PromotionState | None = None
) -> Slice[Promotion]:
    """Return one page of the promotions of this channel, the newest first."""
    async with ctx.reading() as db:
        return await repository.find_page(db, ctx.scope.channel_id, page, state)


async def find_uses(ctx: Context, key: PromotionId, page: Page) -> Slice[SeenUse]:
    """Return one page of the orders that carry a promotion, the newest first."""
    async with ctx.reading() as db:
        return await use_repository.find_page(db, key, page)


async def find_standing(
    ctx: Context, keys: list[PromotionId]
) -> dict[PromotionId, tuple[int, int]]:
    """Return {promotion: (orders that stand and carry it, what it takes off them)}."""
    async with ctx.reading() as db:
        found = await use_repository.sum_standing(db, keys)
    return {key: (one.uses, one.off_minor) for key, one in found.items()}
