"""Units that come back: asked for by buyers, decided and settled by staff."""

from uuid import UUID

import strawberry

from koipond.fulfilment.graphql import Return
from koipond.fulfilment.types import Inspected, ReturnState
from koipond.kernel.ids import OrderId, OrderLineId, ReturnId, decode
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema import (
    PUBLIC,
    Connection,
    Info,
    UserError,
    connect,
    mutation,
    needs,
    query,
)
from koipond.order import service, types
from koipond.order.graphql.fulfilments import LineUnitsInput
from koipond.order.graphql.mutations import OrderPayload
from koipond.order.graphql.types import Order

READ = needs("order.read", by_channel=True)
RETURN = needs("return.write", by_channel=True)
PAY = needs("payment.write", by_channel=True)


@strawberry.input
class RequestReturnInput:
    order_id: strawberry.ID
    lines: list[LineUnitsInput]
    idempotency_key: str
    token: str | None = None
    reason: str = ""


@strawberry.input
class CancelReturnInput:
    return_id: strawberry.ID
    token: str | None = None


@strawberry.type
class RequestReturnPayload(OrderPayload):
    pass


@strawberry.type
class CancelReturnPayload(OrderPayload):
    pass


@strawberry.type
class ReturnMutations:
    @mutation(PUBLIC)
    async def request_return(self, info: Info, input: RequestReturnInput) -> RequestReturnPayload:
        """Ask to send units back that were delivered."""
        done = await service.request_return(
            info.context,
            _wish(input.order_id, input.lines, input.reason),
            token=input.token,
            idempotency_key=input.idempotency_key,
        )
        return RequestReturnPayload.of(done)

    @mutation(PUBLIC)
    async def cancel_return(self, info: Info, input: CancelReturnInput) -> CancelReturnPayload:
        """Keep the units after all; until the shop has received them."""
        done = await service.cancel_return(
            info.context, decode(ReturnId, input.return_id), token=input.token
        )
        return CancelReturnPayload.of(done)


@strawberry.input(name="RequestReturnInput")
class StaffRequestReturnInput:
    order_id: strawberry.ID
    lines: list[LineUnitsInput]
    idempotency_key: str
    reason: str = ""


@strawberry.input
class ApproveReturnInput:
    return_id: strawberry.ID
    note: str = strawberry.field(default="", description="For the buyer")


@strawberry.input
class RejectReturnInput:
    return_id: strawberry.ID
    note: str = strawberry.field(default="", description="For the buyer")


@strawberry.input
class ReceiveReturnInput:
    return_id: strawberry.ID
    lines: list[LineUnitsInput] = strawberry.field(
        default_factory=list, description="What came; empty: all of it"
    )


@strawberry.input
class InspectedLineInput:
    line_id: strawberry.ID
    accepted: Quantity = strawberry.field(description="Units that the buyer gets something for")
    restocked: Quantity = strawberry.field(description="Units of those that can be sold again")

    def read(self) -> Inspected:
        """Return what was found of a line. Raises IdInvalid."""
        key = decode(OrderLineId, self.line_id)
        return Inspected(line_id=key, accepted=self.accepted, restocked=self.restocked)


@strawberry.input
class InspectReturnInput:
    return_id: strawberry.ID
    idempotency_key: str
    lines: list[InspectedLineInput] = strawberry.field(
        default_factory=list, description="Empty: all is accepted and can be sold again"
    )
    note: str = strawberry.field(default="", description="For the buyer")


@strawberry.input
class RefundReturnInput:
    return_id: strawberry.ID
    idempotency_key: str
    shipping: bool = strawberry.field(
        default=False, description="With all that was paid for the order as a whole"
    )


@strawberry.input(name="CancelReturnInput")
class StaffCancelReturnInput:
    return_id: strawberry.ID


@strawberry.type
class StaffReturnPayload:
    order: Order | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(name="RequestReturnPayload")
class StaffRequestReturnPayload(StaffReturnPayload):
    pass


