"""Use-cases about dead letters, steps and running jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from koipond.delivery.errors import ConsumerUnknown, DeadLetterNotFound, DeadLetterSuperseded
from koipond.kernel import backfilling, deliveries, jobs, letters
from koipond.kernel.backfilling import Backfilled, Place
from koipond.kernel.context import Context, transaction
from koipond.kernel.deliveries import Consumer
from koipond.kernel.events import Event
from koipond.kernel.letters import (
    DeadLetter,
    LetterKind,
    RunningJob,
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
