"""Orders, seen from outside. A cart is an Order in state CART."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ChannelId, MemberId, OrderId, OrderLineId, ProductId, VariantId
from koipond.kernel.money import Currency, Money
from koipond.kernel.quantity import Quantity
from koipond.kernel.texts import Locale
from koipond.member.types import Contact
from koipond.pricing.types import PricedOrder


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
    """What checkout collects; None is what was not given yet."""

    contact: Contact | None = None
    shipping_address: Address | None = None
    shipping_method: str | None = None


class CartLine(Struct, frozen=True, kw_only=True):
    """One line of a cart; quantity >= 1."""

    id: OrderLineId
    variant_id: VariantId
    quantity: int


class Cart(Struct, frozen=True, kw_only=True):
    """A purchase that is still being put together."""

    id: OrderId
    channel_id: ChannelId
    currency: Currency
    lines: tuple[CartLine, ...]
    details: CheckoutDetails
    placed: bool


class OrderLine(Struct, frozen=True, kw_only=True):
    """One line of an order, frozen at placement."""

    id: OrderLineId
    variant_id: VariantId
    product_id: ProductId
    sku: str
    name: str
    quantity: int
    unit_price_minor: int


class Order(Struct, frozen=True, kw_only=True):
    """A purchase. number, member_id and placed_at are None while it is a cart.

    problems: what keeps a cart from being placed as it is; such lines are not among `lines`.
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

    @property
    def total(self) -> Money:
        """What is, or was, to be paid."""
        return self.price.total


class LineWish(Struct, frozen=True, kw_only=True):
    """A line as a caller asks for it, before anything of it was checked."""

    variant_id: str
    quantity: Quantity


class PaymentWish(Struct, frozen=True, kw_only=True):
    """How a caller wants to pay. data: what the provider's own form gave the storefront."""

    provider: str
    data: Mapping[str, str] = {}


class OrderWish(Struct, frozen=True, kw_only=True):
    """What `placeOrder` is asked for: a cart by its token, or lines; the cart may know the rest."""

    idempotency_key: str
    token: str | None = None
    lines: tuple[LineWish, ...] | None = None
    details: CheckoutDetails = CheckoutDetails()
    payment: PaymentWish | None = None
    expected_total: Money | None = None


class Placed(Struct, frozen=True, kw_only=True):
    """An order that stands. token: shows its holder to be the buyer; refusal: why it is unpaid."""

    order: Order
    token: str
    refusal: DomainError | None = None
