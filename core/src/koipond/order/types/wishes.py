"""What callers ask for, before anything of it was checked."""

from collections.abc import Mapping

from msgspec import Struct

from koipond.fulfilment.types import LineUnits
from koipond.kernel.ids import OrderId, OrderLineId, ReturnId
from koipond.kernel.inputs import ChosenInputs
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity
from koipond.order.types.carts import CheckoutDetails


class ReturnWish(Struct, frozen=True, kw_only=True):
    """Units of an order that its buyer wants to send back, and why."""

    order_id: OrderId
    lines: tuple[LineUnits, ...]
    reason: str = ""


class LineWish(Struct, frozen=True, kw_only=True):
    """A line as a caller asks for it, before anything of it was checked."""

    variant_id: str
    quantity: Quantity
    inputs: ChosenInputs = {}


class OrderEditWish(Struct, frozen=True, kw_only=True):
    """How staff want an order to be.

    expected_version: as it was read; None: whichever it is.
    lines: units that lines shall have, those not named stay as they are; more than a line has are
    added as a new one. added: what is bought besides, at today's prices. expected_total: what staff
    have seen; another total is refused.
    """

    order_id: OrderId
    lines: tuple[LineUnits, ...] = ()
    added: tuple[LineWish, ...] = ()
    expected_total: Money | None = None
    expected_version: int | None = None
    note: str = ""


class ExchangeWish(Struct, frozen=True, kw_only=True):
    """What the buyer gets for the accepted units of a return; see OrderEditWish."""

    return_id: ReturnId
    added: tuple[LineWish, ...]
    expected_total: Money | None = None
    expected_version: int | None = None


class PaymentWish(Struct, frozen=True, kw_only=True):
    """How a caller wants to pay. data: what the provider's own form gave the storefront.

    amount: None is all that is due then.
    """

    provider: str
    amount: Money | None = None
    data: Mapping[str, str] = {}


class OrderWish(Struct, frozen=True, kw_only=True):
    """What `placeOrder` is asked for: a cart by its token, or lines; the cart may know the rest."""

    idempotency_key: str
    token: str | None = None
    lines: tuple[LineWish, ...] | None = None
    details: CheckoutDetails = CheckoutDetails()
    payments: tuple[PaymentWish, ...] = ()
    expected_total: Money | None = None


class LineRefund(Struct, frozen=True, kw_only=True):
    """Units of a line that are given back."""

    line_id: OrderLineId
    quantity: Quantity


class RefundWish(Struct, frozen=True, kw_only=True):
    """What staff want to give back: units of lines, with or without shipping, or an amount.

    shipping: all that was paid for the order as a whole and not given back yet.
    """

    order_id: OrderId
    lines: tuple[LineRefund, ...] = ()
    shipping: bool = False
    amount: Money | None = None
    note: str = ""


class DraftWish(Struct, frozen=True, kw_only=True):
    """What staff put together for somebody; None: nothing is said of it. lines: all of them."""

    lines: tuple[LineWish, ...] | None = None
    details: CheckoutDetails = CheckoutDetails()
    note: str | None = None
