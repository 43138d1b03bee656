"""Check-ins, seen from outside."""

from datetime import date, datetime

from msgspec import Struct


class CheckIn(Struct, frozen=True, kw_only=True):
    """A day on which a member was here.

    streak: the length of the unbroken run of days that ends with this one, >= 1.
    """

    day: date
    streak: int
    checked_in_at: datetime


class Standing(Struct, frozen=True, kw_only=True):
    """Where a member stands. time_zone: whose calendar counts, fixed by the first check-in."""

    time_zone: str
    last: CheckIn | None = None


class Status(Struct, frozen=True, kw_only=True):
    """What a member is shown. next_at: when checking in is possible again; None: at once."""

    checked_in_today: bool
    streak: int
    next_at: datetime | None
    now: datetime
