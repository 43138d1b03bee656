"""What staff change of orders that stand."""

from datetime import datetime

import strawberry

from koipond.kernel.ids import OrderEditId, OrderId, ReturnId, decode, encode
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema import (
    Info,
    MoneyInput,
    MoneyType,
    UserError,
    batch,
    mutation,
    needs,
)
from koipond.member.graphql import AddressInput
from koipond.order import service, types
from koipond.order.graphql.fulfilments import LineUnitsInput
from koipond.order.graphql.mutations import read_money
from koipond.order.graphql.types import Order


@strawberry.type(description="What staff changed of an order.")
class OrderEdit:
    id: strawberry.ID
    delta: MoneyType = strawberry.field(description="By how much the total changed")
    note: str
    made_by: str
    applied_at: datetime


@strawberry.type
class StaffOrderEdits:
    @batch
    @staticmethod
    async def version(parents: list[Order], info: Info) -> list[int]:
        """What expectedVersion is to be: 1 as it was placed, one more with every edit."""
        found = await service.find_versions(info.context, [one.found.id for one in parents])
        return [found[parent.found.id] for parent in parents]

    @batch
    @staticmethod
    async def edits(parents: list[Order], info: Info) -> list[list[OrderEdit]]:
        """What staff changed of it since it was placed, the oldest first."""
        found = await service.find_edits_of(info.context, [one.found.id for one in parents])
        return [[_edit(one) for one in found[parent.found.id]] for parent in parents]


@strawberry.input
class AddedLineInput:
    variant_id: strawberry.ID
    quantity: Quantity = Quantity(1)

    def read(self) -> types.LineWish:
        """Return what is bought besides."""
        return types.LineWish(variant_id=self.variant_id, quantity=self.quantity)


@strawberry.input(description="Lines that are not named stay as they are.")
class EditOrderInput:
    order_id: strawberry.ID
    idempotency_key: str
    lines: list[LineUnitsInput] = strawberry.field(
        default_factory=list,
        description="Units that lines shall have; more than they have come as a line of their own, "
        "at today's price",
    )
    added: list[AddedLineInput] = strawberry.field(
        default_factory=list, description="What is bought besides, at today's prices"
    )
    expected_total: MoneyInput | None = strawberry.field(
        default=None, description="What you have seen; another total is refused"
    )
    expected_version: int | None = strawberry.field(default=None, description="As it was read")
    note: str = strawberry.field(default="", description="For whoever reads it later")

    def read(self) -> types.OrderEditWish:
        """Return how the order shall be. Raises IdInvalid, CurrencyUnknown, AmountInvalid."""
        return types.OrderEditWish(
            order_id=decode(OrderId, self.order_id),
            lines=tuple(one.read() for one in self.lines),
            added=tuple(one.read() for one in self.added),
            expected_total=read_money(self.expected_total),
            expected_version=self.expected_version,
            note=self.note,
        )


@strawberry.input
class ExchangeReturnInput:
    return_id: strawberry.ID
    idempotency_key: str
    added: list[AddedLineInput] = strawberry.field(description="What the buyer gets instead")
    expected_total: MoneyInput | None = strawberry.field(
        default=None, description="What the order shall come to; another total is refused"
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Of the order, as it was read"
    )

    def read(self) -> types.ExchangeWish:
        """Return what is given instead. Raises IdInvalid, CurrencyUnknown, AmountInvalid."""
        return types.ExchangeWish(
            return_id=decode(ReturnId, self.return_id),
            added=tuple(one.read() for one in self.added),
            expected_total=read_money(self.expected_total),
            expected_version=self.expected_version,
        )


@strawberry.input
class ChangeOrderAddressInput:
    order_id: strawberry.ID
    shipping_address: AddressInput
    note: str = strawberry.field(default="", description="For whoever reads it later")
    expected_version: int | None = strawberry.field(default=None, description="As it was read")


@strawberry.type
class ChangeOrderAddressPayload:
    order: Order | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class EditOrderPayload:
    order: Order | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ExchangeReturnPayload:
    order: Order | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class EditMutations:
    @mutation(needs("order.write", by_channel=True))
    async def edit_order(self, info: Info, input: EditOrderInput) -> EditOrderPayload:
        """Give lines other quantities and add others; the difference is due, or goes back."""
        done = await service.edit_order(
            info.context, input.read(), idempotency_key=input.idempotency_key
        )
        return EditOrderPayload(order=Order.of(done))

    @mutation(needs("order.write", by_channel=True))
    async def change_order_address(
        self, info: Info, input: ChangeOrderAddressInput
    ) -> ChangeOrderAddressPayload:
        """Send an order elsewhere in its country and region, before anything of it is packed."""
        done = await service.change_address(
            info.context,
            decode(OrderId, input.order_id),
            input.shipping_address.read(),
            note=input.note,
            expected_version=input.expected_version,
        )
        return ChangeOrderAddressPayload(order=Order.of(done))

    @mutation(needs("return.write", by_channel=True))
    async def exchange_return(
        self, info: Info, input: ExchangeReturnInput
    ) -> ExchangeReturnPayload:
        """Give others for the accepted units of a return; the difference is due, or goes back."""
        done = await service.exchange_return(
            info.context, input.read(), idempotency_key=input.idempotency_key
        )
        return ExchangeReturnPayload(order=Order.of(done))


def _edit(found: types.OrderEdit) -> OrderEdit:
    assert found.delta is not None, "it came to its end"
    assert found.applied_at is not None, "it came to its end"
    return OrderEdit(
        id=strawberry.ID(encode(OrderEditId, found.id)),
        delta=MoneyType.of(found.delta),
        note=found.note,
        made_by=found.made_by,
        applied_at=found.applied_at,
    )
