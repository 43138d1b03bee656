import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from koipond.kernel.context import Context, transaction
from koipond.kernel.fresh import Fresh
from koipond.kernel.viewer import GUEST
from koipond_sdk.testing import RunningShop, running_shop

pytestmark = pytest.mark.one_database


class Pond:
    """Counts its fish anew at each reading, and only once the gate is open."""

    def __init__(self) -> None:
        self.readings = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False
        self.last_seen: list[int] = []
        self.fish = Fresh(self.count, first=0)

    async def count(self, ctx: Context, last: int) -> int:
        self.readings += 1
        self.last_seen.append(last)
        count = self.readings
        await self.gate.wait()
        if self.broken:
            raise ConnectionError("the pond is frozen")
        return count


@pytest.fixture
def pond() -> Pond:
    return Pond()


async def ask(shop: RunningShop, pond: Pond) -> int:
    """Return what one request finds."""
    async with shop.shop.context(viewer=GUEST) as ctx:
        return await pond.fish.find(ctx)


def asked(shop: RunningShop, pond: Pond, times: int) -> list[asyncio.Task[int]]:
    """Let so many requests ask at the same time."""
    return [asyncio.create_task(ask(shop, pond)) for _ in range(times)]


async def begun(pond: Pond, readings: int) -> None:
    """Let everybody go on until they wait; so many readings have begun then."""
    for _ in range(10):
        await asyncio.sleep(0)
    assert pond.readings == readings


async def test_a_value_is_read_once_a_second_and_gets_the_one_before(
    shop: RunningShop, pond: Pond
) -> None:
    assert [await ask(shop, pond), await ask(shop, pond)] == [1, 1]
    shop.clock.advance(seconds=0.999)
    assert await ask(shop, pond) == 1
    shop.clock.advance(seconds=0.001)
    assert await ask(shop, pond) == 2
    assert pond.last_seen == [0, 1]


async def test_a_value_may_be_kept_for_longer(shop: RunningShop, pond: Pond) -> None:
    pond.fish = Fresh(pond.count, first=0, age_max=timedelta(seconds=5))
    await ask(shop, pond)
    shop.clock.advance(seconds=4.999)
    assert await ask(shop, pond) == 1
    shop.clock.advance(seconds=0.001)
    assert await ask(shop, pond) == 2


async def test_a_clock_that_was_set_back_keeps_nothing_for_ever(
    shop: RunningShop, pond: Pond
) -> None:
    await ask(shop, pond)
    shop.clock.advance(days=-1)
    assert await ask(shop, pond) == 2


async def test_what_is_fresh_is_at_hand_without_a_context(shop: RunningShop, pond: Pond) -> None:
    assert pond.fish.at_hand(shop.shop) is None
    await ask(shop, pond)
    assert pond.fish.at_hand(shop.shop) == 1
    shop.clock.advance(seconds=1)
    assert (pond.fish.at_hand(shop.shop), pond.fish.last(shop.shop)) == (None, 1)


async def test_each_shop_has_its_own(shop: RunningShop, pond: Pond, database_url: str) -> None:
    async with running_shop(database_url) as other:
        assert [await ask(shop, pond), await ask(other, pond)] == [1, 2]
        assert [await ask(shop, pond), await ask(other, pond)] == [1, 2]
        pond.fish.forget(other.shop)
        assert [await ask(shop, pond), await ask(other, pond)] == [1, 3]


async def test_of_those_who_ask_at_once_one_reads(shop: RunningShop, pond: Pond) -> None:
    pond.gate.clear()
    tasks = asked(shop, pond, times=20)
    await begun(pond, readings=1)
    pond.gate.set()
    assert await asyncio.gather(*tasks) == [1] * 20
    assert pond.readings == 1


async def test_who_waited_takes_what_was_read_however_long_it_took(
    shop: RunningShop, pond: Pond
) -> None:
    pond.gate.clear()
    tasks = asked(shop, pond, times=3)
    await begun(pond, readings=1)
    shop.clock.advance(seconds=2)
    pond.gate.set()
    assert await asyncio.gather(*tasks) == [1, 1, 1]
    assert await ask(shop, pond) == 2


async def test_a_reading_that_fails_is_told_and_tried_again(shop: RunningShop, pond: Pond) -> None:
    await ask(shop, pond)
    shop.clock.advance(seconds=1)
    pond.broken = True
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await ask(shop, pond)
    assert pond.fish.last(shop.shop) == 1
    pond.broken = False
    assert await ask(shop, pond) == 4
    assert await ask(shop, pond) == 4


