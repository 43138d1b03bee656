"""Payments, seen from outside, and the contract of a payment provider."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from koipond.kernel.ids import OrderId, PaymentId, RefundId
from koipond.kernel.money import Money


class PaymentState(StrEnum):
    """PENDING: the provider may or may not know of it; the others are its answers."""

    PENDING = "pending"
    CAPTURED = "captured"
    FAILED = "failed"


class RefundState(StrEnum):
    """PENDING: owed, and the provider may or may not know of it."""

    PENDING = "pending"
    DONE = "done"


class Payment(Struct, frozen=True, kw_only=True):
    """One attempt to pay an order, or a part of it, by one provider."""

    id: PaymentId
    order_id: OrderId
    provider: str
    state: PaymentState
    amount: Money
    captured: Money
    refunded: Money
    reference: str | None
    failure: str | None
    created_at: datetime

    @property
    def refundable(self) -> Money:
        """What could still be given back."""
        return self.captured - self.refunded


class Refund(Struct, frozen=True, kw_only=True):
    """Money that is owed back, or was given back, from one payment."""

    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    provider: str
    reference: str | None
    state: RefundState
    amount: Money


class Charge(Struct, frozen=True, kw_only=True):
    """What a provider is asked to take. `id` is its idempotency key: the same id, one charge.

    data: what the storefront got from the provider's own form; never stored.
    """

    id: PaymentId
    order_id: OrderId
    amount: Money
    data: Mapping[str, str]


class ChargeResult(Struct, frozen=True, kw_only=True):
    """A provider's answer. captured <= the charge's amount; failure says why nothing was taken."""

    state: PaymentState
    captured_minor: int
    reference: str | None
    failure: str | None = None


class PaymentProvider(Protocol):
    """What a payment provider does for us. Every call may be repeated with the same ids.

    A call that raises anything means "unknown": we ask with `find_charge` before we try again.
    """

    async def create_charge(self, charge: Charge) -> ChargeResult:
        """Take money, at most once per `charge.id`."""
        ...

    async def find_charge(self, payment_id: PaymentId) -> ChargeResult | None:
        """Return what became of a charge, or None if the provider never heard of it."""
        ...

    async def create_refund(self, refund: Refund) -> None:
        """Give money back, at most once per `refund.id`; returns when the provider has agreed."""
        ...
