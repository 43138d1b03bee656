"""What follows a commit: deliveries, jobs, how late they come; prints one JSON object last.

    make bench ONLY=events [ARGS="--seconds 3 --rounds 3"]

On PostgreSQL and a file that flush each commit to the disk, one worker, the best of the rounds:
deliveries_per_s, _sqlite  events relayed and told to four consumers, each of which writes one row;
                           the row of the delivery is what keeps it from happening twice
jobs_per_s, _sqlite        jobs that wait, claimed, run and removed; they do nothing
outbox_lag_ms              from the commit of an event in another process to the commit of what its
                           consumer wrote, the worker having nothing else to do: p50
ledger_transfers_per_s     as tests/bench/ledger.py measures them
--profile tells where the time of this process goes.
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

import uvloop
from sqlalchemy import Column, Connection, Select, String, Table, Uuid, func, select
from tests.bench import ledger
from tests.bench.builds.processes import used_by_family

from koipond.app import make_shop
from koipond.kernel import jobs
from koipond.kernel.audits import AUDITS
from koipond.kernel.clock import SystemClock
from koipond.kernel.context import Context, Shop, transaction
from koipond.kernel.db import Database, metadata
from koipond.kernel.deliveries import Consumer
from koipond.kernel.events import Event
from koipond.kernel.ids import new_id
from koipond.kernel.invariants import run_audits
from koipond.kernel.jobs import Job, enqueue
from koipond.kernel.outbox import DeliveryState, delivery
from koipond.kernel.viewer import GUEST
from koipond.kernel.worker import Worker
from koipond.settings import Settings
from koipond_sdk.testing.postgres import Postgres

CONSUMERS = 4
EVENTS, JOBS = 5_000, 20_000
STORED_AT_ONCE = 1_000
LAGS = 60
LEDGER = "ledger_transfers_per_s"
TARGETS = {
    **ledger.TARGETS,
    "deliveries_per_s": 5_000,
    "jobs_per_s": 5_000,
    "outbox_lag_ms": 250,
}

effect = Table(
    "bench_effect",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("pond_id", Uuid, nullable=False),
    Column("told", String(20), nullable=False),
)
EFFECTS = select(func.count()).select_from(effect)

Cpu = Callable[[], float]


class Round(NamedTuple):
    """What a run came to: how many a second, and the CPU of each, here and of PostgreSQL's."""

    per_s: float
    app_us: float
    database_us: float


class FishFed(Event, frozen=True, kw_only=True):
    """What each consumer hears of."""

    aggregate: ClassVar[str] = "pond_id"
    pond_id: UUID


class FeedFish(Job, frozen=True, kw_only=True):
    """A job that does nothing."""

    pond_id: UUID


async def feed(ctx: Context, job: FeedFish) -> None:
    """Do the job FeedFish."""


def consumer(name: str) -> Consumer:
    """Return one that writes a row for each event, as core's use-cases do it."""

    async def note(ctx: Context, event: FishFed) -> None:
        ctx.unsent.add(effect, {"id": new_id(), "pond_id": event.pond_id, "told": name})

    return Consumer(name=name, events=(FishFed,), handle=note)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Shop]:
    """Lend a shop on the database at `url`, whose tables are made anew."""
    made = make_shop(Settings(database_url=url), [])
    shop = Shop(
        settings=made.settings,
        database=made.database,
        clock=SystemClock(),
        hooks=made.hooks,
        providers={},
        reactions={},
        jobs={FeedFish: feed},
        consumers=[consumer(f"angler {number}") for number in range(CONSUMERS)],
    )
    try:
        async with shop.database.writer.begin() as connection:
            await connection.run_sync(make_tables)
        yield shop
    finally:
        await shop.close()


def make_tables(connection: Connection) -> None:
    metadata.drop_all(connection)
    metadata.create_all(connection)


@transaction
async def tell(ctx: Context, count: int) -> None:
    for _ in range(count):
        ctx.emit(FishFed(pond_id=new_id()))


@transaction
async def want(ctx: Context, count: int) -> None:
    for _ in range(count):
        await enqueue(ctx, FeedFish(pond_id=new_id()))


async def work_through(shop: Shop, count: int, left: Select[Any], cpu: Cpu) -> Round:
    """Let a worker do the `count` things that wait, until `left` finds none."""
    worker = Worker(shop)
    app, database, began = time.process_time(), cpu(), time.perf_counter()
    task = asyncio.create_task(worker.run_until_stopped())
    while await ask(shop, left):  # noqa: ASYNC110  what is in the database sets no Event
        await asyncio.sleep(0.1)
    took = time.perf_counter() - began
    app, database = time.process_time() - app, cpu() - database
    worker.stop()
    await task
    assert await run_audits(shop, AUDITS) == []
    return Round(count / took, app / count * 1e6, database / count * 1e6)


