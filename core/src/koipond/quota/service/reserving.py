"""Use-cases of reserving: before the order's transaction, through the desk."""

from collections.abc import Sequence
from datetime import timedelta

from koipond.kernel.context import Context
from koipond.kernel.dispatch.guarding import refuse_inside
from koipond.kernel.ids import OwnerId
from koipond.quota import rules
from koipond.quota.service.desk import Desk
from koipond.quota.types import Claim, Granted, Refused, Request


async def reserve(
    ctx: Context, owner: OwnerId, claims: Sequence[Claim], *, part: int = 0
) -> Granted:
    """Hold all of `claims` for an owner for a short while, or nothing; then `place` them.

    claims: one per quota. The owner then has exactly these: more or less is taken by difference,
    what is not asked for again is let go. The same ask again gets the same answer.
    part: 0 for the placement, the next number for each later ask (an edit, a late payment).
    Raises QuotaShort, LimitReached, QuotaUnknown, QuotaNotStarted, QuotaClosed, AlreadyPlaced,
    DeskBusy.
    """
    refuse_inside("reserves units", "Ask for them beforehand: implement quota_requests")
    # The desk's batch would wait for rows that this transaction has locked, or this transaction
    # for a batch: units are held first, then written about.
    assert not ctx.in_transaction, "reserve before the transaction begins, never inside one"
    hold = timedelta(seconds=ctx.settings.reservation_hold_s)
    request = Request(owner_id=owner, part=part, claims=tuple(claims), hold=hold)
    # Waiting for others takes no connection from them.
    await ctx.rest()
    answer = await find_desk(ctx).ask(request)
    if isinstance(answer, Refused):
        raise rules.refusal_of(answer)
    return answer


def find_desk(ctx: Context) -> Desk:
    """Return the desk of this process; the first who asks makes it."""
    shop = ctx.shop
    if shop.desk is None:
        shop.desk = Desk(shop.database, shop.clock, queue_max=shop.settings.desk_queue_max)
    return shop.desk
