"""Jobs: what is to be done later, stored by the transaction that wants it done.

WAITING --claim--> RUNNING --done--> (no row)
   ^                  |
   +---- failed, or the lease lapsed: again, at most `attempts_max` times, then ---> DEAD
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from koipond.kernel.db import AsyncConnection, Document, Instant, metadata
from koipond.kernel.ids import new_id
from koipond.kernel.prepared import Prepared
from koipond.kernel.retries import ATTEMPTS_MAX, backoff

if TYPE_CHECKING:
    from koipond.kernel.context import Context

UNIQUE_MAX = 200
# So long a worker has a job to itself. It prolongs that while it is alive, however long the job.
LEASE = timedelta(seconds=60)
_TELL_EACH = timedelta(seconds=1)
_LAPSED = "the worker that ran it ended without a word, or lost its database"


class JobState(StrEnum):
    """Where a job stands; one that is done has no row any more."""

    WAITING = "waiting"
    RUNNING = "running"
    DEAD = "dead"


job = Table(
    "job",
    metadata,
    Column("id", Uuid, primary_key=True),
    # The name of a Job class.
    Column("kind", String(80), nullable=False),
    Column("payload", Document, nullable=False),
    # What there is one job for at a time, whoever asks.
    Column("unique_key", String(UNIQUE_MAX)),
    # A JobState.
    Column("state", String(10), nullable=False),
    Column("run_at", Instant, nullable=False),
    # How often it was begun; counted when it is claimed, so that one that kills its worker counts.
    Column("attempts", Integer, nullable=False),
    Column("attempts_max", Integer, nullable=False),
    Column("leased_until", Instant),
    Column("leased_by", String(120)),
    # Of the last attempt that failed.
    Column("last_error", Text),
    Column("created_at", Instant, nullable=False),
    Column("failed_at", Instant),
    # How far a long one says that it is.
    Column("progress_done", BigInteger),
    Column("progress_total", BigInteger),
    CheckConstraint(
        "(state = 'running') = (leased_until IS NOT NULL AND leased_by IS NOT NULL)", name="leased"
    ),
)
# Written out and not as parameters: only then can a plan that is kept use the partial indexes.
_waiting = job.c.state == literal_column("'waiting'")
_running = job.c.state == literal_column("'running'")
_alive = job.c.state != literal_column("'dead'")
Index("ix_job_waiting", job.c.run_at, job.c.id, postgresql_where=_waiting, sqlite_where=_waiting)
Index("ix_job_running", job.c.leased_until, postgresql_where=_running, sqlite_where=_running)
Index(
    "uq_job_unique_key",
    job.c.unique_key,
    unique=True,
    postgresql_where=_alive,
    sqlite_where=_alive,
)


class Job(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to be done later: a subclass is named in the imperative and holds ids and numbers.

    It runs at least once, outside of any transaction, and again if its worker died before it could
    say so: what it does must be known by a key of its own. Renaming a class orphans its rows.
    """

    attempts_max: ClassVar[int] = ATTEMPTS_MAX
    # After so long it is cut and counts as failed.
    deadline_s: ClassVar[float] = 60
    # Whether staff may cancel one that waits: nothing is owed to anybody, and nothing waits for it.
    may_cancel: ClassVar[bool] = False

    @classmethod
    def name(cls) -> str:
        """Return the job's kind in its table and in logs: its class name."""
        return cls.__name__


Run = Callable[["Context", Any], Awaitable[None]]
# {class: the use-case that does it}, registered by duties.py.
Jobs = Mapping[type[Job], Run]


class _Told(Struct, frozen=True):
    """When a job told how far it is."""

    at: datetime


class Claimed(Struct, frozen=True, kw_only=True):
    """A job that a worker has to itself until its lease ends."""

    id: UUID
    kind: str
    payload: Any
    attempts: int
    attempts_max: int
    worker: str


