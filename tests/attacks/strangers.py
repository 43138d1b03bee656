"""Who asks for what is not theirs: by no token, by a member's, by staff's, by a program's."""

from __future__ import annotations

from uuid import UUID

import msgspec
from core.tests.oneid.people import People
from core.tests.payment.till import Till, codes
from msgspec import Struct

from koipond.kernel.ids import MemberId, StaffId, encode
from koipond.kernel.viewer import EVERYTHING, GUEST, Viewer, ViewerKind

DISABLE = """mutation($input: StaffInput!) { done: disableStaff(input: $input) {
  userErrors { code message } } }"""
MAKE_TOKEN = """mutation($input: CreateServiceTokenInput!) {
  done: createServiceToken(input: $input) { token userErrors { code message } } }"""


class Actor(Struct, frozen=True, kw_only=True):
    """Somebody who asks.

    token: of who has one that the test kit cannot sign. may_look: at all that there is, so that
    only what they do has to be answered as if there were nothing.
    """

    name: str
    viewer: Viewer = GUEST
    token: str = ""
    may_look: bool = False


def _staff(number: int, *permissions: str) -> Viewer:
    return Viewer(
        kind=ViewerKind.STAFF,
        id=UUID(f"01950000-0000-7000-8000-00000000010{number}"),
        permissions=frozenset(permissions),
    )


# What nobody asks for: a permission that does not help.
IDLE = _staff(1, "shipping.read")
DISABLED = _staff(2, EVERYTHING)
# All that there is, in the other channel.
ELSEWHERE, ONLOOKER = (
    msgspec.structs.replace(one, limited={EVERYTHING: frozenset({"eu"})})
    for one in (_staff(3, EVERYTHING), _staff(4, EVERYTHING, "order.read"))
)
# Who asks for what a second one must agree to; no stranger.
CLERK = _staff(5, EVERYTHING)


async def find_strangers(till: Till) -> list[Actor]:
    """Return everybody who has no right to what is somebody else's in the first channel."""
    people = People(till)
    stranger, merged = await people.meet("mei@example.org"), await people.meet("mei@example.com")
    await people.merge(stranger, merged)
    return [
        Actor(name="a guest"),
        Actor(name="another member", viewer=people.viewer(stranger)),
        Actor(name="a member who was merged into another", viewer=people.viewer(merged)),
        Actor(name="staff without the permission", viewer=IDLE),
        Actor(name="a program without the permission", token=await _program(till)),
        Actor(name="staff who were disabled", viewer=await _disabled(till)),
        Actor(name="staff of another channel", viewer=ELSEWHERE),
        Actor(name="staff who may only look here", viewer=ONLOOKER, may_look=True),
    ]


async def _program(till: Till) -> str:
    made = await till.staff(MAKE_TOKEN, name="till", permissions=["catalog.read"])
    assert codes(made) == [], made
    token: str = made["token"]
    return token


async def _disabled(till: Till) -> Viewer:
    await till.shop.employ(DISABLED)
    assert DISABLED.id is not None
    done = await till.staff(DISABLE, staffId=encode(StaffId, StaffId(DISABLED.id)))
    assert codes(done) == [], done
    return DISABLED


def member_key(viewer: Viewer) -> str:
    """Return a member's id as it is told outside."""
    assert viewer.id is not None
    return encode(MemberId, MemberId(viewer.id))
