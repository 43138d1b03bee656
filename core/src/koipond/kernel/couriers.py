"""Couriers: they tell somebody outside of this database of events, in no transaction.

    delivery, PENDING --CarryEvents: carried--> answered --settled--> DONE | later again | DEAD

Whom a courier tells is a row, made and removed while the shop runs. Each is a consumer like any
other: one delivery per event, in its aggregate's order. Whoever does not answer rests, so that
nobody waits for them; whoever has no job now gets one when something is due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import Select, func, literal, or_, select

from koipond.kernel import deliveries
from koipond.kernel.audience import carried, lock_consumer, open_consumer, row_of
from koipond.kernel.context import Context, transaction
from koipond.kernel.db import AsyncConnection
from koipond.kernel.deliveries import Failed
from koipond.kernel.events import Event
from koipond.kernel.faults import crash_point
from koipond.kernel.jobs import Job, JobState, enqueue, job
from koipond.kernel.logs import log
from koipond.kernel.outbox import delivery, outbox_event

if TYPE_CHECKING:
    from koipond.kernel.context import Shop

# Jobs of all couriers at one time: the others of a worker's places are for what must not wait.
CARRIED_AT_ONCE = 16
# A job that has so much to carry lets others have its place.
_TURN_S = 20.0
# Whoever fails rests 5 s, 10 s, 20 s … and at most so long.
REST_FIRST_S = 5
REST_LONGEST_S = 300
# Whoever says how long they want to be left alone is, at most so long.
LEFT_ALONE_MAX = timedelta(hours=1)


class Parcel(Struct, frozen=True, kw_only=True):
    """An event on its way to one consumer. attempts: how often it was tried before."""

    event_id: UUID
    event: Event
    seq: int
    occurred_at: datetime
    attempts: int


class Health(Struct, frozen=True, kw_only=True):
    """How one who is told of events has answered lately; failures: in a row."""

    failures: int = 0
    failing_since: datetime | None = None
    rests_until: datetime | None = None


class Report(Struct, frozen=True, kw_only=True):
    """What came of telling of one event; problem None: it was taken. details: the courier's own.

    wait: how long who was told wants to be left alone; they are, up to LEFT_ALONE_MAX.
    """

    problem: str | None = None
    details: object = None
    wait: timedelta = timedelta(0)


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a parcel; see Report. is_dead: it is not tried again."""

    parcel: Parcel
    problem: str | None
    details: object
    is_dead: bool


class Courier(Protocol):
    """Who carries events to some kind of consumers; in `shop.providers[Courier]`, by its name."""

    # Consumers that are always there while the courier is.
    standing: Sequence[str]
    # How long to wait after the first failed try of an event, the second …; then it is dead.
    waits: Sequence[timedelta]
    # The last wait holds for ever: nothing is ever dead.
    is_patient: bool
    # Events that one consumer is told of side by side, each of another lane.
    at_once: int

    async def carry(
        self, ctx: Context, consumer: str, parcels: Sequence[Parcel]
    ) -> Sequence[Report]:
        """Tell of events, each of another lane, in no transaction; returns what came of each."""

    async def settled(
        self, ctx: Context, consumer: str, outcomes: Sequence[Outcome], health: Health
    ) -> None:
        """Write what else belongs to the transaction that stores what became of parcels."""


class CarryEvents(Job, frozen=True, kw_only=True):
    """Tell one consumer of a courier what is due; one at a time for each."""

    deadline_s: ClassVar[float] = 120
    consumer: str


async def enrol(db: AsyncConnection, shop: Shop) -> None:
    """Open the consumers that are always there, and close those whose courier is not."""
    couriers = find_couriers(shop)
    standing = {one: name for name, courier in couriers.items() for one in courier.standing}
    events = sorted(shop.extensions.events)
    now = shop.clock.now()
    for consumer, name in standing.items():
        await open_consumer(db, consumer, courier=name, events=events, now=now)
    gone = carried.update().where(carried.c.courier.not_in(sorted(couriers)))
    await db.execute(gone.values(is_open=False))


