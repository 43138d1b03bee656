"""Use-cases about roles."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from koipond.kernel.context import Context
from koipond.kernel.errors import check_version
from koipond.staff import repository, rules
from koipond.staff.errors import RoleInUse, RoleUnknown
from koipond.staff.service.standing import changing
from koipond.staff.types import PermissionName, Role


async def find_roles(ctx: Context) -> Mapping[str, Role]:
    """Return {key: role}, by their keys."""
    async with ctx.reading() as db:
        return await repository.find_roles(db)


def find_permissions(ctx: Context) -> list[PermissionName]:
    """Return the rights that a role may have, by their names."""
    told = {
        one.name: PermissionName(name=one.name, plugin=plugin, description=one.description)
        for plugin, found in ctx.shop.extensions.permissions.items()
        for one in found
    }
    return [told.get(name, PermissionName(name=name)) for name in sorted(ctx.shop.permissions())]


@changing
async def set_role(
    ctx: Context,
    key: str,
    *,
    name: str,
    permissions: Collection[str],
    expected_version: int | None = None,
) -> Role:
    """Make a role, or have a known one allow exactly these permissions.

    expected_version: as it was read, 0 for a new one; None: whichever it is. Raises RoleInvalid,
    PermissionUnknown, PermissionNotHeld, StaffUnmanaged, VersionConflict.
    """
    roles = await repository.find_roles(ctx.db)
    known = roles.get(key)
    version = known.version if known else 0
    check_version(f"role {key}", expected=expected_version, current=version)
    told = rules.make_role(
        key,
        name=name,
        permissions=permissions,
        known=ctx.shop.permissions(),
        version=version + 1,
    )
    rules.check_held(ctx.viewer, rules.stand_as(told.permissions, None))
    if known is None:
        await repository.add_role(ctx.db, told)
    else:
        rules.check_held(ctx.viewer, rules.stand_as(known.permissions, None))
        people = await repository.find_all(ctx.db)
        rules.check_managed(
            rules.count_managers(people, roles), rules.count_managers(people, {**roles, key: told})
        )
        await repository.save_role(ctx.db, told)
    ctx.audited(f"role {key}", before=known, after=told)
    return told


@changing
async def remove_role(ctx: Context, key: str) -> None:
    """Remove a role that nobody has. Raises RoleUnknown, RoleInUse, PermissionNotHeld."""
    roles = await repository.find_roles(ctx.db)
    if key not in roles:
        raise RoleUnknown(role=key, known=", ".join(roles) or "none").located("key")
    rules.check_held(ctx.viewer, rules.stand_as(roles[key].permissions, None))
    holders = await repository.count_holders(ctx.db, key)
    if holders:
        raise RoleInUse(role=key, holders=holders)
    await repository.remove_role(ctx.db, key)
    ctx.audited(f"role {key}", before=roles[key])
