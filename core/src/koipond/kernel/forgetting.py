"""What waits for plugins that do not run is kept for a while, and then no longer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from koipond.kernel.context import transaction
from koipond.kernel.couriers import open_consumers
from koipond.kernel.jobs import Job
from koipond.kernel.logs import log
from koipond.kernel.outbox import delivery

if TYPE_CHECKING:
    from koipond.kernel.context import Context


class ForgetDeliveries(Job, frozen=True, kw_only=True):
    """Drop deliveries that waited too long for consumers that do not run."""


@transaction
async def forget_deliveries(ctx: Context, job: ForgetDeliveries) -> None:
    """Drop what waits for who is told nothing (a plugin that is off), since `deliveries_keep_days`.

    Whoever is turned on again later hears of what is younger, in its order.
    """
    running = [one.name for one in ctx.shop.consumers] + await open_consumers(ctx)
    before = ctx.clock.now() - timedelta(days=ctx.settings.deliveries_keep_days)
    # When a delivery was made, or tried for the last time: nobody has tried it since.
    waited = (delivery.c.consumer.not_in(running), delivery.c.run_at < before)
    gone = await ctx.db.execute(delivery.delete().where(*waited))
    if gone.rowcount:
        log.warning("deliveries of plugins that do not run are dropped", count=gone.rowcount)
