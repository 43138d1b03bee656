"""Refusals about payments."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class PaymentProviderUnknown(DomainError):
    """A way to pay that this shop does not offer."""

    code: ClassVar[str] = "PAYMENT_PROVIDER_UNKNOWN"
    provider: str
    known: str

    def __str__(self) -> str:
        return f"There is no payment provider {self.provider[:40]!r}. Choose one of: {self.known}."


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
