"""Schedules: jobs that come again and again, each tick once for all workers.

A row says when a schedule is due next; whoever moves it on takes the tick, and nobody else can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError
from msgspec import Struct
from sqlalchemy import Column, Select, String, Table, select

from koipond.kernel.db import AsyncConnection, Instant, insert, metadata
from koipond.kernel.jobs import Job, add

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A tick that nobody took for so long counts as missed.
LATE = timedelta(minutes=1)
_LEAST = timedelta(microseconds=1)

schedule = Table(
    "schedule",
    metadata,
    Column("name", String(80), primary_key=True),
    # When it recurs, in words: `next_at` holds for these and no others.
    Column("recurs", String(200), nullable=False),
    Column("next_at", Instant, nullable=False),
)


class Misfire(StrEnum):
    """What becomes of ticks that were missed: no worker was there for them."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


class CronInvalid(ValueError):
    """A cron expression that says no time, or a time zone that there is none of."""


class Recurring(Protocol):
    """A job, and when it comes again."""

    @property
    def job(self) -> Job:
        """What is to be done; a field `tick` is given the tick's instant."""

    @property
    def name(self) -> str:
        """What its row is called."""

    @property
    def recurs(self) -> str:
        """When it recurs, in words."""

    @property
    def misfire(self) -> Misfire:
        """What becomes of ticks that were missed."""

    @property
    def ticks_max(self) -> int:
        """How many missed ticks are made up for, the latest."""

    def next_after(self, now: datetime) -> datetime:
        """Return the first tick after `now`."""

    def begins(self, now: datetime) -> datetime:
        """Return when it is due for the first time."""


class Every(Struct, frozen=True, kw_only=True):
    """A job for each full `seconds` since 1970, once for all workers.

    Ticks that nobody was there for are made up for by one, and none is begun while the one before
    is at work or waits to be tried again.
    """

    seconds: int
    job: Job

    @property
    def name(self) -> str:
        """What its row is called."""
        return self.job.name()

    @property
    def recurs(self) -> str:
        """When it recurs, in words."""
        return f"every {self.seconds} s"

    @property
    def misfire(self) -> Misfire:
        """See the class."""
        return Misfire.ONCE

    @property
    def ticks_max(self) -> int:
        """See the class."""
        return 1

    def next_after(self, now: datetime) -> datetime:
        """Return the first tick after `now`."""
        period = timedelta(seconds=self.seconds)
        return _EPOCH + ((now - _EPOCH) // period + 1) * period

    def begins(self, now: datetime) -> datetime:
        """At once: nobody knows when it ran last."""
        return now


class Cron(Struct, frozen=True, kw_only=True, dict=True):
    """A job at the times of day that a cron expression names, in a time zone, as Debian's cron.

    Where the clocks go forward, a time that is left out comes right after the gap; where they go
    back, one that comes twice counts the first time. With `*` or steps for the hour it follows real
    time instead. misfire: for ticks that were missed; ALL makes up for the latest `ticks_max`.
    """

    expression: str
    job: Job
    time_zone: str = "UTC"
    misfire: Misfire = Misfire.ONCE
    ticks_max: int = 10

    @property
    def name(self) -> str:
        """What its row is called."""
        return self.job.name()

    @property
    def recurs(self) -> str:
        """When it recurs, in words."""
        return f"{self.expression} {self.time_zone}"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone. Raises CronInvalid."""
        try:
            return ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise CronInvalid(f"there is no time zone {self.time_zone!r}") from error

    def next_after(self, now: datetime) -> datetime:
        """Return the first tick after `now`. Raises CronInvalid."""
        try:
            tick = next(CronSim(self.expression, now.astimezone(self.zone)))
        except CronSimError as error:
            raise CronInvalid(f"{self.expression!r} is no cron expression: {error}") from error
        except StopIteration as error:
            raise CronInvalid(f"{self.expression!r} names no time in 50 years") from error
        return tick.astimezone(UTC)

    def begins(self, now: datetime) -> datetime:
        """At its next time: a report of last night is not for noon."""
        return self.next_after(now)


async def plan(db: AsyncConnection, recurring: Sequence[Recurring], *, now: datetime) -> None:
    """Make the rows of schedules that are new, and set those right that recur otherwise now."""
    for one in recurring:
        row = {"name": one.name, "recurs": one.recurs, "next_at": one.begins(now)}
        new = insert(db, schedule).values(row)
        changed = new.on_conflict_do_update(
            index_elements=["name"],
            set_={"recurs": one.recurs, "next_at": one.begins(now)},
            where=schedule.c.recurs != one.recurs,
        )
        await db.execute(changed)


async def tick(db: AsyncConnection, recurring: Sequence[Recurring], *, now: datetime) -> int:
    """Store the recurring jobs that are due and move their rows on; returns how many were due."""
    known = {one.name: one for one in recurring}
    due = ticks_due(sorted(known), now, schedule.c.next_at)
    taken = (await db.execute(due.with_for_update(skip_locked=True, key_share=True))).all()
    for name, since in taken:
        one = known[name]
        for at, key in _wanted(one, since, now).items():
            await add(db, _at(one.job, at), run_at=now, unique=key, now=now)
        moved = schedule.update().where(schedule.c.name == name)
        await db.execute(moved.values(next_at=one.next_after(now)))
    return len(taken)


def ticks_due(names: Any, now: Any, *columns: Any) -> Select[Any]:
    """Select which of the schedules `names` are due: values, or parameters."""
    wanted = select(schedule.c.name, *columns)
    return wanted.where(schedule.c.next_at <= now, schedule.c.name.in_(names))


def _wanted(one: Recurring, since: datetime, now: datetime) -> Mapping[datetime, str]:
    """Return {tick: the unique key of its job} of the ticks from `since` until `now` that count."""
    if one.misfire is Misfire.ALL:
        ticks = _last_ticks(one, since, now)
        return {at: f"every:{one.name}:{at.isoformat()}" for at in ticks}
    if one.misfire is Misfire.SKIP:
        # The last one is taken if it is not late.
        last = one.next_after(now - LATE - _LEAST)
        return {last: f"every:{one.name}"} if last <= now else {}
    return {since: f"every:{one.name}"}


def _last_ticks(one: Recurring, since: datetime, now: datetime) -> list[datetime]:
    """Return the ticks from `since` until `now`, both included, the last `ticks_max` of them."""
    window = timedelta(hours=1)
    while True:
        begin = max(since, now - window)
        found = []
        at = one.next_after(begin - _LEAST)
        while at <= now:
            found.append(at)
            at = one.next_after(at)
        if len(found) >= one.ticks_max or begin == since:
            return found[-one.ticks_max :]
        window *= 4


def _at(job: Job, tick: datetime) -> Job:
    """Return the job of a tick: one that wants to know it has a field `tick`."""
    return msgspec.structs.replace(job, tick=tick) if "tick" in job.__struct_fields__ else job
