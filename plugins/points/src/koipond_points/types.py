"""Points, seen from outside."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from koipond_sdk import MemberId


class Entry(Struct, frozen=True, kw_only=True):
    """One change of a balance, kept for good.

    points: negative where they were taken, never 0. source: what it is for, once in the
    shop: "checkin:2026-11-22:mem_…". note: what the member reads.
    """

    id: UUID
    member_id: MemberId
    points: int
    source: str
    note: str
    created_at: datetime


class Correction(Struct, frozen=True, kw_only=True):
    """What staff want done to a balance. points: >= 1; reason: the member reads it."""

    member_id: MemberId
    points: int
    reason: str
    idempotency_key: str


class Booked(Struct, frozen=True, kw_only=True):
    """An entry, and the balance as it is now."""

    entry: Entry
    balance: int
