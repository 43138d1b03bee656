"""SQL of members."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import IdentityId, MemberId, new_id
from koipond.kernel.texts import Locale
from koipond.member.tables import identity, member
from koipond.member.types import IdentityKind, Member, MemberState

Known = Sequence[tuple[IdentityKind, str]]


async def find_guest(db: AsyncConnection, known_by: Known) -> MemberId | None:
    """Return the guest who gave one of these addresses before, by the strongest of them."""
    matches = or_(
        *(and_(identity.c.kind == kind, identity.c.value == value) for kind, value in known_by)
    )
    rows = await db.execute(
        select(identity.c.kind, identity.c.member_id)
        .join(member, member.c.id == identity.c.member_id)
        .where(matches, identity.c.verified_at.is_(None), member.c.state == MemberState.GUEST)
    )
    found = {IdentityKind(kind): member_id for kind, member_id in rows}
    return next((found[kind] for kind, _ in known_by if kind in found), None)


async def add(
    db: AsyncConnection, *, key: MemberId, name: str, locale: Locale, now: datetime
) -> None:
    """Store a new guest."""
    await db.execute(
        member.insert().values(
            id=key, state=MemberState.GUEST, name=name, locale=locale, created_at=now
        )
    )


async def add_identities(db: AsyncConnection, key: MemberId, known_by: Known) -> bool:
    """Store what a guest says to be known by; False if someone else's unproven word was first."""
    rows = [
        {"id": IdentityId(new_id()), "member_id": key, "kind": kind, "value": value}
        for kind, value in known_by
    ]
    statement = insert(db, identity).values(rows).on_conflict_do_nothing()
    added = await db.execute(statement.returning(identity.c.id))
    return len(added.all()) == len(rows)


async def find(db: AsyncConnection, key: MemberId) -> Member | None:
    """Return a member with what they are known by."""
    rows = await db.execute(_MEMBER.where(member.c.id == key))
    row = rows.one_or_none()
    return None if row is None else Member(**row._mapping)


async def find_by_identity(db: AsyncConnection, value: str) -> MemberId | None:
    """Return the member known by an address; a proven owner before a guest."""
    rows = await db.execute(
        select(identity.c.member_id)
        .where(identity.c.value == value)
        .order_by(identity.c.verified_at.is_(None), identity.c.id)
        .limit(1)
    )
    return rows.scalar_one_or_none()


def _known_by(kind: IdentityKind) -> object:
    return (
        select(func.min(identity.c.value))
        .where(identity.c.member_id == member.c.id, identity.c.kind == kind)
        .scalar_subquery()
        .label(kind.value)
    )


_MEMBER = select(
    member.c.id,
    member.c.state,
    member.c.name,
    member.c.created_at,
    _known_by(IdentityKind.EMAIL),  # type: ignore[call-overload]  # a label is a column to SELECT
    _known_by(IdentityKind.PHONE),
)
