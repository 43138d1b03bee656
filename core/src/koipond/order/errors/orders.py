"""Refusals about orders that were placed: who sees them, and what is done with them."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import OrderLineId


@domain_error
class OrderUnknown(DomainError):
    """An order that there is none of, or that this caller may not see."""

    code: ClassVar[str] = "ORDER_UNKNOWN"

    def __str__(self) -> str:
        return (
            "There is no such order for you. Log in as its member, or send the `token` that "
            "`placeOrder` gave."
        )


@domain_error
class OrderNotPayable(DomainError):
    """An order that takes no payment in its state."""

    code: ClassVar[str] = "ORDER_NOT_PAYABLE"
    state: str

    def __str__(self) -> str:
        return f"The order is {self.state}; only a placed one that is not paid yet can be paid."


@domain_error
class OrderNotCancellable(DomainError):
    """An order that can no longer be cancelled."""

    code: ClassVar[str] = "ORDER_NOT_CANCELLABLE"
    state: str

    def __str__(self) -> str:
        return f"The order is {self.state}; only one that is placed or confirmed can be cancelled."


@domain_error
class OrderPartlyFulfilled(DomainError):
    """An order of which units are on their way, or were."""

    code: ClassVar[str] = "ORDER_PARTLY_FULFILLED"
    fulfilled: int

    def __str__(self) -> str:
        return (
            f"{self.fulfilled} units of the order are being sent or were: it cannot be cancelled. "
            "Cancel the fulfilments that have not left the house; the others come back by a "
            "return. What was never sent is taken off by `editOrder`."
        )


@domain_error
class OrderNotFulfillable(DomainError):
    """An order of which nothing is sent: it is not paid, or off, or closed."""

    code: ClassVar[str] = "ORDER_NOT_FULFILLABLE"
    state: str

    def __str__(self) -> str:
        return f"The order is {self.state}; only units of a confirmed one are sent."


@domain_error
class OrderOnHold(DomainError):
    """An order that may not be sent yet."""

    code: ClassVar[str] = "ORDER_ON_HOLD"
    holds: str

    def __str__(self) -> str:
        return f"The order is held: {self.holds}. Nothing of it is sent until nothing holds it."


@domain_error
class OrderNotReturnable(DomainError):
    """An order of which nothing is sent back."""

    code: ClassVar[str] = "ORDER_NOT_RETURNABLE"
    state: str

    def __str__(self) -> str:
        return (
            f"The order is {self.state}; only units of a confirmed one are sent back, until it "
            "is closed."
        )


@domain_error
class PaymentWindowOver(DomainError):
    """An order that was not paid in time and is about to expire."""

    code: ClassVar[str] = "PAYMENT_WINDOW_OVER"
    minutes: int

    def __str__(self) -> str:
        return f"The order was to be paid within {self.minutes} minutes. Place it again."


@domain_error
class OrderLineUnknown(DomainError):
    """A line that is not of this order."""

    code: ClassVar[str] = "ORDER_LINE_UNKNOWN"
    order_line_id: OrderLineId

    def __str__(self) -> str:
        return "This is no line of the order. Its `lines` tell their ids."


@domain_error
class PayeeSlotsTaken(DomainError):
    """A third person to be paid for a line because of their relation to the buyer."""

    code: ClassVar[str] = "PAYEE_SLOTS_TAKEN"
    order_line_id: OrderLineId
    sources: str

    def __str__(self) -> str:
        return (
            f"Two persons are paid for this line already, by {self.sources}. "
            "Nobody else can be, by law: leave this one out."
        )
