"""Refusals about stock."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.quantity import Quantity


@domain_error
class InsufficientStock(DomainError):
    """More units than there are. available: a number that can be had; there may be a few more."""

    code: ClassVar[str] = "INSUFFICIENT_STOCK"
    sku: str
    requested: int
    available: int

    def __str__(self) -> str:
        way = "Lower the quantity." if self.available else "Leave it out, or come back later."
        return f"{self.sku}: {self.requested} requested, {self.available} can be had. {way}"


@domain_error
class StockPromised(DomainError):
    """A correction that would take units which are promised to orders."""

    code: ClassVar[str] = "STOCK_PROMISED"
    location: str
    delta: Quantity
    on_hand: int
    free: int

    def __str__(self) -> str:
        return (
            f"{self.location}: {self.on_hand} in the house, {self.free} of them free; a change of "
            f"{self.delta} takes promised ones. Take {self.free} or fewer, or say that units are "
            "missing (`missing: true`): then the orders concerned are shown to staff."
        )


@domain_error
class StockDeltaInvalid(DomainError):
    """A change of stock that is none, or out of range."""

    code: ClassVar[str] = "STOCK_DELTA_INVALID"
    delta: Quantity
    maximum: int

    def __str__(self) -> str:
        return (
            f"{self.delta} is no change of stock: it is 1 to {self.maximum} units more, or fewer "
            "(negative)."
        )


@domain_error
class LocationUnknown(DomainError):
    """A location that this shop does not have."""

    code: ClassVar[str] = "LOCATION_UNKNOWN"
    location: str
    known: str

    def __str__(self) -> str:
        return f"There is no location {self.location[:40]!r}. This shop has: {self.known}."


@domain_error
class BackOrderInvalid(DomainError):
    """A number of units to be sold ahead that is none, or fewer than are sold already."""

    code: ClassVar[str] = "BACK_ORDER_INVALID"
    units: Quantity
    minimum: int
    maximum: int

    def __str__(self) -> str:
        return (
            f"{self.units} units cannot be sold ahead: {self.minimum} to {self.maximum} can, those "
            "that are sold ahead already included."
        )


@domain_error
class ReferenceMissing(DomainError):
    """A change of stock that nobody could explain later."""

    code: ClassVar[str] = "REFERENCE_MISSING"
    maximum: int

    def __str__(self) -> str:
        return (
            f"`reference` says why stock was changed, in 1 to {self.maximum} characters: "
            '"count of 3 May, two broke".'
        )


@domain_error
class StockNotInHouse(DomainError):
    """Units that are to leave a location and are not there yet, by its books."""

    code: ClassVar[str] = "STOCK_NOT_IN_HOUSE"
    variant_id: str
    location: str
    quantity: Quantity
    on_hand: int

    def __str__(self) -> str:
        return (
            f"{self.location}: {self.quantity} units are to leave, {self.on_hand} are in the "
            "house. Book what came in first (`adjustStock`), or send fewer."
        )
