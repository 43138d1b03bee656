"""What staff, roles and service tokens must be, who may give what, and what follows from it."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from koipond.kernel.viewer import EVERYTHING, Viewer
from koipond.staff.errors import (
    PermissionNotHeld,
    PermissionUnknown,
    RoleInvalid,
    RoleUnknown,
    ServiceTokenInvalid,
    StaffInvalid,
    StaffUnmanaged,
)
from koipond.staff.types import (
    EVERYWHERE,
    MANAGES_STAFF,
    Directory,
    Grant,
    Program,
    Role,
    ServiceToken,
    ServiceTokenDraft,
    Staff,
    StaffState,
    Standing,
)

GRANTS_MAX = 200
_EMAIL = re.compile(r"[^\s@<>\"(),:;\\]{1,64}@[^\s@<>\"(),:;\\]{1,253}")
_EMAIL_MAX = 320
_NAME_MAX = 200
_LABEL_MAX = 120
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def normalise_email(email: str) -> str:
    """Return an address as it is kept. Raises StaffInvalid."""
    told = email.strip().lower()
    if len(told) > _EMAIL_MAX or not _EMAIL.fullmatch(told):
        reason = f"{told[:60]!r} is no e-mail address; write it like lin@example.org"
        raise StaffInvalid(reason=reason).located("email")
    return told


def normalise_name(name: str) -> str:
    """Return a name as it is kept. Raises StaffInvalid."""
    told = name.strip()
    if len(told) > _NAME_MAX:
        reason = f"the name has {len(told)} characters, at most {_NAME_MAX} are kept"
        raise StaffInvalid(reason=reason).located("name")
    return told


def settle_grants(
    grants: Sequence[Grant], *, roles: Mapping[str, Role], channels: Collection[str]
) -> tuple[Grant, ...]:
    """Return grants once each, sorted. Raises RoleUnknown, StaffInvalid."""
    if len(grants) > GRANTS_MAX:
        reason = f"{len(grants)} roles, at most {GRANTS_MAX} are possible"
        raise StaffInvalid(reason=reason).located("roles")
    for one in grants:
        if one.role not in roles:
            known = ", ".join(sorted(roles)) or "none"
            raise RoleUnknown(role=one.role, known=known).located("roles")
        if one.channel != EVERYWHERE and one.channel not in channels:
            reason = f"there is no channel {one.channel[:40]!r}, only {', '.join(sorted(channels))}"
            raise StaffInvalid(reason=reason).located("roles")
    return tuple(sorted(set(grants)))


def make_role(
    key: str, *, name: str, permissions: Collection[str], known: Collection[str], version: int = 1
) -> Role:
    """Make a role of plain words. known: the permissions that there are.

    Raises RoleInvalid, PermissionUnknown.
    """
    told = name.strip() or key
    if not _KEY.fullmatch(key):
        reason = "a key is a-z, 0-9 and -, at most 40 characters"
        raise RoleInvalid(role=key, reason=reason).located("key")
    if len(told) > _LABEL_MAX:
        reason = f"its name has {len(told)} characters, at most {_LABEL_MAX} are kept"
        raise RoleInvalid(role=key, reason=reason).located("name")
    check_known(permissions, known)
    return Role(key=key, name=told, permissions=tuple(sorted(set(permissions))), version=version)


def check_known(permissions: Collection[str], known: Collection[str]) -> None:
    """Raise PermissionUnknown for one that no field asks for."""
    for one in permissions:
        if one != EVERYTHING and one not in known:
            there_are = ", ".join(sorted(known))
            raise PermissionUnknown(permission=one, known=there_are).located("permissions")


def check_held(viewer: Viewer, standing: Standing) -> None:
    """Raise PermissionNotHeld unless `viewer` may all that `standing` may, wherever it may it.

    And may manage staff there: who manages those of one channel gives nothing in another.
    """
    for permission in sorted(standing.permissions):
        theirs = standing.limited.get(permission)
        for needed in (permission, MANAGES_STAFF):
            _check_held_in(viewer, needed, theirs)


def _check_held_in(viewer: Viewer, permission: str, channels: frozenset[str] | None) -> None:
    mine = viewer.channels_for(permission)
    if not viewer.may(permission):
        raise PermissionNotHeld(permission=permission, channel=EVERYWHERE)
    if mine is None:
        return
    if channels is None:
        raise PermissionNotHeld(permission=permission, channel=EVERYWHERE)
    for channel in sorted(channels - mine):
        raise PermissionNotHeld(permission=permission, channel=channel)


def stand(grants: Iterable[Grant], roles: Mapping[str, Role]) -> Standing:
    """Return what follows from grants: a permission that is held everywhere is not limited."""
    places: dict[str, set[str]] = defaultdict(set)
    for one in grants:
        for permission in roles[one.role].permissions:
            places[permission].add(one.channel)
    limited = {name: frozenset(them) for name, them in places.items() if EVERYWHERE not in them}
    return Standing(permissions=frozenset(places), limited=limited)


def stand_as(permissions: Iterable[str], channels: Sequence[str] | None) -> Standing:
    """Return what somebody may do who holds permissions in the same channels; None: in all."""
    held = frozenset(permissions)
    return Standing(
        permissions=held,
        limited={} if channels is None else dict.fromkeys(held, frozenset(channels)),
    )


def count_managers(people: Iterable[Staff], roles: Mapping[str, Role]) -> int:
    """Return how many active staff may manage staff in all channels."""
    return sum(
        one.state is StaffState.ACTIVE and stand(one.grants, roles).holds(MANAGES_STAFF)
        for one in people
    )


def check_managed(before: int, after: int) -> None:
    """Raise StaffUnmanaged if a change takes the last who may manage staff."""
    if before and not after:
        raise StaffUnmanaged(permission=MANAGES_STAFF)


def make_directory(
    people: Iterable[Staff],
    roles: Mapping[str, Role],
    tokens: Iterable[tuple[str, ServiceToken]],
) -> Directory:
    """Return who may do what. tokens: [(hash, one that is not revoked)]."""
    active = [one for one in people if one.state is StaffState.ACTIVE]
    return Directory(
        staff={one.id: stand(one.grants, roles) for one in active},
        emails={one.email: one.id for one in active},
        programs={
            hashed: Program(
                id=one.id,
                standing=stand_as(one.permissions, one.channels),
                expires_at=one.expires_at,
            )
            for hashed, one in tokens
        },
    )


def check_token(
    draft: ServiceTokenDraft,
    *,
    known: Collection[str],
    channels: Collection[str],
    now: datetime,
) -> None:
    """Raise ServiceTokenInvalid or PermissionUnknown for a token that cannot be made."""
    if not 0 < len(draft.name.strip()) <= _LABEL_MAX:
        reason = f"its name has {len(draft.name.strip())} characters, 1 to {_LABEL_MAX} are kept"
        raise ServiceTokenInvalid(reason=reason).located("name")
    if not draft.permissions:
        raise ServiceTokenInvalid(reason="it holds no permission").located("permissions")
    check_known(draft.permissions, known)
    if draft.channels is not None and not draft.channels:
        reason = "it is for no channel; leave channels out for all of them"
        raise ServiceTokenInvalid(reason=reason).located("channels")
    for one in draft.channels or ():
        if one not in channels:
            reason = f"there is no channel {one[:40]!r}, only {', '.join(sorted(channels))}"
            raise ServiceTokenInvalid(reason=reason).located("channels")
    if draft.expires_at is not None and draft.expires_at <= now:
        reason = f"it would have expired at {draft.expires_at.isoformat()}"
        raise ServiceTokenInvalid(reason=reason).located("expiresAt")


def hash_token(token: str) -> str:
    """Return what the shop keeps of a service token; a slow hash adds nothing to 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()
