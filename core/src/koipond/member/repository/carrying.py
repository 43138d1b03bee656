"""SQL of members that become one: their locks, and what each of them is known by and agrees to."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, func, or_, select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import MemberId, new_id
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Question
from koipond.member.repository.identities import find_identities
from koipond.member.tables import identity, member, member_consent, membership
from koipond.member.types import MemberState, Person

_m, _i, _c = member.c, identity.c, member_consent.c
# The least lock that a merge waits for, and that waits for a merge: rows that point to a member
# take the same one.
_who = select(_m.id, _m.merged_into).where(_m.id == bindparam("key"))
_WHO = Prepared(_who)
_HOLD = Prepared(_who.with_for_update(read=True, key_share=True))


def asking_who(key: MemberId, *, hold: bool) -> Question[MemberId | None]:
    """Ask whom a member is by now. hold: keep them from being merged until the transaction ends."""

    def read(rows: Sequence[Any]) -> MemberId | None:
        return MemberId(rows[0].merged_into or rows[0].id) if rows else None

    return Question(_HOLD if hold else _WHO, {"key": key}, read)


async def hold(db: AsyncConnection, key: MemberId) -> MemberId | None:
    """Keep a member from being merged until the transaction ends; returns whom they are by now."""
    return await asking_who(key, hold=True).ask(db)


async def find_people(
    db: AsyncConnection, keys: Collection[MemberId], *, lock: bool = False
) -> dict[MemberId, Person]:
    """Return {member: who they are}, of those that there are; locked if so asked, by their ids."""
    statement = select(_m.id, _m.state, _m.merged_into, _m.created_at).where(
        _m.id.in_(sorted(keys))
    )
    statement = statement.order_by(_m.id)
    # Not only their other columns: nothing that points to them may be added meanwhile.
    rows = (await db.execute(statement.with_for_update() if lock else statement)).all()
    known = await find_identities(db, [row.id for row in rows])
    return {
        MemberId(row.id): Person(
            id=MemberId(row.id),
            state=MemberState(row.state),
            merged_into=row.merged_into,
            created_at=row.created_at,
            identities=tuple(known[row.id]),
        )
        for row in rows
    }


async def find_sharing(
    db: AsyncConnection, key: MemberId, *, most: int
) -> list[tuple[MemberId, str, str]]:
    """Return [(another member, kind, value)] of what one is known by and others are as well."""
    own, other = identity.alias("own"), identity.alias("other")
    rows = await db.execute(
        select(other.c.member_id, other.c.kind, other.c.value)
        .join(own, and_(own.c.kind == other.c.kind, own.c.value == other.c.value))
        .where(own.c.member_id == key, other.c.member_id != key)
        .order_by(other.c.kind, other.c.value, other.c.id)
        .limit(most)
    )
    return [(MemberId(row.member_id), row.kind, row.value) for row in rows]


async def find_merged_into(db: AsyncConnection, key: MemberId) -> list[MemberId]:
    """Return who became a member."""
    rows = await db.execute(select(_m.id).where(_m.merged_into == key).order_by(_m.id))
    return [MemberId(one) for one in rows.scalars()]


async def find_all_merged_into(db: AsyncConnection, keys: Collection[MemberId]) -> dict[UUID, UUID]:
    """Return {merged member: whom they became} of those who became one of these."""
    rows = await db.execute(select(_m.id, _m.merged_into).where(_m.merged_into.in_(sorted(keys))))
    return {row.id: row.merged_into for row in rows}


async def find_aliases(db: AsyncConnection, *, most: int) -> dict[MemberId, MemberId]:
    """Return {member: whom they became}, the newest members first."""
    rows = await db.execute(
        select(_m.id, _m.merged_into)
        .where(_m.merged_into.is_not(None))
        .order_by(_m.id.desc())
        .limit(most)
    )
    return {MemberId(row.id): MemberId(row.merged_into) for row in rows}


async def set_merged(
    db: AsyncConnection, keys: Collection[MemberId], into: MemberId | None, state: MemberState
) -> None:
    """Store whom locked members became; None: they are themselves again, in `state`."""
    # Undone, all is as it was, the version too.
    changed = member.update().where(_m.id.in_(sorted(keys)))
    await db.execute(changed.values(merged_into=into, state=state, version=_m.version))


async def move_identities(
    db: AsyncConnection,
    source: MemberId,
    target: MemberId,
    only: Collection[str] | None = None,
) -> list[str]:
    """Store what a member is known by as another's. only: their keys. Returns the keys."""
    statement = identity.update().where(_i.member_id == source).values(member_id=target)
    if only is not None:
        statement = statement.where(_i.id.in_(sorted(UUID(one) for one in only)))
    rows = await db.execute(statement.returning(_i.id))
    return [str(one) for one in rows.scalars()]


