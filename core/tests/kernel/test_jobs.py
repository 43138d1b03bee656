import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from core.tests.kernel.fishing import (
    POND,
    CatchFish,
    ask,
    catch,
    caught,
    do_catch,
    fail_inside,
    lent,
    only_row,
    seconds_from,
    staffed,
    want,
    worker_of,
)
from sqlalchemy import text

from koipond.kernel import jobs
from koipond.kernel.context import Context, transaction
from koipond.kernel.db import Database
from koipond.kernel.jobs import Job, JobState, enqueue
from koipond.kernel.viewer import GUEST
from koipond.kernel.worker import Drained
from koipond_sdk.testing import RunningShop
from koipond_sdk.testing.shop import START

NET = UUID(int=7)


class CountFish(Job, frozen=True, kw_only=True):
    """A job with everything that a payload may hold."""

    water_id: UUID
    since: datetime
    seen: dict[int, list[str]]
    note: str | None = None


class HangAbout(Job, frozen=True, kw_only=True):
    """A job that never returns."""

    attempts_max: ClassVar[int] = 1
    deadline_s: ClassVar[float] = 0.1


class AskSlowly(Job, frozen=True, kw_only=True):
    """A job that waits for its database."""

    attempts_max: ClassVar[int] = 1
    deadline_s: ClassVar[float] = 0.02


async def always_fail(ctx: Context, task: CatchFish) -> None:
    await catch(ctx, task.fish)
    raise ValueError(f"{task.fish} got away; password=pond")


async def test_a_job_runs_once_and_leaves_no_row(shop: RunningShop) -> None:
    staff = staffed(shop)
    assert await ask(staff, CatchFish(fish="koi"), CatchFish(fish="carp")) == [True, True]
    assert await caught(shop) == []
    # The events of the two are relayed, though nobody wants them.
    assert await worker_of(staff).run_once() == Drained(jobs_done=2, relayed=2)
    assert sorted(await caught(shop)) == ["carp", "koi"]
    assert await shop.rows("job") == []
    assert await worker_of(staff).run_once() == Drained()


async def test_a_payload_comes_back_as_it_was(shop: RunningShop) -> None:
    seen: list[CountFish] = []

    async def count(ctx: Context, task: CountFish) -> None:
        assert not ctx.in_transaction
        seen.append(task)

    task = CountFish(water_id=POND, since=datetime(2026, 2, 1, tzinfo=UTC), seen={1: ["锦鲤"]})
    staff = staffed(shop, jobs={CountFish: count})
    await ask(staff, task)
    await worker_of(staff).run_once()
    assert seen == [task]


async def test_a_job_goes_with_the_transaction_that_wants_it(shop: RunningShop) -> None:
    @transaction
    async def want_and_fail(ctx: Context) -> None:
        assert await enqueue(ctx, CatchFish(fish="koi"))
        raise LookupError("something else went wrong")

    before = await shop.snapshot()
    async with staffed(shop).context(viewer=GUEST) as ctx:
        with pytest.raises(LookupError):
            await want_and_fail(ctx)
    assert await shop.snapshot() == before


async def test_a_job_that_nobody_would_run_is_refused(shop: RunningShop) -> None:
    with pytest.raises(AssertionError, match="CatchFish is not registered"):
        await ask(staffed(shop, jobs={}), CatchFish(fish="koi"))
    assert await shop.rows("job") == []


async def test_a_job_waits_for_its_time(shop: RunningShop) -> None:
    staff = staffed(shop)
    await ask(staff, CatchFish(fish="koi"), run_at=START + timedelta(minutes=15))
    worker = worker_of(staff)
    shop.clock.advance(minutes=14, seconds=59)
    assert await worker.run_once() == Drained()
    shop.clock.advance(seconds=1)
    assert (await worker.run_once()).jobs_done == 1


async def test_there_is_one_live_job_of_a_key(shop: RunningShop) -> None:
    staff, worker = staffed(shop), worker_of(staffed(shop))
    task = CatchFish(fish="koi")
    assert await ask(staff, task, task, unique="the koi") == [True, False]
    assert await ask(staff, task, unique="the koi") == [False]
    assert await ask(staff, task, unique="another") == [True]
    await worker.run_once()
    assert await ask(staff, task, unique="the koi") == [True]
    assert len(await caught(shop)) == 2


async def test_a_running_job_keeps_its_key_and_a_dead_one_does_not(shop: RunningShop) -> None:
    answers: list[list[bool]] = []

    async def ask_again(ctx: Context, task: CatchFish) -> None:
        answers.append(await want(ctx, task, unique="the koi"))
        raise ValueError

    staff = staffed(shop, jobs={CatchFish: ask_again})
    await ask(staff, CatchFish(fish="koi"), unique="the koi")
    await die(shop, staff)
    assert answers == [[False]] * 4
    assert await ask(staff, CatchFish(fish="koi"), unique="the koi") == [True]


async def test_what_fails_is_tried_again_after_longer_and_longer_waits(shop: RunningShop) -> None:
    staff = staffed(shop, jobs={CatchFish: fail_inside})
    worker = worker_of(staff)
    await ask(staff, CatchFish(fish="koi"))
    at = [0.0]
    while at[-1] < 60:
        assert await worker.run_once() == Drained(jobs_failed=1)
        assert await worker.run_once() == Drained()
        row = await only_row(shop, "job")
        if row["state"] == JobState.DEAD:
            break
        shop.clock.set((await next_run(shop)) - timedelta(microseconds=1))
        assert await worker.run_once() == Drained()
        shop.clock.set(await next_run(shop))
        at.append(seconds_from(START, shop.clock.now()))
    assert at == [0, 5, 15, 35]
    assert await caught(shop) == []


