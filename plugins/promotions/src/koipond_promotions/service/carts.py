"""What promotions make of a cart, and of an order that is placed."""

from __future__ import annotations

from collections.abc import Sequence

from koipond_promotions import rules
from koipond_promotions.errors import PromotionChanged
from koipond_promotions.repository import coupons as coupon_repository
from koipond_promotions.repository import promotions as repository
from koipond_promotions.repository import uses as use_repository
from koipond_promotions.service.boards import find_board, find_promotions, forget_board
from koipond_promotions.types import PromotionInputs, PromotionsSettings, RefusedCoupon, Unlocked
from koipond_sdk import Context, settings_of
from koipond_sdk.hooks import CartRequest, Checkout, QuotaRequest
from koipond_sdk.services.quotas import (
    OwnerId,
    SubjectId,
    find_free,
    find_reservations,
    find_taken,
)


async def find_inputs(ctx: Context, request: CartRequest) -> PromotionInputs | None:
    """Return what may count for a cart; None: nothing, and it costs no SQL.

    However many promotions there are, it costs one statement for the buyer's codes, one for what is
    left of what is limited, one for what the buyer had, one for the buyer's orders, one for what is
    held for this order already; none of each where nothing asks for it.
    """
    board = await find_board(ctx)
    automatic = board.find((request.channel_id, request.currency), request.items)
    if not automatic and not request.coupon_codes:
        return None
    codes, refused = await _read_codes(ctx, request.coupon_codes)
    unlocked: Sequence[Unlocked] = ()
    if codes:
        async with ctx.reading() as db:
            unlocked = await coupon_repository.find_unlocked(db, codes)
    asked, strange = rules.ask_all(request, automatic, unlocked, codes)
    known = await _find_known(ctx, request, asked)
    return rules.admit(
        asked,
        known,
        [*refused, *strange],
        locales=request.locales,
        time_zone=ctx.scope.time_zone,
    )


async def _read_codes(
    ctx: Context, written: Sequence[str]
) -> tuple[dict[str, str], list[RefusedCoupon]]:
    if not written:
        return {}, []
    settings = await settings_of(ctx, PromotionsSettings)
    return rules.read_codes(written, most=settings.coupons_per_order)


async def _find_known(
    ctx: Context, request: CartRequest, asked: Sequence[rules.Asked]
) -> rules.Known:
    pools, limits = rules.find_pools(asked)
    free = await find_free(ctx, pools) if pools else {}
    member_id, order_id = request.member_id, request.order_id
    used = {}
    if member_id is not None and limits:
        used = await find_taken(ctx, SubjectId(member_id), limits)
    own = {}
    if order_id is not None and rules.may_be_own(asked, free, used):
        # What this order held when it was tried before is not what others have.
        own = rules.sum_held(await find_reservations(ctx, OwnerId(order_id)))
    if member_id is None:
        return rules.Known(free=free, own=own)
    orders = 0
    if rules.wants_first(asked):
        async with ctx.reading() as db:
            orders = await use_repository.count_orders(db, member_id)
    return rules.Known(free=free, used=used, own=own, orders=orders)


async def find_requests(ctx: Context, checkout: Checkout) -> list[QuotaRequest]:
    """Ask for a use of each promotion that a purchase carries; without one, it costs no SQL.

    Also of those that count by themselves: a limit belongs to the promotion, not to the code. Of
    what is added to an order nothing: only what it carries already goes on to count.
    """
    carried = rules.find_carried(checkout)
    if checkout.is_edit or not carried:
        return []
    promotions = await find_promotions(ctx, {one.promotion_id: one.version for one in carried})
    codes = {one.code for one in carried if one.code is not None}
    coupons = {}
    if codes:
        async with ctx.reading() as db:
            coupons = await coupon_repository.find_by_codes(db, codes)
    return rules.claim_uses(carried, promotions, coupons, checkout.subject)


async def note_order(ctx: Context, checkout: Checkout) -> None:
    """Write which promotions an order carries. Raises PromotionChanged if one is another by now."""
    carried = rules.find_carried(checkout)
    if not carried:
        return
    live = await repository.find_versions(ctx.db, [one.promotion_id for one in carried])
    for one in carried:
        if live.get(one.promotion_id) != one.version:
            forget_board(ctx)
            raise PromotionChanged(promotion=one.label)
    await use_repository.add(ctx.db, rules.make_uses(checkout, carried))
