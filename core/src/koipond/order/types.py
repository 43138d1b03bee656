"""Orders, seen from outside. A cart is an Order in state CART."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, TypeVar

from msgspec import Struct

from koipond.fulfilment.types import LineUnits, ShippingOffer
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import (
    ActivityId,
    ChannelId,
    MemberId,
    OrderEditId,
    OrderId,
    OrderLineId,
    ProductId,
    QuotaId,
    RefundId,
    ReturnId,
    SubjectId,
    VariantId,
)
from koipond.kernel.inputs import ChosenInputs, KeptInputs, PluginInput
from koipond.kernel.jobs import Job
from koipond.kernel.letters import Step
from koipond.kernel.money import Currency, Money
from koipond.kernel.quantity import Quantity
from koipond.kernel.texts import Locale
from koipond.member.types import Contact
from koipond.pricing.types import Adjustment, Considered, PricedOrder, PriceTrace
from koipond.quota.types import Claim

I = TypeVar("I", bound=PluginInput)  # noqa: E741  # as in Input
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


class Address(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it goes. country: ISO 3166-1, two letters."""

    name: str = ""
    line1: str
    line2: str = ""
    city: str
    region: str = ""
    postal_code: str = ""
    country: str


class CheckoutDetails(Struct, frozen=True, kw_only=True):
    """What checkout collects; None is what was not given yet.

    coupon_codes: () takes away those that were given before.
    inputs: what the buyer told plugins about the order.
    """

    contact: Contact | None = None
    shipping_address: Address | None = None
    shipping_method: str | None = None
    coupon_codes: tuple[str, ...] | None = None
    inputs: KeptInputs | None = None


class CartLine(Struct, frozen=True, kw_only=True):
    """One line of a cart; quantity >= 1. inputs: what the buyer told plugins about it."""

    id: OrderLineId
    variant_id: VariantId
    quantity: int
    inputs: KeptInputs = {}


class Cart(Struct, frozen=True, kw_only=True):
    """A purchase that is still being put together."""

    id: OrderId
    channel_id: ChannelId
    currency: Currency
    lines: tuple[CartLine, ...]
    details: CheckoutDetails
    placed: bool


class ChosenByBuyer(Struct, frozen=True, kw_only=True):
    """What the buyer told plugins, as they read it: about the order, and about lines."""

    order: ChosenInputs = {}
    lines: Mapping[OrderLineId, ChosenInputs] = {}


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


class ReturnWish(Struct, frozen=True, kw_only=True):
    """Units of an order that its buyer wants to send back, and why."""

    order_id: OrderId
    lines: tuple[LineUnits, ...]
    reason: str = ""


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

    @property
    def is_members(self) -> bool:
        """Tell whether its buyer was logged in, and not only known by an address."""
        return self.subject is not None and self.subject == self.member_id

    @property
    def total(self) -> Money:
        """What is, or was, to be paid."""
        return self.price.total


class LineWish(Struct, frozen=True, kw_only=True):
    """A line as a caller asks for it, before anything of it was checked."""

    variant_id: str
    quantity: Quantity
    inputs: ChosenInputs = {}


class OrderEditWish(Struct, frozen=True, kw_only=True):
    """How staff want an order to be.

    lines: units that lines shall have, those not named stay as they are; more than a line has are
    added as a new one. added: what is bought besides, at today's prices. expected_total: what staff
    have seen; another total is refused.
    """

    order_id: OrderId
    lines: tuple[LineUnits, ...] = ()
    added: tuple[LineWish, ...] = ()
    expected_total: Money | None = None
    note: str = ""


class ExchangeWish(Struct, frozen=True, kw_only=True):
    """What the buyer gets for the accepted units of a return; see OrderEditWish."""

    return_id: ReturnId
    added: tuple[LineWish, ...]
    expected_total: Money | None = None


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


class Placed(Struct, frozen=True, kw_only=True):
    """An order that stands. token: shows its holder to be the buyer; refusal: why it is unpaid."""

    order: Order
    token: str
    refusal: DomainError | None = None


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


class ExpireOrders(Job, frozen=True, kw_only=True):
    """Find the orders that were not paid in time."""


class FlagShortOrders(Job, frozen=True, kw_only=True):
    """Find the orders that were promised units which a count found missing."""

    quota_id: QuotaId
    variant_id: VariantId
    units: int


class CloseOrders(Job, frozen=True, kw_only=True):
    """Close the orders of which nothing can be sent back any more."""


class ExpireOrder(Job, frozen=True, kw_only=True):
    """Close an unpaid order: first at its providers, then here."""

    order_id: OrderId


class ReviveOrder(Job, frozen=True, kw_only=True):
    """Confirm an expired order that was paid late, if all of it can be had again."""

    # While it waits money is in between.
    attempts_max: ClassVar[int] = 100
    order_id: OrderId


class Checkout(Struct, frozen=True, kw_only=True):
    """A purchase that is about to be placed, as plugins see it: priced, nothing stored yet.

    subject: whom a limit counts, the member or, of a guest, what stands for the contact.
    chosen: what the buyer told plugins.
    """

    order_id: OrderId
    channel_id: ChannelId
    member_id: MemberId | None
    subject: SubjectId
    lines: tuple[OrderLine, ...]
    price: PricedOrder
    details: CheckoutDetails
    chosen: ChosenByBuyer
    now: datetime

    def chosen_of(self, line: OrderLine, kind: type[I]) -> I | None:
        """Return what the buyer told a plugin about a line, by the class that it reads it as."""
        told = self.chosen.lines.get(line.id, {}).values()
        return next((one for one in told if isinstance(one, kind)), None)


class HoldWish(Struct, frozen=True, kw_only=True):
    """A hold that a plugin places on an order; see OrderHold."""

    name: str
    reason: str


class CheckoutTerms(Struct, frozen=True, kw_only=True):
    """What a plugin adds to an order that is being placed.

    attributes, line_attributes: what it keeps with the order and its lines. payment_window: how
    long it may be unpaid; the shortest of all counts.
    """

    attributes: Attributes = {}
    line_attributes: Mapping[OrderLineId, Attributes] = {}
    holds: tuple[HoldWish, ...] = ()
    payment_window: timedelta | None = None


class QuotaRequest(Struct, frozen=True, kw_only=True):
    """Units that a plugin wants for an order beside the stock.

    refusal: what the buyer is told where the claim is refused, made of core's own refusal
    (QuotaShort, LimitReached, …); None: core's own.
    """

    claim: Claim
    refusal: Callable[[DomainError], DomainError] | None = None


class Consequence(Struct, frozen=True, kw_only=True):
    """What one plugin has to do about a refund, and how far it is."""

    refund_id: RefundId
    step: Step
