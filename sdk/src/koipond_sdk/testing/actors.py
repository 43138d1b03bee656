"""Who asks: `shop.graphql(document, viewer=…)` takes any of them.

GUEST           nobody in particular
make.member()   somebody who has logged in; the fixture `make`
staff(…)        somebody who runs the shop and has just these permissions; STAFF has all of them
service(…)      a program with a token that staff can revoke
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import NAMESPACE_URL, UUID, uuid5

from koipond.kernel.viewer import EVERYTHING, GUEST, Viewer, ViewerKind

STAFF = Viewer(
    kind=ViewerKind.STAFF,
    id=UUID("01950000-0000-7000-8000-000000000001"),
    permissions=frozenset({EVERYTHING}),
)


def staff(*permissions: str, channels: Collection[str] | None = None, name: str = "") -> Viewer:
    """Return one of the staff who has these permissions and no others.

    channels: codes of those in which alone they hold; None: in all. name: tells two of the same
    permissions apart; the same words give the same person.
    """
    return _viewer(ViewerKind.STAFF, permissions, channels, name)


def service(*permissions: str, channels: Collection[str] | None = None, name: str = "") -> Viewer:
    """Return a program that has these permissions and no others; as `staff`.

    Its token is made when it first asks, and is refused for a permission that nobody declares.
    """
    return _viewer(ViewerKind.SERVICE, permissions, channels, name)


def _viewer(
    kind: ViewerKind, permissions: Collection[str], channels: Collection[str] | None, name: str
) -> Viewer:
    where = None if channels is None else frozenset(channels)
    words = f"{kind} {name} {sorted(permissions)} {None if where is None else sorted(where)}"
    return Viewer(
        kind=kind,
        id=uuid5(NAMESPACE_URL, words),
        permissions=frozenset(permissions),
        limited={} if where is None else dict.fromkeys(permissions, where),
    )


__all__ = ["GUEST", "STAFF", "Viewer", "service", "staff"]
