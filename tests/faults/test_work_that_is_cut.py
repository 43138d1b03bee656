"""Battery 15 and 16 for who works in the background: kill -9 of a worker, and of PostgreSQL under
two of them, at any moment, with deliveries and jobs under way.

What was to be done is done once and in its order, whoever does it in the end. The short form dies
at named places: core/tests/kernel/test_worker.py.
"""

import asyncio
import multiprocessing
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from core.tests.kernel.fishing import FishCaught, FishSold, catch, want
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from tests.faults.test_databases_that_die import check_file, plugged
from tests.rig.naive import builds, raced
from tests.rig.plug import PluggedPostgres
from tests.rig.working import SELLERS, CatchPatiently, make_shop, shelf_of, work_until_killed

from koipond.kernel.audits import AUDITS
from koipond.kernel.context import Context, Shop, transaction
from koipond.kernel.events import Event
from koipond.kernel.ids import new_id
from koipond.kernel.invariants import run_audits
from koipond.kernel.jobs import JobState, job
from koipond.kernel.outbox import DeliveryState, delivery, outbox_event
from koipond.kernel.viewer import GUEST
from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.plugin import KINDS

__all__ = ["plugged"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
# All workers are copies of one process that has imported what they need.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.rig.working"])
WATERS = 8
# Transactions before each death, with an event and a job each: it is never idle.
ORDERS = 60
KILLS, PULLS = 50, 5
APART = "a delivery is handled in a transaction of its own"
GONE = "a job is removed when it is claimed"
Tell = Callable[[str], None]


class Shift:
    """Work for workers that do not live long; what there is to do is noted as it is stored."""

    def __init__(self, url: str, naive: str = "") -> None:
        self.url = url
        self.naive = naive
        self.shop: Shop = make_shop(url)
        self.waters = [new_id() for _ in range(WATERS)]
        # {water: its fish}, in their order.
        self.wanted: dict[UUID, list[str]] = {}
        self._made = 0

    async def order_more(self) -> None:
        """Store events of a few waters, and for each a job that tells of one elsewhere."""
        async with self.shop.context(viewer=GUEST) as ctx:
            for _ in range(ORDERS):
                self._made += 1
                told, water, job_water = str(self._made), self.waters[self._made % WATERS], new_id()
                await _order(ctx, water, job_water, told)
                self.wanted.setdefault(water, []).append(told)
                self.wanted[job_water] = [told]

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """Let a worker run in a process of its own, which is killed with the block."""
        process = _FORKS.Process(target=work_until_killed, args=(self.url, self.naive), daemon=True)
        process.start()
        try:
            yield
            assert process.is_alive(), "it ended by itself"
        finally:
            process.kill()
            await asyncio.to_thread(process.join)

    async def progress(self, of: type[Event] = FishSold) -> int:
        """Return how many deliveries have left their event, or jobs."""
        counted = select(func.count()).where(outbox_event.c.name == of.name())
        async with self.shop.database.reading() as db:
            found: int = (await db.execute(counted)).scalar_one()
            return found

    async def until_at_work(self, of: type[Event] = FishSold) -> None:
        """Wait until something more is done."""
        before, until = await self.progress(of), time.monotonic() + 30
        while await self.progress(of) == before:
            assert time.monotonic() < until, "nothing is done"
            await asyncio.sleep(0.002)

    async def until_done(self) -> None:
        """Wait until there is nothing left."""
        until = time.monotonic() + 60
        while await self._left():
            assert time.monotonic() < until, f"{await self._left()} left"
            await asyncio.sleep(0.05)

    async def _left(self) -> int:
        pending = select(delivery.c.event_id).where(delivery.c.state == DeliveryState.PENDING)
        waiting = select(outbox_event.c.id).where(outbox_event.c.relayed_at.is_(None))
        left = 0
        async with self.shop.database.reading() as db:
            for one in (select(job.c.id), pending, waiting):
                counted = await db.execute(select(func.count()).select_from(one.subquery()))
                left += counted.scalar_one()
        return left

    async def end_leases(self) -> None:
        """Let nobody wait for the leases of a worker that is dead."""
        ended = job.update().where(job.c.state == JobState.RUNNING)
        now = await self.shop.clock.database_now(self.shop.database)
        async with self.shop.database.writer.begin() as db:
            await db.execute(ended.values(leased_until=now))

    async def check(self) -> None:
        """Fail unless each thing was done once, in its order and at the first attempt."""
        told = await self._told()
        sold = {
            shelf_of(seller, water): fish
            for seller in SELLERS
            for water, fish in self.wanted.items()
        }
        assert told == self.wanted | sold
        assert await run_audits(self.shop, AUDITS) == []
        async with self.shop.database.reading() as db:
            states = await db.execute(select(delivery.c.state, delivery.c.attempts).distinct())
            assert {tuple(row) for row in states} == {("done", 1)}

    async def _told(self) -> dict[UUID, list[str]]:
        found: dict[UUID, list[str]] = {}
        async with self.shop.database.reading() as db:
            for row in await db.execute(outbox_event.select().order_by(outbox_event.c.seq)):
                found.setdefault(row.aggregate_id, []).append(row.payload["fish"])
        return found


@transaction
async def _order(ctx: Context, water: UUID, job_water: UUID, fish: str) -> None:
    await catch(ctx, fish, water_id=water)
    await want(ctx, CatchPatiently(fish=fish, water_id=job_water))


async def kill_workers(url: str, *, times: int, naive: str = "", chance: random.Random) -> int:
    """Kill a worker in the middle of its work, again and again; returns how much was done."""
    shift = Shift(url, naive)
    try:
        for nth in range(times):
            await shift.order_more()
            async with shift.worker():
                # In the middle of its jobs, or of its deliveries.
                await shift.until_at_work(FishSold if nth % 2 else FishCaught)
                await asyncio.sleep(chance.random() * 0.01)
            await shift.end_leases()
            if shift.shop.database.is_sqlite:
                check_file(url)
        async with shift.worker():
            await shift.until_done()
        await shift.check()
        return await shift.progress()
    finally:
        await shift.shop.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_fifty_workers_are_killed_at_work(
    databases: Databases, kind: Kind, tell: Tell
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    url = await databases.emptied(kind)
    done = await kill_workers(url, times=KILLS, chance=random.Random(seed))
    tell(
        f"seed {seed}, {KILLS} x kill -9 of a worker: {done} deliveries, each once and in its order"
    )


@builds(APART)
async def test_a_delivery_that_is_not_marked_by_its_own_transaction_happens_twice(
    databases: Databases, build: str
) -> None:
    await _raced(databases, build)


@builds(GONE)
async def test_a_job_that_is_removed_before_it_is_done_is_lost(
    databases: Databases, build: str
) -> None:
    await _raced(databases, build)


async def _raced(databases: Databases, build: str) -> None:
    """PostgreSQL: SQLite's one writer has no transaction beside its own."""
    url = await databases.emptied(Kind.POSTGRES)
    with raced(build):
        await kill_workers(url, times=4, naive=build, chance=random.Random(7))


@pytest.mark.postgres
async def test_postgresql_is_killed_under_two_workers(plugged: PluggedPostgres, tell: Tell) -> None:
    shift = Shift(plugged.url("postgres"))
    back = []
    try:
        async with shift.worker(), shift.worker():
            for _ in range(PULLS):
                await shift.order_more()
                await shift.until_at_work()
                plugged.pull()
                await asyncio.sleep(0.3)
                plugged.plug_in()
                began = time.monotonic()
                await _answers(shift)
                await shift.until_at_work()
                back.append(round(time.monotonic() - began, 1))
            await shift.until_done()
        await shift.check()
        done = await shift.progress()
    finally:
        await shift.shop.close()
    tell(
        f"{PULLS} x kill -9 of PostgreSQL under two workers: {done} deliveries, each once and "
        f"in its order, at work again after {back} s"
    )


async def _answers(shift: Shift) -> None:
    """Wait until the database takes this process back."""
    async with asyncio.timeout(10):
        while True:
            try:
                await shift.progress()
            except (DBAPIError, OSError):
                await asyncio.sleep(0.05)
            else:
                return
