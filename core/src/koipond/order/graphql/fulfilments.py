"""What staff do to send an order's units."""

import strawberry

from koipond.fulfilment.types import FulfilmentMethod, FulfilmentWish, LineUnits, Tracking
from koipond.kernel.ids import FulfilmentId, OrderId, OrderLineId, decode
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema import Info, UserError, mutation, needs
from koipond.order import service
from koipond.order.graphql.types import Order

FULFIL = needs("fulfilment.write", by_channel=True)


@strawberry.input
class LineUnitsInput:
    line_id: strawberry.ID
    quantity: Quantity

    def read(self) -> LineUnits:
        """Return the units of a line. Raises IdInvalid."""
        return LineUnits(line_id=decode(OrderLineId, self.line_id), quantity=self.quantity)


@strawberry.input
class CreateFulfilmentInput:
    order_id: strawberry.ID
    idempotency_key: str
    method: FulfilmentMethod | None = strawberry.field(
        default=None, description="Null: as the buyer chose, by the shipping method"
    )
    lines: list[LineUnitsInput] = strawberry.field(
        default_factory=list, description="Empty: all units that are in no fulfilment yet"
    )
    location: str | None = strawberry.field(
        default=None,
        description="A location's code; null makes one fulfilment for each that holds some",
    )

    def read(self) -> FulfilmentWish:
        """Return what is to be packed. Raises IdInvalid."""
        return FulfilmentWish(
            order_id=decode(OrderId, self.order_id),
            method=self.method,
            lines=tuple(one.read() for one in self.lines),
            location=self.location,
        )


@strawberry.input
class ShipFulfilmentInput:
    fulfilment_id: strawberry.ID
    idempotency_key: str
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""


@strawberry.input
class DeliverFulfilmentInput:
    fulfilment_id: strawberry.ID


@strawberry.input
class ReadyFulfilmentInput:
    fulfilment_id: strawberry.ID


@strawberry.input
class RenewPickUpCodeInput:
    fulfilment_id: strawberry.ID


@strawberry.input
class CollectFulfilmentInput:
    fulfilment_id: strawberry.ID
    code: str = strawberry.field(description="As the buyer shows it")
    idempotency_key: str


@strawberry.input
class CancelFulfilmentInput:
    fulfilment_id: strawberry.ID


@strawberry.type
class FulfilmentPayload:
    order: Order | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class CreateFulfilmentPayload(FulfilmentPayload):
    pass


@strawberry.type
class ShipFulfilmentPayload(FulfilmentPayload):
    pass


@strawberry.type
class DeliverFulfilmentPayload(FulfilmentPayload):
    pass


@strawberry.type
class ReadyFulfilmentPayload(FulfilmentPayload):
    pass


@strawberry.type
class RenewPickUpCodePayload(FulfilmentPayload):
    pass


@strawberry.type
class CollectFulfilmentPayload(FulfilmentPayload):
    pass


@strawberry.type
class CancelFulfilmentPayload(FulfilmentPayload):
    pass


@strawberry.type
class FulfilmentMutations:
    @mutation(FULFIL)
    async def create_fulfilment(
        self, info: Info, input: CreateFulfilmentInput
    ) -> CreateFulfilmentPayload:
        """Have units of an order packed, from where the order holds them."""
        done = await service.create_fulfilment(
            info.context, input.read(), idempotency_key=input.idempotency_key
        )
        return CreateFulfilmentPayload(order=Order.of(done))

    @mutation(FULFIL)
    async def ship_fulfilment(
        self, info: Info, input: ShipFulfilmentInput
    ) -> ShipFulfilmentPayload:
        """Send a fulfilment off: its units leave the stock."""
        tracking = Tracking(
            carrier=input.carrier, number=input.tracking_number, url=input.tracking_url
        )
        key = decode(FulfilmentId, input.fulfilment_id)
        done = await service.ship_fulfilment(
            info.context, key, tracking, idempotency_key=input.idempotency_key
        )
        return ShipFulfilmentPayload(order=Order.of(done))

    @mutation(FULFIL)
    async def deliver_fulfilment(
        self, info: Info, input: DeliverFulfilmentInput
    ) -> DeliverFulfilmentPayload:
        """Say that a fulfilment has arrived."""
        key = decode(FulfilmentId, input.fulfilment_id)
        done = await service.deliver_fulfilment(info.context, key)
        return DeliverFulfilmentPayload(order=Order.of(done))

    @mutation(FULFIL)
    async def ready_fulfilment(
        self, info: Info, input: ReadyFulfilmentInput
    ) -> ReadyFulfilmentPayload:
        """Say that a pick-up can be fetched; its buyer is shown the code."""
        key = decode(FulfilmentId, input.fulfilment_id)
        done = await service.ready_fulfilment(info.context, key)
        return ReadyFulfilmentPayload(order=Order.of(done))

    @mutation(FULFIL)
    async def renew_pick_up_code(
        self, info: Info, input: RenewPickUpCodeInput
    ) -> RenewPickUpCodePayload:
        """Let another code count for a pick-up, and none that was shown before."""
        key = decode(FulfilmentId, input.fulfilment_id)
        done = await service.renew_pick_up_code(info.context, key)
        return RenewPickUpCodePayload(order=Order.of(done))

    @mutation(FULFIL)
    async def collect_fulfilment(
        self, info: Info, input: CollectFulfilmentInput
    ) -> CollectFulfilmentPayload:
        """Hand a pick-up over to who shows its code."""
        done = await service.collect_fulfilment(
            info.context,
            decode(FulfilmentId, input.fulfilment_id),
            input.code,
            idempotency_key=input.idempotency_key,
        )
        return CollectFulfilmentPayload(order=Order.of(done))

    @mutation(FULFIL)
    async def cancel_fulfilment(
        self, info: Info, input: CancelFulfilmentInput
    ) -> CancelFulfilmentPayload:
        """Unpack a fulfilment that has not left the house."""
        key = decode(FulfilmentId, input.fulfilment_id)
        done = await service.cancel_fulfilment(info.context, key)
        return CancelFulfilmentPayload(order=Order.of(done))
