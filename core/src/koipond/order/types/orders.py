"""Orders as they stand, their lines, and what became of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from koipond.fulfilment.types import ShippingOffer
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import (
    ActivityId,
    ChannelId,
    MemberId,
    OrderEditId,
    OrderId,
    OrderLineId,
    ProductId,
    RefundId,
    SubjectId,
    VariantId,
)
from koipond.kernel.letters import Step
from koipond.kernel.money import Money
from koipond.kernel.texts import Locale
from koipond.order.types.carts import CheckoutDetails
from koipond.pricing.types import Adjustment, Considered, PricedOrder, PriceTrace

# What a plugin keeps with an order or a line: names and texts, readable without the plugin.
Attributes = Mapping[str, str]


class OrderState(StrEnum):
    """Where a purchase stands; what may follow what stands in rules.ORDER_MOVES."""

    CART = "cart"
    PLACED = "placed"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class AttentionReason(StrEnum):
    """Why people must look at an order."""

    # A provider told of another amount, currency or account than was asked.
    PAYMENT_MISMATCH = "payment_mismatch"
    # Money was given back at the provider, and not here.
    REFUNDED_ELSEWHERE = "refunded_elsewhere"
    # A provider does not give back what is owed.
    REFUND_FAILED = "refund_failed"
    # The order stands, and what was held for it is gone.
    UNCOVERED = "uncovered"
    # A count found units missing that are promised to it.
    STOCK_SHORT = "stock_short"


class AttentionAction(StrEnum):
    """What people can do about it: the staff's mutation of this name."""

    CANCEL_ORDER = "cancelOrder"
    CLEAR_ORDER_ATTENTION = "clearOrderAttention"
    EDIT_ORDER = "editOrder"
    REFUND_ORDER = "refundOrder"
    RETRY_REFUND = "retryRefund"


class Attention(Struct, frozen=True, kw_only=True):
    """Something that people must look at; it is said once."""

    reason: AttentionReason
    detail: str
    at: datetime


class PaymentPolicy(Struct, frozen=True, kw_only=True):
    """How a channel has its orders paid."""

    window: timedelta
    capture_at_once: bool


class OrderLine(Struct, frozen=True, kw_only=True):
    """One line of an order, frozen at placement but for what became of its units.

    tracked: its units are counted, so the stock holds them for it. refunded_quantity: units that
    money was given back for. fulfilled_quantity: units in fulfilments that are not cancelled.
    returned_quantity: those of them in returns, asked for or settled. quantity is 0 once an edit
    has taken all of them off.
    """

    id: OrderLineId
    variant_id: VariantId
    product_id: ProductId
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    tracked: bool = True
    refunded_quantity: int = 0
    fulfilled_quantity: int = 0
    returned_quantity: int = 0
    # By which activity it was sold, if by one.
    activity_id: ActivityId | None = None
    # {plugin: what it keeps with the line}
    attributes: Mapping[str, Attributes] = {}


class OrderHold(Struct, frozen=True, kw_only=True):
    """A named reason why an order may not be fulfilled yet; one of a name at a time.

    source: who placed it, core or a plugin. reason: what people read.
    """

    name: str
    source: str
    reason: str
    placed_at: datetime


class Order(Struct, frozen=True, kw_only=True):
    """A purchase. number, member_id and placed_at are None while it is a cart.

    problems: what keeps a cart from being placed as it is; such lines are not among `lines`.
    is_closing: it was not paid in time, and its payments are being closed at their providers;
    until that is done it neither is confirmed nor expires. trace: why its price is what it is.
    shipping_offers: the methods that a cart may choose from.
    pay_until: when a placed order expires if it is not paid. holds: it is not fulfilled before
    there are none. attributes: {plugin: what it keeps with the order}. close_at: when one that the
    buyer has all of is closed, unless units come back. subject: whom limits count it for.
    """

    id: OrderId
    state: OrderState
    number: str | None
    channel_id: ChannelId
    locale: Locale
    member_id: MemberId | None
    lines: tuple[OrderLine, ...]
    price: PricedOrder
    details: CheckoutDetails
    placed_at: datetime | None
    problems: tuple[DomainError, ...] = ()
    expired_at: datetime | None = None
    is_closing: bool = False
    attention: tuple[Attention, ...] = ()
    pay_until: datetime | None = None
    holds: tuple[OrderHold, ...] = ()
    attributes: Mapping[str, Attributes] = {}
    trace: PriceTrace = PriceTrace()
    shipping_offers: tuple[ShippingOffer, ...] = ()
    close_at: datetime | None = None
    subject: SubjectId | None = None
    # Of a purchase that was made elsewhere: the file and the row that told of it.
    imported_from: str | None = None

    @property
    def is_members(self) -> bool:
        """Tell whether its buyer was logged in, and not only known by an address."""
        return self.subject is not None and self.subject == self.member_id

    @property
    def total(self) -> Money:
        """What is, or was, to be paid."""
        return self.price.total


class Addition(Struct, frozen=True, kw_only=True):
    """Lines that come to an order that stands, and the adjustments that are their price."""

    lines: tuple[OrderLine, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    considered: tuple[Considered, ...] = ()


class OrderEdit(Struct, frozen=True, kw_only=True):
    """An edit of an order as it is kept. part: of the order's reservations, what it added.

    applied_at: None while it is at work, or if nothing came of it.
    """

    id: OrderEditId
    order_id: OrderId
    part: int
    delta: Money | None
    note: str
    made_by: str
    created_at: datetime
    applied_at: datetime | None


class Placed(Struct, frozen=True, kw_only=True):
    """An order that stands. token: shows its holder to be the buyer; refusal: why it is unpaid."""

    order: Order
    token: str
    refusal: DomainError | None = None


class OrderFilter(Struct, frozen=True, kw_only=True):
    """Which orders staff want to see; what is None does not matter."""

    state: OrderState | None = None
    needs_attention: bool | None = None


class PayeeSlot(Struct, frozen=True, kw_only=True):
    """One of the two persons that may be paid for a line because of their relation to the buyer.

    person: whom, as whoever claims it names people; source: who claimed it, such as a plugin.
    """

    line_id: OrderLineId
    slot: int
    person: str
    source: str


class Consequence(Struct, frozen=True, kw_only=True):
    """What one plugin has to do about a refund, and how far it is."""

    refund_id: RefundId
    step: Step
