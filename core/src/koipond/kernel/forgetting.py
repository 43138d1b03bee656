"""What waits for plugins that do not run, and what all have heard, is kept for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from sqlalchemy import select

from koipond.kernel.audience import open_consumers
from koipond.kernel.context import transaction
from koipond.kernel.jobs import Job
from koipond.kernel.logs import log
from koipond.kernel.outbox import delivery, holds, outbox_event

if TYPE_CHECKING:
    from koipond.kernel.context import Context

_AT_ONCE = 500


class PruneEvents(Job, frozen=True, kw_only=True):
    """Drop events that all have heard of, once they are old."""

    may_cancel: ClassVar[bool] = True


class ForgetDeliveries(Job, frozen=True, kw_only=True):
    """Drop deliveries that waited too long for consumers that do not run."""

    may_cancel: ClassVar[bool] = True


@transaction
async def forget_deliveries(ctx: Context, job: ForgetDeliveries) -> None:
    """Drop what waits for who is told nothing (a plugin that is off), since `deliveries_keep_days`.

    Whoever is turned on again later hears of what is younger, in its order.
    """
    running = [one.name for one in ctx.shop.consumers] + await open_consumers(ctx.db)
    before = ctx.clock.now() - timedelta(days=ctx.settings.deliveries_keep_days)
    # When a delivery was made, or tried for the last time: nobody has tried it since.
    waited = (delivery.c.consumer.not_in(running), delivery.c.run_at < before)
    gone = await ctx.db.execute(delivery.delete().where(*waited))
    if gone.rowcount:
        log.warning("deliveries of plugins that do not run are dropped", count=gone.rowcount)


async def prune_events(ctx: Context, job: PruneEvents) -> None:
    """Drop what happened longer than `events_keep_days` ago, with its deliveries.

    Of each thing the events go in their order, up to the first that somebody is still to hear of;
    its last one stays, because the next is numbered by it.
    """
    if not ctx.settings.events_keep_days:
        return
    before = ctx.clock.now() - timedelta(days=ctx.settings.events_keep_days)
    while await _prune_some(ctx, before):
        pass


@transaction
async def _prune_some(ctx: Context, before: datetime) -> int:
    open_ones, later = delivery.alias(), outbox_event.alias()
    of_it = outbox_event.c.aggregate_id
    held = select(open_ones.c.event_id).where(
        holds(open_ones),
        open_ones.c.aggregate_id == of_it,
        open_ones.c.seq <= outbox_event.c.seq,
    )
    next_ones = select(later.c.id).where(
        later.c.aggregate_id == of_it, later.c.seq > outbox_event.c.seq
    )
    earlier = outbox_event.alias()
    kept = select(earlier.c.id).where(
        earlier.c.aggregate_id == of_it,
        earlier.c.seq < outbox_event.c.seq,
        (earlier.c.occurred_at >= before) | earlier.c.relayed_at.is_(None),
    )
    old = (
        select(outbox_event.c.id)
        .where(outbox_event.c.occurred_at < before, outbox_event.c.relayed_at.is_not(None))
        .where(~held.exists(), ~kept.exists(), next_ones.exists())
        .order_by(of_it, outbox_event.c.seq)
        .limit(_AT_ONCE)
    )
    gone = (await ctx.db.execute(old)).scalars().all()
    await ctx.db.execute(delivery.delete().where(delivery.c.event_id.in_(gone)))
    await ctx.db.execute(outbox_event.delete().where(outbox_event.c.id.in_(gone)))
    return len(gone)
