"""Orders that staff put together for somebody."""

from datetime import datetime
from uuid import UUID

import strawberry

from koipond.kernel.ids import MemberId, OrderId, decode, encode
from koipond.kernel.pages import FIRST_DEFAULT, page
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
from koipond.kernel.schema.errors import wrap_error
from koipond.member.graphql import AddressInput
from koipond.order import service, types
from koipond.order.graphql.edits import AddedLineInput
from koipond.order.graphql.mutations import ContactInput, read_money
from koipond.order.graphql.types import Order

READ = needs("order.read", by_channel=True)
WRITE = needs("order.write", by_channel=True)
VERSION = "As it was read; null: whichever it is"


@strawberry.type(description="An order that staff put together; its id becomes the order's.")
class DraftOrder:
    found: strawberry.Private[types.Draft]
    id: strawberry.ID
    version: int = strawberry.field(description="What expectedVersion is to be")
    note: str
    made_by: str
    created_at: datetime
    member_id: strawberry.ID | None = strawberry.field(description="null: for a guest")
    placed: bool

    @batch
    @staticmethod
    async def order(parents: list["DraftOrder"], info: Info) -> list[Order]:
        """How it stands: priced as for its buyer, today; as it was drafted once it is placed."""
        return [
            Order.of(await service.show_draft(info.context, parent.found)) for parent in parents
        ]

    @classmethod
    def of(cls, found: types.Draft) -> "DraftOrder":
        """Wrap a draft."""
        member = found.member_id
        return cls(
            found=found,
            id=strawberry.ID(encode(OrderId, found.id)),
            version=found.version,
            note=found.note,
            made_by=found.made_by,
            created_at=found.created_at,
            member_id=None if member is None else strawberry.ID(encode(MemberId, member)),
            placed=found.cart.placed,
        )


@strawberry.input(description="In the channel and currency of the request.")
class CreateDraftOrderInput:
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who buys; null: a guest, by the contact"
    )
    lines: list[AddedLineInput] = strawberry.field(default_factory=list)
    contact: ContactInput | None = None
    shipping_address: AddressInput | None = None
    shipping_method: str | None = None
    coupon_codes: list[str] | None = None
    note: str = strawberry.field(default="", description="For staff who read it later")

    def read(self) -> types.DraftWish:
        """Return what is put together. Raises ContactInvalid."""
        return types.DraftWish(
            lines=tuple(one.read() for one in self.lines),
            details=_details(self),
            note=self.note,
        )


@strawberry.input(description="What is null stays as it was.")
class UpdateDraftOrderInput:
    draft_order_id: strawberry.ID
    lines: list[AddedLineInput] | None = strawberry.field(default=None, description="All of them")
    contact: ContactInput | None = None
    shipping_address: AddressInput | None = None
    shipping_method: str | None = None
    coupon_codes: list[str] | None = None
    note: str | None = None
    expected_version: int | None = strawberry.field(default=None, description=VERSION)

    def read(self) -> types.DraftWish:
        """Return what is changed. Raises ContactInvalid."""
        lines = None if self.lines is None else tuple(one.read() for one in self.lines)
        return types.DraftWish(lines=lines, details=_details(self), note=self.note)


@strawberry.input
class PlaceDraftOrderInput:
    draft_order_id: strawberry.ID
    idempotency_key: str
    expected_total: MoneyInput | None = strawberry.field(
        default=None, description="What you have seen; another total is refused"
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input
class RemoveDraftOrderInput:
    draft_order_id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.type
class CreateDraftOrderPayload:
    draft_order: DraftOrder | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class UpdateDraftOrderPayload:
    draft_order: DraftOrder | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class PlaceDraftOrderPayload:
    order: Order | None = None
    token: str | None = strawberry.field(
        default=None, description="For the buyer, who pays by it; whoever holds it is the buyer"
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RemoveDraftOrderPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class DraftQueries:
    @query(READ)
    async def draft_order(self, info: Info, id: strawberry.ID) -> DraftOrder | None:
        """An order that staff put together, also once it is placed; null if there is none."""
        found = await service.find_draft(info.context, decode(OrderId, id))
        return None if found is None else DraftOrder.of(found)

    @query(READ)
    async def draft_orders(
        self, info: Info, first: int | None = FIRST_DEFAULT, after: str | None = None
    ) -> Connection[DraftOrder]:
        """What staff put together and have not placed, the newest first."""
        found = await service.find_drafts(info.context, page(first, after, shape=(UUID,)))
        return connect(found, DraftOrder.of, behind=after is not None)


@strawberry.type
class DraftMutations:
    @mutation(WRITE)
    async def create_draft_order(
        self, info: Info, input: CreateDraftOrderInput
    ) -> CreateDraftOrderPayload:
        """Begin an order for a member or a guest; nothing is held before it is placed."""
        member = None if input.member_id is None else decode(MemberId, input.member_id)
        made = await service.create_draft(info.context, input.read(), member_id=member)
        return CreateDraftOrderPayload(draft_order=DraftOrder.of(made))

    @mutation(WRITE)
    async def update_draft_order(
        self, info: Info, input: UpdateDraftOrderInput
    ) -> UpdateDraftOrderPayload:
        """Change what was put together."""
        changed = await service.update_draft(
            info.context,
            decode(OrderId, input.draft_order_id),
            input.read(),
            expected_version=input.expected_version,
        )
        return UpdateDraftOrderPayload(draft_order=DraftOrder.of(changed))

    @mutation(WRITE)
    async def place_draft_order(
        self, info: Info, input: PlaceDraftOrderInput
    ) -> PlaceDraftOrderPayload:
        """Place it as its buyer would; it is paid by the token, as any other order."""
        placed = await service.place_draft(
            info.context,
            decode(OrderId, input.draft_order_id),
            idempotency_key=input.idempotency_key,
            expected_total=read_money(input.expected_total),
            expected_version=input.expected_version,
        )
        errors = [] if placed.refusal is None else [wrap_error(placed.refusal)]
        return PlaceDraftOrderPayload(
            order=Order.of(placed.order), token=placed.token, user_errors=errors
        )

    @mutation(WRITE)
    async def remove_draft_order(
        self, info: Info, input: RemoveDraftOrderInput
    ) -> RemoveDraftOrderPayload:
        """Throw away what was put together and is not placed."""
        await service.remove_draft(
            info.context,
            decode(OrderId, input.draft_order_id),
            expected_version=input.expected_version,
        )
        return RemoveDraftOrderPayload()


def _details(given: CreateDraftOrderInput | UpdateDraftOrderInput) -> types.CheckoutDetails:
    address, codes = given.shipping_address, given.coupon_codes
    return types.CheckoutDetails(
        contact=None if given.contact is None else given.contact.read(),
        shipping_address=None if address is None else address.read(),
        shipping_method=given.shipping_method,
        coupon_codes=None if codes is None else tuple(codes),
    )
