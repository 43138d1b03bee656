"""What failed as often as it may, what waits behind it, and what is at work: as staff see it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Integer, Select, String, Uuid, func, literal, null, select, tuple_, union_all

from koipond.kernel.db import AsyncConnection, Instant
from koipond.kernel.ids import EventId, JobId, decode, encode
from koipond.kernel.jobs import JobState, job
from koipond.kernel.outbox import DeliveryState, delivery, outbox_event, subscription, unrelayed
from koipond.kernel.pages import Page, Slice, cut

# `evt_… consumer` joined by a dot, or `job_…`.
LetterId = NewType("LetterId", str)


class LetterKind(StrEnum):
    """What came to nothing: an event that somebody was to hear of, or a job."""

    DELIVERY = "delivery"
    JOB = "job"


class DeadLetter(Struct, frozen=True, kw_only=True):
    """What failed as often as it may, and waits for people.

    key: of the event or the job. consumer: who was to hear of the event; "" for a job.
    name: of the event or the job. waiting: how many deliveries it holds up, those of its lane.
    """

    kind: LetterKind
    key: UUID
    consumer: str
    name: str
    aggregate_id: UUID | None
    attempts: int
    problem: str
    died_at: datetime
    waiting: int

    @property
    def id(self) -> LetterId:
        """What it is called outside."""
        if self.kind is LetterKind.JOB:
            return LetterId(encode(JobId, JobId(self.key)))
        return LetterId(f"{encode(EventId, EventId(self.key))}.{self.consumer}")


class Step(Struct, frozen=True, kw_only=True):
    """What one consumer has to do about one event, and how far it is."""

    event_id: UUID
    event: str
    payload: dict[str, object]
    consumer: str
    state: DeliveryState
    attempts: int
    problem: str
    finished_at: datetime | None

    @property
    def letter_id(self) -> LetterId | None:
        """What it is called as a dead letter, if it is one."""
        if self.state is not DeliveryState.DEAD:
            return None
        return LetterId(f"{encode(EventId, EventId(self.event_id))}.{self.consumer}")


class RunningJob(Struct, frozen=True, kw_only=True):
    """A job at work; total: 0 if it does not say how far it is."""

    id: UUID
    kind: str
    attempts: int
    done: int
    total: int
    created_at: datetime
    worker: str


class SeenJob(Struct, frozen=True, kw_only=True):
    """A job that waits, is at work or is dead. problem: of the last attempt that failed, or "".

    run_at: not before. done, total: 0 if it does not say how far it is. worker: who has it, or "".
    """

    id: JobId
    kind: str
    state: JobState
    attempts: int
    attempts_max: int
    run_at: datetime
    created_at: datetime
    failed_at: datetime | None
    problem: str
    done: int
    total: int
    worker: str


class WaitingJobs(Struct, frozen=True, kw_only=True):
    """How many jobs of a kind wait, and when the first of them is due."""

    kind: str
    count: int
    due_at: datetime


def read_letter(text: str) -> tuple[LetterKind, UUID, str]:
    """Return what a dead letter's id names: kind, key and consumer. Raises IdInvalid."""
    event, dot, consumer = text.partition(".")
    if dot:
        return LetterKind.DELIVERY, decode(EventId, event), consumer
    return LetterKind.JOB, decode(JobId, text), ""


async def find_dead(db: AsyncConnection, page: Page) -> Slice[DeadLetter]:
    """Return dead deliveries and dead jobs, the latest first."""
    letters = union_all(_dead_deliveries(), _dead_jobs()).subquery()
    order = (letters.c.died_at, letters.c.key, letters.c.consumer)
    wanted = select(letters).order_by(*(one.desc() for one in order)).limit(page.first + 1)
    if page.after is not None:
        at, key, consumer = page.after
        behind = tuple_(literal(at, Instant), literal(key, Uuid), literal(consumer, String))
        wanted = wanted.where(tuple_(*order) < behind)
    rows = [_letter(row) for row in await db.execute(wanted)]
    return cut(rows, [(one.died_at, one.key, one.consumer) for one in rows], page)  # type: ignore[misc]  # a UUID is written as any other


