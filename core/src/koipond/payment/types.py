"""Payments, seen from outside, and the contract of a payment provider."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol
from uuid import UUID

from msgspec import Struct

from koipond.kernel.ids import OrderId, PaymentId, RefundId
from koipond.kernel.jobs import Job
from koipond.kernel.money import Money

# How often an act about money is tried before people must look: for two months, at last hourly.
_TRIES = 1_500


class PaymentState(StrEnum):
    """Where a payment stands; what may follow what stands in rules.PAYMENT_MOVES.

    PENDING: the provider may not know of it, or waits for the buyer. CAPTURED: at least a part is.
    """

    PENDING = "pending"
    FAILED = "failed"
    AUTHORISED = "authorised"
    VOIDED = "voided"
    CAPTURED = "captured"


class RefundState(StrEnum):
    """PENDING: owed, and the provider may or may not know of it. FAILED: owed still, see staff."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class RefundReason(StrEnum):
    """Why money goes back."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    # It came when the order was off, or could not be revived.
    LATE = "late"
    # More came than the order costs.
    SURPLUS = "surplus"
    # A person decided it.
    STAFF = "staff"
    # Units came back.
    RETURNED = "returned"
    # An edit made the order cost less.
    EDITED = "edited"
    # Somebody gave it back at the provider, and not here.
    PROVIDER = "provider"


class Payment(Struct, frozen=True, kw_only=True):
    """One tender: an attempt to pay an order, or a part of it, by one provider.

    refunded <= captured <= authorised <= amount. released: what is authorised and not captured is
    no longer held. capturing: what the provider was asked to have captured in all.
    action: what the buyer must do now, in the provider's words, such as an address to go to.
    """

    id: PaymentId
    order_id: OrderId
    provider: str
    state: PaymentState
    amount: Money
    authorised: Money
    captured: Money
    refunded: Money
    capturing: Money
    released: bool
    reference: str | None
    failure: str | None
    action: Mapping[str, str]
    request_key: str | None
    created_at: datetime

    @property
    def refundable(self) -> Money:
        """What could still be given back."""
        return self.captured - self.refunded

    @property
    def held(self) -> Money:
        """What is authorised and could still be captured."""
        return Money(0, self.amount.currency) if self.released else self.authorised - self.captured

    @property
    def covers(self) -> Money:
        """What it brings to its order: captured or held. What was given back is told apart."""
        return self.captured + self.held

    @property
    def is_pending(self) -> bool:
        """Tell whether its outcome is not known."""
        return self.state is PaymentState.PENDING


class Refund(Struct, frozen=True, kw_only=True):
    """Money that is owed back, or was given back, from one payment.

    payment_reference: what the provider calls the payment; reference: what it calls the refund.
    retry_of: the refund that failed and that this one is in the place of.
    """

    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    provider: str
    payment_reference: str | None
    state: RefundState
    amount: Money
    reason: RefundReason
    note: str = ""
    reference: str | None = None
    failure: str | None = None
    retry_of: RefundId | None = None


class PaidPart(Struct, frozen=True, kw_only=True):
    """What one payment paid for one part of its order, frozen when the order was covered.

    part_id: a line's id, or the order's own for what belongs to no line, such as shipping.
    """

    payment_id: PaymentId
    part_id: UUID
    paid_minor: int
    refunded_minor: int

    @property
    def left_minor(self) -> int:
        """What could still be given back of it."""
        return self.paid_minor - self.refunded_minor

    @property
    def key(self) -> tuple[UUID, UUID]:
        """Payment and part."""
        return self.payment_id, self.part_id


class Tender(Struct, frozen=True, kw_only=True):
    """What is wished from a provider. request_key: of one order's payments, one has it.

    capture: take the money at once, else only hold it.
    """

    provider: str
    amount: Money
    request_key: str
    capture: bool
    data: Mapping[str, str]


class Charge(Struct, frozen=True, kw_only=True):
    """What a provider is asked to take. `id` is its idempotency key: the same id, one charge.

    capture: take it at once, else only authorise it.
    data: what the storefront got from the provider's own form; never stored.
    """

    id: PaymentId
    order_id: OrderId
    amount: Money
    data: Mapping[str, str]
    capture: bool = True


class Begun(Struct, frozen=True, kw_only=True):
    """A payment of which nobody has told anything yet, and what its provider is asked for."""

    payment: Payment
    charge: Charge


class ChargeResult(Struct, frozen=True, kw_only=True):
    """What a provider knows of a charge, all in all: told twice or in any order it means the same.

    Sums are since the charge began. PENDING: it waits, for the buyer (`action`) or for its own
    reasons. released: what is authorised and not captured is no longer held.
    """

    state: PaymentState
    captured_minor: int = 0
    authorised_minor: int = 0
    released: bool = False
    reference: str | None = None
    failure: str | None = None
    action: Mapping[str, str] = {}


class Capture(Struct, frozen=True, kw_only=True):
    """What a provider is asked to capture: `amount` more, so that it is `total` in all.

    `key` is its idempotency key: the same key, one capture.
    """

    payment: Payment
    amount: Money
    total: Money

    @property
    def key(self) -> str:
        """The payment's id and how much is to be captured in all."""
        return f"{self.payment.id}-{self.total.amount_minor}"


