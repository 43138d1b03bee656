"""Use-cases of members that become one: whose a code is."""

from __future__ import annotations

from koipond_promotions.repository import coupons as repository
from koipond_sdk import Context
from koipond_sdk.services.members import MemberMerge, find_carried, note_carried

_PLACE = "promotions_coupon"


async def absorb(ctx: Context, merge: MemberMerge) -> None:
    """Let a merged member's codes be the survivor's."""
    moved = await repository.move(ctx.db, merge.merged_id, merge.survivor_id)
    await note_carried(ctx, merge.id, _PLACE, moved)


async def release(ctx: Context, merge: MemberMerge) -> None:
    """Give a member's codes back; what was given since stays the survivor's."""
    moved = await find_carried(ctx, merge.id, _PLACE)
    await repository.move_back(ctx.db, merge.survivor_id, merge.merged_id, moved)