async def count_dead(db: AsyncConnection) -> int:
    """Return how many there are."""
    letters = union_all(_dead_deliveries(), _dead_jobs()).subquery()
    found: int = (await db.execute(select(func.count()).select_from(letters))).scalar_one()
    return found


async def find_steps(
    db: AsyncConnection, aggregates: Collection[UUID], event: str
) -> dict[UUID, list[Step]]:
    """Return {aggregate: what its events of that name are delivered as}, in their order.

    An event that the relay has not come to is a step of each who will hear of it.
    """
    _d, _e, _s = delivery.c, outbox_event.c, subscription.c
    chosen = (_e.aggregate_id.in_(sorted(aggregates)), _e.name == event)
    of_event = (
        _e.aggregate_id,
        _e.seq,
        _e.id.label("event_id"),
        _e.name.label("event"),
        _e.payload,
    )
    relayed = select(
        *of_event,
        _d.consumer,
        _d.state,
        _d.attempts,
        func.coalesce(_d.last_error, "").label("problem"),
        _d.finished_at,
    ).join_from(outbox_event, delivery, _d.event_id == _e.id)
    coming = select(
        *of_event,
        _s.consumer,
        literal(DeliveryState.PENDING.value),
        literal(0, Integer),
        literal("", String),
        null().cast(Instant),
    ).join_from(outbox_event, subscription, _s.event_name == _e.name)
    steps = union_all(relayed.where(*chosen), coming.where(*chosen, unrelayed)).subquery()
    wanted = select(steps).order_by(steps.c.aggregate_id, steps.c.seq, steps.c.consumer)
    found: dict[UUID, list[Step]] = {key: [] for key in aggregates}
    for row in await db.execute(wanted):
        told = row._asdict()
        of = told.pop("aggregate_id")
        del told["seq"]
        found[of].append(Step(**{**told, "state": DeliveryState(row.state)}))
    return found


async def find_running(db: AsyncConnection) -> list[RunningJob]:
    """Return the jobs at work, the oldest first."""
    wanted = (
        select(
            job.c.id,
            job.c.kind,
            job.c.attempts,
            func.coalesce(job.c.progress_done, 0).label("done"),
            func.coalesce(job.c.progress_total, 0).label("total"),
            job.c.created_at,
            job.c.leased_by.label("worker"),
        )
        .where(job.c.state == JobState.RUNNING)
        .order_by(job.c.created_at, job.c.id)
    )
    return [RunningJob(**row._asdict()) for row in await db.execute(wanted)]


async def find_jobs(
    db: AsyncConnection, page: Page, *, state: JobState | None, kind: str | None
) -> Slice[SeenJob]:
    """Return a page of jobs, the latest asked for first."""
    wanted = _SEEN.order_by(job.c.id.desc()).limit(page.first + 1)
    if state is not None:
        wanted = wanted.where(job.c.state == state.value)
    if kind is not None:
        wanted = wanted.where(job.c.kind == kind)
    if page.after is not None:
        wanted = wanted.where(job.c.id < page.after[0])
    rows = [_seen(row) for row in await db.execute(wanted)]
    return cut(rows, [(str(one.id),) for one in rows], page)


async def find_job(db: AsyncConnection, key: JobId, *, lock: bool = False) -> SeenJob | None:
    """Return a job; locked if so asked, so that no worker claims it meanwhile."""
    wanted = _SEEN.where(job.c.id == key)
    row = (await db.execute(wanted.with_for_update() if lock else wanted)).one_or_none()
    return None if row is None else _seen(row)


