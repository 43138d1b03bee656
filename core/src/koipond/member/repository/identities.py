"""SQL of what members are known by, and what they have proved of it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, tuple_

from koipond.channel.types import Source
from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import IdentityId, MemberId, new_id
from koipond.kernel.texts import Locale
from koipond.member.repository.people import row_of_source
from koipond.member.tables import identity, member
from koipond.member.types import ADDRESSES, Identity, IdentityKind, MemberState

Proven = Sequence[tuple[IdentityKind, str]]


async def find_proven(db: AsyncConnection, known_by: Proven) -> MemberId | None:
    """Return who has proved one of these identities, by the first of them."""
    rows = await db.execute(
        select(identity.c.kind, identity.c.value, identity.c.member_id).where(
            tuple_(identity.c.kind, identity.c.value).in_(list(known_by)),
            identity.c.verified_at.is_not(None),
        )
    )
    found = {(kind, value): MemberId(key) for kind, value, key in rows}
    return next((found[one] for one in known_by if one in found), None)


async def find_identities(
    db: AsyncConnection, keys: Collection[MemberId]
) -> dict[MemberId, list[Identity]]:
    """Return {member: what they are known by}."""
    rows = await db.execute(
        select(identity.c.member_id, identity.c.kind, identity.c.value, identity.c.verified_at)
        .where(identity.c.member_id.in_(sorted(keys)))
        .order_by(identity.c.kind, identity.c.value, identity.c.id)
    )
    found: dict[MemberId, list[Identity]] = {key: [] for key in keys}
    for row in rows:
        one = Identity(kind=row.kind, value=row.value, verified_at=row.verified_at)
        found[MemberId(row.member_id)].append(one)
    return found


async def lock_identities(db: AsyncConnection, key: MemberId) -> list[Identity]:
    """Return what a member is known by, who is locked."""
    await db.execute(select(member.c.id).where(member.c.id == key).with_for_update(key_share=True))
    return (await find_identities(db, [key]))[key]


async def add_registered(
    db: AsyncConnection,
    key: MemberId,
    *,
    name: str,
    locale: Locale,
    source: Source | None,
    now: datetime,
) -> None:
    """Store a new member."""
    row = {"id": key, "name": name, "locale": locale, "created_at": now}
    row |= {"state": MemberState.REGISTERED} | row_of_source(source)
    await db.execute(member.insert().values(row))


async def remove_new(db: AsyncConnection, key: MemberId) -> None:
    """Take back a member of this very transaction."""
    await db.execute(member.delete().where(member.c.id == key))


async def register_guest(db: AsyncConnection, key: MemberId) -> None:
    """Store that a guest, who is locked, is one no more."""
    await db.execute(member.update().where(member.c.id == key).values(state=MemberState.REGISTERED))


async def prove(
    db: AsyncConnection, key: MemberId, kind: IdentityKind, value: str, *, now: datetime
) -> bool:
    """Store that a member has proved an identity; False if it is somebody else's."""
    mine = (identity.c.member_id == key, identity.c.kind == kind, identity.c.value == value)
    own = (await db.execute(select(identity.c.id, identity.c.verified_at).where(*mine))).all()
    if any(row.verified_at is not None for row in own):
        return True
    row = {
        "id": IdentityId(new_id()),
        "member_id": key,
        "kind": kind,
        "value": value,
        "verified_at": now,
    }
    made = insert(db, identity).values(row).on_conflict_do_nothing().returning(identity.c.id)
    if (await db.execute(made)).one_or_none() is None:
        return False
    # What they once said is proved now.
    await db.execute(identity.delete().where(*mine, identity.c.verified_at.is_(None)))
    return True


async def forget_kind(db: AsyncConnection, key: MemberId, kind: IdentityKind, *, but: str) -> None:
    """Remove what a member is known by of a kind, one value left out."""
    await db.execute(
        identity.delete().where(
            identity.c.member_id == key, identity.c.kind == kind, identity.c.value != but
        )
    )


async def find_guests_of(
    db: AsyncConnection, key: MemberId
) -> list[tuple[MemberId, IdentityKind, str]]:
    """Return [(guest, kind, value)] of guests who gave an address that this member has proved."""
    own, guests = identity.alias("own"), identity.alias("guests")
    rows = await db.execute(
        select(guests.c.member_id, guests.c.kind, guests.c.value)
        .join(own, (own.c.kind == guests.c.kind) & (own.c.value == guests.c.value))
        .join(member, member.c.id == guests.c.member_id)
        .where(
            own.c.member_id == key,
            own.c.verified_at.is_not(None),
            own.c.kind.in_(sorted(ADDRESSES)),
            guests.c.verified_at.is_(None),
            member.c.state == MemberState.GUEST,
        )
    )
    return [(MemberId(guest), IdentityKind(kind), value) for guest, kind, value in rows]
