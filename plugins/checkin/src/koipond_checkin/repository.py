"""SQL of check-ins."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, bindparam, func, select

from koipond_checkin.tables import checkin_day, checkin_member
from koipond_checkin.types import CheckIn, Standing
from koipond_sdk import MemberId, new_id
from koipond_sdk.db import AsyncConnection, insert


async def find_standing(db: AsyncConnection, member_id: MemberId) -> Standing | None:
    """Return a member's time zone and last check-in; None before the first."""
    last = checkin_day.c
    rows = await db.execute(
        select(checkin_member.c.time_zone, last.day, last.streak, last.checked_in_at)
        .outerjoin(checkin_day, last.member_id == checkin_member.c.member_id)
        .where(checkin_member.c.member_id == member_id)
        .order_by(last.day.desc())
        .limit(1)
    )
    row = rows.one_or_none()
    if row is None or row.day is None:
        return None if row is None else Standing(time_zone=row.time_zone)
    found = CheckIn(day=row.day, streak=row.streak, checked_in_at=row.checked_in_at)
    return Standing(time_zone=row.time_zone, last=found)


async def enrol(db: AsyncConnection, member_id: MemberId, *, time_zone: str, now: datetime) -> None:
    """Fix a member's time zone, if another request has not just done so."""
    row = {"member_id": member_id, "time_zone": time_zone, "enrolled_at": now}
    await db.execute(insert(db, checkin_member).values(row).on_conflict_do_nothing())


async def add(db: AsyncConnection, member_id: MemberId, new: CheckIn) -> bool:
    """Store a check-in; False if there is one of this member and day, which then is committed."""
    row = {
        "id": new_id(),
        "member_id": member_id,
        "day": new.day,
        "streak": new.streak,
        "checked_in_at": new.checked_in_at,
    }
    statement = insert(db, checkin_day).values(row).on_conflict_do_nothing()
    added = await db.execute(statement.returning(checkin_day.c.id))
    return added.one_or_none() is not None


async def enrol_like(db: AsyncConnection, member_id: MemberId, other: MemberId) -> None:
    """Fix a member's time zone as another's, if they have none and the other has one."""
    m = checkin_member.c
    rows = await db.execute(select(m.time_zone, m.enrolled_at).where(m.member_id == other))
    for row in rows:
        await enrol(db, member_id, time_zone=row.time_zone, now=row.enrolled_at)


async def move_days(db: AsyncConnection, source: MemberId, target: MemberId) -> list[UUID]:
    """Store a member's days as another's, but for those that they have; returns which."""
    d = checkin_day.c
    o = checkin_day.alias("own").c
    own = select(o.day).where(o.member_id == target)
    rows = await db.execute(select(d.id).where(d.member_id == source, d.day.not_in(own)))
    keys = list(rows.scalars())
    await db.execute(checkin_day.update().where(d.id.in_(keys)).values(member_id=target))
    return keys


async def move_back(
    db: AsyncConnection, source: MemberId, target: MemberId, keys: Sequence[str]
) -> None:
    """Store these days as those of whom they were before."""
    d = checkin_day.c
    ids = [UUID(key) for key in keys]
    await db.execute(
        checkin_day.update().where(d.id.in_(ids), d.member_id == source).values(member_id=target)
    )


async def find_days(db: AsyncConnection, member_id: MemberId) -> list[date]:
    """Return the days on which a member was here."""
    d = checkin_day.c
    rows = await db.execute(select(d.day).where(d.member_id == member_id).order_by(d.day))
    return list(rows.scalars())


def _odd_streaks() -> Select[Any]:
    d = checkin_day.c
    before = func.lag(d.streak).over(partition_by=d.member_id, order_by=d.day)
    seen = select(d.member_id, d.day, d.streak, before.label("before")).subquery().c
    odd = (seen.streak > 1) & (func.coalesce(seen.before, 0) != seen.streak - 1)
    found = select(seen.member_id, seen.day).where(odd).order_by(seen.member_id, seen.day)
    return found.limit(bindparam("most", type_=Integer))


_ODD_STREAKS = _odd_streaks()


async def find_odd_streaks(db: AsyncConnection, *, limit: int) -> list[tuple[MemberId, date]]:
    """Return (member, day) of check-ins that do not continue the run before them, some of them."""
    rows = await db.execute(_ODD_STREAKS, {"most": limit})
    return [(MemberId(row.member_id), row.day) for row in rows]


_WITHOUT_CALENDAR = (
    select(checkin_day.c.member_id)
    .distinct()
    .outerjoin(checkin_member, checkin_member.c.member_id == checkin_day.c.member_id)
    .where(checkin_member.c.member_id.is_(None))
    .order_by(checkin_day.c.member_id)
    .limit(bindparam("most", type_=Integer))
)


async def find_without_calendar(db: AsyncConnection, *, limit: int) -> list[MemberId]:
    """Return members who checked in and have no calendar, some of them."""
    rows = await db.execute(_WITHOUT_CALENDAR, {"most": limit})
    return [MemberId(key) for key in rows.scalars()]


async def save_streaks(
    db: AsyncConnection, member_id: MemberId, streaks: Mapping[date, int]
) -> None:
    """Store how long the run was on each day, where it is another."""
    d = checkin_day.c
    for day, streak in streaks.items():
        await db.execute(
            checkin_day.update()
            .where(d.member_id == member_id, d.day == day, d.streak != streak)
            .values(streak=streak)
        )
