"""What is dead is seen, retried and skipped by staff: API and service."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from core.tests.kernel.fishing import (
    RIVER,
    Angler,
    CatchFish,
    consumer,
    deliveries_of,
    enrol,
    event_of,
    handle,
    staffed,
    tell,
    want,
    worker_of,
)

from koipond.delivery import service
from koipond.delivery.errors import DeadLetterNotFound, DeadLetterSuperseded
from koipond.kernel.context import Context, Shop
from koipond.kernel.ids import EventId, IdInvalid, JobId, encode, new_id
from koipond.kernel.letters import LetterKind
from koipond.kernel.pages import Page
from koipond.kernel.viewer import GUEST, Viewer, ViewerKind
from koipond_sdk.testing import STAFF, RunningShop
from koipond_sdk.testing.shop import START

pytestmark = pytest.mark.story

LIST = """query($first: Int, $after: String) { deadLetters(first: $first, after: $after) {
  nodes { id kind name consumer attempts problem diedAt waiting }
  totalCount pageInfo { hasNextPage endCursor } } }"""
RETRY = """mutation($id: ID!) { done: retryDeadLetter(input: {id: $id}) {
  userErrors { code message field } } }"""
SKIP = RETRY.replace("retryDeadLetter", "skipDeadLetter")
NOBODY = Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"order.read"}))


async def parked(shop: RunningShop) -> tuple[Angler, Shop, str]:
    """Let a delivery die with two behind it; returns who was told, and its id as a letter."""
    angler = Angler("eel")
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await enrol(staff)
    await tell(shop, "eel", "koi", "carp")
    await tell(shop, "perch", water_id=RIVER)
    for _ in range(3):
        await handle(staff)
        shop.clock.advance(seconds=60)
    return angler, staff, f"{encode(EventId, EventId(await event_of(shop, 'eel')))}.angler"


async def dead_job(shop: RunningShop, **more: Any) -> tuple[Shop, str]:
    async def fail(ctx: Context, task: CatchFish) -> None:
        raise ValueError(f"{task.fish} got away")

    staff = staffed(shop, jobs={CatchFish: fail})
    async with staff.context(viewer=GUEST) as ctx:
        await want(ctx, CatchFish(fish="koi"), **more)
    for _ in range(4):
        await worker_of(staff).run_once()
        shop.clock.advance(hours=1)
    (row,) = await shop.rows("job")
    key = row["id"]
    return staff, encode(JobId, JobId(key if isinstance(key, UUID) else UUID(key)))


async def listed(shop: RunningShop, **given: Any) -> dict[str, Any]:
    answer = await shop.graphql(LIST, given, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["deadLetters"]
    return found


async def do(shop: RunningShop, mutation: str, letter: str) -> list[dict[str, Any]]:
    answer = await shop.graphql(mutation, {"id": letter}, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    errors: list[dict[str, Any]] = answer["data"]["done"]["userErrors"]
    return errors


async def test_a_parked_lane_is_seen_with_what_waits_in_it(shop: RunningShop) -> None:
    _, _, letter = await parked(shop)
    assert (await listed(shop))["nodes"] == [
        {
            "id": letter,
            "kind": "DELIVERY",
            "name": "FishCaught",
            "consumer": "angler",
            "attempts": 3,
            "problem": "ValueError: eel is poisonous; token=[hidden]",
            "diedAt": (START + timedelta(seconds=120)).isoformat(),
            "waiting": 2,
        }
    ]


async def test_a_retried_one_is_delivered_before_what_waits(shop: RunningShop) -> None:
    angler, staff, letter = await parked(shop)
    angler.failing.clear()
    assert await do(shop, RETRY, letter) == []
    assert (await listed(shop))["nodes"] == []
    await handle(staff)
    assert [fish for fish in angler.told if fish != "perch"] == ["eel"] * 4 + ["koi", "carp"]


async def test_a_skipped_one_is_never_delivered_and_its_lane_moves_on(shop: RunningShop) -> None:
    angler, staff, letter = await parked(shop)
    assert await do(shop, SKIP, letter) == []
    await handle(staff)
    states = await deliveries_of(shop, "angler")
    assert states["eel"] == ("skipped", 3)
    assert [fish for fish in angler.told if fish != "perch"] == ["eel"] * 3 + ["koi", "carp"]


async def test_a_dead_job_is_seen_and_retried(shop: RunningShop) -> None:
    _, letter = await dead_job(shop)
    (node,) = (await listed(shop))["nodes"]
    assert (node["id"], node["kind"], node["name"]) == (letter, "JOB", "CatchFish")
    assert (node["consumer"], node["waiting"]) == (None, 0)
    assert node["problem"] == "ValueError: koi got away"
    assert await do(shop, RETRY, letter) == []
    assert (await worker_of(staffed(shop)).run_once()).jobs_done == 1


async def test_a_skipped_job_is_gone(shop: RunningShop) -> None:
    _, letter = await dead_job(shop)
    assert await do(shop, SKIP, letter) == []
    assert await shop.rows("job") == []


async def test_a_job_that_a_later_one_does_is_not_retried(shop: RunningShop) -> None:
    staff, letter = await dead_job(shop, unique="the koi")
    async with staff.context(viewer=GUEST) as ctx:
        await want(ctx, CatchFish(fish="koi"), unique="the koi")
    before = await shop.snapshot()
    (error,) = await do(shop, RETRY, letter)
    assert error["code"] == DeadLetterSuperseded.code
    assert await shop.snapshot() == before


@pytest.mark.parametrize("mutation", [RETRY, SKIP])
async def test_what_is_not_dead_is_neither_retried_nor_skipped(
    shop: RunningShop, mutation: str
) -> None:
    await parked(shop)
    waiting = f"{encode(EventId, EventId(await event_of(shop, 'koi')))}.angler"
    unknown = encode(JobId, JobId(new_id()))
    before = await shop.snapshot()
    for letter in [waiting, unknown, f"{waiting}s"]:
        (error,) = await do(shop, mutation, letter)
        assert error["code"] == DeadLetterNotFound.code
        assert letter in error["message"]
    for letter in ["", "koi", "job_1", "evt_1.angler", "ord_1.angler"]:
        (error,) = await do(shop, mutation, letter)
        assert error["code"] == IdInvalid.code
    assert await shop.snapshot() == before


async def test_only_who_may_sees_and_changes_them(shop: RunningShop) -> None:
    _, _, letter = await parked(shop)
    before = await shop.snapshot()
    for document, given in [(LIST, {}), (RETRY, {"id": letter}), (SKIP, {"id": letter})]:
        answer = await shop.graphql(document, given, viewer=NOBODY, admin=True)
        assert answer["errors"][0]["extensions"]["code"] == "PERMISSION_MISSING"
    assert await shop.snapshot() == before


async def test_pages_follow_each_other_and_lose_none(shop: RunningShop) -> None:
    angler = Angler(*(f"eel {number}" for number in range(7)))
    staff = staffed(shop, consumers=[consumer(angler.handle, attempts_max=1)])
    await enrol(staff)
    for number in range(7):
        await tell(shop, f"eel {number}", water_id=new_id())
    await handle(staff)
    await dead_job(shop)
    seen: list[str] = []
    after = None
    while True:
        found = await listed(shop, first=3, after=after)
        seen += [one["id"] for one in found["nodes"]]
        assert found["totalCount"] == 8
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]
    assert len(seen) == len(set(seen)) == 8


async def test_the_latest_come_first(shop: RunningShop) -> None:
    await parked(shop)
    await dead_job(shop)
    async with shop.shop.context(viewer=STAFF) as ctx:
        found = await service.find_dead(ctx, Page(first=10))
    assert [one.kind for one in found.rows] == [LetterKind.JOB, LetterKind.DELIVERY]
