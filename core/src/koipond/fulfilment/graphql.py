"""Shipping methods, fulfilments and returns in the schema."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import strawberry

from koipond.fulfilment import types
from koipond.fulfilment.types import (
    FulfilmentMethod,
    FulfilmentProgress,
    FulfilmentState,
    ReturnProgress,
    ReturnState,
)
from koipond.kernel.ids import (
    FulfilmentId,
    OrderId,
    OrderLineId,
    ReturnId,
    ShippingMethodId,
    encode,
)
from koipond.kernel.money import Currency, Money
from koipond.kernel.schema import MoneyType, Node
from koipond.kernel.texts import Locale, pick

strawberry.enum(FulfilmentMethod)
strawberry.enum(FulfilmentState)
strawberry.enum(FulfilmentProgress)
strawberry.enum(ReturnState)
strawberry.enum(ReturnProgress)


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


@strawberry.type(description="Units of a line in a fulfilment.")
class FulfilmentLine:
    line_id: strawberry.ID
    quantity: int


@strawberry.type(description="Units of an order that leave one place together.")
class Fulfilment:
    id: strawberry.ID
    method: FulfilmentMethod
    state: FulfilmentState
    lines: list[FulfilmentLine]
    carrier: str
    tracking_number: str
    tracking_url: str
    pick_up_code: str | None = strawberry.field(
        description="While a pick-up is READY: what to show when it is fetched; it counts once"
    )
    created_at: datetime
    shipped_at: datetime | None = strawberry.field(description="When it left the house")
    delivered_at: datetime | None = strawberry.field(description="When the buyer had it")

    @classmethod
    def of(cls, found: types.Fulfilment, code: str | None) -> "Fulfilment":
        """Wrap a fulfilment. code: what it is fetched with, if its reader may see that."""
        units: Counter[OrderLineId] = Counter()
        for one in found.parcels:
            units[one.line_id] += one.quantity
        return cls(
            id=strawberry.ID(encode(FulfilmentId, found.id)),
            method=found.method,
            state=found.state,
            lines=[
                FulfilmentLine(line_id=strawberry.ID(encode(OrderLineId, key)), quantity=count)
                for key, count in units.items()
            ],
            carrier=found.tracking.carrier,
            tracking_number=found.tracking.number,
            tracking_url=found.tracking.url,
            pick_up_code=code,
            created_at=found.created_at,
            shipped_at=found.shipped_at,
            delivered_at=found.delivered_at,
        )


@strawberry.type(description="Units of a line that are sent back.")
class ReturnLine:
    line_id: strawberry.ID
    quantity: int
    received_quantity: int
    accepted_quantity: int = strawberry.field(
        description="Units for which the buyer gets money, or others"
    )


@strawberry.type(description="Units of an order that the buyer sends back.")
class Return:
    key: strawberry.Private[OrderId]
    id: strawberry.ID
    state: ReturnState
    reason: str
    note: str = strawberry.field(description="What the shop wrote last")
    lines: list[ReturnLine]
    requested_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, found: types.Return) -> "Return":
        """Wrap a return."""
        return cls(
            key=found.order_id,
            id=strawberry.ID(encode(ReturnId, found.id)),
            state=found.state,
            reason=found.reason,
            note=found.note,
            lines=[
                ReturnLine(
                    line_id=strawberry.ID(encode(OrderLineId, one.line_id)),
                    quantity=one.quantity,
                    received_quantity=one.received_quantity,
                    accepted_quantity=one.accepted_quantity,
                )
                for one in found.lines
            ],
            requested_at=found.requested_at,
            updated_at=found.updated_at,
        )
