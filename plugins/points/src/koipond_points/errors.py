"""Refusals about points."""

from typing import ClassVar

from koipond_sdk import DomainError, Quantity, domain_error


@domain_error
class PointsShort(DomainError):
    """More points to be taken than the member has."""

    code: ClassVar[str] = "POINTS_SHORT"
    points: Quantity
    balance: Quantity

    def __str__(self) -> str:
        return (
            f"{self.points:,} points were to be taken, and the member has {self.balance:,}. "
            "Take at most that."
        )


@domain_error
class PointsAmountInvalid(DomainError):
    """A number of points that nobody is given, or loses, at once."""

    code: ClassVar[str] = "POINTS_AMOUNT_INVALID"
    points: Quantity
    maximum: int

    def __str__(self) -> str:
        return f"{self.points:,} points cannot be booked: 1 to {self.maximum:,} at once are."


@domain_error
class PointsReasonMissing(DomainError):
    """A correction of a balance without a word about why, or with too many."""

    code: ClassVar[str] = "POINTS_REASON_MISSING"
    maximum: int

    def __str__(self) -> str:
        return f"Say in 1 to {self.maximum} characters why; the member reads it beside the points."