async def find_all_consents(db: AsyncConnection, keys: Collection[MemberId]) -> list[Any]:
    """Return all that members ever agreed to, in its order."""
    rows = await db.execute(
        select(member_consent).where(_c.member_id.in_(sorted(keys))).order_by(_c.given_at, _c.id)
    )
    return list(rows)


async def copy_consents(
    db: AsyncConnection, rows: Collection[Any], target: MemberId
) -> dict[str, None]:
    """Store that a member agrees to what another did; returns the new keys."""
    made = [
        {
            "id": new_id(),
            "member_id": target,
            "purpose": row.purpose,
            "given_at": row.given_at,
            "source": row.source,
        }
        for row in rows
    ]
    if made:
        await db.execute(insert(db, member_consent).on_conflict_do_nothing(), made)
    return {str(row["id"]): None for row in made}


async def withdraw(db: AsyncConnection, keys: Collection[UUID], *, now: datetime) -> None:
    """Store that what was agreed to is agreed to no more."""
    changed = member_consent.update().where(_c.id.in_(sorted(keys)), _c.withdrawn_at.is_(None))
    await db.execute(changed.values(withdrawn_at=now))


async def drop_consents(db: AsyncConnection, keys: Collection[str]) -> None:
    """Forget that something was agreed to, unless it was withdrawn since."""
    ids = sorted(UUID(one) for one in keys)
    await db.execute(member_consent.delete().where(_c.id.in_(ids), _c.withdrawn_at.is_(None)))


async def agree_again(db: AsyncConnection, keys: Mapping[str, str]) -> None:
    """Store that what a merge withdrew still stands, where the member did not decide since.

    keys: {consent: when it was withdrawn}.
    """
    later = member_consent.alias("later")
    for key, at in keys.items():
        same = and_(later.c.member_id == _c.member_id, later.c.purpose == _c.purpose)
        newer = select(later.c.id).where(same, later.c.id != _c.id, later.c.given_at >= _c.given_at)
        await db.execute(
            member_consent.update()
            .where(_c.id == UUID(key), _c.withdrawn_at == datetime.fromisoformat(at))
            .where(~newer.exists())
            .values(withdrawn_at=None)
        )


async def copy_groups(db: AsyncConnection, source: MemberId, target: MemberId) -> list[str]:
    """Store that a member is in the groups of another; returns the codes of those that are new."""
    g = membership.c
    own = select(g.group_code).where(g.member_id == target)
    codes = list(
        (
            await db.execute(
                select(g.group_code).where(g.member_id == source, g.group_code.not_in(own))
            )
        ).scalars()
    )
    rows = [{"member_id": target, "group_code": code} for code in sorted(codes)]
    if rows:
        await db.execute(insert(db, membership).on_conflict_do_nothing(), rows)
    return codes


_into = member.alias("into")
_CHAINED = Prepared(
    select(_m.id)
    .join(_into, _into.c.id == _m.merged_into)
    .where(or_(_into.c.merged_into.is_not(None), _into.c.id == _m.id))
)
_STILL_KNOWN = Prepared(
    select(_m.id, func.count())
    .join(identity, _i.member_id == _m.id)
    .where(_m.merged_into.is_not(None))
    .group_by(_m.id)
)


async def find_astray(db: AsyncConnection) -> list[tuple[MemberId, str]]:
    """Return [(merged member, what is wrong with them)]."""
    return [
        *[(MemberId(one), "became one who was merged, too") for (one,) in await _CHAINED.rows(db)],
        *[
            (MemberId(one), f"is still known by {count} identities")
            for one, count in await _STILL_KNOWN.rows(db)
        ],
    ]


async def count_identities(db: AsyncConnection, keys: Collection[UUID]) -> int:
    """Return how many of these identities there are."""
    found = await db.execute(select(func.count()).where(_i.id.in_(sorted(keys))))
    return int(found.scalar_one())