def due(events: Sequence[str], couriers: Sequence[str], now: Any) -> Select[Any]:
    """Select the consumers that something is due for and no job is at work for."""
    heads = deliveries.heads(carried.c.consumer, list(events), now)
    working = select(job.c.id).where(
        job.c.unique_key == _unique(carried.c.consumer), job.c.state != JobState.DEAD.value
    )
    rested = or_(carried.c.rests_until.is_(None), carried.c.rests_until <= now)
    return select(carried.c.consumer).where(
        carried.c.is_open.is_(True),
        carried.c.courier.in_(list(couriers)),
        rested,
        heads.exists(),
        ~working.exists(),
    )


@transaction
async def dispatch(ctx: Context) -> int:
    """Have consumers told that something is due for; returns how many."""
    shop, now = ctx.shop, ctx.clock.now()
    if CarryEvents not in shop.jobs:
        return 0
    alive = select(func.count()).where(
        job.c.kind == CarryEvents.name(), job.c.state != JobState.DEAD.value
    )
    free = CARRIED_AT_ONCE - (await ctx.db.execute(alive)).scalar_one()
    if free <= 0:
        return 0
    waiting = due(sorted(shop.extensions.events), sorted(find_couriers(shop)), now)
    first = waiting.order_by(carried.c.begun_at, carried.c.consumer).limit(free)
    chosen = (await ctx.db.execute(first)).scalars().all()
    for consumer in chosen:
        await enqueue(ctx, CarryEvents(consumer=consumer), unique=_unique(consumer))
        begun = carried.update().where(carried.c.consumer == consumer)
        await ctx.db.execute(begun.values(begun_at=now))
    return len(chosen)


async def carry_events(ctx: Context, task: CarryEvents) -> None:
    """Tell a consumer what is due until there is nothing, it fails, or its turn is over."""
    until = asyncio.get_running_loop().time() + _TURN_S
    while asyncio.get_running_loop().time() < until:
        found = await _take(ctx, task.consumer)
        if found is None:
            return
        courier, parcels = found
        reports = await courier.carry(ctx, task.consumer, parcels)
        crash_point("couriers.carried")
        carrying = list(zip(parcels, reports, strict=True))
        health = await _settle(ctx, task.consumer, courier, carrying)
        if health.rests_until is not None:
            return


def find_couriers(shop: Shop) -> Mapping[str, Courier]:
    """Return {name: courier} of a shop."""
    found: Mapping[str, Courier] = shop.providers.get(Courier, {})
    return found


async def find_health(ctx: Context, consumers: Sequence[str]) -> dict[str, Health]:
    """Return {consumer: how it answers} of those that are there."""
    async with ctx.reading() as db:
        rows = await db.execute(select(carried).where(carried.c.consumer.in_(list(consumers))))
        return {row.consumer: _health(row) for row in rows}


def health_after(
    before: Health, *, any_taken: bool, now: datetime, wait: timedelta = timedelta(0)
) -> Health:
    """Return how a consumer stands after it was told of some events, all at one time.

    wait: how long it wants to be left alone.
    """
    wait = min(wait, LEFT_ALONE_MAX)
    if any_taken:
        return Health(rests_until=now + wait if wait else None)
    failures = before.failures + 1
    rest = timedelta(seconds=min(REST_FIRST_S * 2 ** min(failures - 1, 32), REST_LONGEST_S))
    return Health(
        failures=failures,
        failing_since=before.failing_since or now,
        rests_until=now + max(rest, wait),
    )


def wait_after(courier: Courier, parcel: Parcel) -> timedelta | None:
    """Return how long to wait after a parcel was not taken; None: it was tried for the last time.

    Up to a tenth is left out, by the event's id: what failed together does not come back together.
    """
    tried = parcel.attempts
    if tried >= len(courier.waits):
        if not courier.is_patient:
            return None
        tried = len(courier.waits) - 1
    return courier.waits[tried] * (1 - parcel.event_id.int % 1000 / 10_000)


