"""What workers have to do is seen, hurried and cancelled by staff, as far as its state allows."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from core.tests.delivery.test_dead_letters import dead_job
from core.tests.kernel.fishing import CatchFish, staffed, want

from koipond.catalog.types.jobs import RefreshSearch
from koipond.kernel import jobs
from koipond.kernel.context import Context, transaction
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import JobId, decode, encode, new_id
from koipond.kernel.jobs import Job
from koipond.kernel.viewer import GUEST
from koipond.kernel.worker import Worker
from koipond_sdk.testing import STAFF, RunningShop
from koipond_sdk.testing.shop import START

pytestmark = pytest.mark.story

FIELDS = "id name state attempts runAt problem worker"
LIST = (
    "query($first: Int, $after: String, $filter: JobFilter) {"
    " jobs(first: $first, after: $after, filter: $filter) {"
    f" nodes {{ {FIELDS} }} pageInfo {{ hasNextPage endCursor }} }} }}"
)
ONE = f"query($id: ID!) {{ job(id: $id) {{ {FIELDS} }} }}"
RETRY = f"""mutation($id: ID!) {{ done: retryJob(input: {{jobId: $id}}) {{
  job {{ {FIELDS} }} userErrors {{ code message }} }} }}"""
CANCEL = RETRY.replace("retryJob", "cancelJob")


async def ask(shop: RunningShop, document: str, **given: Any) -> Any:
    answer = await shop.graphql(document, given, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    (found,) = answer["data"].values()
    return found


async def refused(shop: RunningShop, document: str, key: str) -> str:
    before = await shop.snapshot()
    (error,) = (await ask(shop, document, id=key))["userErrors"]
    assert await shop.snapshot() == before
    code: str = error["code"]
    return code


@transaction
async def later(ctx: Context, task: Job) -> None:
    await jobs.enqueue(ctx, task, run_at=ctx.clock.now() + timedelta(hours=1))


async def waiting(shop: RunningShop, task: Job) -> str:
    """Have a job wait for an hour; returns its id."""
    async with shop.context() as ctx:
        await later(ctx, task)
    (row,) = [one for one in await shop.rows("job") if one["kind"] == task.name()]
    return encode(JobId, JobId(UUID(str(row["id"]))))


async def claim(shop: RunningShop) -> None:
    """Let a worker have all that is due."""

    async def work(db: AsyncConnection) -> None:
        now = shop.clock.now() + timedelta(hours=2)
        await jobs.claim(db, list(shop.shop.jobs), worker="pond:1", now=now, limit=50)

    await shop.shop.database.transact(work)


async def test_jobs_are_listed_the_latest_first_and_found_by_state_and_name(
    shop: RunningShop,
) -> None:
    key = await waiting(shop, RefreshSearch())
    seen = {
        "id": key,
        "name": "RefreshSearch",
        "state": "WAITING",
        "attempts": 0,
        "runAt": (START + timedelta(hours=1)).isoformat(),
        "problem": "",
        "worker": None,
    }
    assert (await ask(shop, LIST, filter={"name": "RefreshSearch"}))["nodes"] == [seen]
    assert await ask(shop, ONE, id=key) == seen
    assert (await ask(shop, LIST, filter={"state": "DEAD"}))["nodes"] == []
    assert await ask(shop, ONE, id=encode(JobId, JobId(new_id()))) is None
    first = await ask(shop, LIST, first=1)
    assert [one["id"] for one in first["nodes"]] == [key]


async def test_a_job_that_waits_is_done_at_once_when_it_is_retried(shop: RunningShop) -> None:
    key = await waiting(shop, RefreshSearch())
    done = await ask(shop, RETRY, id=key)
    assert (done["userErrors"], done["job"]["runAt"]) == ([], START.isoformat())
    await Worker(shop.shop).run_once()
    assert await ask(shop, ONE, id=key) is None
    assert await refused(shop, RETRY, key) == "JOB_UNKNOWN"


async def test_a_dead_job_is_retried_or_cancelled(shop: RunningShop) -> None:
    staff, key = await dead_job(shop)
    assert (await ask(shop, ONE, id=key))["state"] == "DEAD"
    done = await ask(shop, RETRY, id=key)
    assert (done["job"]["state"], done["job"]["attempts"]) == ("WAITING", 0)
    for _ in range(4):
        await Worker(staff).run_once()
        shop.clock.advance(hours=1)
    assert (await ask(shop, CANCEL, id=key))["userErrors"] == []
    assert await ask(shop, ONE, id=key) is None


async def test_one_that_others_count_on_is_not_cancelled_while_it_waits(shop: RunningShop) -> None:
    free = await waiting(shop, RefreshSearch())
    staff = staffed(shop, jobs={CatchFish: shop.shop.jobs[RefreshSearch]})
    shop.shop.jobs = {**shop.shop.jobs, **staff.jobs}
    owed = await waiting(shop, CatchFish(fish="koi"))
    assert await refused(shop, CANCEL, owed) == "JOB_NOT_CANCELLABLE"
    assert (await ask(shop, CANCEL, id=free))["userErrors"] == []
    (left,) = (await ask(shop, LIST))["nodes"]
    assert left["id"] == owed


async def test_one_whose_plugin_is_gone_is_cancelled(shop: RunningShop) -> None:
    staff = staffed(shop, jobs={CatchFish: shop.shop.jobs[RefreshSearch]})
    async with staff.context(viewer=GUEST) as ctx:
        await want(ctx, CatchFish(fish="koi"))
    (one,) = (await ask(shop, LIST, filter={"name": "CatchFish"}))["nodes"]
    assert (await ask(shop, CANCEL, id=one["id"]))["userErrors"] == []


async def test_one_at_work_is_left_to_its_worker(shop: RunningShop) -> None:
    key = await waiting(shop, RefreshSearch())
    await claim(shop)
    found = await ask(shop, ONE, id=key)
    assert (found["state"], found["worker"]) == ("RUNNING", "pond:1")
    assert await refused(shop, RETRY, key) == "JOB_AT_WORK"
    assert await refused(shop, CANCEL, key) == "JOB_AT_WORK"


async def test_what_is_done_to_a_job_has_its_name_in_the_audit(shop: RunningShop) -> None:
    key = await waiting(shop, RefreshSearch())
    await ask(shop, CANCEL, id=key)
    (record,) = [row for row in await shop.rows("audit_record") if row["operation"] == "cancelJob"]
    assert record["subject"] == key
    assert decode(JobId, key)
