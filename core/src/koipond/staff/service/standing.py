"""Who may do what, as each process keeps it: no request asks the database for it.

What changes it holds at once in the process that changed it, and in all others within a second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

from koipond.kernel.context import Context, bookkeeping, transaction
from koipond.kernel.editions import Kept, count_up, forget_copies
from koipond.kernel.ids import ServiceTokenId, StaffId
from koipond.kernel.viewer import TokenInvalid, Viewer, ViewerKind
from koipond.staff import repository, rules
from koipond.staff.types import Directory

P = ParamSpec("P")
T = TypeVar("T")
_EDITION = "staff"
# How exactly it is known when a token was used last.
_USE_NOTED = timedelta(minutes=1)


async def _read_directory(ctx: Context) -> Directory:
    async with ctx.reading() as db:
        people = await repository.find_all(db)
        roles = await repository.find_roles(db)
        tokens = await repository.find_tokens(db, valid_only=True)
    return rules.make_directory(people, roles, tokens)


_KEPT: Kept[Directory] = Kept(_EDITION, read=_read_directory, empty=Directory())


# Under this a process keeps when it noted last that a token was used: {token: instant}.
_USES = object()


async def recognise(ctx: Context, claimed: Viewer) -> Viewer:
    """Return the staff member that a signed token speaks for, with what they may do now.

    Raises TokenInvalid for who is disabled or was never there.
    """
    directory = await _KEPT.find(ctx)
    standing = directory.staff.get(StaffId(claimed.id)) if claimed.id else None
    if standing is None:
        raise TokenInvalid(reason="its staff member is disabled or not of this shop")
    return msgspec.structs.replace(
        claimed, permissions=standing.permissions, limited=standing.limited
    )


async def recognise_program(ctx: Context, token: str) -> Viewer:
    """Return the program that a service token speaks for. Raises TokenInvalid."""
    directory, now = await _KEPT.find(ctx), ctx.clock.now()
    found = directory.programs.get(rules.hash_token(token))
    if found is None:
        raise TokenInvalid(reason="it was revoked or is none of this shop's")
    if found.expires_at is not None and found.expires_at <= now:
        raise TokenInvalid(reason=f"it expired at {found.expires_at.isoformat()}")
    await _note_use(ctx, found.id, now)
    return Viewer(
        kind=ViewerKind.SERVICE,
        id=found.id,
        permissions=found.standing.permissions,
        limited=found.standing.limited,
        expires_at=found.expires_at,
    )


async def find_active(ctx: Context, key: StaffId) -> bool:
    """Tell whether one of the staff is there and not disabled; costs nothing while it is fresh."""
    return key in (await _KEPT.find(ctx)).staff


async def _note_use(ctx: Context, key: ServiceTokenId, now: datetime) -> None:
    uses: dict[ServiceTokenId, datetime] = ctx.shop.kept.setdefault(_USES, {})
    last = uses.get(key)
    if last is not None and timedelta() <= now - last < _USE_NOTED:
        return
    uses[key] = now
    await _store_use(ctx, key, now)


@bookkeeping
async def _store_use(ctx: Context, key: ServiceTokenId, now: datetime) -> None:
    await repository.note_use(ctx.db, key, now=now)


def changing(
    use_case: Callable[Concatenate[Context, P], Awaitable[T]],
) -> Callable[Concatenate[Context, P], Awaitable[T]]:
    """Run a use-case that changes who may do what: in a transaction, one after the other.

    Two managers who disable each other at the same instant would both see the other one stay; and
    who was disabled while this waited does nothing more. Raises TokenInvalid for them.
    """

    @transaction
    async def change(ctx: Context, /, *args: P.args, **kwargs: P.kwargs) -> T:
        await _take_turn(ctx)
        await _look_again(ctx)
        return await use_case(ctx, *args, **kwargs)

    @wraps(use_case)
    async def run(ctx: Context, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await change(ctx, *args, **kwargs)
        finally:
            _read_anew(ctx)

    return run


async def _take_turn(ctx: Context) -> None:
    # The edition's row is the lock that all changes take, before they read anything.
    await count_up(ctx, _EDITION)


def _read_anew(ctx: Context) -> None:
    # Once more: between the change and its commit others may have read what was before.
    forget_copies(ctx.shop)


async def _look_again(ctx: Context) -> None:
    """Let who asks hold what they hold now, and not what they held when they came."""
    viewer = ctx.viewer
    if viewer.id is None or not viewer.is_staff:
        return
    directory = await _read_directory(ctx)
    if viewer.kind is ViewerKind.STAFF:
        standing = directory.staff.get(StaffId(viewer.id))
    else:
        programs = directory.programs.values()
        standing = next((one.standing for one in programs if one.id == viewer.id), None)
    if standing is None:
        raise TokenInvalid(reason="it is of nobody who still holds anything here")
    ctx.viewer = msgspec.structs.replace(
        viewer, permissions=standing.permissions, limited=standing.limited
    )
