"""Refusals about what is counted."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import OwnerId, QuotaId
from koipond.kernel.quantity import Quantity


@domain_error
class QuotaShort(DomainError):
    """More units than are left."""

    code: ClassVar[str] = "QUOTA_SHORT"
    quota: QuotaId
    asked: Quantity
    left: Quantity

    def __str__(self) -> str:
        way = f"Ask for {self.left} or fewer." if self.left else "There are none; try again later."
        return f"{self.asked} asked for, {self.left} left. {way}"


@domain_error
class LimitReached(DomainError):
    """More units than one person may have in this period."""

    code: ClassVar[str] = "LIMIT_REACHED"
    quota: QuotaId
    asked: Quantity
    left: Quantity

    def __str__(self) -> str:
        way = f"Ask for {self.left} or fewer." if self.left else "The limit is used up."
        return f"{self.asked} asked for, {self.left} more allowed per person. {way}"


@domain_error
class QuotaUnknown(DomainError):
    """A pool of units that does not exist."""

    code: ClassVar[str] = "QUOTA_UNKNOWN"
    quota: QuotaId

    def __str__(self) -> str:
        return "What was asked for is not on offer here. Look at the offer again."


@domain_error
class QuotaNotStarted(DomainError):
    """Units that cannot be had yet."""

    code: ClassVar[str] = "QUOTA_NOT_STARTED"
    quota: QuotaId
    asked: Quantity

    def __str__(self) -> str:
        return f"{self.asked} asked for before the start. Ask again when it has begun."


@domain_error
class QuotaClosed(DomainError):
    """Units that cannot be had any more."""

    code: ClassVar[str] = "QUOTA_CLOSED"
    quota: QuotaId
    asked: Quantity

    def __str__(self) -> str:
        return f"{self.asked} asked for after the end. Take another offer."


@domain_error
class AlreadyPlaced(DomainError):
    """Another ask by an owner whose units are placed."""

    code: ClassVar[str] = "ALREADY_PLACED"
    quota: QuotaId
    asked: Quantity
    placed: Quantity

    def __str__(self) -> str:
        return (
            f"{self.asked} asked for, {self.placed} are placed by this order. "
            "What is placed changes by an edit of the order only."
        )


@domain_error
class Lapsed(DomainError):
    """A reservation that was given back, or changed, before its order was placed."""

    code: ClassVar[str] = "RESERVATION_LAPSED"
    owner: OwnerId
    claimed: int
    held: int

    def __str__(self) -> str:
        return (
            f"{self.claimed} reservations are needed, {self.held} of them are held. "
            "Reserve again, then place."
        )


@domain_error
class UnitsNotHeld(DomainError):
    """A return of more units than there are to return."""

    code: ClassVar[str] = "UNITS_NOT_HELD"
    quota: QuotaId
    asked: Quantity
    left: Quantity

    def __str__(self) -> str:
        return f"{self.asked} to be returned, {self.left} there are. Return {self.left} or fewer."


@domain_error
class CapacityTaken(DomainError):
    """A change of capacity by more units than are free."""

    code: ClassVar[str] = "CAPACITY_TAKEN"
    quota: QuotaId
    delta: Quantity
    capacity: Quantity
    taken: Quantity

    def __str__(self) -> str:
        return (
            f"{self.capacity} units, {self.taken} of them taken; a change of {self.delta} is too "
            f"much. At most {self.capacity - self.taken} can go."
        )


@domain_error
class DeskBusy(DomainError):
    """More requests for units than can be answered soon."""

    code: ClassVar[str] = "DESK_BUSY"
    waiting: int
    retry_after_s: int

    def __str__(self) -> str:
        return (
            f"{self.waiting} requests are waiting already. Nothing was taken; "
            f"ask again in {self.retry_after_s} s."
        )
