"""Points, seen from outside."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

from koipond_sdk import Job, MemberId, PluginSettings
from koipond_sdk.services.ledger import AccountKey, StatementLine, TransferKind

UNIT = "points"


class PointsSettings(PluginSettings, frozen=True):
    """What staff may tell.

    valid_days: points are good up to so many days after they were given; 0: for ever. What was
    given before keeps its day. time_zone: where the programme's days begin, an IANA name.
    """

    valid_days: Annotated[int, Meta(ge=0, le=3_650)] = 0
    time_zone: Annotated[str, Meta(max_length=64)] = "UTC"
    order_points: Annotated[int, Meta(ge=0, le=10_000)] = 0

    def check(self) -> str | None:
        """Refuse a time zone that there is none of."""
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            return f"{self.time_zone!r} is no time zone; one is called Asia/Shanghai, or UTC"
        return None

    def day_of(self, now: datetime) -> date:
        """Return which day it is."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()


class Entry(Struct, frozen=True, kw_only=True):
    """One change of a balance, kept for good.

    points: negative where they were taken. note: what the member reads. balance_after: less than 0
    where there is a debt.
    """

    kind: TransferKind
    points: int
    note: str
    balance_after: int
    created_at: datetime

    @classmethod
    def of(cls, line: StatementLine) -> Entry:
        """Return a line of a member's statement."""
        return cls(
            kind=line.kind,
            points=line.units,
            note=line.note,
            balance_after=line.balance_after,
            created_at=line.created_at,
        )


class Correction(Struct, frozen=True, kw_only=True):
    """What staff want done to a balance. points: >= 1; reason: the member reads it."""

    member_id: MemberId
    points: int
    reason: str
    idempotency_key: str


class Booked(Struct, frozen=True, kw_only=True):
    """An entry, and the points that the member has now."""

    entry: Entry
    balance: int


class ExpirePoints(Job, frozen=True, kw_only=True):
    """Take the points whose last day is over."""


def account_of(member_id: MemberId) -> AccountKey:
    """Name the account that has a member's points."""
    return AccountKey.of_member(member_id, UNIT)
