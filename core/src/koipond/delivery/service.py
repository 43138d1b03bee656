"""Use-cases about dead letters, steps and running jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from koipond.delivery.errors import (
    ConsumerUnknown,
    DeadLetterNotFound,
    DeadLetterSuperseded,
    JobAtWork,
    JobNotCancellable,
    JobUnknown,
)
from koipond.kernel import backfilling, deliveries, jobs, letters
from koipond.kernel.backfilling import Backfilled, Place
from koipond.kernel.context import Context, transaction
from koipond.kernel.deliveries import Consumer
from koipond.kernel.events import Event
from koipond.kernel.ids import JobId, encode
from koipond.kernel.jobs import JobState
from koipond.kernel.letters import (
    DeadLetter,
    LetterKind,
    RunningJob,
    SeenJob,
    Step,
    WaitingJobs,
    read_letter,
)
from koipond.kernel.pages import Page, Slice


async def find_dead(ctx: Context, page: Page) -> Slice[DeadLetter]:
    """Return what is dead, the latest first."""
    async with ctx.reading() as db:
        return await letters.find_dead(db, page)


async def count_dead(ctx: Context) -> int:
    """Return how much is dead."""
    async with ctx.reading() as db:
        return await letters.count_dead(db)


@transaction
async def retry_dead(ctx: Context, letter: str) -> None:
    """Try a dead letter again, with all its attempts; what waits behind it goes on waiting.

    Raises IdInvalid, DeadLetterNotFound, DeadLetterSuperseded.
    """
    kind, key, consumer = read_letter(letter)
    now = ctx.clock.now()
    ctx.audited(letter, before={"state": "dead"}, after={"state": "waiting"})
    if kind is LetterKind.DELIVERY:
        done = await deliveries.retry(ctx.db, key, consumer, now=now)
    else:
        done = await jobs.revive(ctx.db, key, now=now)
        if not done and await letters.is_dead_job(ctx.db, key):
            raise DeadLetterSuperseded(id=letter)
    if not done:
        raise DeadLetterNotFound(id=letter)


@transaction
async def skip_dead(ctx: Context, letter: str) -> None:
    """Give a dead letter up: it never happens, and what waits behind it is delivered.

    Raises IdInvalid, DeadLetterNotFound.
    """
    kind, key, consumer = read_letter(letter)
    ctx.audited(letter, before={"state": "dead"}, after={"state": "skipped"})
    if kind is LetterKind.DELIVERY:
        done = await deliveries.skip(ctx.db, key, consumer, now=ctx.clock.now())
    else:
        done = await letters.drop_job(ctx.db, key)
    if not done:
        raise DeadLetterNotFound(id=letter)


async def find_steps(
    ctx: Context, aggregates: Collection[UUID], event: type[Event]
) -> dict[UUID, list[Step]]:
    """Return {aggregate: what consumers do about its events of one class, and how far they are}."""
    async with ctx.reading() as db:
        return await letters.find_steps(db, aggregates, event.name())


async def find_running(ctx: Context) -> list[RunningJob]:
    """Return the jobs at work, the oldest first."""
    async with ctx.reading() as db:
        return await letters.find_running(db)


async def find_jobs(
    ctx: Context, page: Page, *, state: JobState | None = None, name: str | None = None
) -> Slice[SeenJob]:
    """Return a page of jobs that wait, are at work or are dead, the latest asked for first."""
    async with ctx.reading() as db:
        return await letters.find_jobs(db, page, state=state, kind=name)


async def find_job(ctx: Context, key: JobId) -> SeenJob | None:
    """Return a job; None if it is done, or never was one."""
    async with ctx.reading() as db:
        return await letters.find_job(db, key)


@transaction
async def retry_job(ctx: Context, key: JobId) -> SeenJob:
    """Let a job that waits for its next attempt, or is dead, run now, with all its attempts.

    Raises JobUnknown, JobAtWork, DeadLetterSuperseded.
    """
    known = await _lock(ctx, key)
    now = ctx.clock.now()
    if known.state is JobState.WAITING:
        await letters.hurry_job(ctx.db, key, now=now)
    elif not await jobs.revive(ctx.db, key, now=now):
        raise DeadLetterSuperseded(id=encode(JobId, key))
    retried = await letters.find_job(ctx.db, key)
    assert retried is not None, "it is locked"
    ctx.audited(encode(JobId, key), before=known, after=retried)
    return retried


@transaction
async def cancel_job(ctx: Context, key: JobId) -> SeenJob:
    """Remove a job that waits and that nobody counts on, or that is dead; returns what it was.

    Raises JobUnknown, JobAtWork, JobNotCancellable.
    """
    known = await _lock(ctx, key)
    # One whose plugin is gone nobody knows, and nobody would do.
    of = next((kind for kind in ctx.shop.jobs if kind.name() == known.kind), None)
    if known.state is JobState.WAITING and of is not None and not of.may_cancel:
        raise JobNotCancellable(job_id=encode(JobId, key), name=known.kind, state=known.state)
    await letters.remove_job(ctx.db, key)
    ctx.audited(encode(JobId, key), before=known)
    return known


async def _lock(ctx: Context, key: JobId) -> SeenJob:
    known = await letters.find_job(ctx.db, key, lock=True)
    if known is None:
        raise JobUnknown(job_id=encode(JobId, key))
    if known.state is JobState.RUNNING:
        raise JobAtWork(job_id=encode(JobId, key), worker=known.worker, attempts=known.attempts)
    return known


async def find_waiting(ctx: Context) -> list[WaitingJobs]:
    """Return how many jobs of each kind wait."""
    async with ctx.reading() as db:
        return await letters.find_waiting(db)


async def backfill(
    ctx: Context, consumer: str, *, since: datetime, tell: Callable[[int, int], None]
) -> int:
    """Let a consumer hear of what happened from `since` on and it has no delivery of.

    Returns how many deliveries were made; workers hand them over, those of one thing in their
    order. What it heard of one thing already, it heard before what is older. Interrupted, or run
    again, it makes none twice. tell: is told how many events were looked at, of how many.
    Raises ConsumerUnknown.
    """
    known = {one.name: one for one in ctx.shop.consumers}
    if consumer not in known:
        raise ConsumerUnknown(consumer=consumer, known=", ".join(sorted(known)))
    total = await _begin_backfill(ctx, known[consumer], since)
    looked = made = 0
    place: Place | None = None
    while True:
        part = await _backfill_part(ctx, known[consumer], since, place)
        looked, made, place = looked + part.looked, made + part.made, part.place
        tell(looked, max(looked, total))
        if place is None:
            return made


@transaction
async def _begin_backfill(ctx: Context, consumer: Consumer, since: datetime) -> int:
    # From here on the relay makes its deliveries, so that none is missed between the two.
    await deliveries.enrol(ctx.db, [consumer], now=ctx.clock.now())
    counted = await ctx.db.execute(backfilling.to_look_at(consumer, since))
    total: int = counted.scalar_one()
    return total


@transaction
async def _backfill_part(
    ctx: Context, consumer: Consumer, since: datetime, after: Place | None
) -> Backfilled:
    now = ctx.clock.now()
    return await backfilling.backfill_part(ctx.db, consumer, since=since, after=after, now=now)
