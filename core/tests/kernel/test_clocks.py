"""Battery 28 for who works in the background: a machine's clock that is put forward or back.

What is leased, and who has a tick, goes by the database's clock.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from core.tests.kernel.fishing import (
    CatchFish,
    ask,
    caught,
    do_catch,
    no_chance,
    other_process,
    staffed,
)
from tests.rig.naive import built

from koipond.kernel import clock as clocks
from koipond.kernel import worker as workers
from koipond.kernel.clock import SystemClock
from koipond.kernel.context import Context
from koipond.kernel.db import Database
from koipond.kernel.schedules import Cron
from koipond.kernel.worker import Drained
from koipond_sdk.testing import RunningShop

BY_MACHINE = "a worker goes by its machine's clock"
FORWARD, BACK = timedelta(hours=2), timedelta(minutes=-5)


class Wrong:
    """The clock of a machine that is `off`; the database's is right."""

    def __init__(self, shop: RunningShop, off: timedelta) -> None:
        self._right = shop.clock
        self._off = off

    def now(self) -> datetime:
        return self._right.now() + self._off

    async def database_now(self, database: Database) -> datetime:
        return self._right.now()


def machine(shop: RunningShop, off: timedelta, **more: Any) -> Any:
    """Return a worker on a machine whose clock is off."""
    staff = staffed(shop, **more)
    staff.clock = Wrong(shop, off)
    return workers.Worker(staff, chance=no_chance)


async def take_from_who_is_at_work(shop: RunningShop) -> None:
    """Let a machine two hours ahead look at a job that another one is at work on."""
    begun, gate = asyncio.Event(), asyncio.Event()

    async def wait_and_catch(ctx: Context, task: CatchFish) -> None:
        begun.set()
        await gate.wait()
        await do_catch(ctx, task)

    await ask(staffed(shop), CatchFish(fish="koi"))
    at_work = asyncio.create_task(
        machine(shop, timedelta(0), jobs={CatchFish: wait_and_catch}).run_once()
    )
    await begun.wait()
    try:
        async with other_process(shop) as database:
            assert await machine(shop, FORWARD, database=database).run_once() == Drained()
    finally:
        gate.set()
        await at_work
    assert await caught(shop) == ["koi"]


async def test_a_machine_two_hours_ahead_takes_no_job_from_who_is_at_work(
    shop: RunningShop,
) -> None:
    await take_from_who_is_at_work(shop)


async def test_by_its_own_clock_it_would(shop: RunningShop) -> None:
    with built(BY_MACHINE), pytest.raises(AssertionError):
        await take_from_who_is_at_work(shop)


@pytest.mark.slow
@pytest.mark.parametrize("off", [FORWARD, BACK])
async def test_a_machine_whose_clock_is_wrong_keeps_what_it_is_at_work_on(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    monkeypatch.setattr(workers, "_BEAT_S", 0.01)
    runs = 0

    async def catch_slowly(ctx: Context, task: CatchFish) -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.2)
        await do_catch(ctx, task)

    await ask(staffed(shop), CatchFish(fish="koi"))
    done = await machine(shop, off, jobs={CatchFish: catch_slowly}).run_once()
    assert (done.jobs_done, runs) == (1, 1)


@pytest.mark.parametrize("off", [FORWARD, BACK])
async def test_a_tick_comes_when_it_is_time_by_the_database(
    shop: RunningShop, off: timedelta
) -> None:
    hourly = [Cron(expression="0 * * * *", job=CatchFish(fish="koi"))]
    await machine(shop, timedelta(0), recurring=hourly).run_once()
    worker = machine(shop, off, recurring=hourly)
    shop.clock.advance(minutes=59)
    assert (await worker.run_once()).ticks == 0
    shop.clock.advance(minutes=1)
    assert (await worker.run_once()).ticks == 1
    assert await caught(shop) == ["koi"]


async def test_a_job_for_later_is_done_when_it_is_time_by_the_database(shop: RunningShop) -> None:
    at = shop.clock.now() + timedelta(minutes=10)
    await ask(staffed(shop), CatchFish(fish="koi"), run_at=at)
    worker = machine(shop, FORWARD)
    assert (await worker.run_once()).jobs_done == 0
    shop.clock.advance(minutes=10)
    assert (await machine(shop, BACK).run_once()).jobs_done == 1


async def test_a_clock_that_jumps_leaves_the_databases_time_where_it_is(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Jumped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Jumped":
            return super().now(tz) + FORWARD

    clock = SystemClock()
    before = await clock.database_now(shop.shop.database)
    monkeypatch.setattr(clocks, "datetime", Jumped)
    assert clock.now() - before > timedelta(hours=1)
    after = await clock.database_now(shop.shop.database)
    assert timedelta(0) <= after - before < timedelta(minutes=1)
