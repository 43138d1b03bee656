"""A purchase that is about to be placed, and what plugins add to it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct

from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ChannelId, MemberId, OrderId, OrderLineId, SubjectId
from koipond.kernel.inputs import PluginInput
from koipond.order.types.carts import CheckoutDetails, ChosenByBuyer
from koipond.order.types.orders import Attributes, OrderLine
from koipond.pricing.types import PricedOrder
from koipond.quota.types import Claim

I = TypeVar("I", bound=PluginInput)  # noqa: E741  # as in Input


class Checkout(Struct, frozen=True, kw_only=True):
    """A purchase that is about to be placed, as plugins see it: priced, nothing stored yet.

    subject: whom a limit counts, the member or, of a guest, what stands for the contact.
    chosen: what the buyer told plugins. is_edit: it is what staff add to an order that stands;
    promotions that counted then go on to count, and their uses were counted with it.
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
    is_edit: bool = False

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
