"""What an edit adds to an order: priced and looked at by plugins for the order's buyer."""

from collections.abc import Sequence
from functools import partial

import msgspec
from msgspec import Struct

from koipond.channel import service as channel
from koipond.kernel.context import Context, Scope
from koipond.kernel.errors import DomainError
from koipond.kernel.viewer import GUEST, Viewer, ViewerKind
from koipond.order import rules
from koipond.order.service.cart import read_wish
from koipond.order.service.consulting import Consulted, consult, lines_with_terms
from koipond.order.service.extending import extend
from koipond.order.service.preparing import Prepared
from koipond.order.service.quoting import quote
from koipond.order.types import Addition, CartLine, LineWish, Order


class Bought(Struct, frozen=True, kw_only=True):
    """What is bought besides, priced and looked at by plugins."""

    prepared: Prepared
    consulted: Consulted


async def buy(ctx: Context, order: Order, wishes: Sequence[LineWish]) -> Bought | None:
    """Price what is added for the order's buyer, and ask plugins as for any purchase: no limit is
    passed by an edit. None if nothing is added.

    order: as it is without what goes.
    """
    if not wishes:
        return None
    # As the buyer was known then: limits count the same person, and guests pay as guests.
    member = Viewer(kind=ViewerKind.MEMBER, id=order.member_id)
    viewer = member if order.is_members else GUEST
    async with ctx.shop.context(viewer=viewer, scope=await _scope_of(ctx, order)) as buyer:
        lines = _read_lines(buyer, wishes)
        # The order has its shipping and its coupons already.
        details = msgspec.structs.replace(order.details, coupon_codes=(), inputs=None)
        quoted = await quote(buyer, lines, details, promoter=partial(extend, buyer, order))
        for problem in quoted.problems:
            where = problem.at or ""
            if where != "shippingMethod":
                raise problem.located(where.replace("lines.", "added.", 1))
        prepared = Prepared(cart=None, lines=lines, details=details, quote=quoted)
        return Bought(
            prepared=prepared, consulted=await consult(buyer, order.id, prepared, is_edit=True)
        )


def _read_lines(ctx: Context, wishes: Sequence[LineWish]) -> tuple[CartLine, ...]:
    lines: tuple[CartLine, ...] = ()
    for place, wish in enumerate(wishes):
        try:
            lines = rules.put_in(
                lines,
                read_wish(ctx, wish),
                quantity_max=ctx.settings.order_line_quantity_max,
                lines_max=ctx.settings.order_lines_max,
            )
        except DomainError as error:
            raise error.located(f"added.{place}") from None
    return lines


async def _scope_of(ctx: Context, order: Order) -> Scope:
    """Return where an order was sold, in its buyer's language."""
    codes = {one.id: one.code for one in await channel.find_channels(ctx)}
    scope = await channel.choose_scope(
        ctx, code=codes[order.channel_id], currency=order.total.currency
    )
    locales = tuple(dict.fromkeys([order.locale, *scope.locales]))
    return msgspec.structs.replace(scope, locales=locales)


def addition_of(bought: Bought | None) -> Addition:
    """Return the lines that are added, with what plugins keep with them, and what they cost."""
    if bought is None:
        return Addition()
    quoted = bought.prepared.quote
    lines = lines_with_terms(quoted.lines, bought.consulted)
    return rules.made_of(lines, quoted.price)
