"""Refusals about shipping."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class ShippingMethodUnknown(DomainError):
    """A shipping method that this channel does not offer in this currency, or none at all."""

    code: ClassVar[str] = "SHIPPING_METHOD_UNKNOWN"
    shipping_method: str
    known: str

    def __str__(self) -> str:
        asked = f"no shipping method {self.shipping_method[:40]!r}"
        return f"There is {asked} here. Choose one of: {self.known}."
