import asyncio

import pytest
from core.tests.kernel.fishing import (
    Angler,
    FishCaught,
    FishSold,
    catch,
    consumer,
    enrol,
    event_of,
    no_chance,
    other_process,
    relay,
    sell,
    staffed,
    tell,
    worker_of,
)
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError

from koipond.kernel import deliveries, handling
from koipond.kernel.context import Context, Shop
from koipond.kernel.events import Event
from koipond.kernel.forgetting import ForgetDeliveries, forget_deliveries
from koipond.kernel.handling import Handled
from koipond.kernel.ids import new_id
from koipond.kernel.outbox import delivery, outbox_event
from koipond.kernel.viewer import GUEST, SYSTEM
from koipond.kernel.worker import Drained
from koipond_sdk.testing import RunningShop


async def test_each_event_comes_once_to_each_who_wants_it(shop: RunningShop) -> None:
    fisher, seller = Angler(), Angler()

    async def note(ctx: Context, event: FishCaught | FishSold) -> None:
        seller.told.append(f"{event.name()} {event.fish}")

    wants = [consumer(fisher.handle), consumer(note, "seller", events=(FishCaught, FishSold))]
    worker = worker_of(staffed(shop, consumers=wants))
    await worker.run_once()
    await tell(shop, "koi", "carp")
    assert (await worker.run_once()).deliveries_failed == 0
    assert fisher.told == ["koi", "carp"]
    # What a handler tells of is delivered like everything else.
    assert seller.told == [
        "FishCaught koi",
        "FishCaught carp",
        "FishSold koi",
        "FishSold carp",
    ]
    assert await worker.run_once() == Drained()
    assert {row["state"] for row in await shop.rows(delivery)} == {"done"}
    assert {row["attempts"] for row in await shop.rows(delivery)} == {1}
    assert len(await shop.rows(delivery)) == 6


async def test_who_comes_later_hears_of_what_happens_from_then_on(shop: RunningShop) -> None:
    early, late = Angler(), Angler()
    wants = [consumer(early.handle)]
    await worker_of(staffed(shop, consumers=wants)).run_once()
    await tell(shop, "koi")
    await worker_of(staffed(shop, consumers=wants)).run_once()
    wants.append(consumer(late.handle, "late"))
    await worker_of(staffed(shop, consumers=wants)).run_once()
    await tell(shop, "carp")
    await worker_of(staffed(shop, consumers=wants)).run_once()
    assert (early.told, late.told) == (["koi", "carp"], ["carp"])


async def test_who_is_away_finds_everything_on_coming_back(shop: RunningShop) -> None:
    angler = Angler()
    with_angler = staffed(shop, consumers=[consumer(angler.handle)])
    without = staffed(shop, consumers=[])
    await worker_of(with_angler).run_once()
    await tell(shop, "koi", "carp")
    # A plugin that is switched off, or a worker with older code.
    assert await worker_of(without).run_once() == Drained(relayed=2)
    assert angler.told == []
    await worker_of(with_angler).run_once()
    assert angler.told == ["koi", "carp"]


async def test_who_is_away_for_too_long_finds_what_is_younger(shop: RunningShop) -> None:
    angler, other = Angler(), Angler()
    with_angler = staffed(
        shop, consumers=[consumer(angler.handle), consumer(other.handle, "other")]
    )
    without = staffed(shop, consumers=[consumer(other.handle, "other")])
    await worker_of(with_angler).run_once()
    await tell(shop, "koi")
    await worker_of(without).run_once()
    shop.clock.advance(days=29)
    await tell(shop, "carp")
    await worker_of(without).run_once()
    shop.clock.advance(days=2)
    async with without.context(viewer=SYSTEM) as ctx:
        await forget_deliveries(ctx, ForgetDeliveries())
    await worker_of(with_angler).run_once()
    assert (angler.told, other.told) == (["carp"], ["koi", "carp"])


async def test_who_no_longer_wants_an_event_is_spared_it(shop: RunningShop) -> None:
    angler = Angler()
    both = [consumer(angler.handle, events=(FishCaught, FishSold))]
    await worker_of(staffed(shop, consumers=both)).run_once()
    await worker_of(staffed(shop, consumers=[consumer(angler.handle)])).run_once()
    async with shop.shop.context(viewer=GUEST) as ctx:
        await sell(ctx, "koi")
    await worker_of(staffed(shop, consumers=[consumer(angler.handle)])).run_once()
    assert await shop.rows(delivery) == []


async def test_an_event_that_only_newer_code_knows_waits_for_it_with_what_follows(
    shop: RunningShop,
) -> None:
    told: list[str] = []

    async def note(ctx: Context, event: Event) -> None:
        told.append(event.name())

    newer = consumer(note, events=(FishCaught, FishSold))
    older = consumer(note)
    # Two versions side by side; the newer one's wishes are the stored ones.
    old_worker = worker_of(staffed(shop, consumers=[older]))
    await old_worker.run_once()
    new_worker = worker_of(staffed(shop, consumers=[newer]))
    await new_worker.run_once()
    async with shop.shop.context(viewer=GUEST) as ctx:
        await catch(ctx, "koi")
        await sell(ctx, "koi")
        await catch(ctx, "carp")
    assert (await old_worker.run_once()).delivered == 1
    assert told == ["FishCaught"]
    assert (await new_worker.run_once()).delivered == 2
    assert told == ["FishCaught", "FishSold", "FishCaught"]


@pytest.mark.slow
@pytest.mark.parametrize("locked", [True, False], ids=["the real relay", "without its lock"])
async def test_two_workers_relay_each_event_once(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    if not locked:
        if shop.shop.database.is_sqlite:
            pytest.skip("BEGIN IMMEDIATE is the lock there")
        # Naive by one line: the relay reads without FOR NO KEY UPDATE SKIP LOCKED.
        monkeypatch.setattr(Select, "with_for_update", lambda self, **_: self)
    monkeypatch.setattr(deliveries, "RELAY_AT_ONCE", 20)
    await enrol(shop.shop)
    now = shop.clock.now()

    async def relay_all(shop: Shop) -> int:
        total = 0
        while some := await shop.database.transact(lambda db: deliveries.relay(db, now=now)):
            total += some
        return total

    async def race() -> list[int | BaseException]:
        for _ in range(100):
            await tell(shop, "koi", water_id=new_id())
        async with other_process(shop) as database:
            racing = [relay_all(shop.shop), relay_all(staffed(shop, database=database))]
            return await asyncio.gather(*racing, return_exceptions=True)

    if locked:
        assert sum(one for one in await race() if isinstance(one, int)) == 100
        assert len(await shop.rows(delivery)) == 100
        return
    # By chance one of them may be through before the other begins.
    done = [one for _ in range(5) for one in await race()]
    assert any(isinstance(one, IntegrityError) for one in done)


async def test_an_event_waits_for_the_relay_of_what_came_before_it(shop: RunningShop) -> None:
    angler = Angler()
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await enrol(staff)
    await tell(shop, "koi", "carp")
    await relay(shop)
    # One relay has overtaken another: the first event has no delivery yet.
    first = await event_of(shop, "koi")
    async with shop.shop.database.writer.begin() as db:
        await db.execute(delivery.delete().where(delivery.c.event_id == first))
        not_yet = outbox_event.update().where(outbox_event.c.id == first)
        await db.execute(not_yet.values(relayed_at=None))
    assert await handling.handle(staff, staff.consumers[0], chance=no_chance) == Handled()
    assert await worker_of(staff).run_once() == Drained(delivered=2, relayed=3)
    assert angler.told == ["koi", "carp"]
