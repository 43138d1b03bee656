"""Use-cases of activities: what sells a variant for another price, for a while."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from koipond.catalog import repository
from koipond.catalog.types import Activity
from koipond.kernel.context import Context, transaction
from koipond.kernel.fresh import AGE_MAX, Fresh
from koipond.kernel.ids import ActivityId, VariantId
from koipond.quota import service as quota

# {variant: its activities}
Running = Mapping[VariantId, Sequence[Activity]]


@transaction
async def publish_activities(ctx: Context, wanted: Sequence[Activity]) -> None:
    """Store activities, new ones or what changed of known ones, which are then of a new version."""
    if wanted:
        await repository.save_activities(ctx.db, wanted)
        _RUNNING.forget(ctx.shop)


@transaction
async def withdraw_activities(ctx: Context, ids: Collection[ActivityId]) -> None:
    """End activities now; orders that were placed keep their prices."""
    if ids:
        await repository.withdraw(ctx.db, ids, now=ctx.clock.now())
        _RUNNING.forget(ctx.shop)


async def find_activities(
    ctx: Context, variant_ids: Collection[VariantId]
) -> dict[VariantId, list[Activity]]:
    """Return {variant: what sells it now to this viewer}, in the channel and currency of the scope.

    In a transaction that decides as it is stored, else as it was at most 1 s ago. What is for
    members sells nothing to guests, and activities of plugins that are off or gone sell nothing.
    """
    now = ctx.clock.now()
    known: Running
    if ctx.is_exact:
        known = await _read(ctx, now, variant_ids)
    else:
        known = await _RUNNING.find(ctx)
    found = {
        key: [one for one in known[key] if _sells(ctx, one, now)]
        for key in variant_ids
        if key in known
    }
    return {key: activities for key, activities in found.items() if activities}


async def refresh_activities(ctx: Context) -> None:
    """Read anew what runs, also what is sold out: who holds the last unit finds the offer again."""
    await _RUNNING.renew(ctx, read=_read_all)


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


async def _read_all(ctx: Context, _last: Running) -> Running:
    return await _read(ctx, ctx.clock.now())


async def _read_offered(ctx: Context, last: Running) -> Running:
    return await _without_sold_out(ctx, await _read_all(ctx, last))


# What runs in this shop, of all channels, also some that begin in a moment. A list of products
# costs no SQL for it, however many plugins have activities.
_RUNNING: Fresh[Running] = Fresh(_read_offered, first={})
