"""Carts and orders in the schema."""

from koipond.kernel.ids import OrderId
from koipond.kernel.schema import Api, Mutation, Query
from koipond.member.graphql import Member
from koipond.order.graphql.drafts import DraftMutations, DraftQueries
from koipond.order.graphql.edits import EditMutations, StaffOrderEdits
from koipond.order.graphql.fulfilments import FulfilmentMutations
from koipond.order.graphql.mutations import OrderMutations
from koipond.order.graphql.payments import PaymentMutations
from koipond.order.graphql.progress import OrderProgress
from koipond.order.graphql.queries import MemberOrders, OrderQueries, load_order
from koipond.order.graphql.returns import (
    ReturnMutations,
    StaffReturnMutations,
    StaffReturnQueries,
)
from koipond.order.graphql.staff import (
    MemberSource,
    OrderSource,
    StaffOrder,
    StaffOrderLine,
    StaffOrderMutations,
    StaffOrderQueries,
)
from koipond.order.graphql.types import Order, OrderLine

__all__ = ["Order", "register"]


def register(api: Api) -> None:
    """Add carts and orders to both schemas."""
    api.storefront(Query, OrderQueries)
    api.storefront(Mutation, OrderMutations)
    api.storefront(Member, MemberOrders)
    api.node(OrderId, load_order)
    api.storefront(Mutation, ReturnMutations)
    api.both(Order, OrderProgress)
    api.admin(Query, StaffOrderQueries)
    api.admin(Query, StaffReturnQueries)
    api.admin(Mutation, FulfilmentMutations)
    api.admin(Mutation, StaffReturnMutations)
    api.admin(Mutation, EditMutations)
    api.admin(Query, DraftQueries)
    api.admin(Mutation, DraftMutations)
    api.admin(Order, StaffOrderEdits)
    api.admin(Mutation, StaffOrderMutations)
    api.admin(Mutation, PaymentMutations)
    api.admin(Order, StaffOrder)
    api.admin(Order, OrderSource)
    api.admin(Member, MemberSource)
    api.admin(OrderLine, StaffOrderLine)
