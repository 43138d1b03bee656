"""What a purchase costs now, and what keeps it from being placed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from koipond.catalog import rules as catalog_rules
from koipond.catalog import service as catalog
from koipond.catalog.types import Activity, Sellable
from koipond.channel import rules as channel_rules
from koipond.channel import service as channel
from koipond.fulfilment import rules as fulfilment_rules
from koipond.fulfilment import service as fulfilment
from koipond.fulfilment.errors import ShippingMethodUnknown
from koipond.fulfilment.types import ShippingMethod
from koipond.kernel.context import Context
from koipond.kernel.dispatch import Mood
from koipond.kernel.dispatch.calling import Inputs
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ActivityId, OrderId, VariantId
from koipond.order import rules
from koipond.order.service.promoting import Promoted, promote
from koipond.order.types import (
    Cart,
    CartLine,
    CheckoutDetails,
    ChosenByBuyer,
    Order,
    OrderLine,
    OrderState,
)
from koipond.pricing.types import PricedOrder, PriceRequest
from koipond.stock import service as stock


class Quote(Struct, frozen=True, kw_only=True):
    """A purchase priced in the scope of its context.

    problems: why it cannot be placed as it is. activities: those that its lines are sold by.
    inputs: what plugins quoted prices by. promoted: what they make of the cart as a whole.
    chosen: what the buyer told plugins about it.
    """

    lines: tuple[OrderLine, ...]
    price: PricedOrder
    sellables: Mapping[VariantId, Sellable]
    activities: Mapping[ActivityId, Activity]
    inputs: Inputs
    promoted: Promoted
    problems: tuple[DomainError, ...]
    chosen: ChosenByBuyer
    ships: bool

    def is_like(self, other: "Quote") -> bool:
        """Tell whether it comes to the same as another, though it was asked for at another time."""
        return msgspec.structs.replace(self, promoted=other.promoted) == other


async def scoped(ctx: Context, cart: Cart) -> Context:
    """Return the request seen from the cart's own channel and currency, in the caller's language.

    A header that says something else does not turn a cart into another currency.
    """
    channels = await channel.find_channels(ctx)
    code = next(one.code for one in channels if one.id == cart.channel_id)
    scope = channel_rules.choose(channels, code=code, currency=cart.currency, locale=None)
    known = [locale for locale in ctx.scope.locales if locale in scope.locales]
    locales = tuple(dict.fromkeys([*known, *scope.locales]))
    return ctx.at(msgspec.structs.replace(scope, locales=locales))


async def quote(
    ctx: Context,
    lines: Sequence[CartLine],
    details: CheckoutDetails,
    *,
    order_id: OrderId | None = None,
    earlier: Quote | None = None,
) -> Quote:
    """Price lines with today's prices and the chosen shipping method. Raises PluginFailed.

    order_id: what it will be. earlier: a quote of the same lines, to be compared with: what there
    was nothing of then is not looked for, and plugins load nothing: this is in a transaction.
    """
    known_gifts = () if earlier is None else rules.find_gifts(earlier.promoted.offers)
    keys = list(dict.fromkeys([*(line.variant_id for line in lines), *known_gifts]))
    sellables: Mapping[VariantId, Sellable]
    sellables = await catalog.find_sellables(ctx, keys) if keys else {}
    had_quotes = earlier is None or earlier.price.considered
    activities = await catalog.find_activities(ctx, keys) if keys and had_quotes else {}
    had_methods = earlier is None or earlier.ships
    offered = await fulfilment.find_offered(ctx) if had_methods else []
    problems = rules.find_problems(lines, sellables, ctx.scope.currency)
    chosen, stale = rules.read_inputs(lines, details, ctx.shop.input_types)
    problems += stale
    shipping, unknown = _choose_shipping(offered, details)
    problems += unknown
    now = ctx.clock.now()
    request = _request(ctx, lines, sellables, chosen, now=now)
    if earlier is None:
        inputs = await ctx.hooks.price_inputs(ctx, request, mood=Mood.REFUSE)
    else:
        inputs = earlier.inputs
    quotes = ctx.hooks.price_quotes(request, inputs, mood=Mood.REFUSE)
    units = catalog_rules.price_items(request, activities, quotes, ctx.scope.locales)
    problems += rules.find_unmet_choices(lines, request.items, units, sellables)
    made = rules.make_lines(lines, sellables, units, ctx.scope.locales)
    promoted = await promote(
        ctx,
        made,
        units,
        details=details,
        chosen=chosen,
        now=now,
        order_id=order_id,
        earlier=None if earlier is None else earlier.promoted,
    )
    sellables = await _with_gifts(ctx, sellables, promoted, earlier)
    price = rules.price_lines(
        made,
        units,
        currency=ctx.scope.currency,
        shipping=shipping,
        locales=ctx.scope.locales,
        proposed=promoted.proposed,
        gifts=sellables,
    )
    problems += rules.find_refused_coupons(
        details.coupon_codes or (), promoted.offers, price.judged, ctx.scope.currency
    )
    return Quote(
        lines=(*made, *rules.make_gift_lines(price.judged, sellables, ctx.scope.locales)),
        price=price,
        sellables=sellables,
        activities=rules.find_used(made, activities),
        inputs=inputs,
        promoted=promoted,
        problems=tuple(problems),
        chosen=chosen,
        ships=bool(offered),
    )


def _choose_shipping(
    offered: Sequence[ShippingMethod], details: CheckoutDetails
) -> tuple[ShippingMethod | None, list[DomainError]]:
    """Return the chosen method, and what is wrong with the choice."""
    try:
        return fulfilment_rules.choose_method(offered, details.shipping_method), []
    except ShippingMethodUnknown as problem:
        return None, [problem.located("shippingMethod")]


async def _with_gifts(
    ctx: Context,
    sellables: Mapping[VariantId, Sellable],
    promoted: Promoted,
    earlier: Quote | None,
) -> Mapping[VariantId, Sellable]:
    """Return what is known of the cart's variants and of those that plugins would give.

    A gift of which there are too few is left out: the purchase goes on without it.
    """
    if earlier is not None:
        return {key: one for key, one in sellables.items() if key in earlier.sellables}
    wanted = rules.count_gifts(promoted.offers)
    missing = [key for key in wanted if key not in sellables]
    if not missing:
        return sellables
    given = await catalog.find_sellables(ctx, missing)
    free = await stock.find_free(ctx, [key for key, one in given.items() if one.track_stock])
    short = {key for key, units in free.items() if units < wanted[key]}
    return {**sellables, **{key: one for key, one in given.items() if key not in short}}


def _request(
    ctx: Context,
    lines: Sequence[CartLine],
    sellables: Mapping[VariantId, Sellable],
    chosen: ChosenByBuyer,
    *,
    now: datetime,
) -> PriceRequest:
    return PriceRequest(
        channel_id=ctx.scope.channel_id,
        currency=ctx.scope.currency,
        member_id=ctx.viewer.member_id,
        now=now,
        items=rules.price_items_of(lines, sellables, chosen.lines),
    )


async def show_cart(ctx: Context, cart: Cart) -> Order:
    """Return a cart as an order in state CART, with today's prices."""
    ctx = await scoped(ctx, cart)
    quoted = await quote(ctx, cart.lines, cart.details, order_id=cart.id)
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