async def enqueue(
    ctx: Context, task: Job, *, run_at: datetime | None = None, unique: str | None = None
) -> bool:
    """Store a job with the transaction that `ctx` is in; it runs after the commit, if there is one.

    run_at: not before. unique: while a job with this key waits or runs, nothing happens. One that
    runs may have begun before what you just wrote: let the key say which state of things is meant.
    Returns whether it was stored.
    """
    assert type(task) in ctx.shop.jobs, f"{task.name()} is not registered in duties.py"
    now = ctx.clock.now()
    return await add(ctx.db, task, run_at=run_at or now, unique=unique, now=now)


async def report_progress(ctx: Context, *, done: int, total: int) -> None:
    """Tell staff how far the job is that `ctx` was made for: `done` of `total`.

    Stored at once, apart from any transaction, and at most once a second until all is done.
    """
    mine = ctx.handed.get(Claimed)
    assert mine is not None, "only a job that a worker runs has progress"
    now = ctx.clock.now()
    told = ctx.handed.get(_Told)
    if told is not None and done < total and now - told.at < _TELL_EACH:
        return
    ctx.handed[_Told] = _Told(at=now)
    progress = job.update().where(_is_mine(mine)).values(progress_done=done, progress_total=total)

    async def store(db: AsyncConnection) -> None:
        await db.execute(progress)

    await ctx.shop.database.transact_behind(store)


async def claim(
    db: AsyncConnection, kinds: Collection[type[Job]], *, worker: str, now: datetime, limit: int
) -> list[Claimed]:
    """Take up to `limit` jobs that are due, the longest due first; other workers pass over them."""
    known = [kind.name() for kind in kinds]
    taking = {"known": known, "now": now, "until": now + LEASE, "worker": worker, "limit": limit}
    found = await _CLAIM.rows(db, taking)
    return [
        Claimed(
            id=row.id,
            kind=row.kind,
            payload=row.payload,
            attempts=row.attempts,
            attempts_max=row.attempts_max,
            worker=worker,
        )
        for row in sorted(found, key=lambda row: (row.run_at, row.id))
    ]


def due(kinds: Any, now: Any) -> Select[Any]:
    """Select the jobs that may be claimed by who knows `kinds`: values, or parameters."""
    return select(job.c.id).where(_waiting, job.c.run_at <= now, job.c.kind.in_(kinds))


def lapsed(now: Any) -> Select[Any]:
    """Select the jobs that a worker claimed which is taken for dead."""
    return select(job.c.id).where(_running, job.c.leased_until <= now)


async def prolong(db: AsyncConnection, worker: str, *, now: datetime) -> set[UUID]:
    """Renew the leases of all that a worker runs; returns the jobs that it still has."""
    kept = await db.execute(
        job.update()
        .where(_running, job.c.leased_by == worker)
        .values(leased_until=now + LEASE)
        .returning(job.c.id)
    )
    return set(kept.scalars())


async def finish(db: AsyncConnection, done: Sequence[Claimed]) -> None:
    """Remove jobs that are done; all of them were claimed by one worker."""
    if done:
        mine = [(one.id, one.attempts) for one in done]
        await _FINISH.rows(db, {"worker": done[0].worker, "mine": mine})


async def fail(
    db: AsyncConnection, failed: Claimed, *, error: str, now: datetime, chance: float
) -> JobState:
    """Let a job wait for its next attempt, or bury it after its last; returns which.

    chance: see `backoff`. Does nothing if the lease had lapsed and another worker has the job.
    """
    over = failed.attempts >= failed.attempts_max
    state = JobState.DEAD if over else JobState.WAITING
    wait = timedelta(0) if over else backoff(failed.attempts, chance=chance)
    await db.execute(
        job.update()
        .where(_is_mine(failed))
        .values(state=state, run_at=now + wait, last_error=error, failed_at=now, **_UNLEASED)
    )
    return state


async def give_back(db: AsyncConnection, worker: str) -> int:
    """Return what a worker that stops has not finished; an attempt that was cut does not count."""
    given = await db.execute(
        job.update()
        .where(_running, job.c.leased_by == worker)
        .values(state=JobState.WAITING, attempts=job.c.attempts - 1, **_UNLEASED)
    )
    return given.rowcount


