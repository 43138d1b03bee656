"""Refusals of changing an order that stands."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity


@domain_error
class OrderNotEditable(DomainError):
    """An order that is not changed any more."""

    code: ClassVar[str] = "ORDER_NOT_EDITABLE"
    state: str

    def __str__(self) -> str:
        return f"The order is {self.state}; only one that is placed or confirmed is edited."


@domain_error
class OrderEditEmpty(DomainError):
    """An edit that changes nothing."""

    code: ClassVar[str] = "ORDER_EDIT_EMPTY"

    def __str__(self) -> str:
        return "Nothing would change: name lines with other quantities, or what to add."


@domain_error
class OrderEditLeavesNothing(DomainError):
    """An edit that takes everything off an order."""

    code: ClassVar[str] = "ORDER_EDIT_LEAVES_NOTHING"

    def __str__(self) -> str:
        return "No unit of the order would be left. Cancel it instead (`cancelOrder`)."


@domain_error
class OrderChanged(DomainError):
    """An order that others changed again and again while it was being edited."""

    code: ClassVar[str] = "ORDER_CHANGED"
    total: Money

    def __str__(self) -> str:
        return (
            f"Others changed the order meanwhile; it comes to {self.total} now. Look at it again, "
            "then say anew what to change."
        )


@domain_error
class EditQuantityTooSmall(DomainError):
    """Fewer units of a line than are being sent already, or were given money back for."""

    code: ClassVar[str] = "EDIT_QUANTITY_TOO_SMALL"
    sku: str
    quantity: Quantity
    minimum: int

    def __str__(self) -> str:
        return (
            f"{self.sku}: {self.quantity} units are too few. {self.minimum} are being sent, or "
            "were, or were given money back for. Those that were sent come back by a return."
        )


@domain_error
class OrderAddressFixed(DomainError):
    """An order whose address stays: something was packed for that place, or nothing is sent."""

    code: ClassVar[str] = "ORDER_ADDRESS_FIXED"
    parcels: int

    def __str__(self) -> str:
        if not self.parcels:
            return "The order has no address: it is fetched. Cancel it, and place another one."
        return (
            f"{self.parcels} parcels of the order are packed or sent. Cancel those that have not "
            "left (`cancelFulfilment`), then change the address; what has left goes where it goes."
        )


@domain_error
class OrderAddressElsewhere(DomainError):
    """An address in another country or region, where other taxes and prices hold."""

    code: ClassVar[str] = "ORDER_ADDRESS_ELSEWHERE"
    country: str
    region: str
    order_country: str
    order_region: str

    def __str__(self) -> str:
        there = f"{self.country}/{self.region}" if self.region else self.country
        here = self.order_country + (f"/{self.order_region}" if self.order_region else "")
        return (
            f"The order was taxed and rated for {here}, and {there} is elsewhere. Cancel it, and "
            "place another one (`createDraftOrder`)."
        )
