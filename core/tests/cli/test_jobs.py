"""`koi job`, and what `koi doctor` says of things that stand still until people look."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from core.tests.cli.test_webhooks import URL, folder, run

from koipond.kernel.db import AsyncConnection, Database
from koipond.kernel.forgetting import ForgetDeliveries, PruneEvents
from koipond.kernel.ids import new_id
from koipond.kernel.jobs import JobState, add, claim, job
from koipond.kernel.outbox import DeliveryState, delivery
from koipond.webhooks.tables import webhook_endpoint

__all__ = ["folder"]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def put(folder: Path, write: Callable[[AsyncConnection], Awaitable[object]]) -> None:
    """Write to the shop's database."""

    async def written() -> None:
        database = Database(f"sqlite:///{folder}/shop.db")
        try:
            await database.transact(write)
        finally:
            await database.close()

    asyncio.run(written())


async def a_long_job_and_two_that_wait(db: AsyncConnection) -> None:
    await add(db, PruneEvents(), run_at=NOW, unique=None, now=NOW)
    await claim(db, [PruneEvents], worker="pond:7", now=NOW, limit=1)
    await db.execute(job.update().values(progress_done=1_200, progress_total=5_000))
    for minutes in (10, 5):
        at = NOW + timedelta(minutes=minutes)
        await add(db, ForgetDeliveries(), run_at=at, unique=None, now=NOW)


def test_jobs_at_work_tell_how_far_they_are(folder: Path) -> None:
    assert run("job", "list").output == "nothing is at work, and nothing waits\n"
    put(folder, a_long_job_and_two_that_wait)
    assert run("job", "list").output.splitlines() == [
        "at work  PruneEvents  1,200 of 5,000, attempt 1, by pond:7",
        "waiting  ForgetDeliveries  2, the first due at 2026-01-01 12:05:00 UTC",
    ]


async def what_stands_still(db: AsyncConnection) -> None:
    water = new_id()
    rows = [(1, DeliveryState.DEAD), (2, DeliveryState.PENDING)]
    for seq, state in rows:
        await db.execute(
            delivery.insert().values(
                event_id=new_id(),
                consumer="herons",
                event_name="OrderPlaced",
                aggregate_id=water,
                seq=seq,
                state=state,
                attempts=12,
                run_at=NOW,
                last_error="no water",
                finished_at=NOW if state is DeliveryState.DEAD else None,
            )
        )
    await add(db, PruneEvents(), run_at=NOW, unique=None, now=NOW)
    dead = {"state": JobState.DEAD, "failed_at": NOW, "last_error": "no disk"}
    await db.execute(job.update().values(**dead))
    off = {"state": "disabled", "disabled_by": "gone", "disabled_at": NOW}
    await db.execute(webhook_endpoint.update().values(**off))


@pytest.mark.slow
@pytest.mark.one_database
def test_the_doctor_names_what_stands_still_until_people_look(folder: Path) -> None:
    assert "✓ background: nothing stands still" in run("doctor").output
    run("webhook", "add", URL, "--event", "OrderPlaced")
    assert "✓ background: nothing stands still" in run("doctor").output
    put(folder, what_stands_still)
    told = " ".join(run("doctor").output.split())
    for found in (
        f"webhooks: {URL} is told nothing since 2026-01-01 12:00 UTC: it is gone",
        "koi webhook enable hook_",
        "OrderPlaced for herons, and 1 wait behind it: no water",
        "PruneEvents: no disk",
        "koi dead retry job_",
    ):
        assert found in told
