"""Refusals about shipping."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity


@domain_error
class ShippingMethodUnknown(DomainError):
    """A shipping method that this channel does not have in this currency, or none at all."""

    code: ClassVar[str] = "SHIPPING_METHOD_UNKNOWN"
    shipping_method: str
    known: str

    def __str__(self) -> str:
        asked = f"no shipping method {self.shipping_method[:40]!r}"
        return f"There is {asked} here. Choose one of: {self.known}."


@domain_error
class ShippingPlaceNotServed(DomainError):
    """A shipping method that does not go to this place."""

    code: ClassVar[str] = "SHIPPING_PLACE_NOT_SERVED"
    shipping_method: str
    place: str
    known: str

    def __str__(self) -> str:
        where = self.place or "no place in particular; give the shippingAddress"
        return f"{self.shipping_method[:40]!r} does not go to {where}. Choose one of: {self.known}."


@domain_error
class ParcelTooHeavy(DomainError):
    """A parcel that a shipping method does not take to this place. In grams."""

    code: ClassVar[str] = "PARCEL_TOO_HEAVY"
    shipping_method: str
    place: str
    grams: Quantity
    grams_most: Quantity
    known: str

    def __str__(self) -> str:
        where = f" to {self.place}" if self.place else ""
        return (
            f"{self.grams} g are too heavy for {self.shipping_method[:40]!r}: at most "
            f"{self.grams_most} g go{where} by it. Order in parts, or choose one of: {self.known}."
        )


@domain_error
class GoodsTotalTooLow(DomainError):
    """Goods that come to less than a shipping method is offered from."""

    code: ClassVar[str] = "GOODS_TOTAL_TOO_LOW"
    shipping_method: str
    goods: Money
    goods_least: Money
    known: str

    def __str__(self) -> str:
        return (
            f"{self.shipping_method[:40]!r} is offered from {self.goods_least} on, the goods come "
            f"to {self.goods}. Order more, or choose one of: {self.known}."
        )


@domain_error
class ShippingMethodInvalid(DomainError):
    """A shipping method that cannot be made."""

    code: ClassVar[str] = "SHIPPING_METHOD_INVALID"
    shipping_method: str
    reason: str

    def __str__(self) -> str:
        return f"Shipping method {self.shipping_method[:40]!r} cannot be made: {self.reason}."