async def test_where_a_reading_fails_those_who_waited_read_side_by_side(
    shop: RunningShop, pond: Pond
) -> None:
    pond.gate.clear()
    tasks = asked(shop, pond, times=3)
    await begun(pond, readings=1)
    pond.broken = True
    # For the first alone.
    pond.gate.set()
    pond.gate.clear()
    # One after the other they would wait for as many timeouts.
    await begun(pond, readings=3)
    pond.broken = False
    pond.gate.set()
    first, *others = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, ConnectionError)
    assert others == [2, 3]


async def test_where_who_reads_goes_away_those_who_waited_are_answered(
    shop: RunningShop, pond: Pond
) -> None:
    pond.gate.clear()
    gone, *others = asked(shop, pond, times=2)
    await begun(pond, readings=1)
    gone.cancel()
    pond.gate.set()
    assert await asyncio.gather(*others) == [2]


async def test_who_waits_and_goes_away_takes_no_answer_from_the_others(
    shop: RunningShop, pond: Pond
) -> None:
    pond.gate.clear()
    reader, gone, waiter = asked(shop, pond, times=3)
    await begun(pond, readings=1)
    gone.cancel()
    await asyncio.wait([gone])
    pond.gate.set()
    assert await asyncio.gather(reader, waiter) == [1, 1]


async def test_what_was_forgotten_is_read_again(shop: RunningShop, pond: Pond) -> None:
    await ask(shop, pond)
    pond.fish.forget(shop.shop)
    assert await ask(shop, pond) == 2


async def test_a_reading_that_began_before_it_was_forgotten_is_not_kept(
    shop: RunningShop, pond: Pond
) -> None:
    pond.gate.clear()
    tasks = asked(shop, pond, times=1)
    await begun(pond, readings=1)
    pond.fish.forget(shop.shop)
    pond.gate.set()
    assert await asyncio.gather(*tasks) == [1]
    assert await ask(shop, pond) == 2


async def test_nobody_waits_for_a_reading_that_began_before_it_was_forgotten(
    shop: RunningShop, pond: Pond
) -> None:
    pond.gate.clear()
    before = asked(shop, pond, times=1)
    await begun(pond, readings=1)
    pond.fish.forget(shop.shop)
    after = asked(shop, pond, times=2)
    await begun(pond, readings=2)
    before[0].cancel()
    await asyncio.wait(before)
    after += asked(shop, pond, times=1)
    await begun(pond, readings=2)
    pond.gate.set()
    assert await asyncio.gather(*after) == [2, 2, 2]


async def test_a_value_is_read_anew_by_another_reader(shop: RunningShop, pond: Pond) -> None:
    await ask(shop, pond)

    async def guess(ctx: Context, last: int) -> int:
        return last + 40

    async with shop.context() as ctx:
        assert await pond.fish.renew(ctx, read=guess) == 41
    assert (await ask(shop, pond), pond.readings) == (41, 1)


async def test_in_a_transaction_nobody_is_waited_for(shop: RunningShop, pond: Pond) -> None:
    pond.gate.clear()
    tasks = asked(shop, pond, times=1)
    await begun(pond, readings=1)

    @transaction
    async def ask_inside(ctx: Context) -> int:
        inside = asyncio.create_task(pond.fish.find(ctx))
        await begun(pond, readings=2)
        pond.gate.set()
        return await inside

    async with shop.context() as ctx:
        assert await ask_inside(ctx) == 2
    assert await asyncio.gather(*tasks) == [1]


async def test_who_holds_a_connection_waits_for_nobody_who_has_none(database_url: str) -> None:
    async def count(ctx: Context, last: int) -> int:
        async with ctx.reading() as db:
            return last + int((await db.execute(text("SELECT 1"))).scalar_one())

    fish = Fresh(count, first=0)
    async with (
        running_shop(database_url, database_pool_size=1, database_wait_s=1) as shop,
        shop.shop.context(viewer=GUEST) as reader,
    ):
        async with shop.shop.context(viewer=GUEST) as holder:
            # Has the only connection.
            await count(holder, 0)
            reading = asyncio.create_task(fish.find(reader))
            await asyncio.sleep(0)
            assert await fish.find(holder) == 1
        assert await reading == 1


async def test_who_holds_a_connection_waits_for_who_has_one_too(
    shop: RunningShop, pond: Pond
) -> None:
    pond.gate.clear()
    async with (
        shop.shop.context(viewer=GUEST) as reader,
        shop.shop.context(viewer=GUEST) as holder,
    ):
        for ctx in (reader, holder):
            async with ctx.reading() as db:
                await db.execute(text("SELECT 1"))
        tasks = [asyncio.create_task(pond.fish.find(ctx)) for ctx in (reader, holder)]
        await begun(pond, readings=1)
        pond.gate.set()
        assert await asyncio.gather(*tasks) == [1, 1]
