"""What staff see of orders and do with them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import strawberry

from koipond.channel.rules import is_known_entry
from koipond.channel.types import Source, SourceClass
from koipond.kernel.errors import check_one_named
from koipond.kernel.ids import OrderId, OrderLineId, decode
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema import (
    Connection,
    Info,
    MoneyInput,
    UserError,
    batch,
    connect,
    mutation,
    needs,
    query,
)
from koipond.member.graphql import Member
from koipond.member.service import find_sources
from koipond.order import service, types
from koipond.order.graphql.mutations import read_money
from koipond.order.graphql.types import Order, OrderLine
from koipond.order.types import AttentionAction, AttentionReason, OrderState

strawberry.enum(AttentionReason)
strawberry.enum(AttentionAction)

READ = needs("order.read", by_channel=True)
WRITE = needs("order.write", by_channel=True)
PAY = needs("payment.write", by_channel=True)


@strawberry.type(description="Something about an order that people must look at.")
class OrderAttention:
    reason: AttentionReason
    detail: str
    at: datetime
    actions: list[AttentionAction] = strawberry.field(
        description="What can be done about it, the usual way first: mutations of these names"
    )


@strawberry.type
class StaffOrder:
    @batch
    @staticmethod
    async def attention(parents: list[Order], info: Info) -> list[list[OrderAttention]]:
        """What people must look at; nothing is well."""
        return [
            [
                OrderAttention(
                    reason=one.reason,
                    detail=one.detail,
                    at=one.at,
                    actions=service.actions_for(one.reason),
                )
                for one in parent.found.attention
            ]
            for parent in parents
        ]


@strawberry.type(description="From where somebody came to the shop.")
class CameFrom:
    kind: SourceClass = strawberry.field(name="class")
    entry: str
    campaign: str
    is_known: bool = strawberry.field(description="Whether the shop has named this entry")

    @classmethod
    def of(cls, found: Source | None, known: Collection[str]) -> "CameFrom | None":
        """Wrap a source."""
        if found is None:
            return None
        return cls(
            kind=found.kind,
            entry=found.entry,
            campaign=found.campaign,
            is_known=is_known_entry(found.entry, known),
        )


@strawberry.type
class OrderSource:
    @batch
    @staticmethod
    async def source(parents: list[Order], info: Info) -> list[CameFrom | None]:
        """From where the buyer came last before placing it; null: nobody said."""
        known = info.context.settings.source_entries
        return [CameFrom.of(parent.found.details.source, known) for parent in parents]


@strawberry.type
class MemberSource:
    @batch
    @staticmethod
    async def source(parents: list[Member], info: Info) -> list[CameFrom | None]:
        """From where the member first came; null: nobody said."""
        known = info.context.settings.source_entries
        found = await find_sources(info.context, [parent.key for parent in parents])
        return [CameFrom.of(found.get(parent.key), known) for parent in parents]


@strawberry.type
class StaffOrderLine:
    @batch
    @staticmethod
    async def refunded_quantity(parents: list[OrderLine], info: Info) -> list[int]:
        """Units that staff gave the money back for."""
        return [parent.found.refunded_quantity for parent in parents]


@strawberry.input
class OrderFilter:
    state: OrderState | None = None
    needs_attention: bool | None = None


@strawberry.type
class StaffOrderQueries:
    @query(READ)
    async def order(
        self,
        info: Info,
        id: strawberry.ID | None = None,  # the field's name
        number: str | None = None,
    ) -> Order | None:
        """An order, whosever it is, by its id or else its number; null if there is none."""
        check_one_named(id=id, number=number)
        key = decode(OrderId, id) if id is not None else None
        found = await service.find_any_order(info.context, order_id=key, number=number)
        return Order.of(found) if found is not None else None

    @query(READ)
    async def orders(
        self,
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        filter: OrderFilter | None = None,  # the field's name
    ) -> Connection[Order]:
        """All orders, the newest first."""
        given = filter or OrderFilter()
        wanted = types.OrderFilter(state=given.state, needs_attention=given.needs_attention)
        found = await service.find_orders(info.context, wanted, page(first, after, shape=(UUID,)))
        return connect(found, Order.of, behind=after is not None)


@strawberry.input
class RefundLineInput:
    line_id: strawberry.ID
    quantity: Quantity


@strawberry.input(description="Either lines, with or without shipping, or an amount.")
class RefundOrderInput:
    order_id: strawberry.ID
    idempotency_key: str
    lines: list[RefundLineInput] = strawberry.field(default_factory=list)
    shipping: bool = strawberry.field(
        default=False, description="All that was paid for the order as a whole"
    )
    amount: MoneyInput | None = None
    reason: str = strawberry.field(default="", description="For whoever reads it later")

    def read(self) -> types.RefundWish:
        """Return what to give back. Raises IdInvalid, CurrencyUnknown, AmountInvalid."""
        lines = [
            types.LineRefund(line_id=decode(OrderLineId, one.line_id), quantity=one.quantity)
            for one in self.lines
        ]
        return types.RefundWish(
            order_id=decode(OrderId, self.order_id),
            lines=tuple(lines),
            shipping=self.shipping,
            amount=read_money(self.amount),
            note=self.reason,
        )


@strawberry.input(name="CancelOrderInput")
class StaffCancelOrderInput:
    order_id: strawberry.ID
    reason: str = ""


@strawberry.input
class ClearOrderAttentionInput:
    order_id: strawberry.ID


@strawberry.type
class RefundOrderPayload:
    order: Order | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(name="CancelOrderPayload")
class StaffCancelOrderPayload:
    order: Order | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ClearOrderAttentionPayload:
    order: Order | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class StaffOrderMutations:
    @mutation(PAY)
    async def refund_order(self, info: Info, input: RefundOrderInput) -> RefundOrderPayload:
        """Give back what was paid for units of lines, or an amount, by the way that it came."""
        done = await service.refund_order(
            info.context, input.read(), idempotency_key=input.idempotency_key
        )
        return RefundOrderPayload(order=Order.of(done))

    @mutation(WRITE)
    async def cancel_order(
        self, info: Info, input: StaffCancelOrderInput
    ) -> StaffCancelOrderPayload:
        """Cancel an order; what was paid is given back."""
        done = await service.cancel_any_order(
            info.context, decode(OrderId, input.order_id), reason=input.reason
        )
        return StaffCancelOrderPayload(order=Order.of(done))

    @mutation(WRITE)
    async def clear_order_attention(
        self, info: Info, input: ClearOrderAttentionInput
    ) -> ClearOrderAttentionPayload:
        """Say that people have looked at an order."""
        done = await service.clear_attention(info.context, decode(OrderId, input.order_id))
        return ClearOrderAttentionPayload(order=Order.of(done))
