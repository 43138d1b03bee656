"""Refusals of giving money back."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity, units_in_words


@domain_error
class OrderNotRefundable(DomainError):
    """An order of which staff give nothing back: unpaid ones, and ones that are off already."""

    code: ClassVar[str] = "ORDER_NOT_REFUNDABLE"
    state: str

    def __str__(self) -> str:
        return (
            f"The order is {self.state}; only a confirmed or closed one is refunded. "
            "One that is off gives its money back by itself."
        )


@domain_error
class RefundAmbiguous(DomainError):
    """Both lines and an amount to give back, or neither."""

    code: ClassVar[str] = "REFUND_AMBIGUOUS"

    def __str__(self) -> str:
        return "Give either `lines` (with or without `shipping`) or an `amount` to give back."


@domain_error
class RefundQuantityTooLarge(DomainError):
    """More units of a line than were bought and not given back yet."""

    code: ClassVar[str] = "REFUND_QUANTITY_TOO_LARGE"
    sku: str
    quantity: Quantity
    left: Quantity

    def __str__(self) -> str:
        return f"{self.sku}: {self.quantity} cannot be given back; {units_in_words(self.left)}."


@domain_error
class ShippingNotRefundable(DomainError):
    """Shipping, and what else was paid for the order as a whole, of which nothing is left."""

    code: ClassVar[str] = "SHIPPING_NOT_REFUNDABLE"
    paid: Money
    refunded: Money

    def __str__(self) -> str:
        return (
            f"Of {self.paid} that was paid for shipping {self.refunded} was given back: nothing is "
            "left. Leave `shipping` out."
        )


@domain_error
class OrderLineUnpaid(DomainError):
    """A line that an edit added or made dearer, and that is not paid in full yet."""

    code: ClassVar[str] = "ORDER_LINE_UNPAID"
    sku: str
    paid: Money
    total: Money

    def __str__(self) -> str:
        return (
            f"{self.sku}: {self.paid} of {self.total} is paid, so no unit of it is given back. "
            "Take units off with `editOrder`, or wait for the payment."
        )
