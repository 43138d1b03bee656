"""SQL of merges, and of what each of them changed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import or_, select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import MemberId, MergeId
from koipond.kernel.prepared import Prepared
from koipond.member.types import Changed, MemberState
from koipond.oneid.tables import member_merge, member_merge_row
from koipond.oneid.types import MemberMerge, MergeReason

_m, _r = member_merge.c, member_merge_row.c


async def add(db: AsyncConnection, new: MemberMerge) -> None:
    """Store a merge."""
    await db.execute(member_merge.insert().values(msgspec.structs.asdict(new)))


async def note(db: AsyncConnection, key: MergeId, changed: Changed) -> None:
    """Store what a merge changed."""
    rows = [
        {"merge_id": key, "place": place, "row_key": row_key, "was": was}
        for place, keys in changed.items()
        for row_key, was in keys.items()
    ]
    if rows:
        await db.execute(insert(db, member_merge_row).on_conflict_do_nothing(), rows)


async def find_noted(db: AsyncConnection, key: MergeId) -> dict[str, dict[str, Any]]:
    """Return {place: {row: what it was}} of what a merge changed."""
    rows = await db.execute(
        select(_r.place, _r.row_key, _r.was).where(_r.merge_id == key).order_by(_r.row_key)
    )
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        found[row.place][row.row_key] = row.was
    return found


async def find(db: AsyncConnection, key: MergeId, *, lock: bool = False) -> MemberMerge | None:
    """Return a merge, locked if so asked, or None."""
    statement = select(member_merge).where(_m.id == key)
    row = (await db.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else _merge(row)


async def find_standing_of(db: AsyncConnection, merged_id: MemberId) -> MemberMerge | None:
    """Return the merge by which a member became another, if one stands."""
    statement = select(member_merge).where(_m.merged_id == merged_id, _m.undone_at.is_(None))
    row = (await db.execute(statement)).one_or_none()
    return None if row is None else _merge(row)


async def find_of(db: AsyncConnection, keys: Collection[MemberId]) -> list[MemberMerge]:
    """Return the merges that members took part in, the newest first."""
    rows = await db.execute(
        select(member_merge)
        .where(or_(_m.survivor_id.in_(sorted(keys)), _m.merged_id.in_(sorted(keys))))
        .order_by(_m.id.desc())
    )
    return [_merge(row) for row in rows]


_ALL_STANDING = Prepared(select(member_merge).where(_m.undone_at.is_(None)).order_by(_m.id))


async def find_all_standing(db: AsyncConnection) -> Sequence[MemberMerge]:
    """Return every merge that stands."""
    return [_merge(row) for row in await _ALL_STANDING.rows(db)]


async def set_carried(db: AsyncConnection, key: MergeId, *, now: datetime) -> None:
    """Store that what limits count was carried."""
    await db.execute(
        member_merge.update().where(_m.id == key, _m.carried_at.is_(None)).values(carried_at=now)
    )


async def set_undone(db: AsyncConnection, key: MergeId, *, by: str, now: datetime) -> None:
    """Store that a locked merge is undone."""
    await db.execute(member_merge.update().where(_m.id == key).values(undone_at=now, undone_by=by))


def _merge(row: Any) -> MemberMerge:
    told: Mapping[str, Any] = row._asdict()
    return MemberMerge(**{**told, "reason": MergeReason(row.reason), "was": MemberState(row.was)})
