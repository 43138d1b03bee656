"""Refusals about payments."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import PaymentId, RefundId
from koipond.kernel.money import Money


@domain_error
class PaymentProviderUnknown(DomainError):
    """A way to pay that this shop does not offer."""

    code: ClassVar[str] = "PAYMENT_PROVIDER_UNKNOWN"
    provider: str
    known: str

    def __str__(self) -> str:
        return f"There is no payment provider {self.provider[:40]!r}. Choose one of: {self.known}."


@domain_error
class PaymentAmountInvalid(DomainError):
    """An amount that cannot be paid of an order, or cannot be captured of a payment."""

    code: ClassVar[str] = "PAYMENT_AMOUNT_INVALID"
    wanted: Money
    possible: Money

    def __str__(self) -> str:
        return (
            f"{self.wanted} is not possible: more than nothing and at most {self.possible} is. "
            "Leave the amount out for all of it."
        )


@domain_error
class PaymentDeclined(DomainError):
    """The provider took nothing. The order stands and can be paid by another attempt."""

    code: ClassVar[str] = "PAYMENT_DECLINED"
    provider: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.provider} declined the payment: {self.reason}. Nothing was taken; "
            "pay again with `payOrder`."
        )


@domain_error
class PaymentUnresolved(DomainError):
    """A payment whose outcome the provider has not told yet; no second one is begun beside it."""

    code: ClassVar[str] = "PAYMENT_UNRESOLVED"
    provider: str
    retry_after_s: int

    def __str__(self) -> str:
        return (
            f"{self.provider} has not answered about the payment yet. Ask again in "
            f"{self.retry_after_s} s with the same idempotencyKey; nothing is taken twice."
        )


@domain_error
class PaymentUnknown(DomainError):
    """A payment that there is none of."""

    code: ClassVar[str] = "PAYMENT_UNKNOWN"
    payment_id: PaymentId

    def __str__(self) -> str:
        return "There is no such payment. An order's `payments` tell their ids."


@domain_error
class PaymentNotCapturable(DomainError):
    """A payment that holds nothing which could be captured."""

    code: ClassVar[str] = "PAYMENT_NOT_CAPTURABLE"
    state: str

    def __str__(self) -> str:
        return f"The payment is {self.state} and holds nothing more; only what is held is captured."


@domain_error
class PaymentNotVoidable(DomainError):
    """A payment that cannot be let go: it holds nothing, or its order stands on it."""

    code: ClassVar[str] = "PAYMENT_NOT_VOIDABLE"
    state: str
    reason: str

    def __str__(self) -> str:
        return f"The payment is {self.state} and cannot be voided: {self.reason}."


@domain_error
class RefundTooLarge(DomainError):
    """More money than what was paid and not given back yet."""

    code: ClassVar[str] = "REFUND_TOO_LARGE"
    wanted: Money
    refundable: Money

    def __str__(self) -> str:
        return f"{self.wanted} cannot be given back, at most {self.refundable} can."


@domain_error
class RefundUnknown(DomainError):
    """A refund that there is none of."""

    code: ClassVar[str] = "REFUND_UNKNOWN"
    refund_id: RefundId

    def __str__(self) -> str:
        return "There is no such refund. An order's `refunds` tell their ids."


@domain_error
class RefundNotRetryable(DomainError):
    """A refund that did not fail, or was tried again already."""

    code: ClassVar[str] = "REFUND_NOT_RETRYABLE"
    state: str

    def __str__(self) -> str:
        return f"The refund is {self.state}; only one that failed is tried again, and once each."
