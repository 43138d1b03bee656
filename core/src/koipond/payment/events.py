"""What happens to payments."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import OrderId, PaymentId, RefundId
from koipond.kernel.money import Currency


class PaymentCaptured(Event, frozen=True, kw_only=True):
    """A provider took money for an order."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    payment_id: PaymentId
    amount_minor: int
    currency: Currency


class PaymentFailed(Event, frozen=True, kw_only=True):
    """A provider took nothing."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    payment_id: PaymentId


class RefundOwed(Event, frozen=True, kw_only=True):
    """Money is to be given back."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    refund_id: RefundId
    amount_minor: int
    currency: Currency


class Refunded(Event, frozen=True, kw_only=True):
    """A provider gave money back."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    refund_id: RefundId
    amount_minor: int
    currency: Currency
