"""Members, seen from outside."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from koipond.kernel.ids import MemberId
from koipond.kernel.texts import Locale
from koipond.notify.types import Purpose, Values

SOURCE_MAX = 200


class MemberState(StrEnum):
    """GUEST: made from an order's contact, has never logged in. MERGED: became another one.
    ERASED: nothing is known of them any more."""

    GUEST = "guest"
    REGISTERED = "registered"
    MERGED = "merged"
    ERASED = "erased"


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
    locale: Locale
    time_zone: str | None
    created_at: datetime


class Identity(Struct, frozen=True, kw_only=True):
    """One thing that a member is known by. verified_at: None if nobody has checked it."""

    kind: str
    value: str
    verified_at: datetime | None = None


class Person(Struct, frozen=True, kw_only=True):
    """A member as whoever merges them looks at them. merged_into: whom they became."""

    id: MemberId
    state: MemberState
    merged_into: MemberId | None
    created_at: datetime
    identities: tuple[Identity, ...] = ()


# {place: {key of a row there: what it was}}: what a merge changed, so that it can be undone.
Changed = Mapping[str, Mapping[str, Any]]


class Consent(Struct, frozen=True, kw_only=True):
    """What a member agreed to. withdrawn_at: None while they do. source: where they said it."""

    purpose: Purpose
    given_at: datetime
    source: str
    withdrawn_at: datetime | None = None


class MemberMessage(Struct, frozen=True, kw_only=True):
    """A message to a member as a plugin asks for it, once for each act.

    kind: one of `register_messages`. act: what the member did, by a key of its own such as
    "checkin:2026-11-22:mem_…". about: the id of what it is about, for `still_due` of its kind.
    due_at: not before; None is now.
    """

    kind: str
    act: str
    member_id: MemberId
    values: Values = {}
    about: UUID | None = None
    due_at: datetime | None = None


class MemberGroup(Struct, frozen=True, kw_only=True):
    """Members who are sold to alike: wholesale, staff, a tier."""

    code: str
    name: str


class Reward(Struct, frozen=True, kw_only=True):
    """Something that a member is given: `amount` of a `kind`, once for each `source`.

    kind: what a plugin's reward_grant answers for, such as "points". amount: >= 1, in the kind's
    own unit. source: what it is for, by plugin and key: "checkin:2026-11-22:mem_…". note: what the
    member reads.
    """

    kind: str
    member_id: MemberId
    amount: int
    source: str
    note: str = ""

    def __post_init__(self) -> None:
        assert self.amount > 0, "a reward is of 1 or more"
        assert 0 < len(self.source) <= SOURCE_MAX, "a source names what it is for"
