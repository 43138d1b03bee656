import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from core.tests.kernel.fishing import (
    POND,
    CatchFish,
    FishCaught,
    catch,
    catch_once,
    caught,
    deliveries_of,
    do_catch,
    lent,
    only_row,
    other_process,
    sell_caught,
    staffed,
    told_of,
    want,
    worker_of,
)

from koipond.app import create_app
from koipond.delivery.service import find_running
from koipond.kernel import jobs, worker
from koipond.kernel.audits import AUDITS
from koipond.kernel.context import Context, Shop
from koipond.kernel.deliveries import Consumer
from koipond.kernel.faults import planned
from koipond.kernel.invariants import Finding, run_audits
from koipond.kernel.jobs import Claimed, JobState
from koipond.kernel.outbox import delivery, outbox_event
from koipond.kernel.schedules import Every
from koipond.kernel.viewer import GUEST
from koipond.kernel.worker import Drained, Worker
from koipond_sdk.testing import RunningShop

ROOT = Path(__file__).parents[3]
SELLER = Consumer(name="seller", events=(FishCaught,), handle=sell_caught)


@asynccontextmanager
async def at_work(staff: Worker) -> AsyncIterator[asyncio.Task[None]]:
    """Let a worker run during the block; it must stop when it is told to."""
    task = asyncio.create_task(staff.run_until_stopped())
    try:
        yield task
    finally:
        staff.stop()
        async with asyncio.timeout(20):
            await task


