"""Refusals about stock."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class InsufficientStock(DomainError):
    """More units than there are."""

    code: ClassVar[str] = "INSUFFICIENT_STOCK"
    sku: str
    requested: int
    available: int

    def __str__(self) -> str:
        way = "Lower the quantity." if self.available else "Leave it out, or come back later."
        return f"{self.sku}: {self.requested} requested, {self.available} left. {way}"


@domain_error
class StockBelowAllocated(DomainError):
    """A correction that would take units which are promised to orders."""

    code: ClassVar[str] = "STOCK_BELOW_ALLOCATED"
    location: str
    delta: int
    on_hand: int
    allocated: int

    def __str__(self) -> str:
        return (
            f"{self.location}: {self.on_hand} there, {self.allocated} of them promised to orders; "
            f"a change of {self.delta} is too much. At most {self.on_hand - self.allocated} can go."
        )


@domain_error
class StockDeltaInvalid(DomainError):
    """A change of stock that is none, or out of range."""

    code: ClassVar[str] = "STOCK_DELTA_INVALID"
    delta: int

    def __str__(self) -> str:
        return f"A stock change is a whole number of units other than 0, not {self.delta}."


@domain_error
class LocationUnknown(DomainError):
    """A location that this shop does not have."""

    code: ClassVar[str] = "LOCATION_UNKNOWN"
    location: str
    known: str

    def __str__(self) -> str:
        return f"There is no location {self.location[:40]!r}. This shop has: {self.known}."
