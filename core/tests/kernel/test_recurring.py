import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from core.tests.kernel.fishing import (
    CatchFish,
    caught,
    fail_inside,
    other_process,
    seconds_from,
    staffed,
    worker_of,
)

from koipond.kernel.schedules import Every, schedule
from koipond_sdk.testing import RunningShop
from koipond_sdk.testing.shop import START


async def test_a_recurring_job_runs_once_a_tick(shop: RunningShop) -> None:
    worker = worker_of(each_minute(shop))
    shop.clock.advance(seconds=20)
    times = []
    for _ in range(13):
        if (await worker.run_once()).ticks:
            times.append(seconds_from(START, shop.clock.now()))
        shop.clock.advance(seconds=10)
    # New, so at once; then with each full minute.
    assert times == [20, 60, 120]
    assert await caught(shop) == ["koi"] * 3


async def test_missed_ticks_are_made_up_for_by_one(shop: RunningShop) -> None:
    worker = worker_of(each_minute(shop))
    await worker.run_once()
    shop.clock.advance(hours=3, seconds=7)
    assert (await worker.run_once()).ticks == 1
    assert await caught(shop) == ["koi"] * 2
    assert (await only_tick(shop)) == START + timedelta(hours=3, minutes=1)


@pytest.mark.slow
async def test_a_tick_is_taken_by_one_of_two_workers(shop: RunningShop) -> None:
    async with other_process(shop) as database:
        workers = [
            worker_of(each_minute(shop)),
            worker_of(each_minute(shop, database=database)),
        ]
        for _ in range(20):
            done = await asyncio.gather(*(worker.run_once() for worker in workers))
            assert sum(one.ticks for one in done) == 1
            shop.clock.advance(minutes=1)
    assert await caught(shop) == ["koi"] * 20


async def test_a_recurring_job_that_fails_does_not_pile_up(shop: RunningShop) -> None:
    staff = each_minute(shop, jobs={CatchFish: fail_inside})
    worker = worker_of(staff)
    for _ in range(3):
        await worker.run_once()
        assert len(await shop.rows("job")) == 1
        shop.clock.advance(seconds=60)


def test_ticks_are_whole_multiples_since_1970() -> None:
    every = Every(seconds=3600, job=CatchFish(fish="koi"))
    assert every.next_after(START + timedelta(minutes=17)) == START + timedelta(hours=1)
    assert every.next_after(START) == START + timedelta(hours=1)


def each_minute(running: RunningShop, **options: Any) -> Any:
    return staffed(running, recurring=[Every(seconds=60, job=CatchFish(fish="koi"))], **options)


async def only_tick(running: RunningShop) -> datetime:
    async with running.shop.database.reading() as db:
        at: datetime = (await db.execute(schedule.select())).one().next_at
        return at
