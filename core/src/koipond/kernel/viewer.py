"""Viewer: who asks, what they may do, and until when.

A signed bearer token says who; what staff and services may do is looked up: see staff/service.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import MemberId

_ALGORITHM = "HS256"
_AUDIENCE = "koipond"
# Who signs, unless a shop says otherwise (setting token_issuer).
ISSUER = "koipond"
# What a field asks for that is for members; it is no permission that a token can hold.
MEMBERS_ONLY = "member"
# What stands for every permission.
EVERYTHING = "*"


class ViewerKind(StrEnum):
    """The four kinds of callers."""

    GUEST = "guest"
    MEMBER = "member"
    STAFF = "staff"
    SERVICE = "service"


class Viewer(Struct, frozen=True, kw_only=True):
    """Who asks. A guest has no id and no expiry; permissions are those of staff and services.

    permissions: all that are held, be it in a single channel. limited: {permission: the codes of
    the channels in which alone it is held}; those that it leaves out hold everywhere.
    session_id: of the LoginSession that the token was given in; None for one of `koi token`.
    """

    kind: ViewerKind
    id: UUID | None = None
    permissions: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    limited: Mapping[str, frozenset[str]] = MappingProxyType({})
    session_id: UUID | None = None

    @property
    def member_id(self) -> MemberId | None:
        """The member's id, or None for everyone else."""
        return MemberId(self.id) if self.kind is ViewerKind.MEMBER and self.id else None

    def may(self, permission: str) -> bool:
        """Tell whether this viewer has `permission`; the permission `*` stands for all of them."""
        return permission in self.permissions or EVERYTHING in self.permissions

    @property
    def is_staff(self) -> bool:
        """Tell whether this is one of those who run the shop, or a program of theirs."""
        return self.kind in {ViewerKind.STAFF, ViewerKind.SERVICE}

    def channels_for(self, permission: str) -> frozenset[str] | None:
        """Return the codes of the channels in which `permission` is held; None: in all."""
        held = [one for one in (permission, EVERYTHING) if one in self.permissions]
        if any(one not in self.limited for one in held):
            return None
        return frozenset[str]().union(*(self.limited[one] for one in held))

    def may_in_all(self, permission: str) -> bool:
        """Tell whether this viewer has `permission`, and in all channels."""
        return self.may(permission) and self.channels_for(permission) is None

    def may_in(self, permission: str, channel: str) -> bool:
        """Tell whether this viewer has `permission` in a channel."""
        channels = self.channels_for(permission)
        return channels is None or channel in channels


GUEST = Viewer(kind=ViewerKind.GUEST)
# The shop itself: what it does by jobs and deliveries.
SYSTEM = Viewer(kind=ViewerKind.SERVICE, permissions=frozenset({EVERYTHING}))


@domain_error
class TokenInvalid(DomainError):
    """A bearer token that this shop did not sign, or that is past its time."""

    code: ClassVar[str] = "TOKEN_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"The bearer token is not accepted: {self.reason}. Ask for a new one."


@domain_error
class PermissionMissing(DomainError):
    """An act that this caller has no right to."""

    code: ClassVar[str] = "PERMISSION_MISSING"
    permission: str

    def __str__(self) -> str:
        if self.permission == MEMBERS_ONLY:
            return "This is for members. Log in as a member (Authorization: Bearer …)."
        return (
            f"This needs the permission {self.permission}. Ask somebody who manages staff for a "
            "role that has it, or send the bearer token of who holds it (Authorization: Bearer …)."
        )


@domain_error
class PermissionLimited(DomainError):
    """An act in all channels, by somebody who has the right to it in some."""

    code: ClassVar[str] = "PERMISSION_LIMITED"
    permission: str
    channels: str

    def __str__(self) -> str:
        return (
            f"You hold {self.permission} in {self.channels or 'no channel'}, and this is not of "
            "those channels alone. Ask somebody who holds it in all channels."
        )


@lru_cache(8)
def _key(secret: str) -> tuple[str, OctKey]:
    """Return a secret's name in the header of a token, which tells nothing of it, and its key."""
    return hashlib.sha256(b"kid:" + secret.encode()).hexdigest()[:16], OctKey.import_key(secret)


def sign(
    viewer: Viewer, *, secret: str, now: datetime, lifetime: timedelta, issuer: str = ISSUER
) -> str:
    """Write a bearer token for a member or one of the staff, valid from `now` for `lifetime`.

    It says who, and not what they may do: that may be another thing before it ends.
    """
    assert viewer.id is not None, "a guest needs no token"
    claims = {
        "iss": issuer,
        "aud": _AUDIENCE,
        "sub": str(viewer.id),
        "kind": viewer.kind.value,
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
    }
    if viewer.session_id is not None:
        claims["sid"] = str(viewer.session_id)
    kid, key = _key(secret)
    return jwt.encode({"alg": _ALGORITHM, "kid": kid}, claims, key)


def check(
    token: str, *, secret: str, now: datetime, previous: str = "", issuer: str = ISSUER
) -> Viewer:
    """Return whom a signed token speaks for, without permissions. Raises TokenInvalid.

    previous: the secret before this one, whose tokens still hold; "" if there is none.
    """
    keys = dict(_key(one) for one in (secret, previous) if one)
    try:
        claims = jwt.decode(token, _chosen_from(keys), algorithms=[_ALGORITHM]).claims
        kind, subject = ViewerKind(claims["kind"]), UUID(claims["sub"])
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        session_id = UUID(claims["sid"]) if "sid" in claims else None
    except (JoseError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise TokenInvalid(reason="it was not signed by this shop or is damaged") from error
    is_ours = claims.get("aud") == _AUDIENCE and claims.get("iss") == issuer
    if not is_ours or kind not in {ViewerKind.MEMBER, ViewerKind.STAFF}:
        raise TokenInvalid(reason="it was made for something else")
    if expires_at <= now:
        raise TokenInvalid(reason=f"it expired at {expires_at.isoformat()}")
    return Viewer(
        kind=kind,
        id=subject,
        expires_at=expires_at,
        session_id=session_id,
    )


def _chosen_from(keys: Mapping[str, OctKey]) -> Callable[[Any], OctKey]:
    """Return what finds the key that a token's header names, among ours only."""

    def find(token: Any) -> OctKey:
        return keys[token.headers()["kid"]]

    return find
