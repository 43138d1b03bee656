"""What a purchase costs now, and what keeps it from being placed."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from koipond.catalog import service as catalog
from koipond.catalog.types import Sellable
from koipond.channel import service as channel
from koipond.fulfilment import rules as fulfilment_rules
from koipond.fulfilment import service as fulfilment
from koipond.fulfilment.errors import ShippingMethodUnknown
from koipond.fulfilment.types import ShippingMethod
from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import VariantId
from koipond.order import rules
from koipond.order.types import (
    Cart,
    CartLine,
    CheckoutDetails,
    ChosenByBuyer,
    Order,
    OrderLine,
    OrderState,
)
from koipond.pricing.types import PricedOrder


class Quote(Struct, frozen=True, kw_only=True):
    """A purchase priced in the scope of its context. problems: why it cannot be placed as it is.

    chosen: what the buyer told plugins about it.
    """

    lines: tuple[OrderLine, ...]
    price: PricedOrder
    sellables: Mapping[VariantId, Sellable]
    problems: tuple[DomainError, ...]
    chosen: ChosenByBuyer
    ships: bool


async def scoped(ctx: Context, cart: Cart) -> Context:
    """Return the request seen from the cart's own channel and currency, in the caller's language.

    A header that says something else does not turn a cart into another currency.
    """
    channels = {one.id: one for one in await channel.find_channels(ctx)}
    code = channels[cart.channel_id].code
    scope = await channel.choose_scope(ctx, code=code, currency=cart.currency)
    known = [locale for locale in ctx.scope.locales if locale in scope.locales]
    locales = tuple(dict.fromkeys([*known, *scope.locales]))
    return ctx.at(msgspec.structs.replace(scope, locales=locales))


async def quote(
    ctx: Context, lines: Sequence[CartLine], details: CheckoutDetails, *, ships: bool = True
) -> Quote:
    """Price lines with today's prices and the chosen shipping method.

    ships: False spares looking for methods, where there were none a moment ago.
    """
    keys = [line.variant_id for line in lines]
    sellables = await catalog.find_sellables(ctx, keys) if keys else {}
    offered = await fulfilment.find_offered(ctx) if ships else []
    problems = rules.find_problems(lines, sellables, ctx.scope.currency)
    chosen, stale = rules.read_inputs(lines, details, ctx.shop.input_types)
    problems += stale
    shipping: ShippingMethod | None = None
    try:
        shipping = fulfilment_rules.choose_method(offered, details.shipping_method)
    except ShippingMethodUnknown as problem:
        problems.append(problem.located("shippingMethod"))
    made = rules.make_lines(lines, sellables, ctx.scope.locales)
    price = rules.price_lines(
        made, currency=ctx.scope.currency, shipping=shipping, locales=ctx.scope.locales
    )
    return Quote(
        lines=made,
        price=price,
        sellables=sellables,
        problems=tuple(problems),
        chosen=chosen,
        ships=bool(offered),
    )


async def show_cart(ctx: Context, cart: Cart) -> Order:
    """Return a cart as an order in state CART, with today's prices."""
    ctx = await scoped(ctx, cart)
    quoted = await quote(ctx, cart.lines, cart.details)
    return Order(
        id=cart.id,
        state=OrderState.CART,
        number=None,
        channel_id=cart.channel_id,
        locale=ctx.scope.locales[0],
        member_id=None,
        lines=quoted.lines,
        price=quoted.price,
        details=cart.details,
        placed_at=None,
        problems=quoted.problems,
    )
