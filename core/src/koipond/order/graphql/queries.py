"""Queries of carts and orders."""

from uuid import UUID

import strawberry

from koipond.kernel.context import Context
from koipond.kernel.errors import check_one_named
from koipond.kernel.ids import OrderId, decode
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import PUBLIC, Connection, Info, Node, batch, connect, query
from koipond.member.graphql import Member
from koipond.order import service
from koipond.order.graphql.types import Order


@strawberry.type
class OrderQueries:
    @query(PUBLIC)
    async def cart(self, info: Info, token: str | None = None) -> Order | None:
        """The cart that a token opens, with today's prices; null once it is placed."""
        found = await service.find_cart(info.context, token) if token is not None else None
        return Order.of(found) if found is not None else None

    @query(PUBLIC)
    async def order(
        self,
        info: Info,
        id: strawberry.ID | None = None,  # the field's name
        number: str | None = None,
        token: str | None = None,
    ) -> Order | None:
        """An order of yours: of the logged-in member, or one whose token you hold.

        By its id or else its number; null if there is none.
        """
        check_one_named(id=id, number=number)
        key = decode(OrderId, id) if id is not None else None
        found = await service.find_own_order(info.context, order_id=key, number=number, token=token)
        return Order.of(found) if found is not None else None


@strawberry.type
class MemberOrders:
    @batch
    @staticmethod
    async def orders(
        parents: list[Member],
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
    ) -> list[Connection[Order]]:
        """The member's orders, the newest first."""
        wanted = page(first, after, shape=(UUID,))
        found = [
            await service.find_member_orders(info.context, parent.key, wanted) for parent in parents
        ]
        return [connect(one, Order.of, behind=after is not None) for one in found]


async def load_order(ctx: Context, key: OrderId) -> Node | None:
    """Return an order of the caller for `node`."""
    found = await service.find_own_order(ctx, order_id=key)
    return Order.of(found) if found is not None else None
