import asyncio
from collections import Counter
from uuid import UUID

import pytest
from core.tests.kernel.fishing import (
    CatchFish,
    ask,
    caught,
    only_row,
    other_process,
    staffed,
    worker_of,
)
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError

from koipond.kernel import jobs
from koipond.kernel.context import Context
from koipond.kernel.jobs import JobState
from koipond.kernel.prepared import Prepared
from koipond.kernel.worker import Drained
from koipond_sdk.testing import RunningShop


async def test_a_job_whose_worker_is_gone_comes_back_when_its_lease_ends(shop: RunningShop) -> None:
    staff = staffed(shop)
    await ask(staff, CatchFish(fish="koi"))
    (lost,) = await claim(shop, "gone")
    worker = worker_of(staff)
    shop.clock.advance(seconds=59)
    assert await worker.run_once() == Drained()
    shop.clock.advance(seconds=1)
    assert (await worker.run_once()).jobs_done == 1
    # The one that was taken for dead comes back, and has no say any more.
    await shop.shop.database.transact(lambda db: jobs.finish(db, [lost]))
    assert await caught(shop) == ["koi"]


async def test_a_worker_that_was_too_slow_cannot_end_the_next_attempt(shop: RunningShop) -> None:
    await ask(staffed(shop), CatchFish(fish="koi"))
    (first,) = await claim(shop, "slow")
    shop.clock.advance(seconds=90)
    await lapse(shop)
    (second,) = await claim(shop, "slow")
    before = await shop.snapshot()
    database = shop.shop.database
    await database.transact(lambda db: jobs.finish(db, [first]))
    now = shop.clock.now()
    await database.transact(lambda db: jobs.fail(db, first, error="late", now=now, chance=0))
    assert await shop.snapshot() == before
    await database.transact(lambda db: jobs.finish(db, [second]))
    assert await shop.rows("job") == []


async def test_a_job_that_kills_its_workers_is_dead_after_its_attempts(shop: RunningShop) -> None:
    await ask(staffed(shop), CatchFish(fish="koi"))
    for attempt in range(4):
        assert [one.attempts for one in await claim(shop, "victim")] == [attempt + 1]
        shop.clock.advance(seconds=90)
        await lapse(shop)
    row = await only_row(shop, "job")
    assert (row["state"], row["attempts"], row["leased_by"]) == ("dead", 4, None)
    assert "the worker that ran it ended" in row["last_error"]
    assert await claim(shop, "victim") == []


@pytest.mark.parametrize("locked", [True, False], ids=["the real claim", "without its lock"])
async def test_no_job_is_claimed_by_two_workers(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    if not locked:
        if shop.shop.database.is_sqlite:
            pytest.skip("BEGIN IMMEDIATE is the lock there")
        # Naive by one line: the claim reads without FOR NO KEY UPDATE SKIP LOCKED.
        monkeypatch.setattr(Select, "with_for_update", lambda self, **_: self)
        monkeypatch.setattr(jobs, "_CLAIM", Prepared(jobs._claiming()))
    await ask(staffed(shop), *(CatchFish(fish=f"koi {number}") for number in range(200)))
    now = shop.clock.now()
    claims: Counter[UUID] = Counter()
    async with other_process(shop) as database:
        for _ in range(40):
            both = [
                one.transact(lambda db: jobs.claim(db, [CatchFish], worker="w", now=now, limit=5))
                for one in (shop.shop.database, database)
            ]
            for claimed in await asyncio.gather(*both):
                claims.update(one.id for one in claimed)
    assert len(claims) == 200
    assert (max(claims.values()) == 1) is locked


async def test_two_workers_share_the_jobs(shop: RunningShop) -> None:
    begun: Counter[str] = Counter()

    async def note(ctx: Context, task: CatchFish) -> None:
        begun[task.fish] += 1
        await asyncio.sleep(0)

    first = staffed(shop, jobs={CatchFish: note})
    async with other_process(shop) as database:
        second = staffed(shop, jobs={CatchFish: note}, database=database)
        wanted = [f"koi {number}" for number in range(100)]
        await ask(first, *(CatchFish(fish=fish) for fish in wanted))
        done = await asyncio.gather(worker_of(first).run_once(), worker_of(second).run_once())
    assert sum(one.jobs_done for one in done) == 100
    assert begun == Counter(wanted)
    assert await shop.rows("job") == []


async def test_a_lease_belongs_to_running_jobs_only(shop: RunningShop) -> None:
    await ask(staffed(shop), CatchFish(fish="koi"))
    with pytest.raises(IntegrityError):
        async with shop.shop.database.writer.begin() as db:
            await db.execute(jobs.job.update().values(state=JobState.RUNNING))


async def claim(running: RunningShop, worker: str) -> list[jobs.Claimed]:
    now = running.clock.now()
    return await running.shop.database.transact(
        lambda db: jobs.claim(db, [CatchFish], worker=worker, now=now, limit=10)
    )


async def lapse(running: RunningShop) -> None:
    now = running.clock.now()
    assert await running.shop.database.transact(lambda db: jobs.lapse(db, now=now)) == 1
