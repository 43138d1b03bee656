"""Use-cases about people who run the shop."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from koipond.channel import service as channels
from koipond.kernel.context import Context
from koipond.kernel.errors import check_version
from koipond.kernel.ids import StaffId, encode, new_id
from koipond.kernel.pages import Page, Slice
from koipond.kernel.viewer import EVERYTHING
from koipond.staff import repository, rules
from koipond.staff.errors import StaffEmailTaken, StaffUnknown
from koipond.staff.events import StaffDisabled
from koipond.staff.service.standing import changing
from koipond.staff.types import (
    OWNER,
    Grant,
    Role,
    Staff,
    StaffChange,
    StaffDraft,
    StaffState,
)


async def find_staff(ctx: Context, key: StaffId) -> Staff | None:
    """Return one of the staff, or None."""
    async with ctx.reading() as db:
        return await repository.find(db, key)


async def find_by_email(ctx: Context, email: str) -> Staff | None:
    """Return one of the staff by their e-mail address, be they disabled or not."""
    async with ctx.reading() as db:
        return await repository.find_by_email(db, email.strip().lower())


async def find_page(ctx: Context, wanted: Page) -> Slice[Staff]:
    """Return a page of the staff, by their e-mail addresses."""
    async with ctx.reading() as db:
        return await repository.find_page(db, wanted)


@changing
async def create_staff(ctx: Context, draft: StaffDraft) -> Staff:
    """Make somebody one of the staff.

    Raises StaffInvalid, StaffEmailTaken, RoleUnknown, PermissionNotHeld.
    """
    new = Staff(
        id=StaffId(new_id()),
        email=rules.normalise_email(draft.email),
        name=rules.normalise_name(draft.name),
        state=StaffState.ACTIVE,
        version=1,
        created_at=ctx.clock.now(),
    )
    return await _add(ctx, await _granted(ctx, new, draft.grants))


@changing
async def create_admin(ctx: Context, email: str, *, name: str = "") -> Staff:
    """Make somebody one of the staff who may do everything; again, it changes nothing.

    For the console alone: who is at it holds the shop's secret. One who is known by the address
    gets the role beside those that they have, and is active again. Raises StaffInvalid.
    """
    address = rules.normalise_email(email)
    if OWNER not in await repository.find_roles(ctx.db):
        await repository.add_role(ctx.db, Role(key=OWNER, name="Owner", permissions=(EVERYTHING,)))
    known = await repository.find_by_email(ctx.db, address)
    grant = Grant(role=OWNER)
    if known is None:
        new = Staff(
            id=StaffId(new_id()),
            email=address,
            name=rules.normalise_name(name),
            state=StaffState.ACTIVE,
            version=1,
            created_at=ctx.clock.now(),
            grants=(grant,),
        )
        return await _add(ctx, new)
    grants = tuple(sorted({*known.grants, grant}))
    if (known.state, known.grants) == (StaffState.ACTIVE, grants):
        return known
    return await _save(
        ctx, known, msgspec.structs.replace(known, state=StaffState.ACTIVE, grants=grants)
    )


@changing
async def change_staff(
    ctx: Context, key: StaffId, change: StaffChange, *, expected_version: int | None = None
) -> Staff:
    """Change one of the staff as it is told.

    Raises StaffUnknown, StaffInvalid, StaffEmailTaken, RoleUnknown, PermissionNotHeld,
    StaffUnmanaged, VersionConflict.
    """
    known = await _get(ctx, key)
    check_version(encode(StaffId, key), expected=expected_version, current=known.version)
    changed = known
    if change.email is not None:
        changed = msgspec.structs.replace(changed, email=rules.normalise_email(change.email))
    if change.name is not None:
        changed = msgspec.structs.replace(changed, name=rules.normalise_name(change.name))
    if change.grants is not None:
        changed = await _granted(ctx, changed, change.grants)
    return await _save(ctx, known, changed)


@changing
async def disable_staff(ctx: Context, key: StaffId) -> Staff:
    """Let one of the staff do nothing any more; twice is once.

    Raises StaffUnknown, PermissionNotHeld, StaffUnmanaged.
    """
    known = await _get(ctx, key)
    if known.state is StaffState.DISABLED:
        return known
    changed = await _save(ctx, known, msgspec.structs.replace(known, state=StaffState.DISABLED))
    ctx.emit(StaffDisabled(staff_id=key))
    return changed


@changing
async def enable_staff(ctx: Context, key: StaffId) -> Staff:
    """Let one of the staff do again what their roles say; twice is once.

    Raises StaffUnknown, PermissionNotHeld.
    """
    known = await _get(ctx, key)
    if known.state is StaffState.ACTIVE:
        return known
    return await _save(ctx, known, msgspec.structs.replace(known, state=StaffState.ACTIVE))


async def _get(ctx: Context, key: StaffId) -> Staff:
    """Return one of the staff whom the viewer may change."""
    known = await repository.find(ctx.db, key)
    if known is None:
        raise StaffUnknown(staff=encode(StaffId, key))
    # Else who manages staff could give the owner another e-mail address, and come in by that.
    rules.check_held(ctx.viewer, rules.stand(known.grants, await repository.find_roles(ctx.db)))
    return known


async def _granted(ctx: Context, one: Staff, grants: Sequence[Grant]) -> Staff:
    roles = await repository.find_roles(ctx.db)
    codes = [channel.code for channel in await channels.find_channels(ctx)]
    settled = rules.settle_grants(grants, roles=roles, channels=codes)
    rules.check_held(ctx.viewer, rules.stand(settled, roles))
    return msgspec.structs.replace(one, grants=settled)


async def _add(ctx: Context, new: Staff) -> Staff:
    await _check_free(ctx, new)
    await repository.add(ctx.db, new)
    ctx.audited(encode(StaffId, new.id), after=new)
    return new


async def _save(ctx: Context, known: Staff, changed: Staff) -> Staff:
    await _check_free(ctx, changed)
    people = await repository.find_all(ctx.db)
    roles = await repository.find_roles(ctx.db)
    after = [changed if one.id == changed.id else one for one in people]
    rules.check_managed(rules.count_managers(people, roles), rules.count_managers(after, roles))
    stored = msgspec.structs.replace(changed, version=known.version + 1)
    await repository.save(ctx.db, stored)
    ctx.audited(encode(StaffId, known.id), before=known, after=stored)
    return stored


async def _check_free(ctx: Context, one: Staff) -> None:
    other = await repository.find_by_email(ctx.db, one.email)
    if other is not None and other.id != one.id:
        raise StaffEmailTaken(email=one.email).located("email")