async def test_chance_shortens_a_wait(shop: RunningShop) -> None:
    staff = staffed(shop, jobs={CatchFish: fail_inside})
    worker = worker_of(staff)
    worker._chance = lambda: 0.5
    await ask(staff, CatchFish(fish="koi"))
    await worker.run_once()
    assert seconds_from(START, await next_run(shop)) == 3.75


async def test_after_the_last_attempt_a_job_is_dead_and_says_why(shop: RunningShop) -> None:
    staff = staffed(shop, jobs={CatchFish: always_fail})
    await ask(staff, CatchFish(fish="koi"))
    await die(shop, staff)
    row = await only_row(shop, "job")
    assert (row["state"], row["attempts"], row["leased_by"]) == ("dead", 4, None)
    assert row["last_error"] == "ValueError: koi got away; password=[hidden]"
    shop.clock.advance(days=30)
    assert await worker_of(staff).run_once() == Drained(relayed=0)
    # What a job committed before it failed stays: it is done at least once.
    assert await caught(shop) == ["koi"] * 4


async def test_one_that_fails_delays_no_other(shop: RunningShop) -> None:
    async def mostly(ctx: Context, task: CatchFish) -> None:
        if task.fish == "eel":
            raise ValueError("slippery")
        await do_catch(ctx, task)

    staff = staffed(shop, jobs={CatchFish: mostly})
    await ask(staff, *(CatchFish(fish=fish) for fish in ["koi", "eel", "carp"]))
    done = await worker_of(staff).run_once()
    assert (done.jobs_done, done.jobs_failed) == (2, 1)
    assert sorted(await caught(shop)) == ["carp", "koi"]


async def test_a_dead_job_can_be_tried_again(shop: RunningShop) -> None:
    dead = staffed(shop, jobs={CatchFish: fail_inside})
    await ask(dead, CatchFish(fish="koi"), unique="the koi")
    await die(shop, dead)
    (key,) = await ids(shop)
    assert await revive(shop, key)
    assert not await revive(shop, key)
    assert (await worker_of(staffed(shop)).run_once()).jobs_done == 1
    assert await caught(shop) == ["koi"]


async def test_a_dead_job_stays_dead_while_its_successor_is_alive(shop: RunningShop) -> None:
    dead = staffed(shop, jobs={CatchFish: fail_inside})
    await ask(dead, CatchFish(fish="koi"), unique="the koi")
    await die(shop, dead)
    (key,) = await ids(shop)
    await ask(dead, CatchFish(fish="koi"), unique="the koi")
    before = await shop.snapshot()
    assert not await revive(shop, key)
    assert await shop.snapshot() == before


async def test_what_never_returns_is_cut_and_gives_back_its_connection(shop: RunningShop) -> None:
    @transaction
    async def hang(ctx: Context, task: HangAbout) -> None:
        await catch(ctx, "koi")
        await asyncio.sleep(3600)

    staff = staffed(shop, jobs={HangAbout: hang})
    await ask(staff, HangAbout())
    assert await worker_of(staff).run_once() == Drained(jobs_failed=1)
    row = await only_row(shop, "job")
    assert row["state"] == JobState.DEAD
    assert row["last_error"].endswith("DeadlinePassed: it was not done after 0.1 s and was cut")
    assert await caught(shop) == []
    assert lent(shop) == 0


async def test_what_waits_for_the_database_is_cut_as_well(shop: RunningShop) -> None:
    @transaction
    async def hang(ctx: Context, task: AskSlowly) -> None:
        await ctx.db.execute(text(slow_statement(shop.shop.database)))

    staff = staffed(shop, jobs={AskSlowly: hang, CatchFish: do_catch})
    await ask(staff, AskSlowly(), CatchFish(fish="koi"))
    done = await worker_of(staff).run_once()
    assert (done.jobs_failed, done.jobs_done) == (1, 1)
    assert await caught(shop) == ["koi"]
    assert lent(shop) == 0


async def test_a_kind_that_this_code_does_not_know_waits_for_newer_code(shop: RunningShop) -> None:
    await ask(staffed(shop), CatchFish(fish="koi"))
    assert await worker_of(staffed(shop, jobs={})).run_once() == Drained()
    assert (await worker_of(staffed(shop)).run_once()).jobs_done == 1


async def test_a_payload_that_no_longer_fits_is_a_failure_with_a_name(shop: RunningShop) -> None:
    await ask(staffed(shop), CatchFish(fish="koi"))
    async with shop.shop.database.writer.begin() as db:
        await db.execute(jobs.job.update().values(payload={"fish": 5}))
    assert await worker_of(staffed(shop)).run_once() == Drained(jobs_failed=1)
    assert "Expected `str`, got `int`" in (await only_row(shop, "job"))["last_error"]


async def die(running: RunningShop, staff: Any) -> None:
    """Let all attempts of the only job fail."""
    for _ in range(4):
        await worker_of(staff).run_once()
        running.clock.advance(hours=1)
    assert (await only_row(running, "job"))["state"] == JobState.DEAD


async def revive(running: RunningShop, key: UUID) -> bool:
    now = running.clock.now()
    return await running.shop.database.transact(lambda db: jobs.revive(db, key, now=now))


async def ids(running: RunningShop) -> list[UUID]:
    async with running.shop.database.reading() as db:
        return [row.id for row in await db.execute(jobs.job.select())]


async def next_run(running: RunningShop) -> datetime:
    async with running.shop.database.reading() as db:
        at: datetime = (await db.execute(jobs.job.select())).one().run_at
        return at


def slow_statement(database: Database) -> str:
    if database.is_sqlite:
        return (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000) "
            "SELECT max(x) FROM n"
        )
    return "SELECT pg_sleep(60)"
