"""What buyers and staff see of an order's parcels and returns."""

from datetime import datetime

import strawberry

from koipond.fulfilment import rules as fulfilment_rules
from koipond.fulfilment import service as fulfilment
from koipond.fulfilment import types
from koipond.fulfilment.graphql import Fulfilment, Return
from koipond.fulfilment.types import FulfilmentProgress, ReturnProgress
from koipond.kernel.context import Context
from koipond.kernel.ids import RefundId, encode
from koipond.kernel.letters import DeliveryState
from koipond.kernel.schema import Info, batch
from koipond.kernel.viewer import ViewerKind
from koipond.order import service
from koipond.order import types as orders
from koipond.order.graphql.types import Order

strawberry.enum(DeliveryState)


@strawberry.type(description="What a plugin has to do about a refund, and how far it is.")
class Consequence:
    refund_id: strawberry.ID
    consumer: str = strawberry.field(
        description="Who: a plugin's name, or core.messages for what its buyer is told"
    )
    state: DeliveryState
    attempts: int
    finished_at: datetime | None
    problem: str | None = strawberry.field(
        description="What went wrong the last time; null if nothing did, and for buyers"
    )
    dead_letter_id: strawberry.ID | None = strawberry.field(
        description="For retryDeadLetter and skipDeadLetter; null unless it is dead, and for buyers"
    )

    @classmethod
    def of(cls, found: orders.Consequence, *, for_staff: bool) -> "Consequence":
        """Wrap what one plugin does."""
        step = found.step
        letter = step.letter_id if for_staff else None
        return cls(
            refund_id=strawberry.ID(encode(RefundId, found.refund_id)),
            consumer=step.consumer,
            state=step.state,
            attempts=step.attempts,
            finished_at=step.finished_at,
            problem=(step.problem or None) if for_staff else None,
            dead_letter_id=strawberry.ID(letter) if letter else None,
        )


@strawberry.type
class OrderProgress:
    @batch
    @staticmethod
    async def consequences(parents: list[Order], info: Info) -> list[list[Consequence]]:
        """What follows its refunds, a step for each plugin; none holds up the money."""
        ctx = info.context
        found = await service.find_consequences(ctx, [one.found.id for one in parents])
        for_staff = ctx.viewer.kind is ViewerKind.STAFF
        return [
            [Consequence.of(one, for_staff=for_staff) for one in found[parent.found.id]]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def fulfilments(parents: list[Order], info: Info) -> list[list[Fulfilment]]:
        """What of it is being sent or was, the oldest first."""
        ctx = info.context
        found = await fulfilment.find_fulfilments_of(ctx, [one.found.id for one in parents])
        return [
            [Fulfilment.of(one, _code(ctx, one)) for one in found[parent.found.id]]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def fulfilment_state(parents: list[Order], info: Info) -> list[FulfilmentProgress]:
        """How far it has come, all of it together."""
        found = await fulfilment.find_fulfilments_of(
            info.context, [one.found.id for one in parents]
        )
        return [
            fulfilment_rules.tell_progress(
                found[parent.found.id],
                bought=sum(line.quantity for line in parent.found.lines),
                fulfilled=sum(line.fulfilled_quantity for line in parent.found.lines),
            )
            for parent in parents
        ]

    @batch
    @staticmethod
    async def returns(parents: list[Order], info: Info) -> list[list[Return]]:
        """What of it is sent back or was, the oldest first."""
        found = await fulfilment.find_returns_of(info.context, [one.found.id for one in parents])
        return [[Return.of(one) for one in found[parent.found.id]] for parent in parents]

    @batch
    @staticmethod
    async def return_state(parents: list[Order], info: Info) -> list[ReturnProgress]:
        """What came back of it, all returns together."""
        found = await fulfilment.find_returns_of(info.context, [one.found.id for one in parents])
        return [
            fulfilment_rules.tell_return_progress(
                found[parent.found.id],
                bought={line.id: line.quantity for line in parent.found.lines},
            )
            for parent in parents
        ]


def _code(ctx: Context, found: types.Fulfilment) -> str | None:
    """Return the code of a pick-up for its buyer; whoever hands it over must be told it."""
    if ctx.viewer.kind in {ViewerKind.STAFF, ViewerKind.SERVICE}:
        return None
    return fulfilment.code_of(ctx, found)
