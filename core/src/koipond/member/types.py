"""Members, seen from outside."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from msgspec import Struct

from koipond.kernel.ids import AddressId, MemberId
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


# What a member can be known by: `email`, `phone`, and what login providers prove, such as
# `openid:APP`, `unionid` or `oidc:ISSUER`.
IdentityKind = NewType("IdentityKind", str)
EMAIL, PHONE = IdentityKind("email"), IdentityKind("phone")
# What another system calls them, behind that system's name and a colon.
EXTERNAL = IdentityKind("external")
# Kinds that somebody can be written to at.
ADDRESSES = frozenset({EMAIL, PHONE})


class Identity(Struct, frozen=True, kw_only=True):
    """One thing that a member is known by. verified_at: None if nobody has checked it."""

    kind: IdentityKind
    value: str
    verified_at: datetime | None = None


class Known(Struct, frozen=True, kw_only=True):
    """Who was found by what they proved. is_new: they were not registered before."""

    member_id: MemberId
    is_new: bool


class Contact(Struct, frozen=True, kw_only=True):
    """How to reach the buyer of an order. Normalised; at least one of email and phone."""

    name: str = ""
    email: str | None = None
    phone: str | None = None

    @property
    def identities(self) -> list[tuple[IdentityKind, str]]:
        """What it is known by, the strongest first."""
        known = [(EMAIL, self.email), (PHONE, self.phone)]
        return [(kind, value) for kind, value in known if value is not None]


class Address(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it goes. country: ISO 3166-1, two letters."""

    name: str = ""
    line1: str
    line2: str = ""
    city: str
    region: str = ""
    postal_code: str = ""
    country: str


class MemberAddress(Struct, frozen=True, kw_only=True):
    """An address that a member keeps. is_default: storefronts offer it first."""

    id: AddressId
    member_id: MemberId
    address: Address
    phone: str
    is_default: bool


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


class MemberFilter(Struct, frozen=True, kw_only=True):
    """Which members are wanted; None: whichever; of states, all but MERGED.

    email, phone: as somebody wrote them. name: how it begins, in whatever case.
    """

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    group: str | None = None
    state: MemberState | None = None


class MemberCard(Struct, frozen=True, kw_only=True):
    """What everybody may see of a member. name: shortened."""

    name: str


class MemberRow(Struct, frozen=True, kw_only=True):
    """A member as a file tells of them."""

    id: MemberId
    email: str | None
    phone: str | None
    name: str
    locale: Locale
    time_zone: str | None
    created_at: datetime
    groups: frozenset[str] = frozenset()


class MemberDraft(Struct, frozen=True, kw_only=True):
    """Somebody as a file of another system tells of them; at least one of the first three.

    external: what that system calls them, behind its name and a colon. name, locale, time_zone,
    groups: "", None and () say nothing, and what is known stays. created_at: since when they are
    known; None is now.
    """

    external: str | None = None
    email: str | None = None
    phone: str | None = None
    name: str = ""
    locale: Locale | None = None
    time_zone: str | None = None
    groups: tuple[str, ...] = ()
    created_at: datetime | None = None

    @property
    def identities(self) -> list[tuple[IdentityKind, str]]:
        """What they are known by, the strongest first."""
        known = [
            (EXTERNAL, self.external),
            (EMAIL, self.email),
            (PHONE, self.phone),
        ]
        return [(kind, value) for kind, value in known if value is not None]


class ToldMember(Struct, frozen=True, kw_only=True):
    """What became of a draft."""

    member_id: MemberId
    is_new: bool
    has_changed: bool = False


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
    version: int = 1


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
