"""Refusals about carts and orders."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import OrderId, OrderLineId
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity, units_in_words


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
class CouponUnknown(DomainError):
    """A coupon code that no plugin of this shop knows."""

    code: ClassVar[str] = "COUPON_UNKNOWN"
    coupon: str

    def __str__(self) -> str:
        return f"The coupon code {self.coupon[:40]!r} is not valid here. Leave it out."


@domain_error
class CouponBelowMinimum(DomainError):
    """A coupon that counts from a sum on to which what it is for does not come."""

    code: ClassVar[str] = "COUPON_BELOW_MINIMUM"
    coupon: str
    needed: Money
    reached: Money

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon[:40]!r} counts from {self.needed} on, and what it is for "
            f"comes to {self.reached}. Add something for {self.needed - self.reached}, or leave "
            "the coupon out."
        )


@domain_error
class CouponNotCombinable(DomainError):
    """A coupon that may not go beside another discount that counts already."""

    code: ClassVar[str] = "COUPON_NOT_COMBINABLE"
    coupon: str
    other: str

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon[:40]!r} does not go beside {self.other[:80]!r}, which counts "
            "already. Leave one of the two out."
        )


@domain_error
class CouponNotEligible(DomainError):
    """A coupon that takes nothing off what is in the cart."""

    code: ClassVar[str] = "COUPON_NOT_ELIGIBLE"
    coupon: str

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon[:40]!r} takes nothing off what is in the cart. Put in what "
            "it is for, or leave it out."
        )


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
            f"The order comes to {self.total}; at most {self.most} can be kept of one. "
            "Lower the quantities, or order in parts."
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


@domain_error
class OrderPartlyFulfilled(DomainError):
    """An order of which units are on their way, or were."""

    code: ClassVar[str] = "ORDER_PARTLY_FULFILLED"
    fulfilled: int

    def __str__(self) -> str:
        return (
            f"{self.fulfilled} units of the order are being sent or were: it cannot be cancelled. "
            "Cancel the fulfilments that have not left the house; the others come back by a return."
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
class PaymentWindowOver(DomainError):
    """An order that was not paid in time and is about to expire."""

    code: ClassVar[str] = "PAYMENT_WINDOW_OVER"
    minutes: int

    def __str__(self) -> str:
        return f"The order was to be paid within {self.minutes} minutes. Place it again."


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
class OrderLineUnknown(DomainError):
    """A line that is not of this order."""

    code: ClassVar[str] = "ORDER_LINE_UNKNOWN"
    order_line_id: OrderLineId

    def __str__(self) -> str:
        return "This is no line of the order. Its `lines` tell their ids."


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
