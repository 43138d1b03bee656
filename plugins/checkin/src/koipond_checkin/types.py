"""Check-ins, seen from outside."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct

from koipond_sdk import PluginSettings


class CheckInSettings(PluginSettings, frozen=True):
    """What a check-in is worth.

    reward_kind: what the member is given, such as "points", if another plugin gives it; "":
    nothing. reward_amount: how much of it, each day.
    """

    reward_kind: Annotated[str, Meta(max_length=40)] = ""
    reward_amount: Annotated[int, Meta(ge=1, le=1_000_000)] = 1

    def rewards(self) -> Sequence[str]:
        """Return the kind that is promised; it must be given by a plugin of the shop."""
        return [self.reward_kind] if self.reward_kind else []


class CheckIn(Struct, frozen=True, kw_only=True):
    """A day on which a member was here.

    streak: the length of the unbroken run of days that ends with this one, >= 1.
    """

    day: date
    streak: int
    checked_in_at: datetime


class Granted(Struct, frozen=True, kw_only=True):
    """What a member was given for a check-in."""

    kind: str
    amount: int


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
