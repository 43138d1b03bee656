"""What happens at check-ins."""

from datetime import date
from typing import ClassVar

from koipond_sdk import Event, MemberId


class CheckedIn(Event, frozen=True, kw_only=True):
    """A member checked in; `streak` days in a row, this one included."""

    aggregate: ClassVar[str] = "member_id"
    member_id: MemberId
    day: date
    streak: int
