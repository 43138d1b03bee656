"""SQL of staff, roles and service tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ServiceTokenId, StaffId
from koipond.kernel.pages import Page, Slice, cut
from koipond.staff.tables import role, service_token, staff, staff_role
from koipond.staff.types import Grant, Role, ServiceToken, Staff, StaffState


async def find_all(db: AsyncConnection) -> list[Staff]:
    """Return all of the staff, the first first."""
    rows = (await db.execute(select(staff).order_by(staff.c.id))).all()
    return await _with_grants(db, rows)


async def find(db: AsyncConnection, key: StaffId) -> Staff | None:
    """Return one of the staff, or None."""
    rows = (await db.execute(select(staff).where(staff.c.id == key))).all()
    found = await _with_grants(db, rows)
    return found[0] if found else None


async def find_by_email(db: AsyncConnection, email: str) -> Staff | None:
    """Return one of the staff by their address, or None."""
    rows = (await db.execute(select(staff).where(staff.c.email == email))).all()
    found = await _with_grants(db, rows)
    return found[0] if found else None


async def find_page(db: AsyncConnection, wanted: Page) -> Slice[Staff]:
    """Return a page of the staff, by their addresses."""
    statement = select(staff).order_by(staff.c.email).limit(wanted.first + 1)
    if wanted.after is not None:
        statement = statement.where(staff.c.email > wanted.after[0])
    found = await _with_grants(db, (await db.execute(statement)).all())
    return cut(found, [(one.email,) for one in found], wanted)


async def add(db: AsyncConnection, new: Staff) -> None:
    """Store one of the staff."""
    await db.execute(staff.insert().values(_row(new)))
    await _save_grants(db, new)


async def save(db: AsyncConnection, changed: Staff) -> None:
    """Store one of the staff who are known."""
    await db.execute(staff.update().where(staff.c.id == changed.id).values(_row(changed)))
    await db.execute(staff_role.delete().where(staff_role.c.staff_id == changed.id))
    await _save_grants(db, changed)


async def find_roles(db: AsyncConnection) -> dict[str, Role]:
    """Return {key: role}, by their keys."""
    rows = await db.execute(select(role).order_by(role.c.key))
    return {
        row.key: Role(
            key=row.key, name=row.name, permissions=tuple(row.permissions), version=row.version
        )
        for row in rows
    }


async def add_role(db: AsyncConnection, new: Role) -> None:
    """Store a new role."""
    await db.execute(role.insert().values(_role_row(new)))


async def save_role(db: AsyncConnection, changed: Role) -> None:
    """Store a role that is known."""
    await db.execute(role.update().where(role.c.key == changed.key).values(_role_row(changed)))


async def remove_role(db: AsyncConnection, key: str) -> None:
    """Remove a role that nobody has."""
    await db.execute(role.delete().where(role.c.key == key))


async def count_holders(db: AsyncConnection, key: str) -> int:
    """Return how many of the staff have a role."""
    counted = select(func.count(staff_role.c.staff_id.distinct())).where(
        staff_role.c.role_key == key
    )
    found: int = (await db.execute(counted)).scalar_one()
    return found


async def find_tokens(
    db: AsyncConnection, *, valid_only: bool = False
) -> list[tuple[str, ServiceToken]]:
    """Return [(hash, token)], the oldest first. valid_only: without those that were revoked."""
    statement = select(service_token).order_by(service_token.c.id)
    if valid_only:
        statement = statement.where(service_token.c.revoked_at.is_(None))
    return [_token(row) for row in await db.execute(statement)]


async def find_token(db: AsyncConnection, key: ServiceTokenId) -> ServiceToken | None:
    """Return a service token, or None."""
    rows = await db.execute(select(service_token).where(service_token.c.id == key))
    row = rows.one_or_none()
    return None if row is None else _token(row)[1]


async def add_token(db: AsyncConnection, new: ServiceToken, *, hashed: str) -> None:
    """Store a new service token by its hash."""
    row = msgspec.structs.asdict(new) | {
        "hash": hashed,
        "permissions": list(new.permissions),
        "channels": list(new.channels or ()),
    }
    await db.execute(service_token.insert().values(row))


async def revoke_token(db: AsyncConnection, key: ServiceTokenId, *, now: datetime) -> None:
    """Store that a token is not accepted any more."""
    revoked = service_token.update().where(
        service_token.c.id == key, service_token.c.revoked_at.is_(None)
    )
    await db.execute(revoked.values(revoked_at=now))


async def note_use(db: AsyncConnection, key: ServiceTokenId, *, now: datetime) -> None:
    """Store that a token was used."""
    await db.execute(
        service_token.update().where(service_token.c.id == key).values(last_used_at=now)
    )


async def _with_grants(db: AsyncConnection, rows: Collection[Any]) -> list[Staff]:
    grants = await _find_grants(db, [row.id for row in rows])
    return [
        Staff(
            id=row.id,
            email=row.email,
            name=row.name,
            state=StaffState(row.state),
            version=row.version,
            created_at=row.created_at,
            grants=grants.get(row.id, ()),
        )
        for row in rows
    ]


async def _find_grants(
    db: AsyncConnection, keys: Collection[StaffId]
) -> Mapping[StaffId, tuple[Grant, ...]]:
    found: dict[StaffId, list[Grant]] = defaultdict(list)
    if keys:
        chosen = select(staff_role).where(staff_role.c.staff_id.in_(keys))
        for row in await db.execute(chosen):
            found[row.staff_id].append(Grant(role=row.role_key, channel=row.channel))
    return {key: tuple(sorted(them)) for key, them in found.items()}


async def _save_grants(db: AsyncConnection, one: Staff) -> None:
    rows = [
        {"staff_id": one.id, "role_key": grant.role, "channel": grant.channel}
        for grant in one.grants
    ]
    if rows:
        await db.execute(staff_role.insert(), rows)


def _row(one: Staff) -> dict[str, Any]:
    given = msgspec.structs.asdict(one)
    del given["grants"]
    return given


def _role_row(one: Role) -> dict[str, Any]:
    return msgspec.structs.asdict(one) | {"permissions": list(one.permissions)}


def _token(row: Any) -> tuple[str, ServiceToken]:
    given = row._asdict()
    hashed = given.pop("hash")
    given["permissions"] = tuple(row.permissions)
    given["channels"] = tuple(row.channels) or None
    return hashed, ServiceToken(**given)
