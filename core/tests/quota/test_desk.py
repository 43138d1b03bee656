"""The desk groups requests, bounds its queue, and survives who waits for it; on both databases."""

import asyncio

import pytest
from core.tests.quota.pond import HELD, Pond, claim, opened, owner, subject

from koipond.kernel.faults import planned
from koipond.quota import service as quota
from koipond.quota.errors import DeskBusy, LimitReached, QuotaShort


async def test_what_comes_in_while_a_batch_runs_is_one_batch(pond: Pond) -> None:
    tea = await pond.make(1_000)
    await asyncio.gather(*(pond.hold(claim(tea)) for _ in range(300)))
    assert pond.desk.batches == 1
    await asyncio.gather(*(pond.hold(claim(tea)) for _ in range(700)))
    assert pond.desk.batches == 3  # 512 at most in one
    assert await pond.taken(tea) == [1_000]


async def test_first_come_first_served(pond: Pond) -> None:
    tea = await pond.make(3)
    results = await asyncio.gather(
        *(pond.hold(claim(tea)) for _ in range(5)), return_exceptions=True
    )
    assert [isinstance(one, QuotaShort) for one in results] == [False, False, False, True, True]


async def test_a_limit_holds_within_one_batch(pond: Pond) -> None:
    flash = await pond.make(10, subject_limit=2)
    lin = subject()
    results = await asyncio.gather(
        *(pond.hold(claim(flash, 1, lin)) for _ in range(5)), return_exceptions=True
    )
    assert [isinstance(one, LimitReached) for one in results] == [False, False, True, True, True]
    assert pond.desk.batches == 1


async def test_an_owner_that_asks_twice_at_once_is_granted_once(pond: Pond) -> None:
    tea = await pond.make(10)
    order = owner()
    first, second = claim(tea, 2), claim(tea, 3)
    await asyncio.gather(
        pond.reserve(order, first), pond.reserve(order, first), pond.reserve(order, second)
    )
    assert await pond.states(order) == [(0, 3, HELD)]
    assert await pond.taken(tea) == [3]


async def test_a_batch_in_which_nothing_is_granted_writes_nothing(pond: Pond) -> None:
    tea = await pond.make(0)
    passed: list[str] = []
    with planned(passed.append), pytest.raises(QuotaShort):
        await pond.hold(claim(tea))
    assert "quota.batch.before_commit" not in passed


async def test_more_than_the_queue_holds_are_told_to_come_back(blank_database_url: str) -> None:
    async with opened(blank_database_url, desk_queue_max=3) as pond:
        tea = await pond.make(10)
        results = await asyncio.gather(
            *(pond.hold(claim(tea)) for _ in range(8)), return_exceptions=True
        )
        busy = [one for one in results if isinstance(one, DeskBusy)]
        assert (len(busy), busy[0].waiting, busy[0].retry_after_s) == (5, 3, 1)
        assert str(busy[0]) == (
            "3 requests are waiting already. Nothing was taken; ask again in 1 s."
        )
        assert await pond.taken(tea) == [3]
        await pond.hold(claim(tea))
        assert await pond.taken(tea) == [4]


async def test_closing_answers_everyone_who_waits(pond: Pond) -> None:
    tea = await pond.make(10)
    waiting = [asyncio.create_task(pond.hold(claim(tea))) for _ in range(5)]
    await asyncio.sleep(0)
    await pond.desk.close()
    await asyncio.sleep(0)
    assert all(one.done() and one.exception() is None for one in waiting)


async def test_a_desk_whose_process_ends_leaves_nobody_waiting(pond: Pond) -> None:
    tea = await pond.make(10)
    waiting = asyncio.create_task(pond.hold(claim(tea)))
    await asyncio.sleep(0)
    lane = pond.desk._lane
    assert lane is not None
    lane.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
    await pond.hold(claim(tea))


async def test_at_rest_no_connection_is_lent(pond: Pond) -> None:
    tea = await pond.make(20)
    tasks = [asyncio.create_task(pond.hold(claim(tea))) for _ in range(20)]
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            task.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    await pond.desk.close()
    await quota.give_back(pond.ctx)
    await pond.ctx.rest()
    assert pond.shop.database.lent == 0
