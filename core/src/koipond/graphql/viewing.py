"""Whom a request speaks for, by the token that it carries."""

from __future__ import annotations

from typing import Any

from graphql import (
    DefinitionNode,
    FieldNode,
    GraphQLError,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    parse,
    visit,
)

from koipond.graphql.request import HttpRefused
from koipond.kernel.context import Shop
from koipond.kernel.viewer import GUEST, TokenInvalid, Viewer, ViewerKind, check
from koipond.login.service import check_login
from koipond.member import service as member
from koipond.staff import service as staff
from koipond.staff.types import TOKEN_PREFIX

# What the staff's schema answers those who are nobody yet.
_DOORS = frozenset({"logInStaff", "logOut", "refreshLogin"})
# All the words that their documents may have: no other one is looked up in the schema, so that
# nobody learns by asking which words it has.
DOOR_WORDS = _DOORS | {
    *("input", "email", "password", "refreshToken"),
    *("LogInStaffInput", "LogOutInput", "RefreshLoginInput", "String"),
    *("staff", "accessToken", "expiresAt", "done"),
    *("id", "name", "state", "roles", "role", "channel", "version", "createdAt"),
    *("userErrors", "code", "message", "field", "__typename"),
}
_TOKENS_MAX = 200


def check_door(query: str) -> None:
    """Raise HttpRefused unless a document of a guest, for the staff's schema, only logs in or out.

    Before it is held against the schema, whose words are not for guests: see DOOR_WORDS.
    """
    try:
        document = parse(query, max_tokens=_TOKENS_MAX)
    except GraphQLError as error:
        raise not_staff(GUEST) from error
    words = _Words()
    visit(document, words)
    if not all(map(_is_door, document.definitions)) or not words.found <= DOOR_WORDS:
        raise not_staff(GUEST)


class _Words(Visitor):
    """Finds the words of a document that are the schema's: not those that who sends it chose."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_name(self, node: NameNode, key: Any, parent: Any, *_: Any) -> None:
        own = isinstance(parent, VariableNode | OperationDefinitionNode) or key == "alias"
        if not own:
            self.found.add(node.value)


def _is_door(one: DefinitionNode) -> bool:
    """Tell whether this is a mutation that only logs somebody in or out."""
    if not isinstance(one, OperationDefinitionNode):
        return False
    fields = one.selection_set.selections
    return one.operation is OperationType.MUTATION and all(
        isinstance(field, FieldNode) and field.name.value in _DOORS for field in fields
    )


async def read_viewer(
    shop: Shop, authorization: str | None, *, staff_only: bool, at_door: bool = False
) -> Viewer:
    """Return whom a bearer token speaks for; without one it is a guest.

    authorization: "Bearer …". at_door: let guests in who may log in; `check_door` is asked next.
    Raises TokenInvalid, and HttpRefused for who is no staff.
    """
    if authorization is None:
        viewer = GUEST
    else:
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer":
            raise TokenInvalid(reason="the header is not `Authorization: Bearer …`")
        viewer = await _recognise(shop, token.strip())
    is_guest = viewer.kind is ViewerKind.GUEST
    if staff_only and not viewer.is_staff and not (is_guest and at_door):
        raise not_staff(viewer)
    return viewer


async def _recognise(shop: Shop, token: str) -> Viewer:
    if token.startswith(TOKEN_PREFIX):
        async with shop.context(viewer=GUEST) as ctx:
            return await staff.recognise_program(ctx, token)
    settings = shop.settings
    claimed = check(
        token,
        secret=settings.secret,
        previous=settings.previous_secret,
        issuer=settings.token_issuer,
        now=shop.clock.now(),
    )
    await check_login(shop, claimed)
    async with shop.context(viewer=GUEST) as ctx:
        if claimed.kind is ViewerKind.STAFF:
            return await staff.recognise(ctx, claimed)
        return await member.resolve(ctx, claimed)


def not_staff(viewer: Viewer) -> HttpRefused:
    """Return what who is no staff is told at the door of staff, whatever they asked."""
    if viewer.kind is ViewerKind.GUEST:
        return HttpRefused(
            401,
            "This is for staff. Send Authorization: Bearer …; `koi token staff` and `koi token "
            "service` issue one.",
            code="UNAUTHENTICATED",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return HttpRefused(403, "This is for staff; the token is a member's.", code="FORBIDDEN")
