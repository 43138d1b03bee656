"""Purchases that were made elsewhere, before this shop kept them."""

from datetime import datetime

from msgspec import Struct

from koipond.kernel.ids import ChannelId, MemberId, ProductId, VariantId
from koipond.kernel.money import Currency
from koipond.kernel.texts import Locale
from koipond.member.types import Contact
from koipond.order.types.orders import OrderState

# A file's hash, a colon, and the number of a row of it.
IMPORTED_FROM_MAX = 90


class PastLine(Struct, frozen=True, kw_only=True):
    """One line of a past purchase. total_minor: what all its units cost together, the fact.

    variant_id, product_id: None where the catalogue has nothing of this SKU, or none was told.
    """

    sku: str
    name: str
    quantity: int
    total_minor: int
    variant_id: VariantId | None = None
    product_id: ProductId | None = None


class PastOrder(Struct, frozen=True, kw_only=True):
    """A purchase that is over. imported_from: what it is known again by, whatever else it says.

    number: None: one is made. other_minor: what was added to the order as a whole, such as
    shipping; below 0 it was taken off.
    """

    imported_from: str
    number: str | None
    channel_id: ChannelId
    currency: Currency
    locale: Locale
    member_id: MemberId
    contact: Contact | None
    state: OrderState
    placed_at: datetime
    lines: tuple[PastLine, ...]
    other_minor: int = 0

    @property
    def total_minor(self) -> int:
        """What was paid."""
        return sum(line.total_minor for line in self.lines) + self.other_minor
