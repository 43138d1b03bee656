"""SQL of members."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, tuple_

from koipond.channel.types import Source, SourceClass
from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.editing import upserted
from koipond.kernel.ids import IdentityId, MemberId, new_id
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Question
from koipond.kernel.texts import Locale
from koipond.kernel.unsent import Unsent
from koipond.member.tables import identity, member, member_consent, member_group, membership
from koipond.member.types import (
    EMAIL,
    EXTERNAL,
    PHONE,
    Consent,
    IdentityKind,
    Member,
    MemberDraft,
    MemberGroup,
    MemberRow,
    MemberState,
)
from koipond.notify.types import Purpose

Known = Sequence[tuple[IdentityKind, str]]
# name, locale, time zone
Told = tuple[str, Locale, str | None]


def asking_guest(known_by: Known, *, hold: bool) -> Question[MemberId | None]:
    """Ask for the guest who gave one of these addresses before, by the strongest of them.

    hold: keep them from being merged until the transaction ends.
    """

    def read(rows: Sequence[Any]) -> MemberId | None:
        found = {IdentityKind(row.kind): row.member_id for row in rows}
        return next((found[kind] for kind, _ in known_by if kind in found), None)

    return Question(_HOLD_GUESTS if hold else _GUESTS, {"known_by": list(known_by)}, read)


def add(
    unsent: Unsent,
    *,
    key: MemberId,
    name: str,
    locale: Locale,
    source: Source | None,
    now: datetime,
) -> None:
    """Store a new guest. source: from where they came."""
    row = {"id": key, "name": name, "locale": locale, "created_at": now}
    row |= {"version": 1, "state": MemberState.GUEST} | row_of_source(source)
    unsent.add(member, row)


def row_of_source(source: Source | None) -> dict[str, Any]:
    """Return the columns of from where a member came; none of them if nobody knows."""
    if source is None:
        return {}
    return {
        "source_class": source.kind,
        "source_entry": source.entry,
        "source_campaign": source.campaign,
    }


def add_identities(unsent: Unsent, key: MemberId, known_by: Known) -> None:
    """Store what a guest says to be known by, unless someone else's unproven word was first."""
    for kind, value in known_by:
        row = {"id": IdentityId(new_id()), "member_id": key, "kind": kind, "value": value}
        unsent.add(identity, row, unless_there=True)


async def find(db: AsyncConnection, key: MemberId) -> Member | None:
    """Return a member with what they are known by; of who was merged, whom they became."""
    asked = member.alias()
    meant = select(func.coalesce(asked.c.merged_into, asked.c.id)).where(asked.c.id == key)
    rows = await db.execute(MEMBER.where(member.c.id == meant.scalar_subquery()))
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


async def find_versions(
    db: AsyncConnection, keys: Collection[MemberId], *, lock: bool = False
) -> dict[MemberId, int]:
    """Return {member: how often they were changed}; locked if so asked, by their ids."""
    wanted = select(member.c.id, member.c.version).where(member.c.id.in_(sorted(keys)))
    ordered = wanted.order_by(member.c.id)
    rows = await db.execute(ordered.with_for_update(key_share=True) if lock else ordered)
    return {row.id: row.version for row in rows}


async def count_change(db: AsyncConnection, key: MemberId) -> None:
    """Store that something of a member was changed that stands in another table."""
    changed = member.update().where(member.c.id == key)
    await db.execute(changed.values(version=member.c.version + 1))


async def rename(
    db: AsyncConnection, key: MemberId, *, name: str | None, locale: Locale | None
) -> None:
    """Store what a member is called and reads; None leaves it."""
    told = {"name": name, "locale": locale}
    changed = {column: value for column, value in told.items() if value is not None}
    if changed:
        await db.execute(member.update().where(member.c.id == key).values(changed))


async def set_time_zone(db: AsyncConnection, key: MemberId, time_zone: str) -> bool:
    """Store where a member lives; False if there is none."""
    changed = await db.execute(
        member.update().where(member.c.id == key).values(time_zone=time_zone)
    )
    return changed.rowcount == 1


