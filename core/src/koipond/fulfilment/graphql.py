"""Shipping in the schema."""

from collections.abc import Sequence

import strawberry

from koipond.fulfilment import types
from koipond.kernel.ids import ShippingMethodId, encode
from koipond.kernel.money import Currency, Money
from koipond.kernel.schema import MoneyType, Node
from koipond.kernel.texts import Locale, pick


@strawberry.type(description="A way to the buyer. `setCheckout` and `placeOrder` take its code.")
class ShippingMethod(Node):
    id: strawberry.ID
    code: str
    name: str
    price: MoneyType

    @classmethod
    def of(
        cls, found: types.ShippingMethod, currency: Currency, locales: Sequence[Locale]
    ) -> "ShippingMethod":
        """Wrap a method that is offered in `currency`."""
        return cls(
            id=strawberry.ID(encode(ShippingMethodId, found.id)),
            code=found.code,
            name=pick(found.name, locales),
            price=MoneyType.of(Money(found.prices[currency], currency)),
        )