class RefundResult(Struct, frozen=True, kw_only=True):
    """What a provider says of a refund. PENDING: it has agreed, and tells the end by a notice."""

    state: RefundState
    reference: str | None = None
    failure: str | None = None


class ToldRefund(Struct, frozen=True, kw_only=True):
    """A refund in a notice. refund_id: ours; None if it was made at the provider."""

    reference: str
    amount_minor: int
    refund_id: RefundId | None = None
    state: RefundState = RefundState.DONE


class ProviderEvent(Struct, frozen=True, kw_only=True):
    """A notice that the provider signed: what it knows of one charge and of refunds of it.

    id: the provider's own, the same when it is sent again. amount: what the charge is for.
    merchant: whose account at the provider it is about.
    """

    id: str
    payment_id: PaymentId
    merchant: str
    amount: Money
    charge: ChargeResult
    refunds: tuple[ToldRefund, ...] = ()


class WebhookRefused(Exception):
    """A notice that its provider did not sign, or signed too long ago; the message says which."""


class PaymentProvider(Protocol):
    """What a payment provider does for us. Every call may be repeated with the same ids.

    A call that raises anything means "unknown": the same is asked again, or `find_charge` first.
    What a provider may not do, such as void what is captured, it answers by what is the case.
    """

    # Whose account it is; a notice about another one is refused.
    merchant: str

    async def create_charge(self, charge: Charge) -> ChargeResult:
        """Authorise, or take, money: at most once per `charge.id`."""
        ...

    async def find_charge(self, payment_id: PaymentId) -> ChargeResult | None:
        """Return what became of a charge, or None if the provider never heard of it."""
        ...

    async def capture(self, capture: Capture) -> ChargeResult:
        """Take money that is authorised: at most once per `capture.key`."""
        ...

    async def void(self, payment: Payment) -> ChargeResult:
        """Let go of what is not captured, so that it never can be; give nothing back."""
        ...

    async def create_refund(self, refund: Refund) -> RefundResult:
        """Give money back, at most once per `refund.id`; asked again it tells where that is."""
        ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ProviderEvent]:
        """Return what a notice says; headers have lower-case names.

        Raises WebhookRefused unless it was signed by the provider, not long ago.
        """
        ...


class QueryPayments(Job, frozen=True, kw_only=True):
    """Find the payments whose end nobody has told for a while."""


class QueryPayment(Job, frozen=True, kw_only=True):
    """Ask what became of a payment."""

    payment_id: PaymentId


class CapturePayment(Job, frozen=True, kw_only=True):
    """Capture what was decided, if whoever decided it did not live to."""

    attempts_max: ClassVar[int] = _TRIES
    payment_id: PaymentId


class VoidPayment(Job, frozen=True, kw_only=True):
    """Let go of what a payment of an order that is off still holds."""

    attempts_max: ClassVar[int] = _TRIES
    payment_id: PaymentId


class GiveRefund(Job, frozen=True, kw_only=True):
    """Ask the provider to give back what is owed. round: how often before."""

    attempts_max: ClassVar[int] = _TRIES
    refund_id: RefundId
    round: int = 0


class Outcome(StrEnum):
    """What was done with a notice. UNKNOWN: it is about no payment of this shop."""

    APPLIED = "applied"
    REFUSED = "refused"
    UNKNOWN = "unknown"
