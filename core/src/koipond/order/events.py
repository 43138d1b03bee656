"""What happens to orders."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import MemberId, OrderEditId, OrderId
from koipond.kernel.money import Currency


class OrderPlaced(Event, frozen=True, kw_only=True):
    """Somebody ordered; the units are theirs, nothing is paid yet."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    member_id: MemberId
    total_minor: int
    currency: Currency


class OrderConfirmed(Event, frozen=True, kw_only=True):
    """The order is paid in full, or there was nothing to pay."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId


class OrderCancelled(Event, frozen=True, kw_only=True):
    """The order is off; its units are free, and what was paid is owed back."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    refund_due_minor: int
    currency: Currency
    reason: str


class OrderExpired(Event, frozen=True, kw_only=True):
    """The order was not paid in time; its units are free, and what was paid is owed back."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    refund_due_minor: int
    currency: Currency


class OrderFulfilled(Event, frozen=True, kw_only=True):
    """All units of the order have left the house."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId


class OrderDelivered(Event, frozen=True, kw_only=True):
    """The buyer has all units of the order; it is closed when they can no longer be sent back."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId


class OrderClosed(Event, frozen=True, kw_only=True):
    """Nothing of the order can be sent back any more: what was promised for it is due."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId


class OrderEdited(Event, frozen=True, kw_only=True):
    """Staff changed the order; it costs `delta_minor` more than before, or less if below 0."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    edit_id: OrderEditId
    delta_minor: int
    currency: Currency


class OrderAddressChanged(Event, frozen=True, kw_only=True):
    """Staff sent an order elsewhere before anything of it was packed."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    edit_id: OrderEditId


class OrderNeedsAttention(Event, frozen=True, kw_only=True):
    """People must look at an order; `reason` is an AttentionReason."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    reason: str
    detail: str
