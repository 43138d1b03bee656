"""Shipping, seen from outside."""

from collections.abc import Mapping

from msgspec import Struct

from koipond.kernel.ids import ShippingMethodId
from koipond.kernel.money import Currency
from koipond.kernel.texts import Texts


class ShippingMethod(Struct, frozen=True, kw_only=True):
    """A way to the buyer. prices: {currency: minor units}, only those in which it is offered."""

    id: ShippingMethodId
    code: str
    name: Texts
    prices: Mapping[Currency, int]
