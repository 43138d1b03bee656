"""When recurring jobs are due: zones, clocks that are put forward and back, ticks that were missed.

Battery 28 as far as the worker goes.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from core.tests.kernel.fishing import CatchFish, caught, other_process, staffed, worker_of
from sqlalchemy import Select

from koipond.kernel import schedules
from koipond.kernel.context import Context, Shop
from koipond.kernel.jobs import Job
from koipond.kernel.schedules import Cron, CronInvalid, Every, Misfire, Recurring, schedule
from koipond_sdk.testing import RunningShop
from koipond_sdk.testing.shop import START

KOI = CatchFish(fish="koi")


class CountPond(Job, frozen=True, kw_only=True):
    """A job that wants to know which tick it is for."""

    tick: datetime | None = None


def cron(expression: str, zone: str = "Europe/Berlin", **more: Any) -> Cron:
    return Cron(expression=expression, time_zone=zone, job=KOI, **more)


def ticks(of: Recurring, since: str, count: int) -> list[str]:
    """Return the next ticks, in UTC."""
    at = datetime.fromisoformat(since).replace(tzinfo=UTC)
    found = []
    for _ in range(count):
        at = of.next_after(at)
        found.append(at.strftime("%m-%d %H:%M"))
    return found


def test_a_time_of_day_is_that_of_its_zone() -> None:
    assert ticks(cron("30 9 * * *", "Asia/Shanghai"), "2026-01-01T00:00", 2) == [
        "01-01 01:30",
        "01-02 01:30",
    ]


def test_a_time_that_is_left_out_comes_right_after_the_gap() -> None:
    # On the 29th of March 02:00 is 03:00 in Berlin.
    assert ticks(cron("30 2 * * *"), "2026-03-28T00:00", 3) == [
        "03-28 01:30",
        "03-29 01:00",
        "03-30 00:30",
    ]


def test_a_time_that_comes_twice_counts_the_first_time() -> None:
    # On the 25th of October 03:00 is 02:00 in Berlin.
    assert ticks(cron("30 2 * * *"), "2026-10-24T12:00", 2) == ["10-25 00:30", "10-26 01:30"]


def test_steps_follow_real_time_through_both() -> None:
    assert ticks(cron("*/30 * * * *"), "2026-03-29T00:15", 4) == [
        "03-29 00:30",
        "03-29 01:00",
        "03-29 01:30",
        "03-29 02:00",
    ]
    assert ticks(cron("0 * * * *"), "2026-10-24T23:30", 3) == [
        "10-25 00:00",
        "10-25 01:00",
        "10-25 02:00",
    ]


def test_the_leap_day_comes_in_leap_years() -> None:
    at = cron("0 12 29 2 *", "UTC").next_after(datetime(2026, 3, 1, tzinfo=UTC))
    assert at == datetime(2028, 2, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "words"),
    [
        ("61 * * * *", "UTC", "'61 \\* \\* \\* \\*' is no cron expression"),
        ("0 0 30 2 *", "UTC", "names no time in 50 years|is no cron expression"),
        ("0 3 * * *", "Europe/Atlantis", "there is no time zone 'Europe/Atlantis'"),
        ("0 3 * * *", "../etc/passwd", "there is no time zone"),
    ],
)
def test_what_names_no_time_is_refused(expression: str, zone: str, words: str) -> None:
    with pytest.raises(CronInvalid, match=words):
        cron(expression, zone).next_after(START)


async def test_a_new_one_waits_for_its_time(shop: RunningShop) -> None:
    worker = worker_of(planned(shop, [cron("0 13 * * *", "UTC")]))
    assert (await worker.run_once()).ticks == 0
    shop.clock.advance(hours=1)
    assert (await worker.run_once()).ticks == 1
    assert (await worker.run_once()).ticks == 0
    assert await next_at(shop) == START + timedelta(days=1, hours=1)


async def test_missed_ticks_are_made_up_for_by_one(shop: RunningShop) -> None:
    await miss(shop, cron("0 * * * *", "UTC"), hours=5, minutes=30)
    assert await caught(shop) == ["koi"]


async def test_missed_ticks_are_skipped(shop: RunningShop) -> None:
    of = cron("0 * * * *", "UTC", misfire=Misfire.SKIP)
    worker = await miss(shop, of, hours=5, minutes=30)
    assert await caught(shop) == []
    # The next one is taken, and also a bit late.
    shop.clock.advance(minutes=30, seconds=59)
    await worker.run_once()
    assert await caught(shop) == ["koi"]


async def test_missed_ticks_are_made_up_for_all_of_the_latest(shop: RunningShop) -> None:
    counted: list[datetime | None] = []

    async def count(ctx: Context, task: CountPond) -> None:
        counted.append(task.tick)

    of = Cron(expression="0 * * * *", job=CountPond(), misfire=Misfire.ALL, ticks_max=3)
    staff = staffed(shop, jobs={CountPond: count}, recurring=[of])
    worker = worker_of(staff)
    await worker.run_once()
    shop.clock.advance(days=90, minutes=30)
    await worker.run_once()
    last = START + timedelta(days=90)
    assert sorted(filter(None, counted)) == [last - timedelta(hours=n) for n in (2, 1, 0)]


async def test_a_clock_that_is_put_back_repeats_no_tick(shop: RunningShop) -> None:
    worker = worker_of(planned(shop, [cron("* * * * *", "UTC")]))
    await worker.run_once()
    shop.clock.advance(minutes=2)
    await worker.run_once()
    shop.clock.advance(minutes=-5)
    for _ in range(5):
        await worker.run_once()
        shop.clock.advance(minutes=1)
    assert await caught(shop) == ["koi"]
    shop.clock.advance(minutes=1)
    await worker.run_once()
    assert await caught(shop) == ["koi"] * 2


async def test_one_that_recurs_otherwise_now_is_set_right(shop: RunningShop) -> None:
    await worker_of(planned(shop, [cron("0 0 1 * *", "UTC")])).run_once()
    worker = worker_of(planned(shop, [cron("5 * * * *", "UTC")]))
    await worker.run_once()
    assert await next_at(shop) == START + timedelta(minutes=5)


async def test_what_has_its_turn_is_not_put_off_by_a_worker_that_starts(shop: RunningShop) -> None:
    await worker_of(planned(shop, [cron("0 13 * * *", "UTC")])).run_once()
    shop.clock.advance(hours=2)
    assert (await worker_of(planned(shop, [cron("0 13 * * *", "UTC")])).run_once()).ticks == 1


@pytest.mark.parametrize("locked", [True, False], ids=["the real tick", "without its lock"])
async def test_a_tick_is_one_of_two_workers(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    if not locked:
        if shop.shop.database.is_sqlite:
            pytest.skip("BEGIN IMMEDIATE is the lock there")
        # Naive by one line: the tick reads without FOR NO KEY UPDATE SKIP LOCKED.
        monkeypatch.setattr(Select, "with_for_update", lambda self, **_: self)
    every: list[Recurring] = [Every(seconds=60, job=KOI)]
    async with other_process(shop) as database:
        shops = [shop.shop, planned(shop, every, database=database)]
        await shop.shop.database.transact(
            lambda db: schedules.plan(db, every, now=shop.clock.now())
        )
        taken = 0
        for _ in range(20):
            both = (
                one.database.transact(lambda db: schedules.tick(db, every, now=shop.clock.now()))
                for one in shops
            )
            taken += sum(await asyncio.gather(*both))
            shop.clock.advance(minutes=1)
    assert (taken == 20) is locked


def planned(running: RunningShop, recurring: Sequence[Recurring], **more: Any) -> Shop:
    return staffed(running, recurring=recurring, **more)


async def miss(running: RunningShop, of: Cron, **parts: float) -> Any:
    """Plan, let time pass without a worker, and work again; returns the worker."""
    worker = worker_of(planned(running, [of]))
    await worker.run_once()
    running.clock.advance(**parts)
    assert (await worker.run_once()).ticks == 1
    return worker


async def next_at(running: RunningShop) -> datetime:
    async with running.shop.database.reading() as db:
        at: datetime = (await db.execute(schedule.select())).one().next_at
        return at
