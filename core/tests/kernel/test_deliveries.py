import asyncio

import pytest
from core.tests.kernel.fishing import (
    RIVER,
    Angler,
    FishCaught,
    catch,
    consumer,
    deliveries_of,
    enrol,
    event_of,
    handle,
    no_chance,
    other_process,
    relay,
    sell,
    sell_caught,
    staffed,
    tell,
    told_of,
    worker_of,
)
from sqlalchemy import Select, false, func, select, text

from koipond.kernel import deliveries, handling
from koipond.kernel.context import Context, Shop
from koipond.kernel.handling import Handled
from koipond.kernel.ids import new_id
from koipond.kernel.outbox import delivery, outbox_event
from koipond.kernel.prepared import Prepared
from koipond.kernel.schedules import schedule
from koipond.kernel.viewer import GUEST
from koipond_sdk.testing import RunningShop
from koipond_sdk.testing.shop import START

pytestmark = pytest.mark.story

SERIALIZATION_FAILURE = text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
DONE, PENDING, DEAD, SKIPPED = "done", "pending", "dead", "skipped"


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slow machine take a batch in one go as well."""
    monkeypatch.setattr(handling, "_BATCH_S", 3600)


async def test_a_failing_delivery_takes_back_its_own_writes_and_no_others(
    shop: RunningShop,
) -> None:
    angler = Angler("eel")
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await enrol(staff)
    for fish in ["koi", "eel", "carp"]:
        await tell(shop, fish, water_id=new_id())
    assert await handle(staff) == Handled(done=2, failed=1)
    assert sorted(angler.told) == ["carp", "eel", "koi"]
    sold = [row for row in await shop.rows(outbox_event) if row["name"] == "FishSold"]
    assert len(sold) == 2
    states = await deliveries_of(shop, "angler")
    assert states == {"koi": (DONE, 1), "eel": (PENDING, 1), "carp": (DONE, 1)}


async def test_what_fails_is_tried_again_and_then_dead_and_says_why(shop: RunningShop) -> None:
    angler = Angler("eel")
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await enrol(staff)
    await tell(shop, "eel")
    tried = []
    for _ in range(40):
        if (await handle(staff)).failed:
            tried.append((shop.clock.now() - START).total_seconds())
        shop.clock.advance(seconds=1)
    assert tried == [0, 5, 15]
    (row,) = await shop.rows(delivery)
    assert (row["state"], row["attempts"]) == (DEAD, 3)
    assert row["last_error"] == "ValueError: eel is poisonous; token=[hidden]"
    assert [one["name"] for one in await shop.rows(outbox_event)] == ["FishCaught"]


async def test_events_of_one_thing_come_in_their_order_whatever_fails(shop: RunningShop) -> None:
    angler = Angler("carp")
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await enrol(staff)
    await tell(shop, "koi", "carp", "pike")
    await tell(shop, "perch", water_id=RIVER)
    assert await handle(staff) == Handled(done=2, failed=1)
    assert await handle(staff) == Handled()
    shop.clock.advance(seconds=5)
    angler.failing.clear()
    assert await handle(staff) == Handled(done=2)
    assert [fish for fish in angler.told if fish != "perch"] == ["koi", "carp", "carp", "pike"]


async def test_without_the_lanes_a_later_event_would_come_first(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Naive by one line: nothing holds up what is behind it.
    monkeypatch.setattr(deliveries, "holds", lambda _: false())
    monkeypatch.setattr(deliveries, "_FIRST", Prepared(deliveries._first()))
    angler = Angler("carp")
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await enrol(staff)
    await tell(shop, "koi", "carp", "pike")
    await handle(staff)
    await handle(staff)
    assert (await deliveries_of(shop, "angler"))["pike"] == (DONE, 1)
    assert (await deliveries_of(shop, "angler"))["carp"] == (PENDING, 1)


async def test_a_dead_delivery_parks_its_lane_and_no_other(shop: RunningShop) -> None:
    angler, other = Angler("eel"), Angler()
    wants = [consumer(angler.handle), consumer(other.handle, "other")]
    staff = staffed(shop, consumers=wants)
    worker = worker_of(staff)
    await worker.run_once()
    await tell(shop, "eel", "koi")
    for _ in range(3):
        await worker.run_once()
        shop.clock.advance(hours=1)
    await tell(shop, "carp")
    await tell(shop, "perch", water_id=RIVER)
    await worker.run_once()
    assert await deliveries_of(shop, "angler") == {
        "eel": (DEAD, 3),
        "koi": (PENDING, 0),
        "carp": (PENDING, 0),
        "perch": (DONE, 1),
    }
    assert other.told == ["eel", "koi", "carp", "perch"]


async def test_skipping_a_dead_delivery_lets_its_lane_move_on(shop: RunningShop) -> None:
    angler, staff = await parked(shop)
    dead = await event_of(shop, "eel")
    now, database = shop.clock.now(), shop.shop.database
    assert await database.transact(lambda db: deliveries.skip(db, dead, "angler", now=now))
    assert not await database.transact(lambda db: deliveries.skip(db, dead, "angler", now=now))
    await handle(staff)
    assert await deliveries_of(shop, "angler") == {"eel": (SKIPPED, 3), "koi": (DONE, 1)}
    assert angler.told == ["eel", "eel", "eel", "koi"]


async def test_retrying_a_dead_delivery_keeps_the_order(shop: RunningShop) -> None:
    angler, staff = await parked(shop)
    dead = await event_of(shop, "eel")
    angler.failing.clear()
    now, database = shop.clock.now(), shop.shop.database
    assert await database.transact(lambda db: deliveries.retry(db, dead, "angler", now=now))
    assert not await database.transact(lambda db: deliveries.retry(db, dead, "angler", now=now))
    await handle(staff)
    assert await deliveries_of(shop, "angler") == {"eel": (DONE, 1), "koi": (DONE, 1)}
    assert angler.told == ["eel", "eel", "eel", "eel", "koi"]


async def test_only_a_dead_delivery_can_be_skipped(shop: RunningShop) -> None:
    staff = staffed(shop, consumers=[consumer(Angler().handle)])
    await enrol(staff)
    await tell(shop, "koi")
    await relay(shop)
    key, now = await event_of(shop, "koi"), shop.clock.now()
    before = await shop.snapshot()
    skipped = await shop.shop.database.transact(
        lambda db: deliveries.skip(db, key, "angler", now=now)
    )
    assert not skipped
    assert await shop.snapshot() == before


async def test_a_batch_takes_fifty_and_a_long_lane_is_taken_in_one_go(shop: RunningShop) -> None:
    angler = Angler()
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await enrol(staff)
    fish = [f"koi {number}" for number in range(60)]
    async with shop.shop.context(viewer=GUEST) as ctx:
        await catch(ctx, *fish)
    await relay(shop)
    assert await handling.handle(staff, staff.consumers[0], chance=no_chance) == Handled(done=50)
    assert await handling.handle(staff, staff.consumers[0], chance=no_chance) == Handled(done=10)
    assert angler.told == fish


async def test_a_batch_that_takes_too_long_leaves_the_rest_for_the_next(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "_BATCH_S", 0)
    angler = Angler()
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await enrol(staff)
    await tell(shop, "koi", "carp", "pike")
    await tell(shop, "perch", water_id=RIVER)
    for done in [1, 2, 3, 4]:
        assert await handle(staff) == Handled(done=1)
        assert len(angler.told) == done
    assert await handle(staff) == Handled()
    assert [fish for fish in angler.told if fish != "perch"] == ["koi", "carp", "pike"]


async def test_two_workers_deliver_each_event_once_and_in_order(shop: RunningShop) -> None:
    waters = [new_id() for _ in range(10)]
    staff = staffed(shop, consumers=[consumer(sell_caught)])
    await enrol(staff)
    for number in range(12):
        for water in waters:
            await tell(shop, f"koi {number}", water_id=water)
    async with other_process(shop) as database:
        second = staffed(shop, consumers=[consumer(sell_caught)], database=database)
        done = await asyncio.gather(
            *(worker_of(one).run_once() for one in [staff, second, staff, second])
        )
    assert sum(one.delivered for one in done) == 120
    assert sum(one.deliveries_failed for one in done) == 0
    for water in waters:
        told = await told_of(shop, "FishSold", water)
        assert told == [f"koi {number}" for number in range(12)]


@pytest.mark.parametrize("locked", [True, False], ids=["the real batch", "without its lock"])
async def test_no_delivery_is_handled_by_two_workers(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    if not locked:
        if shop.shop.database.is_sqlite:
            pytest.skip("BEGIN IMMEDIATE is the lock there")
        # Naive by one line: the batch reads without FOR NO KEY UPDATE SKIP LOCKED.
        monkeypatch.setattr(Select, "with_for_update", lambda self, **_: self)
        monkeypatch.setattr(deliveries, "_FIRST", Prepared(deliveries._first()))
    monkeypatch.setattr(handling, "HANDLE_AT_ONCE", 4)

    async def sell_elsewhere(ctx: Context, event: FishCaught) -> None:
        # Not of the same water: two who tell of one could not both commit.
        await sell(ctx, event.fish, water_id=new_id())

    staff = staffed(shop, consumers=[consumer(sell_elsewhere)])
    await enrol(staff)
    for number in range(80):
        await tell(shop, f"koi {number}", water_id=new_id())
    await relay(shop)
    async with other_process(shop) as database:
        second = staffed(shop, consumers=staff.consumers, database=database)
        for _ in range(20):
            await asyncio.gather(
                *(
                    handling.handle(one, one.consumers[0], chance=no_chance)
                    for one in [staff, second]
                )
            )
    sold = [row for row in await shop.rows(outbox_event) if row["name"] == "FishSold"]
    assert (len(sold) == 80) is locked


async def test_a_handler_that_never_returns_is_cut_and_delays_no_other(shop: RunningShop) -> None:
    async def handle_or_hang(ctx: Context, event: FishCaught) -> None:
        await sell_caught(ctx, event)
        if event.fish == "eel":
            await asyncio.sleep(3600)

    staff = staffed(shop, consumers=[consumer(handle_or_hang, deadline_s=0.1)])
    await enrol(staff)
    for fish in ["koi", "eel", "carp"]:
        await tell(shop, fish, water_id=new_id())
    assert await handle(staff) == Handled(done=2, failed=1)
    states = await deliveries_of(shop, "angler")
    assert states["eel"] == (PENDING, 1)
    assert len(await shop.rows(outbox_event)) == 5


async def test_a_handler_that_breaks_the_transaction_costs_the_others_nothing(
    shop: RunningShop,
) -> None:
    async def handle_or_hang(ctx: Context, event: FishCaught) -> None:
        await sell_caught(ctx, event)
        if event.fish == "eel":
            await ctx.db.execute(text(endless_statement(shop)))

    staff = staffed(shop, consumers=[consumer(handle_or_hang, deadline_s=0.1)])
    await enrol(staff)
    for fish in ["koi", "eel", "carp"]:
        await tell(shop, fish, water_id=new_id())
    assert await handle(staff) == Handled(failed=1)
    assert await handle(staff) == Handled(done=2)
    states = await deliveries_of(shop, "angler")
    assert states == {"koi": (DONE, 1), "eel": (PENDING, 1), "carp": (DONE, 1)}
    assert len(await shop.rows(outbox_event)) == 5


async def test_a_conflict_with_another_transaction_is_nobodys_failure(shop: RunningShop) -> None:
    if shop.shop.database.is_sqlite:
        pytest.skip("SQLite has one writer, which waits")
    conflicts = 0

    async def conflict_first(ctx: Context, event: FishCaught) -> None:
        nonlocal conflicts
        await sell_caught(ctx, event)
        if event.fish == "eel" and conflicts < 2:
            conflicts += 1
            await ctx.db.execute(SERIALIZATION_FAILURE)

    staff = staffed(shop, consumers=[consumer(conflict_first)])
    await enrol(staff)
    for fish in ["koi", "eel", "carp"]:
        await tell(shop, fish, water_id=new_id())
    assert await handle(staff) == Handled(done=3)
    assert len(await shop.rows(outbox_event)) == 6


async def test_a_conflict_that_does_not_end_is_a_failure_of_one(shop: RunningShop) -> None:
    if shop.shop.database.is_sqlite:
        pytest.skip("SQLite has one writer, which waits")

    async def conflict(ctx: Context, event: FishCaught) -> None:
        if event.fish == "eel":
            await ctx.db.execute(SERIALIZATION_FAILURE)

    staff = staffed(shop, consumers=[consumer(conflict)])
    await enrol(staff)
    for fish in ["koi", "eel", "carp"]:
        await tell(shop, fish, water_id=new_id())
    assert await handle(staff) == Handled(failed=1)
    assert await handle(staff) == Handled(done=2)
    assert (await deliveries_of(shop, "angler"))["eel"] == (PENDING, 1)


async def test_a_delivery_whose_event_is_gone_is_a_failure_like_any_other(
    shop: RunningShop,
) -> None:
    angler = Angler()
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await enrol(staff)
    await tell(shop, "koi", water_id=new_id())
    await tell(shop, "carp", water_id=new_id())
    await relay(shop)
    gone = await event_of(shop, "koi")
    async with shop.shop.database.writer.begin() as db:
        await db.execute(outbox_event.delete().where(outbox_event.c.id == gone))
    assert await handling.handle(staff, staff.consumers[0], chance=no_chance) == Handled(
        done=1, failed=1
    )
    assert angler.told == ["carp"]


async def test_rows_that_handlers_only_add_are_stored_in_one_statement(shop: RunningShop) -> None:
    staff = staffed(shop, consumers=[consumer(add)])
    await enrol(staff)
    for fish in ["koi", "eel", "carp"]:
        await tell(shop, fish, water_id=new_id())
    await relay(shop)
    with shop.count_statements() as sent:
        done = await handling.handle(staff, staff.consumers[0], chance=no_chance)
    assert done == Handled(done=3)
    assert sum(name.upper().startswith("INSERT") for name in sent) == 1
    assert {row["name"] for row in await shop.rows("schedule")} == {"koi", "eel", "carp"}


async def test_of_handlers_that_only_add_one_that_fails_costs_the_others_nothing(
    shop: RunningShop,
) -> None:
    async def add_or_fail(ctx: Context, event: FishCaught) -> None:
        await add(ctx, event)
        if event.fish == "eel":
            raise ValueError("slippery")

    staff = staffed(shop, consumers=[consumer(add_or_fail)])
    await enrol(staff)
    for fish in ["koi", "eel", "carp"]:
        await tell(shop, fish, water_id=new_id())
    assert await handle(staff) == Handled(done=2, failed=1)
    assert {row["name"] for row in await shop.rows("schedule")} == {"koi", "carp"}


async def test_rows_that_the_database_does_not_take_are_found_one_by_one(
    shop: RunningShop,
) -> None:
    async def add_twice(ctx: Context, event: FishCaught) -> None:
        await add(ctx, event)
        if event.fish == "eel":
            await add(ctx, event)

    staff = staffed(shop, consumers=[consumer(add_twice)])
    await enrol(staff)
    for fish in ["koi", "eel", "carp"]:
        await tell(shop, fish, water_id=new_id())
    assert await handle(staff) == Handled(done=2, failed=1)
    assert {row["name"] for row in await shop.rows("schedule")} == {"koi", "carp"}
    states = await deliveries_of(shop, "angler")
    assert states == {"koi": (DONE, 1), "eel": (PENDING, 1), "carp": (DONE, 1)}


async def test_a_handler_reads_what_those_before_it_have_added(shop: RunningShop) -> None:
    seen: list[int] = []

    async def add_and_count(ctx: Context, event: FishCaught) -> None:
        if event.fish == "carp":
            seen.append((await ctx.db.execute(select(func.count()).select_from(schedule))).scalar())
            async with ctx.db.begin_nested():
                seen.append(len((await ctx.db.execute(schedule.select())).all()))
        await add(ctx, event)

    staff = staffed(shop, consumers=[consumer(add_and_count)])
    await enrol(staff)
    await tell(shop, "koi", "eel", "carp", "pike")
    assert await handle(staff) == Handled(done=4)
    assert seen == [2, 2]
    names = {row["name"] for row in await shop.rows("schedule")}
    assert names == {"koi", "eel", "carp", "pike"}


async def add(ctx: Context, event: FishCaught) -> None:
    """Add a row, of any table that is there."""
    row = {"name": event.fish, "recurs": "never", "next_at": START}
    ctx.unsent.add(schedule, row)


async def parked(shop: RunningShop) -> tuple[Angler, Shop]:
    """Return a consumer whose first delivery is dead and whose second waits behind it."""
    angler = Angler("eel")
    staff = staffed(shop, consumers=[consumer(angler.handle)])
    await enrol(staff)
    await tell(shop, "eel", "koi")
    for _ in range(3):
        await handle(staff)
        shop.clock.advance(seconds=60)
    assert await deliveries_of(shop, "angler") == {"eel": (DEAD, 3), "koi": (PENDING, 0)}
    return angler, staff


def endless_statement(shop: RunningShop) -> str:
    if shop.shop.database.is_sqlite:
        return (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
        )
    return "SELECT pg_sleep(3600)"