async def find_consents(
    db: AsyncConnection, keys: Collection[MemberId]
) -> dict[MemberId, list[Consent]]:
    """Return {member: what they agree to} of those who agree to something."""
    rows = await db.execute(
        select(member_consent)
        .where(
            member_consent.c.member_id.in_(sorted(keys)), member_consent.c.withdrawn_at.is_(None)
        )
        .order_by(member_consent.c.purpose)
    )
    found: dict[MemberId, list[Consent]] = defaultdict(list)
    for row in rows:
        one = Consent(purpose=Purpose(row.purpose), given_at=row.given_at, source=row.source)
        found[row.member_id].append(one)
    return dict(found)


async def add_consent(db: AsyncConnection, key: MemberId, given: Consent) -> None:
    """Store that a member agrees to a purpose, unless they do already."""
    row = {
        "id": new_id(),
        "member_id": key,
        "purpose": given.purpose,
        "given_at": given.given_at,
        "source": given.source,
    }
    await db.execute(insert(db, member_consent).values(row).on_conflict_do_nothing())


async def withdraw_consent(
    db: AsyncConnection, key: MemberId, purpose: Purpose, *, now: datetime
) -> None:
    """Store that a member agrees to a purpose no more."""
    await db.execute(
        member_consent.update()
        .where(
            member_consent.c.member_id == key,
            member_consent.c.purpose == purpose,
            member_consent.c.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
    )


async def find_groups(db: AsyncConnection) -> dict[str, MemberGroup]:
    """Return {code: group}, by their codes."""
    rows = await db.execute(select(member_group).order_by(member_group.c.code))
    return {row.code: MemberGroup(**row._mapping) for row in rows}


async def save_group(db: AsyncConnection, told: MemberGroup) -> None:
    """Store a group, new or known."""
    made = insert(db, member_group).values(code=told.code, name=told.name)
    changed = upserted(member_group, made, "name")
    await db.execute(made.on_conflict_do_update(index_elements=["code"], set_=changed))


async def find_groups_of(
    db: AsyncConnection, keys: Collection[MemberId]
) -> dict[MemberId, frozenset[str]]:
    """Return {member: the codes of their groups}, of those who are in one."""
    rows = await db.execute(
        select(membership.c.member_id, membership.c.group_code).where(
            membership.c.member_id.in_(sorted(keys))
        )
    )
    found: dict[MemberId, set[str]] = defaultdict(set)
    for member_id, code in rows:
        found[member_id].add(code)
    return {key: frozenset(codes) for key, codes in found.items()}


async def join(db: AsyncConnection, key: MemberId, codes: Collection[str]) -> None:
    """Store that a member is in groups; in some of them they may be already."""
    rows = [{"member_id": key, "group_code": code} for code in sorted(codes)]
    if rows:
        await db.execute(insert(db, membership).on_conflict_do_nothing(), rows)


async def leave(db: AsyncConnection, key: MemberId, codes: Collection[str]) -> None:
    """Store that a member is in some groups no more."""
    await db.execute(
        membership.delete().where(
            membership.c.member_id == key, membership.c.group_code.in_(sorted(codes))
        )
    )


def _known_by(kind: IdentityKind) -> object:
    return (
        select(func.min(identity.c.value))
        .where(identity.c.member_id == member.c.id, identity.c.kind == kind)
        .scalar_subquery()
        .label(kind)
    )


_guests = (
    select(identity.c.kind, identity.c.member_id)
    .join(member, member.c.id == identity.c.member_id)
    .where(
        tuple_(identity.c.kind, identity.c.value).in_(bindparam("known_by", expanding=True)),
        identity.c.verified_at.is_(None),
        member.c.state == MemberState.GUEST,
    )
)
_GUESTS = Prepared(_guests)
_HOLD_GUESTS = Prepared(_guests.with_for_update(read=True, key_share=True, of=member))


async def find_sources(db: AsyncConnection, keys: Collection[MemberId]) -> dict[MemberId, Source]:
    """Return {member: from where they first came} of those of whom it is known."""
    m = member.c
    rows = await db.execute(
        select(m.id, m.source_class, m.source_entry, m.source_campaign).where(
            m.id.in_(sorted(keys)), m.source_class.is_not(None)
        )
    )
    return {
        MemberId(row.id): Source(
            kind=SourceClass(row.source_class),
            entry=row.source_entry or "",
            campaign=row.source_campaign or "",
        )
        for row in rows
    }


MEMBER = select(
    member.c.id,
    member.c.state,
    member.c.name,
    member.c.locale,
    member.c.time_zone,
    member.c.created_at,
    _known_by(EMAIL),  # type: ignore[call-overload]  # a label is a column to SELECT
    _known_by(PHONE),
)


async def find_known(db: AsyncConnection, known_by: Known) -> dict[tuple[str, str], MemberId]:
    """Return {identity: whose it is} of those that are somebody's; a proven owner before others."""
    found: dict[tuple[str, str], MemberId] = {}
    if known_by:
        rows = await db.execute(_KNOWN, {"known_by": sorted(set(known_by))})
        for kind, value, member_id in rows:
            found.setdefault((kind, value), member_id)
    return found


async def find_told(db: AsyncConnection, keys: Collection[MemberId]) -> dict[MemberId, Told]:
    """Return {member: (name, locale, time zone)}."""
    columns = (member.c.id, member.c.name, member.c.locale, member.c.time_zone)
    rows = await db.execute(select(*columns).where(member.c.id.in_(sorted(keys))))
    return {row.id: (row.name, row.locale, row.time_zone) for row in rows}


async def add_many(
    db: AsyncConnection,
    drafts: Mapping[MemberId, MemberDraft],
    *,
    locale: Locale,
    now: datetime,
) -> None:
    """Store new guests. locale: of those who told none."""
    rows = [
        {
            "id": key,
            "state": MemberState.GUEST,
            "name": draft.name,
            "locale": draft.locale or locale,
            "time_zone": draft.time_zone,
            "created_at": draft.created_at or now,
        }
        for key, draft in drafts.items()
    ]
    if rows:
        await db.execute(member.insert(), rows)


async def add_known(db: AsyncConnection, known: Mapping[tuple[str, str], MemberId]) -> None:
    """Store what members are known by, unproven, unless it is somebody else's by now."""
    rows = [
        {"id": IdentityId(new_id()), "member_id": key, "kind": kind, "value": value}
        for (kind, value), key in known.items()
    ]
    if rows:
        await db.execute(insert(db, identity).on_conflict_do_nothing(), rows)


async def tell_many(db: AsyncConnection, told: Mapping[MemberId, Told]) -> None:
    """Store what members are called, read, and where they live."""
    rows = [
        {"of_member": key, "name": name, "locale": locale, "time_zone": time_zone}
        for key, (name, locale, time_zone) in sorted(told.items())
    ]
    if rows:
        await db.execute(member.update().where(member.c.id == bindparam("of_member")), rows)


_KNOWN = (
    select(identity.c.kind, identity.c.value, identity.c.member_id)
    .where(tuple_(identity.c.kind, identity.c.value).in_(bindparam("known_by", expanding=True)))
    .order_by(identity.c.verified_at.is_(None), identity.c.id)
)


async def find_rows(db: AsyncConnection, behind: MemberId | None, most: int) -> list[MemberRow]:
    """Return members by id behind one, without their groups; at most so many."""
    wanted = MEMBER.order_by(member.c.id).limit(most)
    rows = await db.execute(wanted if behind is None else wanted.where(member.c.id > behind))
    names = [name for name in MemberRow.__struct_fields__ if name != "groups"]
    return [MemberRow(**{name: row._mapping[name] for name in names}) for row in rows]


async def find_external(
    db: AsyncConnection, keys: Collection[MemberId], source: str
) -> dict[MemberId, str]:
    """Return {member: what `source` calls them, behind its name and a colon}."""
    rows = await db.execute(
        select(identity.c.member_id, func.min(identity.c.value).label("value"))
        .where(
            identity.c.member_id.in_(sorted(keys)),
            identity.c.kind == EXTERNAL,
            identity.c.value.startswith(f"{source}:", autoescape=True),
        )
        .group_by(identity.c.member_id)
    )
    return {row.member_id: row.value for row in rows}
