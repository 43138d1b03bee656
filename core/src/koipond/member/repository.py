"""SQL of members."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select, tuple_

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import IdentityId, MemberId, new_id
from koipond.kernel.prepared import Prepared
from koipond.kernel.texts import Locale
from koipond.kernel.unsent import Unsent
from koipond.member.tables import identity, member
from koipond.member.types import IdentityKind, Member, MemberState

Known = Sequence[tuple[IdentityKind, str]]


async def find_guest(db: AsyncConnection, known_by: Known) -> MemberId | None:
    """Return the guest who gave one of these addresses before, by the strongest of them."""
    rows = await _GUESTS.rows(db, {"known_by": list(known_by)})
    found = {IdentityKind(kind): member_id for kind, member_id in rows}
    return next((found[kind] for kind, _ in known_by if kind in found), None)


def add(unsent: Unsent, *, key: MemberId, name: str, locale: Locale, now: datetime) -> None:
    """Store a new guest."""
    state = MemberState.GUEST
    row = {"id": key, "state": state, "name": name, "locale": locale, "created_at": now}
    unsent.add(member, row)


def add_identities(unsent: Unsent, key: MemberId, known_by: Known) -> None:
    """Store what a guest says to be known by, unless someone else's unproven word was first."""
    for kind, value in known_by:
        row = {"id": IdentityId(new_id()), "member_id": key, "kind": kind, "value": value}
        unsent.add(identity, row, unless_there=True)


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


_GUESTS = Prepared(
    select(identity.c.kind, identity.c.member_id)
    .join(member, member.c.id == identity.c.member_id)
    .where(
        tuple_(identity.c.kind, identity.c.value).in_(bindparam("known_by", expanding=True)),
        identity.c.verified_at.is_(None),
        member.c.state == MemberState.GUEST,
    )
)
_MEMBER = select(
    member.c.id,
    member.c.state,
    member.c.name,
    member.c.created_at,
    _known_by(IdentityKind.EMAIL),  # type: ignore[call-overload]  # a label is a column to SELECT
    _known_by(IdentityKind.PHONE),
)
