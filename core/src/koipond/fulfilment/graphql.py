"""Shipping methods, fulfilments and returns in the schema."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import strawberry

from koipond.fulfilment import service, types
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
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema import (
    Api,
    Info,
    MoneyInput,
    MoneyType,
    Mutation,
    Node,
    Query,
    TextInput,
    UserError,
    mutation,
    needs,
    query,
)
from koipond.kernel.texts import Locale, pick

READ = needs(types.READS_SHIPPING, by_channel=True)
WRITE = needs(types.WRITES_SHIPPING, by_channel=True)

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
    price: MoneyType = strawberry.field(description="For the cart as it is; 0 if it is free then")
    method: FulfilmentMethod = strawberry.field(description="A pick-up needs no address")

    @classmethod
    def of(
        cls, found: types.ShippingOffer, price: Money, locales: Sequence[Locale]
    ) -> "ShippingMethod":
        """Wrap a method that is offered at `price`."""
        return cls(
            id=strawberry.ID(encode(ShippingMethodId, found.id)),
            code=found.code,
            name=pick(found.name, locales),
            price=MoneyType.of(price),
            method=found.method,
        )


@strawberry.type(description="What a method costs for some parcels; the closest zone's rates hold.")
class ShippingRate:
    price: MoneyType
    zone: str | None = strawberry.field(description="The code of a zone; null: everywhere")
    grams_max: Quantity | None = strawberry.field(description="The heaviest parcel; null: any")
    total_from: MoneyType = strawberry.field(description="What the goods come to at least")
    free_from: MoneyType | None = strawberry.field(description="From which total it is free")

    @classmethod
    def of(cls, found: types.ShippingRate) -> "ShippingRate":
        """Wrap a rate."""
        free, grams = found.free_from_minor, found.grams_max
        return cls(
            price=MoneyType.of(Money(found.amount_minor, found.currency)),
            zone=found.zone_code,
            grams_max=None if grams is None else Quantity(grams),
            total_from=MoneyType.of(Money(found.total_from_minor, found.currency)),
            free_from=None if free is None else MoneyType.of(Money(free, found.currency)),
        )


@strawberry.type(description="A way to the buyer as staff set it; offered where a rate fits.")
class ShippingMethodRules:
    id: strawberry.ID
    code: str
    name: str
    rates: list[ShippingRate]
    method: FulfilmentMethod
    version: int = strawberry.field(description="What expectedVersion is to be")

    @classmethod
    def of(cls, found: types.ShippingMethod, info: Info) -> "ShippingMethodRules":
        """Wrap a method with its rates."""
        return cls(
            id=strawberry.ID(encode(ShippingMethodId, found.id)),
            code=found.code,
            name=pick(found.name, info.context.scope.locales),
            rates=[ShippingRate.of(one) for one in found.rates],
            method=found.method,
            version=found.version,
        )


@strawberry.input(
    description="Of the rates that bear a parcel's weight those count that bear least."
)
class ShippingRateInput:
    price: MoneyInput
    zone: str | None = strawberry.field(default=None, description="None: everywhere")
    grams_max: Quantity | None = strawberry.field(
        default=None, description="The heaviest parcel, that weight included; None: any"
    )
    total_from: str = strawberry.field(
        default="0", description="What the goods come to at least, in the price's currency"
    )
    free_from: str | None = strawberry.field(
        default=None, description="From which total of the goods it is free; None: from none"
    )

    def read(self) -> types.ShippingRateDraft:
        """Return the rate in plain words."""
        return types.ShippingRateDraft(
            currency=self.price.currency,
            price=self.price.amount,
            zone=self.zone or "",
            grams_max=None if self.grams_max is None else int(self.grams_max),
            total_from=self.total_from,
            free_from=self.free_from or "",
        )


@strawberry.input(description="A method, new or known by its code; its rates become exactly these.")
class SetShippingMethodInput:
    channel: str = strawberry.field(description="The code of a channel")
    code: str
    name: list[TextInput] = strawberry.field(description="What buyers read, by language")
    rates: list[ShippingRateInput] = strawberry.field(description="None of them: offered nowhere")
    position: int | None = strawberry.field(
        default=None, description="Where it is listed, 0 first; None: where it was, or last"
    )
    method: FulfilmentMethod = strawberry.field(
        default=FulfilmentMethod.SHIPMENT,
        description="A pick-up needs no address; its rates are those of the channel's own place",
    )
    expected_version: int | None = strawberry.field(
        default=None, description="As it was read; 0 if it is to be a new one"
    )


@strawberry.type
class SetShippingMethodPayload:
    shipping_method: ShippingMethodRules | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ShippingQueries:
    @query(READ)
    async def shipping_methods(self, info: Info, channel: str) -> list[ShippingMethodRules]:
        """The shipping methods of a channel, by its code, in their order."""
        found = await service.find_methods(info.context, channel)
        return [ShippingMethodRules.of(one, info) for one in found]


@strawberry.type
class ShippingMutations:
    @mutation(WRITE)
    async def set_shipping_method(
        self, info: Info, input: SetShippingMethodInput
    ) -> SetShippingMethodPayload:
        """Make a shipping method of a channel, or change a known one to what is told."""
        draft = types.ShippingMethodDraft(
            code=input.code,
            name={one.locale: one.text for one in input.name},
            rates=tuple(one.read() for one in input.rates),
            method=input.method,
        )
        told = await service.set_method(
            info.context,
            input.channel,
            draft,
            position=input.position,
            expected_version=input.expected_version,
        )
        return SetShippingMethodPayload(shipping_method=ShippingMethodRules.of(told, info))


def register(api: Api) -> None:
    """Add shipping to the schema of staff; buyers see it with their carts."""
    api.admin(Query, ShippingQueries)
    api.admin(Mutation, ShippingMutations)


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
