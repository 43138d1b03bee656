"""SQL of lotteries."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import structs
from sqlalchemy import Select, func, select, update

from koipond_lottery.tables import entry, lottery, prize
from koipond_lottery.types import (
    Entry,
    EntryId,
    EntryState,
    Lottery,
    LotteryId,
    Prize,
    PrizeId,
)
from koipond_sdk import ChannelId, MemberId, Page, Slice, cut
from koipond_sdk.db import AsyncConnection, insert


async def add_lottery(db: AsyncConnection, new: Lottery) -> None:
    """Store a lottery and its prizes."""
    row = structs.asdict(new)
    prizes = row.pop("prizes")
    await db.execute(lottery.insert().values(row))
    await db.execute(prize.insert(), [structs.asdict(one) for one in prizes])


async def find_lottery(
    db: AsyncConnection, key: LotteryId, *, channel_id: ChannelId
) -> Lottery | None:
    """Return a lottery of a channel, or None."""
    wanted = select(lottery).where(lottery.c.id == key, lottery.c.channel_id == channel_id)
    found = await _read_lotteries(db, wanted)
    return found[0] if found else None


async def find_lotteries(
    db: AsyncConnection, *, channel_id: ChannelId, wanted: Page
) -> Slice[Lottery]:
    """Return the lotteries of a channel, the newest first; sort key: (id,)."""
    rows = select(lottery).where(lottery.c.channel_id == channel_id).order_by(lottery.c.id.desc())
    if wanted.after is not None:
        rows = rows.where(lottery.c.id < UUID(str(wanted.after[0])))
    found = await _read_lotteries(db, rows.limit(wanted.first + 1))
    return cut(found, [(str(one.id),) for one in found], wanted)


async def find_all_lotteries(db: AsyncConnection) -> list[Lottery]:
    """Return every lottery of the shop, in the order in which they were made."""
    return await _read_lotteries(db, select(lottery).order_by(lottery.c.id))


async def _read_lotteries(db: AsyncConnection, wanted: Select[Any]) -> list[Lottery]:
    rows = (await db.execute(wanted)).mappings().all()
    keys = [row["id"] for row in rows]
    of_them = select(prize).where(prize.c.lottery_id.in_(keys)).order_by(prize.c.position)
    prizes = [Prize(**row) for row in (await db.execute(of_them)).mappings()]
    return [
        Lottery(**row, prizes=tuple(one for one in prizes if one.lottery_id == row["id"]))
        for row in rows
    ]


async def take_unit(db: AsyncConnection, key: PrizeId) -> bool:
    """Take a unit of a prize; False: all of them were given."""
    # One statement: of two who want the last unit the second waits, and then sees none left.
    taking = update(prize).where(prize.c.id == key, prize.c.given < prize.c.units)
    taken = await db.execute(taking.values(given=prize.c.given + 1).returning(prize.c.id))
    return taken.one_or_none() is not None


async def has_entered(
    db: AsyncConnection, lottery_id: LotteryId, member_id: MemberId, number: int
) -> bool:
    """Tell whether a member has an entry of a day, one that a merge brought too."""
    wanted = select(entry.c.id).where(
        entry.c.lottery_id == lottery_id,
        entry.c.member_id == member_id,
        entry.c.number == number,
    )
    return (await db.execute(wanted.limit(1))).first() is not None


async def add_entry(db: AsyncConnection, new: Entry) -> bool:
    """Store an entry; False if the entrant has one of that day."""
    statement = insert(db, entry).values(structs.asdict(new)).on_conflict_do_nothing()
    return (await db.execute(statement.returning(entry.c.id))).one_or_none() is not None


async def find_entry(db: AsyncConnection, key: EntryId) -> Entry | None:
    """Return an entry, or None."""
    row = (await db.execute(select(entry).where(entry.c.id == key))).mappings().one_or_none()
    return _read_entry(row) if row else None


async def lock_entry(db: AsyncConnection, key: EntryId) -> Entry | None:
    """Return an entry, which nobody else changes until the transaction ends; or None."""
    wanted = select(entry).where(entry.c.id == key).with_for_update()
    row = (await db.execute(wanted)).mappings().one_or_none()
    return _read_entry(row) if row else None


async def find_entries(
    db: AsyncConnection,
    lottery_id: LotteryId,
    *,
    wanted: Page,
    member_id: MemberId | None = None,
    states: Collection[EntryState] = (),
) -> Slice[Entry]:
    """Return entries of a lottery in their order; sort key: (id,). states: none is all."""
    rows = select(entry).where(entry.c.lottery_id == lottery_id).order_by(entry.c.id)
    if member_id is not None:
        rows = rows.where(entry.c.member_id == member_id)
    if states:
        rows = rows.where(entry.c.state.in_(sorted(states)))
    if wanted.after is not None:
        rows = rows.where(entry.c.id > UUID(str(wanted.after[0])))
    read = await db.execute(rows.limit(wanted.first + 1))
    found = [_read_entry(row) for row in read.mappings()]
    return cut(found, [(str(one.id),) for one in found], wanted)


async def deliver(db: AsyncConnection, key: EntryId, *, at: datetime) -> None:
    """Note that a prize is delivered."""
    told = {"state": EntryState.DELIVERED, "delivered_at": at}
    await db.execute(update(entry).where(entry.c.id == key).values(told))


async def carry(db: AsyncConnection, merged: MemberId, survivor: MemberId) -> list[EntryId]:
    """Hand all entries of a member to another; returns which."""
    moving = update(entry).where(entry.c.member_id == merged).values(member_id=survivor)
    return [EntryId(key) for key in (await db.execute(moving.returning(entry.c.id))).scalars()]


async def hand_back(db: AsyncConnection, keys: Sequence[EntryId], member_id: MemberId) -> None:
    """Hand entries to the member whose they were."""
    await db.execute(update(entry).where(entry.c.id.in_(keys)).values(member_id=member_id))


async def count_won(db: AsyncConnection) -> dict[PrizeId, int]:
    """Return {prize: entries that won a unit of it}, without those that nobody won."""
    won = entry.c.state.in_([EntryState.GIVEN, EntryState.DELIVERED])
    counted = select(entry.c.prize_id, func.count()).where(won).group_by(entry.c.prize_id)
    return {PrizeId(key): count for key, count in await db.execute(counted)}


async def find_twice_a_day(db: AsyncConnection) -> list[tuple[LotteryId, int]]:
    """Return (lottery, day) of those who entered more than once on one."""
    key = (entry.c.lottery_id, entry.c.entrant, entry.c.number)
    rows = select(entry.c.lottery_id, entry.c.number).group_by(*key).having(func.count() > 1)
    return [(LotteryId(found), number) for found, number in await db.execute(rows)]


async def count_undelivered(db: AsyncConnection) -> int:
    """Return how many prizes are given and not delivered."""
    given = select(func.count()).where(entry.c.state == EntryState.GIVEN)
    return (await db.execute(given)).scalar_one()


async def count_running(db: AsyncConnection, now: datetime) -> int:
    """Return how many lotteries take entries `now`, or will."""
    return (await db.execute(select(func.count()).where(lottery.c.ends_at > now))).scalar_one()


def _read_entry(row: Any) -> Entry:
    return Entry(**{**row, "state": EntryState(row["state"])})