async def deliver(shop: Shop, events: int, cpu: Cpu) -> Round:
    """Measure deliveries, each of which has left its row."""
    await Worker(shop).run_once()
    async with shop.context(viewer=GUEST) as ctx:
        for _ in range(events // STORED_AT_ONCE):
            await tell(ctx, STORED_AT_ONCE)
    wanted = events * CONSUMERS
    done = await work_through(shop, wanted, select(wanted - EFFECTS.scalar_subquery()), cpu)
    marked = select(func.count()).where(delivery.c.state == DeliveryState.DONE)
    assert await ask(shop, marked) == wanted
    return done


async def run_jobs(shop: Shop, wanted: int, cpu: Cpu) -> Round:
    """Measure jobs."""
    async with shop.context(viewer=GUEST) as ctx:
        for _ in range(wanted // STORED_AT_ONCE):
            await want(ctx, STORED_AT_ONCE)
    return await work_through(shop, wanted, select(func.count()).select_from(jobs.job), cpu)


async def lag(shop: Shop) -> float:
    """Return how late events come, in ms: the median. Each is stored by another pool, at random."""
    chance, late = Random(7), []
    elsewhere = Shop(
        settings=shop.settings,
        database=Database(shop.settings.database_url),
        clock=shop.clock,
        hooks=shop.hooks,
        providers={},
        reactions={},
    )
    worker = Worker(shop)
    task = asyncio.create_task(worker.run_until_stopped())
    try:
        async with elsewhere.context(viewer=GUEST) as ctx:
            for known in range(LAGS):
                await asyncio.sleep(chance.random())
                await tell(ctx, 1)
                began = time.perf_counter()
                wanted = (known + 1) * CONSUMERS
                while await ask(elsewhere, EFFECTS) < wanted:  # noqa: ASYNC110  as above
                    await asyncio.sleep(0.002)
                late.append((time.perf_counter() - began) * 1e3)
    finally:
        worker.stop()
        await task
        await elsewhere.close()
    return median(late)


async def ask(shop: Shop, counted: Select[Any]) -> int:
    async with shop.database.reading() as db:
        found: int = (await db.execute(counted)).scalar_one()
        return found


def best(
    name: str, url: str, of: Callable[[Shop], Awaitable[Round]], rounds: int
) -> dict[str, float]:
    """Return the best of some rounds, and what one costs where it costs least."""

    async def measure() -> Round:
        async with opened(url) as shop:
            return await of(shop)

    found = [uvloop.run(measure()) for _ in range(rounds)]
    said = [
        f"{one.per_s:.0f}/s ({one.app_us:.0f} + {one.database_us:.0f} us of CPU)" for one in found
    ]
    sys.stdout.write(f"{name}: {', '.join(said)}\n")
    sys.stdout.flush()
    return {
        name: round(max(one.per_s for one in found)),
        name.replace("per_s", "app_us"): round(min(one.app_us for one in found)),
    }


async def measure_lag(url: str) -> float:
    async with opened(url) as shop:
        return await lag(shop)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args([*arguments])
    load = os.getloadavg()[0]
    figures: dict[str, float] = {}
    with Postgres(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        file = f"sqlite:///{Path(folder) / 'events.db'}"
        pid = int((server.home / "data" / "postmaster.pid").read_text().split()[0])

        def cpu() -> float:
            return used_by_family(pid)

        def delivering(shop: Shop) -> Awaitable[Round]:
            return deliver(shop, options.events, cpu)

        def running(shop: Shop) -> Awaitable[Round]:
            return run_jobs(shop, options.jobs, cpu)

        measured = {
            "deliveries_per_s": (server.url(), delivering),
            "deliveries_sqlite_per_s": (file, delivering),
            "jobs_per_s": (server.url(), running),
            "jobs_sqlite_per_s": (file, running),
        }
        profile = cProfile.Profile(time.process_time)
        if options.profile:
            profile.enable()
        for name, (url, of) in measured.items():
            if not options.only or name in options.only:
                figures |= best(name, url, of, options.rounds)
        if not options.only or "outbox_lag_ms" in options.only:
            figures["outbox_lag_ms"] = round(uvloop.run(measure_lag(server.url())))
        if not options.only or LEDGER in options.only:
            urls = {"postgresql": server.url()}
            given = argparse.Namespace(rounds=options.rounds, seconds=3.0, callers=ledger.CALLERS)
            figures[LEDGER] = ledger.best(urls, LEDGER, given, cpu)
        if options.profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    missed = [name for name in TARGETS if name in figures and not _is_met(name, figures[name])]
    sys.stdout.write(json.dumps({**figures, "missed": missed, "load": load}) + "\n")


def _is_met(name: str, found: float) -> bool:
    target = TARGETS[name]
    return found <= target if name.endswith("_ms") else found >= target


if __name__ == "__main__":
    main(sys.argv[1:])
