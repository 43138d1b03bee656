"""Refusals about carts and orders."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import OrderId
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity


@domain_error
class QuantityOutOfRange(DomainError):
    """A number of units that no line can have."""

    code: ClassVar[str] = "QUANTITY_OUT_OF_RANGE"
    quantity: Quantity
    minimum: int
    maximum: int

    def __str__(self) -> str:
        return (
            f"A quantity of {self.quantity} is not possible: {self.minimum} to {self.maximum} "
            "units of a variant go into one order."
        )


@domain_error
class TooManyLines(DomainError):
    """More lines than one order can have."""

    code: ClassVar[str] = "TOO_MANY_LINES"
    lines: int
    maximum: int

    def __str__(self) -> str:
        return f"{self.lines} lines are too many: an order has at most {self.maximum}. Order twice."


@domain_error
class CartUnknown(DomainError):
    """A cart token that opens no cart."""

    code: ClassVar[str] = "CART_UNKNOWN"

    def __str__(self) -> str:
        return "This token opens no cart. Leave it out to begin a new one with `addToCart`."


@domain_error
class CartAlreadyPlaced(DomainError):
    """A cart that has become an order."""

    code: ClassVar[str] = "CART_ALREADY_PLACED"
    order_id: OrderId

    def __str__(self) -> str:
        return "This cart was placed as an order already. Begin a new cart with `addToCart`."


@domain_error
class CartEmpty(DomainError):
    """An order of nothing."""

    code: ClassVar[str] = "CART_EMPTY"

    def __str__(self) -> str:
        return "There is nothing to order. Put something in with `addToCart`, or give `lines`."


@domain_error
class LinesAmbiguous(DomainError):
    """Both a cart and lines, or neither."""

    code: ClassVar[str] = "LINES_AMBIGUOUS"

    def __str__(self) -> str:
        return "Give either the `token` of a cart or the `lines` to order, not both or neither."


@domain_error
class CartLineUnknown(DomainError):
    """A line that is not in this cart."""

    code: ClassVar[str] = "CART_LINE_UNKNOWN"
    line_id: str

    def __str__(self) -> str:
        return f"{self.line_id[:60]!r} is no line of this cart. Its `lines` tell their ids."


@domain_error
class CheckoutIncomplete(DomainError):
    """An order that lacks what is needed to deliver it."""

    code: ClassVar[str] = "CHECKOUT_INCOMPLETE"
    missing: str

    def __str__(self) -> str:
        return f"Still missing: {self.missing}. Give it with `setCheckout` or in `placeOrder`."


@domain_error
class AddressInvalid(DomainError):
    """An address that nothing can be sent to."""

    code: ClassVar[str] = "ADDRESS_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"The address cannot be used: {self.reason}."


@domain_error
class QuoteChanged(DomainError):
    """A total other than the one that the buyer has seen."""

    code: ClassVar[str] = "QUOTE_CHANGED"
    expected: Money
    total: Money

    def __str__(self) -> str:
        return (
            f"The order costs {self.total}, not {self.expected}. Show the new total, then place it "
            "with that as `expectedTotal`."
        )


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
