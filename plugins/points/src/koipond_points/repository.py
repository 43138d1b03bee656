"""SQL of points."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select, union_all

from koipond_points.tables import points_balance, points_entry
from koipond_points.types import Entry
from koipond_sdk import MemberId, Page, Slice, cut
from koipond_sdk.db import AsyncConnection, insert

_MISFITS = 20


async def add_entry(db: AsyncConnection, new: Entry) -> bool:
    """Store an entry; False if there is one of this source, which then is committed."""
    statement = insert(db, points_entry).values(msgspec.structs.asdict(new))
    added = await db.execute(statement.on_conflict_do_nothing().returning(points_entry.c.id))
    return added.one_or_none() is not None


async def get_entry(db: AsyncConnection, key: UUID) -> Entry:
    """Return an entry that is known to be there."""
    rows = await db.execute(select(points_entry).where(points_entry.c.id == key))
    return Entry(**rows.one()._mapping)


async def give(db: AsyncConnection, member_id: MemberId, points: int) -> int:
    """Add to a balance, making it if it is the first; returns what it is now."""
    # The database adds: who read the balance and wrote the sum back would lose what others give
    # between the two (test_of_fifty_rewards_at_once_none_is_lost).
    new = insert(db, points_balance).values(member_id=member_id, balance=points)
    now = await db.execute(
        new.on_conflict_do_update(
            index_elements=["member_id"],
            set_={"balance": points_balance.c.balance + new.excluded.balance},
        ).returning(points_balance.c.balance)
    )
    return int(now.scalar_one())


async def take(db: AsyncConnection, member_id: MemberId, points: int) -> int | None:
    """Take from a balance; returns what is left, or None if it has less than that."""
    left = await db.execute(
        points_balance.update()
        .where(points_balance.c.member_id == member_id, points_balance.c.balance >= points)
        .values(balance=points_balance.c.balance - points)
        .returning(points_balance.c.balance)
    )
    row = left.one_or_none()
    return None if row is None else int(row.balance)


async def find_balances(
    db: AsyncConnection, member_ids: Collection[MemberId]
) -> dict[MemberId, int]:
    """Return {member: balance}, without those who never had a point."""
    rows = await db.execute(
        select(points_balance).where(points_balance.c.member_id.in_(member_ids))
    )
    return {MemberId(row.member_id): row.balance for row in rows}


async def find_entries(db: AsyncConnection, member_id: MemberId, page: Page) -> Slice[Entry]:
    """Return one page of a member's entries, the newest first."""
    statement = select(points_entry).where(points_entry.c.member_id == member_id)
    if page.after is not None:
        statement = statement.where(points_entry.c.id < _uuid(page.after[0]))
    rows = await db.execute(statement.order_by(points_entry.c.id.desc()).limit(page.first + 1))
    found = [Entry(**row._mapping) for row in rows]
    return cut(found, [(one.id.hex,) for one in found], page)


async def find_misfits(db: AsyncConnection) -> list[tuple[MemberId, int]]:
    """Return [(member, what the balance has more than the sum of the entries)], a few of them."""
    both = union_all(
        select(points_balance.c.member_id, points_balance.c.balance.label("points")),
        select(points_entry.c.member_id, -points_entry.c.points),
    ).subquery()
    surplus = func.sum(both.c.points)
    rows = await db.execute(
        select(both.c.member_id, surplus)
        .group_by(both.c.member_id)
        .having(surplus != 0)
        .order_by(both.c.member_id)
        .limit(_MISFITS)
    )
    return [(MemberId(member_id), int(points)) for member_id, points in rows]


def _uuid(text: Any) -> UUID:
    return msgspec.convert(text, UUID)
