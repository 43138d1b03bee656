"""SQL of check-ins."""

from datetime import datetime

from sqlalchemy import select

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
