"""Refusals of what is put together, and of placing it."""

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
class TooManyPayments(DomainError):
    """More tenders than one request may begin."""

    code: ClassVar[str] = "TOO_MANY_PAYMENTS"
    payments: int
    maximum: int

    def __str__(self) -> str:
        return (
            f"{self.payments} payments are too many: {self.maximum} can be begun at once. "
            "Pay what is left with `payOrder`."
        )


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
class AddressAmbiguous(DomainError):
    """Both an address and the id of one."""

    code: ClassVar[str] = "ADDRESS_AMBIGUOUS"

    def __str__(self) -> str:
        return "Give either a `shippingAddress` or the `addressId` of one of yours, not both."


@domain_error
class CartLineUnknown(DomainError):
    """A line that is not in this cart."""

    code: ClassVar[str] = "CART_LINE_UNKNOWN"
    line_id: str

    def __str__(self) -> str:
        return f"{self.line_id[:60]!r} is no line of this cart. Its `lines` tell their ids."


@domain_error
class PluginInputStale(DomainError):
    """What a plugin was told about a line or an order, and cannot read any more."""

    code: ClassVar[str] = "PLUGIN_INPUT_STALE"
    plugin: str

    def __str__(self) -> str:
        return (
            f"What was chosen for {self.plugin} is not possible any more. Choose again: give "
            "`plugins` anew, or `plugins: {}` to go without."
        )


@domain_error
class CheckoutIncomplete(DomainError):
    """An order that lacks what is needed to deliver it."""

    code: ClassVar[str] = "CHECKOUT_INCOMPLETE"
    missing: str

    def __str__(self) -> str:
        return f"Still missing: {self.missing}. Give it with `setCheckout` or in `placeOrder`."


@domain_error
class QuoteChanged(DomainError):
    """A total other than the one that the buyer has seen."""

    code: ClassVar[str] = "QUOTE_CHANGED"
    expected: Money
    total: Money

    def __str__(self) -> str:
        return (
            f"The order costs {self.total}, not {self.expected}. Show the new total, then ask "
            "again with that as `expectedTotal`."
        )


@domain_error
class TotalTooLarge(DomainError):
    """An order whose amounts are more than can be kept."""

    code: ClassVar[str] = "TOTAL_TOO_LARGE"
    total: Money
    most: Money

    def __str__(self) -> str:
        return (
            f"The order comes to {self.total} before anything is taken off; at most {self.most} "
            "can be kept of one. Lower the quantities, or order in parts."
        )


@domain_error
class ActivitySoldOut(DomainError):
    """More units than an activity has left at its price."""

    code: ClassVar[str] = "ACTIVITY_SOLD_OUT"
    sku: str
    requested: int
    available: int

    def __str__(self) -> str:
        way = "Lower the quantity." if self.available else "It may still be had without it."
        return f"{self.sku}: {self.requested} wanted, {self.available} left at this offer. {way}"


@domain_error
class ActivityOver(DomainError):
    """An offer that does not sell: it is over, has not begun, or is not for this buyer."""

    code: ClassVar[str] = "ACTIVITY_OVER"
    sku: str

    def __str__(self) -> str:
        return f"{self.sku}: this offer cannot be had now. Look at it again, or buy without it."


@domain_error
class DraftUnknown(DomainError):
    """A draft that there is none of."""

    code: ClassVar[str] = "DRAFT_UNKNOWN"
    draft_order_id: str

    def __str__(self) -> str:
        return (
            f"{self.draft_order_id[:60]!r} is no draft. `draftOrders` lists those that are not "
            "placed yet."
        )
