"""What is still being put together, and what its buyer gives for it."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from koipond.channel.types import Source
from koipond.kernel.ids import ChannelId, MemberId, OrderId, OrderLineId, VariantId
from koipond.kernel.inputs import ChosenInputs, KeptInputs
from koipond.kernel.money import Currency
from koipond.member.types import Address, Contact


class CheckoutDetails(Struct, frozen=True, kw_only=True):
    """What checkout collects; None is what was not given yet.

    coupon_codes: () takes away those that were given before.
    inputs: what the buyer told plugins about the order. source: from where they came, last.
    """

    contact: Contact | None = None
    shipping_address: Address | None = None
    shipping_method: str | None = None
    coupon_codes: tuple[str, ...] | None = None
    inputs: KeptInputs | None = None
    source: Source | None = None


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


class Draft(Struct, frozen=True, kw_only=True):
    """A cart that staff put together for somebody. member_id: None: for a guest, by the contact."""

    cart: Cart
    member_id: MemberId | None
    note: str
    made_by: str
    created_at: datetime
    version: int

    @property
    def id(self) -> OrderId:
        """The cart's id, which becomes the order's."""
        return self.cart.id
