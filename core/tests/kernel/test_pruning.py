"""Old events go once all have heard of them, in their order; what is dead or waits stays."""

from collections.abc import AsyncIterator

import pytest_asyncio
from core.tests.kernel.fishing import (
    RIVER,
    Angler,
    consumer,
    deliveries_of,
    staffed,
    tell,
    told_of,
    worker_of,
)

from koipond.kernel.audits import AUDITS
from koipond.kernel.context import Shop
from koipond.kernel.forgetting import PruneEvents, prune_events
from koipond.kernel.ids import new_id
from koipond.kernel.invariants import run_audits
from koipond.kernel.viewer import SYSTEM
from koipond_sdk.testing import RunningShop, running_shop


@pytest_asyncio.fixture
async def shop(database_url: str) -> AsyncIterator[RunningShop]:
    async with running_shop(database_url, events_keep_days=30) as running:
        yield running


async def prune(shop: Shop) -> None:
    async with shop.context(viewer=SYSTEM) as ctx:
        await prune_events(ctx, PruneEvents())


async def test_old_ones_go_and_the_last_of_each_thing_stays(shop: RunningShop) -> None:
    staff = staffed(shop, consumers=[consumer(quiet)])
    water = new_id()
    await worker_of(staff).run_once()
    await tell(shop, "koi", "carp", "eel", water_id=water)
    await worker_of(staff).run_once()
    shop.clock.advance(days=30)
    await prune(staff)
    assert len(await told_of(shop, "FishCaught", water)) == 3
    shop.clock.advance(seconds=1)
    await prune(staff)
    assert await told_of(shop, "FishCaught", water) == ["eel"]
    assert await deliveries_of(shop, "angler") == {"eel": ("done", 1)}
    # What comes next is numbered on, and delivered.
    await tell(shop, "pike", water_id=water)
    await worker_of(staff).run_once()
    assert {row["seq"] for row in await shop.rows("outbox_event")} == {3, 4}
    assert await run_audits(shop.shop, AUDITS) == []


async def test_what_is_dead_or_waits_behind_it_stays_with_all_that_follows(
    shop: RunningShop,
) -> None:
    angler = Angler("eel")
    staff = staffed(shop, consumers=[consumer(angler.handle, attempts_max=1)])
    await worker_of(staff).run_once()
    await tell(shop, "koi", "eel", "carp", water_id=RIVER)
    await worker_of(staff).run_once()
    shop.clock.advance(days=31)
    await prune(staff)
    assert await told_of(shop, "FishCaught", RIVER) == ["eel", "carp"]
    states = await deliveries_of(shop, "angler")
    assert {fish: state for fish, (state, _) in states.items()} == {
        "eel": "dead",
        "carp": "pending",
    }


async def test_what_waits_for_the_relay_stays(shop: RunningShop) -> None:
    await tell(shop, "koi", "carp")
    shop.clock.advance(days=31)
    before = await shop.snapshot()
    await prune(shop.shop)
    assert await shop.snapshot() == before


async def quiet(ctx: object, event: object) -> None:
    """Hear, and say nothing of it."""
