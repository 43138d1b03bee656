"""What buyers and staff see of an order's parcels and returns."""

import strawberry

from koipond.fulfilment import rules as fulfilment_rules
from koipond.fulfilment import service as fulfilment
from koipond.fulfilment import types
from koipond.fulfilment.graphql import Fulfilment, Return
from koipond.fulfilment.types import FulfilmentProgress, ReturnProgress
from koipond.kernel.context import Context
from koipond.kernel.schema import Info, batch
from koipond.kernel.viewer import ViewerKind
from koipond.order.graphql.types import Order


@strawberry.type
class OrderProgress:
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
