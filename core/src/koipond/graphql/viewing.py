"""Whom a request speaks for, by the token that it carries."""

from __future__ import annotations

from koipond.graphql.request import HttpRefused
from koipond.kernel.context import Shop
from koipond.kernel.viewer import GUEST, TokenInvalid, Viewer, ViewerKind, check
from koipond.staff import service as staff
from koipond.staff.types import TOKEN_PREFIX


async def read_viewer(shop: Shop, authorization: str | None, *, staff_only: bool) -> Viewer:
    """Return whom a bearer token speaks for; without one it is a guest.

    authorization: "Bearer …". Raises TokenInvalid, and HttpRefused for who is no staff.
    """
    if authorization is None:
        viewer = GUEST
    else:
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer":
            raise TokenInvalid(reason="the header is not `Authorization: Bearer …`")
        viewer = await _recognise(shop, token.strip())
    if staff_only and not viewer.is_staff:
        raise _not_staff(viewer)
    return viewer


async def _recognise(shop: Shop, token: str) -> Viewer:
    if token.startswith(TOKEN_PREFIX):
        async with shop.context(viewer=GUEST) as ctx:
            return await staff.recognise_program(ctx, token)
    claimed = check(token, secret=shop.settings.secret, now=shop.clock.now())
    if claimed.kind is not ViewerKind.STAFF:
        return claimed
    async with shop.context(viewer=GUEST) as ctx:
        return await staff.recognise(ctx, claimed)


def _not_staff(viewer: Viewer) -> HttpRefused:
    if viewer.kind is ViewerKind.GUEST:
        return HttpRefused(
            401,
            "This is for staff. Send Authorization: Bearer …; `koi token staff` and `koi token "
            "service` issue one.",
            code="UNAUTHENTICATED",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return HttpRefused(403, "This is for staff; the token is a member's.", code="FORBIDDEN")
