import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar
from uuid import UUID

import pytest
from sqlalchemy import select

from koipond.channel.errors import ChannelInvalid
from koipond.channel.service import add_channel
from koipond.kernel.context import Context, Reaction, Shop, transaction
from koipond.kernel.events import Event
from koipond.kernel.ids import new_id
from koipond.kernel.outbox import outbox_event
from koipond.kernel.viewer import GUEST
from koipond_sdk.testing import RunningShop

POND, RIVER = new_id(), new_id()


class FishCaught(Event, frozen=True, kw_only=True):
    """Something for the outbox."""

    aggregate: ClassVar[str] = "water_id"
    water_id: UUID
    fish: str


class FishCounted(Event, frozen=True, kw_only=True):
    """What follows."""

    version: ClassVar[int] = 2
    aggregate: ClassVar[str] = "water_id"
    water_id: UUID


@transaction
async def catch(ctx: Context, *fish: str, water_id: UUID = POND) -> None:
    """Tell of each fish."""
    for one in fish:
        ctx.emit(FishCaught(water_id=water_id, fish=one))


@transaction
async def catch_in_a_new_channel(ctx: Context, code: str, *fish: str) -> None:
    """Use two use-cases in one transaction; the second may be refused."""
    await catch(ctx, *fish)
    await add_channel(ctx, code=code, name=code, currencies=["EUR"], locales=["en"])


def with_reactions(shop: Shop, reactions: Mapping[type[Event], Sequence[Reaction]]) -> Shop:
    return Shop(
        settings=shop.settings,
        database=shop.database,
        clock=shop.clock,
        hooks=shop.hooks,
        providers=shop.providers,
        reactions=reactions,
    )


async def told(shop: RunningShop, water_id: UUID = POND) -> list[tuple[int, str, str | None]]:
    """Return (place, name, fish) of the events of one water, in their order."""
    told = outbox_event.c
    wanted = select(told.seq, told.name, told.payload).where(told.aggregate_id == water_id)
    async with shop.shop.database.reading() as db:
        rows = (await db.execute(wanted.order_by(told.seq))).all()
    return [(row.seq, row.name, row.payload.get("fish")) for row in rows]


async def test_events_are_stored_in_the_order_in_which_they_were_told(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        await catch(ctx, "koi", "carp")
        await catch(ctx, "perch", water_id=RIVER)
        await catch(ctx, "pike")
    assert [fish for _, _, fish in await told(shop)] == ["koi", "carp", "pike"]
    assert [seq for seq, _, _ in await told(shop)] == [1, 2, 3]
    assert await told(shop, RIVER) == [(1, "FishCaught", "perch")]


async def test_a_refused_use_case_tells_of_nothing_and_changes_nothing(shop: RunningShop) -> None:
    before = await shop.snapshot()
    async with shop.context() as ctx:
        with pytest.raises(ChannelInvalid):
            await catch_in_a_new_channel(ctx, "main", "koi")
    assert await shop.snapshot() == before


async def test_a_use_case_joins_the_transaction_of_its_caller(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        await catch_in_a_new_channel(ctx, "other", "koi")
    assert await told(shop) == [(1, "FishCaught", "koi")]
    assert sorted(row["code"] for row in await shop.rows("channel")) == ["main", "other"]


async def test_a_reaction_runs_in_the_same_transaction_and_may_tell_more(shop: RunningShop) -> None:
    async def count(ctx: Context, event: FishCaught) -> None:
        assert ctx.in_transaction
        ctx.emit(FishCounted(water_id=event.water_id))

    reacting = with_reactions(shop.shop, {FishCaught: [count]})
    async with reacting.context(viewer=GUEST) as ctx:
        await catch(ctx, "koi", "carp")
    names = [name for _, name, _ in await told(shop)]
    assert names == ["FishCaught", "FishCaught", "FishCounted", "FishCounted"]
    versions = {row["name"]: row["version"] for row in await shop.rows("outbox_event")}
    assert versions == {"FishCaught": 1, "FishCounted": 2}


async def test_a_reaction_that_is_refused_takes_everything_back(shop: RunningShop) -> None:
    async def refuse(ctx: Context, event: FishCaught) -> None:
        raise ChannelInvalid(channel="pond", reason="it is frozen")

    before = await shop.snapshot()
    reacting = with_reactions(shop.shop, {FishCaught: [refuse]})
    async with reacting.context(viewer=GUEST) as ctx:
        with pytest.raises(ChannelInvalid):
            await catch(ctx, "koi")
    assert await shop.snapshot() == before


async def test_two_that_tell_of_one_aggregate_at_once_take_different_places(
    shop: RunningShop,
) -> None:
    async def once(fish: str) -> None:
        async with shop.context() as ctx:
            await catch(ctx, fish)

    await asyncio.gather(*map(once, ["koi", "carp", "perch", "pike"]))
    places = await told(shop)
    assert [seq for seq, _, _ in places] == [1, 2, 3, 4]
    assert {fish for _, _, fish in places} == {"koi", "carp", "perch", "pike"}


async def test_outside_of_a_transaction_there_is_nothing_to_write_with(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        with pytest.raises(AssertionError, match="lacks @transaction"):
            _ = ctx.db
        with pytest.raises(AssertionError, match="belong to a transaction"):
            ctx.emit(FishCaught(water_id=POND, fish="koi"))


async def test_a_request_reads_from_one_connection_however_many_ask_at_once(
    shop: RunningShop,
) -> None:
    seen = set()
    async with shop.context() as ctx:

        async def read() -> None:
            async with ctx.reading() as db:
                seen.add(id(db))
                await asyncio.sleep(0)

        await asyncio.gather(*(read() for _ in range(20)))
    assert len(seen) == 1


async def test_what_comes_late_cannot_reopen_a_request(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        pass
    with pytest.raises(AssertionError, match="this request is over"):
        async with ctx.reading():
            pass
