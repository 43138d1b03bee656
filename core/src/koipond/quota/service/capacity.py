"""Use-cases of quotas themselves: what there is of them, from when until when.

They join the transaction of what they are about, such as a stock movement. There they come last,
and once: they lock rows that every buyer wants, in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import QuotaId
from koipond.kernel.quantity import Quantity
from koipond.quota import repository, rules
from koipond.quota.errors import QuotaClosed
from koipond.quota.types import ChangeReason, QuotaSpec

if TYPE_CHECKING:
    from koipond.kernel.db import Connection


@transaction
async def create(ctx: Context, specs: Sequence[QuotaSpec]) -> int:
    """Make quotas; those that there are stay as they are. Returns how many were new."""
    now = await _now(ctx)
    return await ctx.db.run_sync(repository.add_quotas, specs, now=now)


@transaction
async def change_capacity(ctx: Context, deltas: Mapping[QuotaId, int]) -> None:
    """Change capacities by {quota: units}, all or none; never a new number: two may count at once.

    Raises QuotaUnknown, CapacityTaken.
    """
    await ctx.db.run_sync(_change, deltas, ChangeReason.CHANGED, await _now(ctx))


@transaction
async def take_what_is_free(ctx: Context, deltas: Mapping[QuotaId, int]) -> dict[QuotaId, int]:
    """Change capacities by {quota: units} as far as is possible; returns {quota: units short}.

    For a count that finds less than was promised: only the short ones are returned, to be told to
    people. Raises QuotaUnknown.
    """
    return await ctx.db.run_sync(_change_as_far_as_possible, deltas, await _now(ctx))


@transaction
async def move_units(ctx: Context, source: QuotaId, target: QuotaId, units: int) -> None:
    """Move free units from one quota to another: from stock to a flash sale, or back.

    Raises QuotaUnknown, CapacityTaken, QuotaClosed.
    """
    assert units > 0, "a move is of one unit or more"
    assert source != target, "a move is between two quotas"
    await ctx.db.run_sync(_move, source, target, units, await _now(ctx))


@transaction
async def close(ctx: Context, quota: QuotaId) -> None:
    """Grant nothing any more; what is free, and what comes back later, goes to its parent.

    A second time changes nothing. Raises QuotaUnknown.
    """
    await ctx.db.run_sync(_close, quota, await _now(ctx))


@transaction
async def reschedule(
    ctx: Context,
    quotas: Collection[QuotaId],
    *,
    starts_at: datetime | None,
    ends_at: datetime | None,
) -> None:
    """Give quotas another start and end; None: there is none. Raises QuotaUnknown."""
    locked = await ctx.db.run_sync(repository.lock, quotas)
    rules.check_known(locked, quotas)
    await ctx.db.run_sync(repository.set_times, quotas, starts_at=starts_at, ends_at=ends_at)


async def _now(ctx: Context) -> datetime:
    return await ctx.clock.database_now(ctx.shop.database)


def _change(
    connection: Connection, deltas: Mapping[QuotaId, int], reason: ChangeReason, now: datetime
) -> None:
    rules.check_change(repository.lock(connection, deltas), deltas)
    repository.change_capacity(connection, deltas, reason=reason, now=now)


def _change_as_far_as_possible(
    connection: Connection, deltas: Mapping[QuotaId, int], now: datetime
) -> dict[QuotaId, int]:
    possible, short = rules.fit_change(repository.lock(connection, deltas), deltas)
    repository.change_capacity(connection, possible, reason=ChangeReason.CHANGED, now=now)
    return short


def _move(
    connection: Connection, source: QuotaId, target: QuotaId, units: int, now: datetime
) -> None:
    deltas = {source: -units, target: units}
    quotas = repository.lock(connection, deltas)
    rules.check_change(quotas, deltas)
    if quotas[target].closed:
        raise QuotaClosed(quota=target, asked=Quantity(units))
    repository.change_capacity(connection, deltas, reason=ChangeReason.MOVED, now=now)


def _close(connection: Connection, quota: QuotaId, now: datetime) -> None:
    quotas = repository.lock(connection, repository.find_family(connection, [quota]))
    rules.check_known(quotas, [quota])
    if quotas[quota].closed:
        return
    repository.follow(connection, rules.plan_close(quotas[quota], quotas), now=now)
    repository.mark_closed(connection, quota)