async def until(claim: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(20):
        while not await claim():  # noqa: ASYNC110  what is in the database sets no Event
            await asyncio.sleep(0.01)


async def ask(shop: Shop, *fish: str) -> None:
    async with shop.context(viewer=GUEST) as ctx:
        await want(ctx, *(CatchFish(fish=one) for one in fish))


async def test_a_commit_of_its_own_process_wakes_it(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = staffed(shop, consumers=[SELLER])
    working = worker_of(staff)
    await working.run_once()
    for pause in ["_BUSY_S", "_IDLE_S"]:
        monkeypatch.setattr(worker, pause, 3600)
    async with at_work(working):
        await asyncio.sleep(0.1)
        await ask(staff, "koi")
        # The job tells of an event, which is relayed, and delivered, which tells of another.
        await until(lambda: has_told(shop, "FishSold", "koi"))


async def test_polling_finds_what_another_process_has_stored(shop: RunningShop) -> None:
    async with at_work(worker_of(staffed(shop))), other_process(shop) as database:
        await ask(staffed(shop, database=database), "koi")
        await until(lambda: has_told(shop, "FishCaught", "koi"))


async def test_with_nothing_to_do_it_only_reads(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_IDLE_S", 0.01)
    every = [Every(seconds=60, job=CatchFish(fish="koi"))]
    working = worker_of(staffed(shop, consumers=[SELLER], recurring=every))
    await working.run_once()
    with shop.count_statements() as sent:
        async with at_work(working):
            await until(lambda: more_than(sent, 5))
        # On stopping it gives back what it has.
        *looks, _ = sent
    assert len(set(looks)) == 1
    assert looks[0].startswith("SELECT EXISTS")


async def test_what_never_returns_delays_no_other(shop: RunningShop) -> None:
    async def catch_or_hang(ctx: Context, task: CatchFish) -> None:
        if task.fish == "eel":
            await asyncio.sleep(3600)
        await do_catch(ctx, task)

    async def sell_or_hang(ctx: Context, event: FishCaught) -> None:
        if event.fish == "carp" and not shop.shop.database.is_sqlite:
            await asyncio.sleep(3600)
        await sell_caught(ctx, event)

    hanging = Consumer(name="hanging", events=(FishCaught,), handle=sell_or_hang, deadline_s=3600)
    staff = staffed(shop, jobs={CatchFish: catch_or_hang}, consumers=[hanging, SELLER])
    working = worker_of(staff, grace_s=0.1)
    await working.run_once()
    async with at_work(working):
        await ask(staff, "eel", "carp")
        await until(lambda: has_told(shop, "FishSold", "carp"))
        await ask(staff, "koi")
        await until(lambda: has_told(shop, "FishCaught", "koi"))
    assert [row["attempts"] for row in await shop.rows("job")] == [0]


async def test_on_stopping_what_runs_is_finished_and_nothing_is_begun(shop: RunningShop) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def wait_and_catch(ctx: Context, task: CatchFish) -> None:
        begun.set()
        await gate.wait()
        await do_catch(ctx, task)

    staff = staffed(shop, jobs={CatchFish: wait_and_catch})
    working = worker_of(staff)
    async with at_work(working) as task:
        await ask(staff, "koi")
        await begun.wait()
        working.stop()
        await ask(staff, "carp")
        await asyncio.sleep(0.1)
        assert not task.done()
        gate.set()
    assert await caught(shop) == ["koi"]
    row = await only_row(shop, "job")
    assert (row["state"], row["attempts"]) == (JobState.WAITING, 0)


async def test_what_it_has_claimed_when_it_is_told_to_stop_goes_back(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = jobs.claim

    async def stop_and_claim(*args: Any, **named: Any) -> list[Claimed]:
        working.stop()
        return await claim(*args, **named)

    monkeypatch.setattr(jobs, "claim", stop_and_claim)
    staff = staffed(shop)
    working = worker_of(staff)
    await ask(staff, "koi")
    await working.run_until_stopped()
    assert await caught(shop) == []
    row = await only_row(shop, "job")
    assert (row["state"], row["attempts"]) == (JobState.WAITING, 0)


async def test_what_is_not_done_in_time_is_anothers_at_once(shop: RunningShop) -> None:
    begun = asyncio.Event()

    async def hang(ctx: Context, task: CatchFish) -> None:
        begun.set()
        await asyncio.sleep(3600)

    staff = staffed(shop, jobs={CatchFish: hang})
    async with at_work(worker_of(staff, grace_s=0.05)):
        await ask(staff, "koi")
        await begun.wait()
    row = await only_row(shop, "job")
    assert (row["state"], row["attempts"], row["leased_by"]) == (JobState.WAITING, 0, None)
    assert (await worker_of(staffed(shop)).run_once()).jobs_done == 1
    assert lent(shop) == 0


async def test_a_worker_that_is_cancelled_gives_back_what_it_has(shop: RunningShop) -> None:
    begun = asyncio.Event()

    async def hang(ctx: Context, task: CatchFish) -> None:
        begun.set()
        await asyncio.sleep(3600)

    staff = staffed(shop, jobs={CatchFish: hang})
    task = asyncio.create_task(worker_of(staff).run_until_stopped())
    await ask(staff, "koi")
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await only_row(shop, "job"))["state"] == JobState.WAITING


async def test_it_outlives_a_database_in_trouble(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_TROUBLE_S", 0.01)
    troubles = 0

    def cut_once(point: str) -> None:
        nonlocal troubles
        if point == "jobs.after_claim" and not troubles:
            troubles += 1
            raise ConnectionResetError("the network was cut after the commit")

    staff = staffed(shop)
    await ask(staff, "koi")
    with planned(cut_once):
        async with at_work(worker_of(staff)):
            await until(lambda: more_than([None] * troubles, 0))
            assert (await only_row(shop, "job"))["state"] == JobState.RUNNING
            shop.clock.advance(seconds=90)
            await until(lambda: has_told(shop, "FishCaught", "koi"))


async def test_a_bug_of_its_own_ends_it(shop: RunningShop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(jobs, "claim", broken)
    staff = staffed(shop)
    await ask(staff, "koi")
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.timeout(20):
            await worker_of(staff).run_until_stopped()
    assert raised.group_contains(TypeError, match="a bug")


@pytest.mark.story
@pytest.mark.parametrize(
    "point",
    [
        pytest.param("jobs.after_claim", marks=pytest.mark.slow),
        "jobs.after_run.before_done",
        pytest.param("outbox.after_relay", marks=pytest.mark.slow),
        pytest.param("outbox.handled.before_commit", marks=pytest.mark.slow),
    ],
)
async def test_what_a_killed_worker_left_is_done_once(shop: RunningShop, point: str) -> None:
    staff = staffed(shop, jobs={CatchFish: catch_once}, consumers=[SELLER])
    await worker_of(staff).run_once()
    await ask(staff, "koi")
    assert await die(shop, point) == -signal.SIGKILL
    await worker_of(staff).run_once()
    shop.clock.advance(seconds=90)
    await worker_of(staff).run_once()
    assert await caught(shop) == ["koi"]
    assert await told_of(shop, "FishSold", POND) == ["koi"]
    assert await deliveries_of(shop, "seller") == {"koi": ("done", 1)}
    assert await shop.rows("job") == []
    assert await run_audits(shop.shop, AUDITS) == []


async def test_the_app_can_have_a_worker_in_its_process(database_url: str) -> None:
    from koipond.settings import Settings

    app = create_app(Settings(database_url=database_url), [], work=True)
    shop: Shop = app.state.shop
    async with app.lifespan(), shop.context(viewer=GUEST) as ctx:
        await catch(ctx, "koi")

        async def relayed() -> bool:
            async with shop.database.reading() as db:
                return (await db.execute(outbox_event.select())).one().relayed_at is not None

        await until(relayed)


async def test_what_was_done_adds_up(shop: RunningShop) -> None:
    assert Drained(ticks=1, jobs_done=2) + Drained(jobs_done=3) == Drained(ticks=1, jobs_done=5)


async def test_the_audits_find_nothing_where_nothing_is_wrong(shop: RunningShop) -> None:
    staff = staffed(shop, consumers=[SELLER])
    await worker_of(staff).run_once()
    await ask(staff, "koi", "carp")
    assert await run_audits(shop.shop, AUDITS) == []
    await worker_of(staff).run_once()
    assert await run_audits(shop.shop, AUDITS) == []


async def test_the_audits_find_each_thing_that_is_wrong(shop: RunningShop) -> None:
    staff = staffed(shop, consumers=[SELLER], recurring=[])
    await worker_of(staff).run_once()
    await ask(staff, "koi", "carp", "eel", "pike")
    await worker_of(staff).run_once()
    await ask(staff, "perch", "bream")
    now = shop.clock.now()
    kinds = [CatchFish]
    await staff.database.transact(lambda db: jobs.claim(db, kinds, worker="gone", now=now, limit=1))
    async with staff.database.writer.begin() as db:
        first = outbox_event.c.seq == 1
        await db.execute(delivery.update().where(delivery.c.seq == 1).values(state="dead"))
        await db.execute(outbox_event.update().where(first).values(relayed_at=None))
        await db.execute(outbox_event.delete().where(outbox_event.c.seq == 2))
        await db.execute(delivery.update().where(delivery.c.seq == 2).values(state="pending"))
        waiting = jobs.job.c.state == JobState.WAITING
        await db.execute(jobs.job.update().where(waiting).values(state=JobState.DEAD))
    shop.clock.advance(minutes=7)
    found = await run_audits(shop.shop, AUDITS)
    assert [without_ids(one) for one in found] == [
        "1 aggregates whose events have gaps",
        "1 events with deliveries that were never relayed",
        "1 deliveries of events that are gone",
        "2 deliveries done before one ahead of them",
        "1 dead deliveries",
        "1 jobs of a worker that is gone",
        "1 dead jobs",
    ]
    assert {one.invariant for one in found} == {"I6"}


async def die(shop: RunningShop, point: str) -> int | None:
    """Let a worker in a process of its own be killed at `point`; returns how it ended."""
    url, now = shop.settings.database_url, shop.clock.now().isoformat()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "core.tests.kernel.dying_worker", url, now),
        cwd=ROOT,
        env=os.environ | {"KOI_CRASH_AT": point},
    )
    async with asyncio.timeout(40):
        return await process.wait()


async def has_told(shop: RunningShop, name: str, fish: str) -> bool:
    return fish in await told_of(shop, name, POND)


async def more_than(things: list[object] | list[str], count: int) -> bool:
    return len(things) > count


def without_ids(finding: Finding) -> str:
    return finding.problem.partition(":")[0]


async def test_a_long_job_keeps_its_lease_and_tells_how_far_it_is(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_BEAT_S", 0.01)
    told, gate = asyncio.Event(), asyncio.Event()

    async def count_all(ctx: Context, task: CatchFish) -> None:
        await jobs.report_progress(ctx, done=40, total=100)
        # Not stored: it comes too soon.
        await jobs.report_progress(ctx, done=41, total=100)
        told.set()
        await gate.wait()
        await do_catch(ctx, task)

    staff = staffed(shop, jobs={CatchFish: count_all})
    async with at_work(worker_of(staff)), other_process(shop) as database:
        await ask(staff, "koi")
        await told.wait()
        async with staff.context(viewer=GUEST) as ctx:
            (one,) = await find_running(ctx)
        assert (one.kind, one.done, one.total, one.attempts) == ("CatchFish", 40, 100, 1)
        before = (await only_row(shop, "job"))["leased_until"]
        shop.clock.advance(seconds=59)
        await until(lambda: is_later(shop, before))
        shop.clock.advance(seconds=59)
        # Another worker sees nothing to take.
        second = staffed(shop, jobs={CatchFish: do_catch}, database=database)
        assert await worker_of(second).run_once() == Drained()
        gate.set()
        await until(lambda: has_told(shop, "FishCaught", "koi"))
    assert await shop.rows("job") == []


async def test_a_job_whose_lease_another_worker_has_is_cut(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(ctx: Context, task: CatchFish) -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    staff = staffed(shop, jobs={CatchFish: hang})
    # It looks at nothing meanwhile, so that it does not take the job again by itself.
    for pause in ["_BUSY_S", "_IDLE_S", "_BEAT_S"]:
        monkeypatch.setattr(worker, pause, 3600)
    async with at_work(working := worker_of(staff)), other_process(shop) as database:
        await ask(staff, "koi")
        await begun.wait()
        # As after a process stood still for a minute.
        shop.clock.advance(seconds=61)
        second = staffed(shop, jobs={CatchFish: do_catch}, database=database)
        assert (await worker_of(second).run_once()).jobs_done == 1
        await working._prolong()
        async with asyncio.timeout(20):
            await ended.wait()
    assert await caught(shop) == ["koi"]


async def test_a_worker_that_stood_still_does_not_run_its_own_job_twice(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_IDLE_S", 0.01)
    monkeypatch.setattr(worker, "_BEAT_S", 3600)
    begun, gate = asyncio.Event(), asyncio.Event()
    times = 0

    async def wait_and_catch(ctx: Context, task: CatchFish) -> None:
        nonlocal times
        times += 1
        begun.set()
        await gate.wait()
        await do_catch(ctx, task)

    staff = staffed(shop, jobs={CatchFish: wait_and_catch})
    async with at_work(worker_of(staff)):
        await ask(staff, "koi")
        await begun.wait()
        shop.clock.advance(seconds=61)
        # It looks, and lapses what others have left.
        await asyncio.sleep(0.3)
        gate.set()
        await until(lambda: has_told(shop, "FishCaught", "koi"))
    assert times == 1
    assert await shop.rows("job") == []


async def is_later(shop: RunningShop, than: object) -> bool:
    rows = await shop.rows("job")
    return bool(rows) and rows[0]["leased_until"] > than
