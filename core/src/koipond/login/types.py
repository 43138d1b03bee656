"""Logins, seen from outside."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from koipond.channel.types import Source
from koipond.kernel.ids import LoginSessionId, MemberId
from koipond.kernel.jobs import Job
from koipond.kernel.viewer import ViewerKind
from koipond.member.types import Identity, IdentityKind


class Principal(Struct, frozen=True, kw_only=True):
    """Who logs in: a member, or one of the staff."""

    kind: ViewerKind
    id: UUID

    @classmethod
    def member(cls, key: MemberId) -> "Principal":
        """Return a member as who logs in."""
        return cls(kind=ViewerKind.MEMBER, id=key)


class SessionEnd(StrEnum):
    """Why a login is over."""

    LOGGED_OUT = "logged_out"
    # Its owner ended it from another device.
    ENDED = "ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # no password
    PASSWORD_RESET = "password_reset"  # noqa: S105  # no password
    # A refresh token came again that was spent: two have it, and one of them stole it.
    REUSED = "reused"
    DISABLED = "disabled"
    # A merge was undone: of who logged in since it nobody knows which of the two they are.
    PARTED = "parted"
    ERASED = "erased"


class LoginSession(Struct, frozen=True, kw_only=True):
    """One login, on one device. generation: how often its refresh token was changed.

    seed: what its tokens are made with, beside the shop's secret. used_at: when it was refreshed.
    """

    id: LoginSessionId
    principal: Principal
    seed: str
    generation: int
    device: str
    address: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Tell whether it still holds."""
        return self.ended_at is None and now < self.expires_at


class RefreshToken(Struct, frozen=True, kw_only=True):
    """A refresh token that this shop wrote, as it is read."""

    session_id: LoginSessionId
    generation: int
    proof: bytes


class Tokens(Struct, frozen=True, kw_only=True):
    """What a login gives. access: for Authorization; refresh: for the next pair, once."""

    access: str
    refresh: str
    expires_at: datetime
    principal: Principal


class CodeState(Struct, frozen=True, kw_only=True):
    """The one code that was last sent to an address. attempts: how often it was got wrong.

    member_id: whose it is, or will be. password_hash, name, source: what a registration wants, if
    the address was nobody's.
    """

    id: UUID
    to: Identity
    member_id: MemberId
    password_hash: str
    name: str
    source: Source | None = None
    attempts: int
    expires_at: datetime
    used_at: datetime | None = None


class TokenPurpose(StrEnum):
    """What a token that is sent in a message is good for; for nothing else."""

    PASSWORD_RESET = "password_reset"  # noqa: S105  # no password
    EMAIL_CHANGE = "email_change"


class PurposeToken(Struct, frozen=True, kw_only=True):
    """A token that was sent to an address, for one purpose, one account and one use."""

    id: UUID
    purpose: TokenPurpose
    principal: Principal
    to: Identity
    expires_at: datetime
    used_at: datetime | None = None


class LoginProof(Struct, frozen=True, kw_only=True):
    """What a client got from a login provider and sends for it to be checked.

    data: as the provider's own form or SDK gave it: a code, a state. provider: its key.
    """

    provider: str
    data: Mapping[str, str]


class ProvenPerson(Struct, frozen=True, kw_only=True):
    """Who a login provider says that somebody is.

    identities: [(kind, value)], the strongest first, such as ("unionid", …), ("openid:wx1", …).
    email, phone: only if the provider vouches that they are theirs. name: as they call themselves.
    """

    identities: tuple[tuple[IdentityKind, str], ...]
    email: str | None = None
    phone: str | None = None
    name: str = ""


class Registration(Struct, frozen=True, kw_only=True):
    """An account as somebody asks for it. source: from where they come."""

    address: str
    password: str
    name: str = ""
    source: Source | None = None


class LoggedIn(Struct, frozen=True, kw_only=True):
    """What became of a login. is_new: the member was not registered before."""

    member_id: MemberId
    tokens: Tokens
    is_new: bool = False


class PruneLogins(Job, frozen=True, kw_only=True):
    """Drop logins that are over, and codes and tokens that nobody can use any more."""

    may_cancel: ClassVar[bool] = True