@strawberry.type
class ApproveReturnPayload(StaffReturnPayload):
    pass


@strawberry.type
class RejectReturnPayload(StaffReturnPayload):
    pass


@strawberry.type
class ReceiveReturnPayload(StaffReturnPayload):
    pass


@strawberry.type
class InspectReturnPayload(StaffReturnPayload):
    pass


@strawberry.type
class RefundReturnPayload(StaffReturnPayload):
    pass


@strawberry.type(name="CancelReturnPayload")
class StaffCancelReturnPayload(StaffReturnPayload):
    pass


@strawberry.type
class StaffReturnQueries:
    @query(READ)
    async def returns(
        self,
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        state: ReturnState | None = None,
    ) -> Connection[Return]:
        """All returns, or those in a state, the newest first."""
        wanted = page(first, after, shape=(UUID,))
        found = await service.list_returns(info.context, state, wanted)
        return connect(found, Return.of, behind=after is not None)


@strawberry.type
class StaffReturnMutations:
    @mutation(RETURN)
    async def request_return(
        self, info: Info, input: StaffRequestReturnInput
    ) -> StaffRequestReturnPayload:
        """Ask to send units back, for a buyer who called."""
        done = await service.request_any_return(
            info.context,
            _wish(input.order_id, input.lines, input.reason),
            idempotency_key=input.idempotency_key,
        )
        return StaffRequestReturnPayload(order=Order.of(done))

    @mutation(RETURN)
    async def approve_return(self, info: Info, input: ApproveReturnInput) -> ApproveReturnPayload:
        """Let the buyer send the units back."""
        key = decode(ReturnId, input.return_id)
        done = await service.approve_return(info.context, key, note=input.note)
        return ApproveReturnPayload(order=Order.of(done))

    @mutation(RETURN)
    async def reject_return(self, info: Info, input: RejectReturnInput) -> RejectReturnPayload:
        """Give the buyer nothing for the units."""
        key = decode(ReturnId, input.return_id)
        done = await service.reject_return(info.context, key, note=input.note)
        return RejectReturnPayload(order=Order.of(done))

    @mutation(RETURN)
    async def receive_return(self, info: Info, input: ReceiveReturnInput) -> ReceiveReturnPayload:
        """Say which of the units are back in the house."""
        key = decode(ReturnId, input.return_id)
        lines = [one.read() for one in input.lines]
        done = await service.receive_return(info.context, key, lines)
        return ReceiveReturnPayload(order=Order.of(done))

    @mutation(RETURN)
    async def inspect_return(self, info: Info, input: InspectReturnInput) -> InspectReturnPayload:
        """Say what is accepted, and put back on the shelf what can be sold again."""
        done = await service.inspect_return(
            info.context,
            decode(ReturnId, input.return_id),
            [one.read() for one in input.lines],
            note=input.note,
            idempotency_key=input.idempotency_key,
        )
        return InspectReturnPayload(order=Order.of(done))

    @mutation(PAY)
    async def refund_return(self, info: Info, input: RefundReturnInput) -> RefundReturnPayload:
        """Give back what was paid for the accepted units, by the ways that it came."""
        done = await service.refund_return(
            info.context,
            decode(ReturnId, input.return_id),
            shipping=input.shipping,
            idempotency_key=input.idempotency_key,
        )
        return RefundReturnPayload(order=Order.of(done))

    @mutation(RETURN)
    async def cancel_return(
        self, info: Info, input: StaffCancelReturnInput
    ) -> StaffCancelReturnPayload:
        """Say that the units will not come."""
        done = await service.cancel_any_return(info.context, decode(ReturnId, input.return_id))
        return StaffCancelReturnPayload(order=Order.of(done))


def _wish(order_id: str, lines: list[LineUnitsInput], reason: str) -> types.ReturnWish:
    return types.ReturnWish(
        order_id=decode(OrderId, order_id),
        lines=tuple(one.read() for one in lines),
        reason=reason,
    )
