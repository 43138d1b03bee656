"""Use-cases that lock quotas in transactions of their own: jobs, and changes of a subject."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from koipond.kernel.context import Context
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import OwnerId, QuotaId, SubjectId
from koipond.kernel.quantity import Quantity
from koipond.quota import repository, rules
from koipond.quota.errors import UnitsNotHeld
from koipond.quota.types import ReservationState

if TYPE_CHECKING:
    from koipond.kernel.db import Connection


class _Move(Struct, frozen=True, kw_only=True):
    """What of which quotas counts for somebody else from now on; see `merge_subjects`."""

    source: SubjectId
    target: SubjectId
    quotas: Sequence[QuotaId]
    owners: frozenset[OwnerId] | None
    merge_id: UUID | None


# More at once would hold the hot rows too long.
PORTION = 500
_MERGED_AT_ONCE = 50


async def give_back(ctx: Context, *, limit: int = PORTION) -> int:
    """Free the units of reservations that lapsed or were let go; returns how many reservations.

    At most `limit` at once: a job calls it until there is nothing left. Any number may run.
    """
    now = await _begin(ctx)
    return await ctx.shop.database.transact_apart(
        lambda connection: _give_back(connection, now, limit), keep=bool
    )


async def purge(ctx: Context, owners: Sequence[OwnerId]) -> int:
    """Delete what is kept of owners that will never ask again; returns how many reservations.

    owners: closed orders, forgotten carts; at most 500. What was given back goes, and what was
    consumed of quotas without a subject limit: capacity and taken are lowered together.
    """
    assert len(owners) <= PORTION, f"{len(owners)} owners at once; purge {PORTION} or fewer"
    now = await _begin(ctx)
    return await ctx.shop.database.transact_apart(
        lambda connection: _purge(connection, owners, now), keep=bool
    )


async def transfer(ctx: Context, owner: OwnerId, quota: QuotaId, to_subject: SubjectId) -> None:
    """Let an owner's units of a quota count for another subject: a seat that changes hands.

    Raises UnitsNotHeld, LimitReached, QuotaUnknown.
    """
    await _begin(ctx)
    await ctx.shop.database.transact_apart(
        lambda connection: _transfer(connection, owner, quota, to_subject)
    )


async def merge_subjects(
    ctx: Context,
    source: SubjectId,
    target: SubjectId,
    *,
    merge_id: UUID | None = None,
    owners: Collection[OwnerId] | None = None,
) -> None:
    """Let all that counts for `source` count for `target`: two members turned out to be one.

    This may pass a limit, which is written down, so that it is known to be meant. Again it finds
    what has come since. merge_id: what `part_subjects` undoes it by; None: it stays for good.
    owners: only what these have; None is all.
    """
    now = await _begin(ctx)
    database = ctx.shop.database
    only = None if owners is None else frozenset(owners)
    wanted = await database.transact_apart(
        lambda connection: repository.find_limits_of(connection, source, only), keep=lambda _: False
    )
    for start in range(0, len(wanted), _MERGED_AT_ONCE):
        keys = wanted[start : start + _MERGED_AT_ONCE]
        move = _Move(source=source, target=target, quotas=keys, owners=only, merge_id=merge_id)
        await database.transact_apart(partial(_merge, move=move, now=now), keep=bool)


async def part_subjects(ctx: Context, merge_id: UUID, target: SubjectId) -> None:
    """Undo what `merge_subjects` did for a merge: what was moved counts for whom it did before.

    What `target` reserved since stays its own. Again there is nothing to undo.
    """
    now = await _begin(ctx)
    database = ctx.shop.database
    while await database.transact_apart(
        lambda connection: _part(connection, merge_id, target, now), keep=bool
    ):
        pass


async def _begin(ctx: Context) -> datetime:
    # It would lock quotas after rows of its own, against the order of everyone else.
    assert not ctx.in_transaction, "this locks quotas: it runs in a transaction of its own"
    await ctx.rest()
    return await ctx.clock.database_now(ctx.shop.database)


def _give_back(connection: Connection, now: datetime, most: int) -> int:
    due = repository.find_due_quotas(connection, now=now, most=most)
    if not due:
        return 0
    quotas = repository.lock(connection, repository.find_family(connection, due))
    rows = repository.take_due(connection, due, now=now, most=most)
    released = [replace(row, state=ReservationState.RELEASED, expires_at=None) for row in rows]
    repository.change_rows(connection, released, before=[row.state for row in rows])
    repository.follow(connection, rules.plan_give_back(rows, quotas), now=now)
    crash_point("quota.give_back.before_commit")
    return len(rows)


def _purge(connection: Connection, owners: Sequence[OwnerId], now: datetime) -> int:
    quotas = repository.lock(connection, repository.find_consumed_quotas(connection, owners))
    gone = repository.delete_consumed(connection, owners, quotas)
    repository.follow(connection, rules.plan_purge(gone, quotas), now=now)
    return len(gone) + repository.delete_released(connection, owners)


def _transfer(
    connection: Connection, owner: OwnerId, quota_id: QuotaId, to_subject: SubjectId
) -> None:
    quotas = repository.lock(connection, [quota_id])
    rules.check_known(quotas, [quota_id])
    rows = repository.read(connection, {owner}, {(quota_id, to_subject)})
    own = [row for row in rows if row.owner_id == owner and row.quota_id == quota_id]
    standing = [row for row in own if row.state is not ReservationState.RELEASED]
    if not standing:
        raise UnitsNotHeld(quota=quota_id, asked=Quantity(1), left=Quantity(0))
    moving = [row for row in standing if row.subject_id != to_subject]
    of_target = [row for row in rows if row.subject_id == to_subject]
    rules.check_transfer(quotas[quota_id], moving, of_target)
    repository.change_rows(
        connection,
        [replace(row, subject_id=to_subject) for row in moving],
        before=[row.state for row in moving],
    )


def _merge(connection: Connection, *, move: _Move, now: datetime) -> int:
    """Move the rows of some quotas; returns how many rows."""
    quotas = repository.lock(connection, move.quotas)
    pairs = {(key, subject) for key in quotas for subject in (move.source, move.target)}
    rows = repository.read(connection, set(), pairs)
    moving = [
        row
        for row in rows
        if row.subject_id == move.source and (move.owners is None or row.owner_id in move.owners)
    ]
    moved = [replace(row, subject_id=move.target) for row in moving]
    repository.change_rows(connection, moved, before=[row.state for row in moving])
    if move.merge_id is not None:
        repository.note_carried(connection, move.merge_id, moving)
    staying = [row for row in rows if row.subject_id == move.target]
    for quota in quotas.values():
        own = [row for row in moved + staying if row.quota_id == quota.id]
        excess = rules.find_excess(quota, own, move.target)
        repository.record_excess(connection, quota.id, move.target, excess, now=now)
    return len(moved)


def _part(connection: Connection, merge_id: UUID, target: SubjectId, now: datetime) -> int:
    """Move rows of some quotas back; returns how many there were to look at."""
    wanted = repository.find_carried_quotas(connection, merge_id, most=_MERGED_AT_ONCE)
    quotas = repository.lock(connection, wanted)
    subjects = repository.take_carried(connection, merge_id, wanted)
    rows = repository.read(connection, set(), {(key, target) for key in wanted})
    own = [row for row in rows if row.subject_id == target]
    moving = [row for row in own if (row.owner_id, row.quota_id, row.part) in subjects]
    moved = [
        replace(row, subject_id=subjects[row.owner_id, row.quota_id, row.part]) for row in moving
    ]
    repository.change_rows(connection, moved, before=[row.state for row in moving])
    staying = [row for row in own if (row.owner_id, row.quota_id, row.part) not in subjects]
    for quota in quotas.values():
        kept = [row for row in staying if row.quota_id == quota.id]
        repository.forget_excess(connection, quota.id, target)
        excess = rules.find_excess(quota, kept, target)
        repository.record_excess(connection, quota.id, target, excess, now=now)
    return len(subjects)
