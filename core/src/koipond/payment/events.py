"""What happens to payments."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import OrderId, PaymentId, RefundId
from koipond.kernel.money import Currency


class PaymentAuthorised(Event, frozen=True, kw_only=True):
    """A provider holds money for an order; `amount_minor` more than before."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    payment_id: PaymentId
    amount_minor: int
    currency: Currency


class PaymentCaptured(Event, frozen=True, kw_only=True):
    """A provider took money for an order; `amount_minor` more than before."""

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


class PaymentVoided(Event, frozen=True, kw_only=True):
    """A provider let go of what it held and had not taken."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    payment_id: PaymentId


class PaymentMismatched(Event, frozen=True, kw_only=True):
    """A provider told of another amount, currency or account than was asked; nothing was applied.

    People must look: `reason` says what is wrong.
    """

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    payment_id: PaymentId
    reason: str


class RefundOwed(Event, frozen=True, kw_only=True):
    """Money is to be given back; `reason` is a RefundReason."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    refund_id: RefundId
    amount_minor: int
    currency: Currency
    reason: str


class Refunded(Event, frozen=True, kw_only=True):
    """A provider gave money back; `reason` is a RefundReason."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    refund_id: RefundId
    amount_minor: int
    currency: Currency
    reason: str


class RefundFailed(Event, frozen=True, kw_only=True):
    """A provider does not give back what is owed; people must find another way."""

    aggregate: ClassVar[str] = "order_id"
    order_id: OrderId
    refund_id: RefundId
    amount_minor: int
    currency: Currency
    failure: str