async def hurry_job(db: AsyncConnection, key: JobId, *, now: datetime) -> None:
    """Let a waiting job, which is locked, run now, with all its attempts."""
    await db.execute(job.update().where(job.c.id == key).values(run_at=now, attempts=0))


async def remove_job(db: AsyncConnection, key: JobId) -> None:
    """Remove a job, which is locked and not at work."""
    await db.execute(job.delete().where(job.c.id == key))


_SEEN = select(
    job.c.id,
    job.c.kind,
    job.c.state,
    job.c.attempts,
    job.c.attempts_max,
    job.c.run_at,
    job.c.created_at,
    job.c.failed_at,
    func.coalesce(job.c.last_error, "").label("problem"),
    func.coalesce(job.c.progress_done, 0).label("done"),
    func.coalesce(job.c.progress_total, 0).label("total"),
    func.coalesce(job.c.leased_by, "").label("worker"),
)


def _seen(row: Any) -> SeenJob:
    return SeenJob(**{**row._asdict(), "state": JobState(row.state)})


async def find_waiting(db: AsyncConnection) -> list[WaitingJobs]:
    """Return what waits, by kind, what is due first first."""
    due_at = func.min(job.c.run_at, type_=Instant).label("due_at")
    wanted = (
        select(job.c.kind, func.count().label("many"), due_at)
        .where(job.c.state == JobState.WAITING.value)
        .group_by(job.c.kind)
        .order_by(due_at, job.c.kind)
    )
    rows = await db.execute(wanted)
    return [WaitingJobs(kind=kind, count=many, due_at=at) for kind, many, at in rows]


def _dead_deliveries() -> Select[Any]:
    behind = delivery.alias()
    waiting = (
        select(func.count())
        .where(behind.c.consumer == delivery.c.consumer, behind.c.seq > delivery.c.seq)
        .where(behind.c.aggregate_id == delivery.c.aggregate_id)
        .where(behind.c.state == DeliveryState.PENDING.value)
    )
    return select(
        literal(LetterKind.DELIVERY.value).label("kind"),
        delivery.c.event_id.label("key"),
        delivery.c.consumer,
        delivery.c.event_name.label("name"),
        delivery.c.aggregate_id,
        delivery.c.attempts,
        func.coalesce(delivery.c.last_error, "").label("problem"),
        delivery.c.finished_at.label("died_at"),
        waiting.scalar_subquery().label("waiting"),
    ).where(delivery.c.state == DeliveryState.DEAD.value)


def _dead_jobs() -> Select[Any]:
    return select(
        literal(LetterKind.JOB.value),
        job.c.id,
        literal("", String),
        job.c.kind,
        null().cast(Uuid),
        job.c.attempts,
        func.coalesce(job.c.last_error, ""),
        job.c.failed_at,
        literal(0, Integer),
    ).where(job.c.state == JobState.DEAD.value)


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(**{**row._asdict(), "kind": LetterKind(row.kind)})


async def drop_job(db: AsyncConnection, job_id: UUID) -> bool:
    """Remove a dead job; returns whether there was one."""
    dead = (job.c.id == job_id, job.c.state == JobState.DEAD.value)
    return (await db.execute(job.delete().where(*dead))).rowcount == 1


async def is_dead_job(db: AsyncConnection, job_id: UUID) -> bool:
    """Tell whether there is such a dead job."""
    dead = (job.c.id == job_id, job.c.state == JobState.DEAD.value)
    return (await db.execute(select(job.c.id).where(*dead))).one_or_none() is not None


__all__ = [
    "DeadLetter",
    "DeliveryState",
    "LetterId",
    "LetterKind",
    "RunningJob",
    "SeenJob",
    "Step",
    "WaitingJobs",
    "count_dead",
    "drop_job",
    "find_dead",
    "find_job",
    "find_jobs",
    "find_running",
    "find_steps",
    "find_waiting",
    "hurry_job",
    "is_dead_job",
    "read_letter",
    "remove_job",
]
