"""Refusals of check-ins."""

from datetime import date, datetime
from typing import ClassVar

from koipond_sdk import DomainError, domain_error


@domain_error
class AlreadyCheckedIn(DomainError):
    """A second check-in of one member on one day."""

    code: ClassVar[str] = "ALREADY_CHECKED_IN"
    day: date
    streak: int
    next_at: datetime

    def __str__(self) -> str:
        return (
            f"You checked in on {self.day}, day {self.streak} in a row. "
            f"The next check-in is possible from {self.next_at.isoformat()}."
        )