async def lapse(db: AsyncConnection, *, now: datetime, but: Collection[UUID] = ()) -> int:
    """Let others have the jobs whose worker is gone, or bury them after the last attempt.

    but: those of whom the caller knows that they are at work.
    """
    found = await db.execute(
        job.update()
        .where(_running, job.c.leased_until <= now, job.c.id.not_in(sorted(but)))
        .values(
            state=case(
                (job.c.attempts >= job.c.attempts_max, JobState.DEAD), else_=JobState.WAITING
            ),
            last_error=_LAPSED,
            failed_at=now,
            **_UNLEASED,
        )
    )
    return found.rowcount


async def revive(db: AsyncConnection, job_id: UUID, *, now: datetime) -> bool:
    """Try a dead job again, with all its attempts; returns whether there was one to try.

    False also if a later job of the same unique key is on its way.
    """
    later = job.alias()
    successor = select(later.c.id).where(
        later.c.unique_key == job.c.unique_key, later.c.state != JobState.DEAD
    )
    revived = await db.execute(
        job.update()
        .where(job.c.id == job_id, job.c.state == JobState.DEAD, ~successor.exists())
        .values(state=JobState.WAITING, attempts=0, run_at=now)
    )
    return revived.rowcount == 1


async def add(
    db: AsyncConnection, task: Job, *, run_at: datetime, unique: str | None, now: datetime
) -> bool:
    """Store a job, unless one with the key `unique` waits or runs; returns whether it was."""
    assert unique is None or len(unique) <= UNIQUE_MAX, f"a unique key has {UNIQUE_MAX} characters"
    row: dict[str, Any] = {
        "id": new_id(),
        "kind": task.name(),
        "payload": msgspec.to_builtins(task, str_keys=True),
        "unique_key": unique,
        "state": JobState.WAITING.value,
        "run_at": run_at,
        "attempts": 0,
        "attempts_max": task.attempts_max,
        "created_at": now,
    }
    return await _ADD[db.dialect.name].row(db, row) is not None


_UNLEASED: dict[str, None] = {"leased_until": None, "leased_by": None}


def _is_mine(claimed: Claimed) -> ColumnElement[bool]:
    """Hold a worker to the attempt that it claimed: its lease may have gone to another since."""
    return and_(
        job.c.id == claimed.id,
        _running,
        job.c.leased_by == claimed.worker,
        job.c.attempts == claimed.attempts,
    )


_ADDED = (
    *("id", "kind", "payload", "unique_key", "state", "run_at"),
    *("attempts", "attempts_max", "created_at"),
)


def _adding(dialect: Any) -> Any:
    values = {name: bindparam(name, type_=job.c[name].type) for name in _ADDED}
    return dialect.insert(job).values(values).on_conflict_do_nothing().returning(job.c.id)


def _claiming() -> Any:
    first = (
        due(bindparam("known", expanding=True), bindparam("now"))
        .order_by(job.c.run_at, job.c.id)
        .limit(bindparam("limit", type_=Integer))
        .with_for_update(skip_locked=True, key_share=True)
        .cte("first")
    )
    return (
        job.update()
        .where(job.c.id.in_(select(first.c.id)))
        .values(state=literal_column("'running'"), leased_by=bindparam("worker"))
        .values(attempts=job.c.attempts + 1, leased_until=bindparam("until"))
        .returning(
            job.c.id, job.c.kind, job.c.payload, job.c.attempts, job.c.attempts_max, job.c.run_at
        )
    )


def _finishing() -> Any:
    return job.delete().where(
        _running,
        job.c.leased_by == bindparam("worker"),
        tuple_(job.c.id, job.c.attempts).in_(bindparam("mine", expanding=True)),
    )


_ADD = {one.__name__.rpartition(".")[2]: Prepared(_adding(one)) for one in (postgresql, sqlite)}
_CLAIM = Prepared(_claiming())
_FINISH = Prepared(_finishing())

__all__ = [
    "Claimed",
    "Job",
    "JobState",
    "Jobs",
    "enqueue",
    "report_progress",
]