async def _take(ctx: Context, consumer: str) -> tuple[Courier, list[Parcel]] | None:
    """Return what to tell a consumer next, one event of each lane; None: nothing, or nobody."""
    now, events = ctx.clock.now(), ctx.shop.extensions.events
    async with ctx.reading() as db:
        row = (await db.execute(row_of(consumer))).one_or_none()
        if row is None or not row.is_open or row.courier not in find_couriers(ctx.shop):
            return None
        courier = find_couriers(ctx.shop)[row.courier]
        # One that failed is asked with one event whether it answers again.
        limit = 1 if row.failures else courier.at_once
        heads = deliveries.heads(consumer, sorted(events), now)
        first = heads.order_by(delivery.c.run_at, delivery.c.event_id).limit(limit)
        found = (await db.execute(first)).all()
        stored = outbox_event.select().where(outbox_event.c.id.in_([one.event_id for one in found]))
        told = {one.id: one for one in await db.execute(stored)}
    await ctx.rest()
    if not found:
        return None
    parcels = [_parcel(one, told[one.event_id], events) for one in found]
    return courier, parcels


def _parcel(row: Any, stored: Any, events: Mapping[str, type[Event]]) -> Parcel:
    return Parcel(
        event_id=row.event_id,
        event=msgspec.convert(stored.payload, events[row.event_name], str_keys=True),
        seq=stored.seq,
        occurred_at=stored.occurred_at,
        attempts=row.attempts,
    )


@transaction
async def _settle(
    ctx: Context, consumer: str, courier: Courier, reports: Sequence[tuple[Parcel, Report]]
) -> Health:
    """Store what became of parcels, and how the consumer answers."""
    now = ctx.clock.now()
    row = await lock_consumer(ctx.db, consumer)
    if row is None:
        # Removed meanwhile, and its deliveries with it.
        return Health(rests_until=now)
    taken = [parcel.event_id for parcel, report in reports if report.problem is None]
    failed = [
        _failure(courier, parcel, report.problem, now=now)
        for parcel, report in reports
        if report.problem is not None
    ]
    await deliveries.finish(ctx.db, consumer, taken, now=now)
    await deliveries.store_failures(ctx.db, consumer, failed)
    wait = max(report.wait for _, report in reports)
    health = health_after(_health(row), any_taken=bool(taken), now=now, wait=wait)
    changed = carried.update().where(carried.c.consumer == consumer)
    await ctx.db.execute(changed.values(**msgspec.structs.asdict(health)))
    dead = {one.event_id for one in failed if one.is_dead}
    outcomes = [_outcome(parcel, report, dead) for parcel, report in reports]
    await courier.settled(ctx, consumer, outcomes, health)
    for one in outcomes:
        if one.problem is not None:
            _tell(consumer, one)
    crash_point("couriers.settled.before_commit")
    return health


def _outcome(parcel: Parcel, report: Report, dead: Collection[UUID]) -> Outcome:
    return Outcome(
        parcel=parcel,
        problem=report.problem,
        details=report.details,
        is_dead=parcel.event_id in dead,
    )


def _failure(courier: Courier, parcel: Parcel, problem: str, *, now: datetime) -> Failed:
    wait = wait_after(courier, parcel)
    return Failed(
        event_id=parcel.event_id,
        attempts=parcel.attempts + 1,
        problem=problem,
        run_at=now if wait is None else now + wait,
        died_at=now if wait is None else None,
    )


def _tell(consumer: str, outcome: Outcome) -> None:
    log.warning(
        "event not carried",
        consumer=consumer,
        event_name=outcome.parcel.event.name(),
        event_id=str(outcome.parcel.event_id),
        attempts=outcome.parcel.attempts + 1,
        dead=outcome.is_dead,
        problem=outcome.problem,
    )


def _health(row: Any) -> Health:
    return Health(
        failures=row.failures, failing_since=row.failing_since, rests_until=row.rests_until
    )


def _unique(consumer: Any) -> Any:
    """Return the unique key of a consumer's job: of its name, or of a column of names."""
    return f"carry:{consumer}" if isinstance(consumer, str) else literal("carry:") + consumer
