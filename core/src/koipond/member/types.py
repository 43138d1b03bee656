"""Members, seen from outside."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from koipond.kernel.ids import MemberId


class MemberState(StrEnum):
    """GUEST: made from an order's contact, has never logged in."""

    GUEST = "guest"
    REGISTERED = "registered"


class IdentityKind(StrEnum):
    """What a member can be known by."""

    EMAIL = "email"
    PHONE = "phone"


class Contact(Struct, frozen=True, kw_only=True):
    """How to reach the buyer of an order. Normalised; at least one of email and phone."""

    name: str = ""
    email: str | None = None
    phone: str | None = None

    @property
    def identities(self) -> list[tuple[IdentityKind, str]]:
        """What it is known by, the strongest first."""
        known = [(IdentityKind.EMAIL, self.email), (IdentityKind.PHONE, self.phone)]
        return [(kind, value) for kind, value in known if value is not None]


class Member(Struct, frozen=True, kw_only=True):
    """Someone who buys."""

    id: MemberId
    state: MemberState
    name: str
    email: str | None
    phone: str | None
    created_at: datetime
