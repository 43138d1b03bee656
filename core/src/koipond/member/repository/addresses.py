"""SQL of the addresses that members keep."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import AddressId, MemberId
from koipond.member.tables import member, member_address
from koipond.member.types import Address, MemberAddress


async def find_addresses(
    db: AsyncConnection, keys: Collection[MemberId]
) -> dict[MemberId, list[MemberAddress]]:
    """Return {member: addresses, the default one first} of those who keep some."""
    rows = await db.execute(
        select(member_address)
        .where(member_address.c.member_id.in_(sorted(keys)))
        .order_by(member_address.c.is_default.desc(), member_address.c.id)
    )
    found: dict[MemberId, list[MemberAddress]] = defaultdict(list)
    for row in rows:
        found[row.member_id].append(_address(row))
    return dict(found)


async def find_address(
    db: AsyncConnection, owner: MemberId, key: AddressId
) -> MemberAddress | None:
    """Return an address of this member; a foreign one is as if there were none."""
    rows = await db.execute(
        select(member_address).where(
            member_address.c.id == key, member_address.c.member_id == owner
        )
    )
    row = rows.one_or_none()
    return None if row is None else _address(row)


async def lock_owner(db: AsyncConnection, owner: MemberId) -> int:
    """Lock a member, who changes one address at a time; returns how many they keep."""
    await db.execute(
        select(member.c.id).where(member.c.id == owner).with_for_update(key_share=True)
    )
    counted = select(func.count()).where(member_address.c.member_id == owner)
    kept: int = (await db.execute(counted)).scalar_one()
    return kept


async def save_address(db: AsyncConnection, told: MemberAddress, *, now: datetime) -> None:
    """Store an address, new or known; of a member's, one is the default."""
    if told.is_default:
        await db.execute(
            member_address.update()
            .where(member_address.c.member_id == told.member_id, member_address.c.id != told.id)
            .values(is_default=False)
        )
    row = {
        "address": msgspec.to_builtins(told.address),
        "phone": told.phone,
        "is_default": told.is_default,
        "updated_at": now,
    }
    changed = await db.execute(
        member_address.update().where(member_address.c.id == told.id).values(row)
    )
    if not changed.rowcount:
        new = row | {"id": told.id, "member_id": told.member_id}
        await db.execute(member_address.insert().values(new))


async def make_default(db: AsyncConnection, told: MemberAddress, *, now: datetime) -> None:
    """Store that an address is its member's default."""
    await save_address(db, msgspec.structs.replace(told, is_default=True), now=now)


async def remove_address(db: AsyncConnection, owner: MemberId, key: AddressId) -> bool:
    """Remove an address of this member; False if there is none."""
    gone = await db.execute(
        member_address.delete().where(
            member_address.c.id == key, member_address.c.member_id == owner
        )
    )
    return gone.rowcount == 1


async def move(
    db: AsyncConnection, source: MemberId, target: MemberId
) -> dict[str, dict[str, bool]]:
    """Store a member's addresses as another's, whose default stays; returns {address: was}."""
    a = member_address.c
    own = select(a.id, a.is_default).where(a.member_id == source).order_by(a.id)
    moved = {str(row.id): {"is_default": row.is_default} for row in await db.execute(own)}
    has_default = select(a.id).where(a.member_id == target, a.is_default.is_(True))
    if (await db.execute(has_default)).first() is not None:
        plain = member_address.update().where(a.member_id == source)
        await db.execute(plain.values(is_default=False))
    await db.execute(member_address.update().where(a.member_id == source).values(member_id=target))
    return moved


async def move_back(
    db: AsyncConnection,
    source: MemberId,
    target: MemberId,
    moved: Mapping[str, Mapping[str, bool]],
) -> None:
    """Store what `move` moved, and was not removed since, as it was; each keeps one default."""
    a = member_address.c
    for key, was in moved.items():
        await db.execute(
            member_address.update()
            .where(a.id == UUID(key), a.member_id == source)
            .values(member_id=target, is_default=was["is_default"])
        )
    for owner, own in (await find_addresses(db, [source, target])).items():
        if not own[0].is_default:
            first = a.member_id == owner, a.id == own[0].id
            await db.execute(member_address.update().where(*first).values(is_default=True))


def _address(row: Any) -> MemberAddress:
    return MemberAddress(
        id=row.id,
        member_id=row.member_id,
        address=msgspec.convert(row.address, Address),
        phone=row.phone,
        is_default=row.is_default,
    )
