"""A consumer that comes later, is off for a while, or is told of the past."""

import pytest
from core.tests.kernel.fishing import (
    POND,
    Angler,
    consumer,
    deliveries_of,
    staffed,
    tell,
    worker_of,
)

from koipond.delivery import service
from koipond.delivery.errors import ConsumerUnknown
from koipond.kernel import backfilling
from koipond.kernel.context import Shop
from koipond.kernel.ids import new_id
from koipond.kernel.viewer import GUEST
from koipond_sdk.testing import RunningShop
from koipond_sdk.testing.shop import START

pytestmark = pytest.mark.story


async def backfill(shop: Shop, name: str = "angler") -> tuple[int, list[tuple[int, int]]]:
    """Return how many deliveries were made, and what was told of it."""
    told: list[tuple[int, int]] = []
    async with shop.context(viewer=GUEST) as ctx:
        made = await service.backfill(
            ctx, name, since=START, tell=lambda looked, total: told.append((looked, total))
        )
    return made, told


async def test_one_that_comes_later_hears_of_the_past_once_and_in_order(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfilling, "_AT_ONCE", 2)
    await worker_of(staffed(shop)).run_once()
    await tell(shop, "koi", "carp", "eel")
    await tell(shop, "perch", water_id=new_id())
    await worker_of(staffed(shop)).run_once()
    angler = Angler()
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    made, told = await backfill(staff)
    assert made == 4
    assert told[-1] == (4, 4)
    await worker_of(staff).run_once()
    assert [fish for fish in angler.told if fish != "perch"] == ["koi", "carp", "eel"]
    assert sorted(angler.told) == ["carp", "eel", "koi", "perch"]
    assert (await backfill(staff))[0] == 0
    await worker_of(staff).run_once()
    assert len(angler.told) == 4


async def test_what_waits_for_the_relay_is_left_to_it(shop: RunningShop) -> None:
    angler = Angler()
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await tell(shop, "koi")
    assert (await backfill(staff))[0] == 0
    await worker_of(staff).run_once()
    assert angler.told == ["koi"]


async def test_only_what_happened_since_is_told(shop: RunningShop) -> None:
    await tell(shop, "koi")
    shop.clock.advance(days=1)
    await tell(shop, "carp")
    await worker_of(staffed(shop)).run_once()
    angler = Angler()
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    async with staff.context(viewer=GUEST) as ctx:
        since = shop.clock.now()
        assert await service.backfill(ctx, "angler", since=since, tell=lambda *_: None) == 1
    await worker_of(staff).run_once()
    assert angler.told == ["carp"]


@pytest.mark.slow
async def test_one_that_is_off_for_a_while_misses_and_repeats_nothing(shop: RunningShop) -> None:
    angler, other = Angler(), Angler()
    on = staffed(shop, consumers=[consumer(angler.handle), consumer(other.handle, "other")])
    off = staffed(shop, consumers=[consumer(other.handle, "other")])
    told = []
    for number, staff in enumerate([on, on, off, off, on, off, on]):
        for part in range(3):
            fish = f"koi {number}.{part}"
            told.append(fish)
            await tell(shop, fish, water_id=POND)
            # Also in the middle of its lane.
            if part < 2:
                await worker_of(staff).run_once()
    await worker_of(on).run_once()
    assert angler.told == told
    assert other.told == told
    assert set((await deliveries_of(shop, "angler")).values()) == {("done", 1)}


async def test_one_that_hears_nothing_is_refused(shop: RunningShop) -> None:
    staff = staffed(shop, consumers=[consumer(Angler().handle)])
    before = await shop.snapshot()
    with pytest.raises(ConsumerUnknown, match=r"angel hears no events here.*There are: angler\."):
        await backfill(staff, "angel")
    assert await shop.snapshot() == before
