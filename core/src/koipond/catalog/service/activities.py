"""Use-cases of activities: what sells a variant for another price, for a while."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from koipond.catalog import repository
from koipond.catalog.types import Activity
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import ActivityId, VariantId
from koipond.quota import service as quota

# How old what a process knows of activities may be; it is looked at again when an order is placed.
AGE_MAX = timedelta(seconds=1)


class ActivityIndex:
    """What runs in this shop, by variant, as one process knows it: read once a second at most.

    A list of products costs no SQL for it, however many plugins have activities.
    """

    def __init__(self) -> None:
        self._known: Mapping[VariantId, Sequence[Activity]] = {}
        self._read_at: datetime | None = None
        self._reading = asyncio.Lock()

    async def find(self, ctx: Context) -> Mapping[VariantId, Sequence[Activity]]:
        """Return {variant: its activities}, of all channels, also some that begin in a moment."""
        if not self._is_fresh(ctx.clock.now()):
            async with self._reading:
                now = ctx.clock.now()
                if not self._is_fresh(now):
                    self._known = await _without_sold_out(ctx, await _read(ctx, now))
                    self._read_at = now
        return self._known

    async def refresh(self, ctx: Context) -> None:
        """Read now, also what is sold out."""
        now = ctx.clock.now()
        self._known = await _read(ctx, now)
        self._read_at = now

    def forget(self) -> None:
        """Read again at the next question: something was published here."""
        self._read_at = None

    def _is_fresh(self, now: datetime) -> bool:
        # A clock that was set back makes what was read too young, not forever fresh.
        return self._read_at is not None and timedelta() <= now - self._read_at < AGE_MAX


@transaction
async def publish_activities(ctx: Context, wanted: Sequence[Activity]) -> None:
    """Store activities, new ones or what changed of known ones, which are then of a new version."""
    if wanted:
        await repository.save_activities(ctx.db, wanted)
        _index(ctx).forget()


@transaction
async def withdraw_activities(ctx: Context, ids: Collection[ActivityId]) -> None:
    """End activities now; orders that were placed keep their prices."""
    if ids:
        await repository.withdraw(ctx.db, ids, now=ctx.clock.now())
        _index(ctx).forget()


async def find_activities(
    ctx: Context, variant_ids: Collection[VariantId]
) -> dict[VariantId, list[Activity]]:
    """Return {variant: what sells it now to this viewer}, in the channel and currency of the scope.

    In a transaction as it is stored, else as it was at most 1 s ago. What is for members sells
    nothing to guests, and activities of plugins that are off or gone sell nothing at all.
    """
    now = ctx.clock.now()
    known: Mapping[VariantId, Sequence[Activity]]
    if ctx.in_transaction:
        known = await _read(ctx, now, variant_ids)
    else:
        known = await _index(ctx).find(ctx)
    found = {
        key: [one for one in known[key] if _sells(ctx, one, now)]
        for key in variant_ids
        if key in known
    }
    return {key: activities for key, activities in found.items() if activities}


async def refresh_activities(ctx: Context) -> None:
    """Read anew what runs, also what is sold out: who holds the last unit finds the offer again."""
    await _index(ctx).refresh(ctx)


async def find_activities_by_ids(
    ctx: Context, ids: Collection[ActivityId]
) -> dict[ActivityId, Activity]:
    """Return {id: activity}, over or not."""
    if not ids:
        return {}
    async with ctx.reading() as db:
        return {one.id: one for one in await repository.find_activities_by_ids(db, ids)}


def _sells(ctx: Context, one: Activity, now: datetime) -> bool:
    return (
        one.runs_at(now)
        and one.channel_id == ctx.scope.channel_id
        and one.currency == ctx.scope.currency
        and one.plugin in ctx.hooks.plugins - ctx.plugins_off
        and (ctx.viewer.member_id is not None or not one.members_only)
    )


async def _read(
    ctx: Context, now: datetime, variant_ids: Collection[VariantId] | None = None
) -> dict[VariantId, list[Activity]]:
    # Also those that begin while this is believed.
    soon = now + 2 * AGE_MAX
    wanted = None if variant_ids is None else sorted(variant_ids)
    async with ctx.reading() as db:
        rows = await repository.find_activities(db, at=now, starting_by=soon, variant_ids=wanted)
    found: dict[VariantId, list[Activity]] = defaultdict(list)
    for one in rows:
        found[one.variant_id].append(one)
    return found


async def _without_sold_out(
    ctx: Context, known: Mapping[VariantId, Sequence[Activity]]
) -> dict[VariantId, list[Activity]]:
    """Return what still has units: without them the variant sells as if there were no activity.

    Only where offers are made. A purchase that holds the last unit must find its activity again.
    """
    pools = {one.quota_id for some in known.values() for one in some if one.quota_id is not None}
    free = await quota.find_free(ctx, pools) if pools else {}
    return {
        key: [one for one in some if one.quota_id is None or free.get(one.quota_id) != 0]
        for key, some in known.items()
    }


def _index(ctx: Context) -> ActivityIndex:
    if ctx.shop.activities is None:
        ctx.shop.activities = ActivityIndex()
    return ctx.shop.activities
