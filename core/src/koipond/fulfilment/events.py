"""What happens to fulfilments and returns."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import FulfilmentId, OrderId, ReturnId


class FulfilmentCreated(Event, frozen=True, kw_only=True):
    """Units of an order are being packed."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    fulfilment_id: FulfilmentId


class FulfilmentShipped(Event, frozen=True, kw_only=True):
    """Units of an order have left the house for the buyer."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    fulfilment_id: FulfilmentId


class FulfilmentReadied(Event, frozen=True, kw_only=True):
    """Units of an order can be fetched, with a code."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    fulfilment_id: FulfilmentId


class FulfilmentCollected(Event, frozen=True, kw_only=True):
    """Units of an order were fetched: the code was right, and counts no more."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    fulfilment_id: FulfilmentId


class FulfilmentDelivered(Event, frozen=True, kw_only=True):
    """Units of an order have arrived."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    fulfilment_id: FulfilmentId


class FulfilmentCancelled(Event, frozen=True, kw_only=True):
    """Units of an order are not sent after all; they can be fulfilled anew."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    fulfilment_id: FulfilmentId


class ReturnRequested(Event, frozen=True, kw_only=True):
    """The buyer wants to send units back."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    return_id: ReturnId


class ReturnApproved(Event, frozen=True, kw_only=True):
    """The buyer may send the units back."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    return_id: ReturnId


class ReturnRejected(Event, frozen=True, kw_only=True):
    """The buyer gets nothing for the units."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    return_id: ReturnId
    note: str


class ReturnCancelled(Event, frozen=True, kw_only=True):
    """The buyer keeps the units after all."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    return_id: ReturnId


class ReturnReceived(Event, frozen=True, kw_only=True):
    """The units are back in the house."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    return_id: ReturnId


class ReturnInspected(Event, frozen=True, kw_only=True):
    """The units were looked at; those that can be sold again are on the shelf."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    return_id: ReturnId


class ReturnRefunded(Event, frozen=True, kw_only=True):
    """What was paid for the units is owed back; refunds tell of the money."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    return_id: ReturnId


class ReturnExchanged(Event, frozen=True, kw_only=True):
    """The buyer gets others for the units: lines that were added to the order."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    return_id: ReturnId
