"""Use-cases about the tokens of programs."""

from __future__ import annotations

from koipond.channel import service as channels
from koipond.kernel.context import Context
from koipond.kernel.ids import ServiceTokenId, StaffId, encode, new_id, new_token
from koipond.kernel.viewer import ViewerKind
from koipond.staff import repository, rules
from koipond.staff.errors import ServiceTokenUnknown
from koipond.staff.service.standing import changing
from koipond.staff.types import TOKEN_PREFIX, ServiceToken, ServiceTokenDraft


async def find_tokens(ctx: Context) -> list[ServiceToken]:
    """Return every service token, the oldest first, also those that were revoked."""
    async with ctx.reading() as db:
        return [one for _, one in await repository.find_tokens(db)]


async def find_person(ctx: Context) -> StaffId | None:
    """Return who of the staff asks, be it by a program that has a token of theirs.

    None: no staff, or a program whose token was made at the console.
    """
    viewer = ctx.viewer
    if viewer.id is None or not viewer.is_staff:
        return None
    if viewer.kind is ViewerKind.STAFF:
        return StaffId(viewer.id)
    async with ctx.reading() as db:
        token = await repository.find_token(db, ServiceTokenId(viewer.id))
    return None if token is None else token.created_by


@changing
async def create_token(ctx: Context, draft: ServiceTokenDraft) -> tuple[ServiceToken, str]:
    """Make a token for a program; returns it with its text, which nobody can find out later.

    Raises ServiceTokenInvalid, PermissionUnknown, PermissionNotHeld.
    """
    codes = [channel.code for channel in await channels.find_channels(ctx)]
    now = ctx.clock.now()
    rules.check_token(draft, known=ctx.shop.permissions(), channels=codes, now=now)
    rules.check_held(ctx.viewer, rules.stand_as(draft.permissions, draft.channels))
    by = await find_person(ctx)
    new = ServiceToken(
        id=ServiceTokenId(new_id()),
        name=draft.name.strip(),
        permissions=tuple(sorted(set(draft.permissions))),
        channels=None if draft.channels is None else tuple(sorted(set(draft.channels))),
        created_at=now,
        created_by=by,
        expires_at=draft.expires_at,
    )
    text = TOKEN_PREFIX + new_token()
    await repository.add_token(ctx.db, new, hashed=rules.hash_token(text))
    ctx.audited(encode(ServiceTokenId, new.id), after=new)
    return new, text


@changing
async def revoke_token(ctx: Context, key: ServiceTokenId) -> ServiceToken:
    """Accept a token no more; twice is once. Raises ServiceTokenUnknown, PermissionNotHeld."""
    known = await repository.find_token(ctx.db, key)
    if known is None:
        raise ServiceTokenUnknown(token=encode(ServiceTokenId, key))
    rules.check_held(ctx.viewer, rules.stand_as(known.permissions, known.channels))
    await repository.revoke_token(ctx.db, key, now=ctx.clock.now())
    stored = await repository.find_token(ctx.db, key)
    assert stored is not None, "it was just there"
    ctx.audited(encode(ServiceTokenId, key), before=known, after=stored)
    return stored
