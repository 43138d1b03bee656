"""Lets a shop know staff who may do just what a test wants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from koipond.kernel.context import Context, bookkeeping
from koipond.kernel.db import insert
from koipond.kernel.editions import count_up
from koipond.kernel.viewer import Viewer
from koipond.staff.service import create_token
from koipond.staff.tables import role, staff, staff_role
from koipond.staff.types import ServiceTokenDraft

_DOMAIN = "@staff.test"
_ROLE = "kit-"


@bookkeeping
async def employ(ctx: Context, viewer: Viewer) -> None:
    """Store one of the staff, whom the roles `kit-…` allow what `viewer` may, and no more.

    Of permissions that nobody has declared too, which the use-cases would refuse.
    """
    assert viewer.id is not None, "a viewer without an id has no token"
    await count_up(ctx, "staff")
    row = {
        "id": viewer.id,
        "email": f"{viewer.id}{_DOMAIN}",
        "name": "Staff",
        "state": "active",
        "version": 1,
        "created_at": ctx.clock.now(),
    }
    await ctx.db.execute(insert(ctx.db, staff).values(row).on_conflict_do_nothing())
    await ctx.db.execute(staff_role.delete().where(staff_role.c.staff_id == viewer.id))
    for channel, permissions in _by_channel(viewer).items():
        key = f"{_ROLE}{viewer.id.hex[-12:]}-{channel or 'all'}"[:40]
        told = insert(ctx.db, role).values(
            key=key, name=key, permissions=sorted(permissions), version=1
        )
        changed = {"permissions": told.excluded.permissions}
        await ctx.db.execute(told.on_conflict_do_update(index_elements=["key"], set_=changed))
        grant = {"staff_id": viewer.id, "role_key": key, "channel": channel}
        await ctx.db.execute(staff_role.insert().values(grant))


async def make_token(ctx: Context, viewer: Viewer) -> str:
    """Make the token of a program that may what `viewer` may. Raises PermissionUnknown."""
    assert viewer.id is not None, "a viewer without an id has no token"
    draft = ServiceTokenDraft(
        name=f"{_ROLE}{viewer.id.hex}",
        permissions=sorted(viewer.permissions),
        channels=sorted(set().union(*viewer.limited.values())) if viewer.limited else None,
    )
    _, token = await create_token(ctx, draft)
    return token


def is_of_kit(table: str, row: Mapping[str, Any]) -> bool:
    """Tell whether a row is there because of `employ` or `make_token`."""
    match table:
        case "staff":
            return str(row["email"]).endswith(_DOMAIN)
        case "role":
            return str(row["key"]).startswith(_ROLE)
        case "staff_role":
            return str(row["role_key"]).startswith(_ROLE)
        case "service_token":
            return str(row["name"]).startswith(_ROLE)
        case "edition":
            return bool(row["name"] == "staff")
        case _:
            return False


def _by_channel(viewer: Viewer) -> dict[str, set[str]]:
    """Return {channel, or "" for all: the permissions that are held there}."""
    found: dict[str, set[str]] = defaultdict(set)
    for permission in viewer.permissions:
        for channel in viewer.limited.get(permission, {""}):
            found[channel].add(permission)
    return found
