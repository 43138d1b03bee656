"""Use-cases of looking: an order is seen by its member and by who holds its token."""

from collections.abc import Sequence

from koipond.channel import service as channels
from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ChannelId, MemberId, OrderId
from koipond.kernel.pages import Page, Slice
from koipond.kernel.texts import Locale
from koipond.order import repository
from koipond.order.errors import OrderUnknown
from koipond.order.service.tokens import hash_token
from koipond.order.types import Order, OrderFilter
from koipond.pricing.rules import explain
from koipond.pricing.types import TraceStep

READS_ORDERS = "order.read"


async def find_own_order(
    ctx: Context,
    *,
    order_id: OrderId | None = None,
    number: str | None = None,
    token: str | None = None,
) -> Order | None:
    """Return an order of this caller by id or number; a foreign one is as if there were none."""
    visible = repository.visible_to(
        member_id=ctx.viewer.member_id, token_hash=None if token is None else hash_token(token)
    )
    async with ctx.reading() as db:
        return await repository.find_order(db, visible, order_id=order_id, number=number)


async def find_any_order(
    ctx: Context, *, order_id: OrderId | None = None, number: str | None = None
) -> Order | None:
    """Return an order by id or number, whosever it is: for staff and jobs.

    Staff who look after some channels see no others'.
    """
    reach = await find_reach(ctx)
    async with ctx.reading() as db:
        visible = repository.visible_to_staff(reach)
        return await repository.find_order(db, visible, order_id=order_id, number=number)


async def get_any_order(ctx: Context, order_id: OrderId) -> Order:
    """Return an order by id, whosever it is: for staff and jobs. Raises OrderUnknown."""
    found = await find_any_order(ctx, order_id=order_id)
    if found is None:
        raise OrderUnknown
    return found


async def check_in_reach(ctx: Context, order_id: OrderId, missing: DomainError) -> None:
    """Raise `missing`, about what belongs to an order, for staff who may not act on that order."""
    if ctx.viewer.limited and await find_any_order(ctx, order_id=order_id) is None:
        raise missing


async def find_orders(ctx: Context, wanted: OrderFilter, page: Page) -> Slice[Order]:
    """Return one page of all orders that fit, the newest first: for staff."""
    reach = await find_reach(ctx)
    async with ctx.reading() as db:
        return await repository.find_orders(db, repository.visible_to_staff(reach), wanted, page)


async def find_reach(ctx: Context) -> frozenset[ChannelId] | None:
    """Return the channels whose orders staff may see, or what they are doing may reach."""
    asked = None if ctx.act is None else ctx.act.permission
    return await channels.find_reach(ctx, asked or READS_ORDERS)


async def find_member_orders(ctx: Context, member_id: MemberId, page: Page) -> Slice[Order]:
    """Return one page of a member's orders, the newest first."""
    async with ctx.reading() as db:
        return await repository.find_member_orders(db, member_id, page)


def explain_price(order: Order, locales: Sequence[Locale]) -> list[TraceStep]:
    """Return the steps of an order's or a cart's price, told in the first language there is."""
    return explain(order.price, {one.id: one.quantity for one in order.lines}, locales)
