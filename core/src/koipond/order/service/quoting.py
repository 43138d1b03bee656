"""What a purchase costs now, and what keeps it from being placed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from koipond.catalog import rules as catalog_rules
from koipond.catalog import service as catalog
from koipond.catalog.types import Activity, Sellable
from koipond.channel import rules as channel_rules
from koipond.channel import service as channel
from koipond.kernel.context import Context
from koipond.kernel.dispatch import Mood
from koipond.kernel.dispatch.calling import Inputs
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ActivityId, CategoryId, OrderId, ProductId, VariantId
from koipond.member import service as member
from koipond.order import rules
from koipond.order.service.promoting import Promoted, promote
from koipond.order.service.rating import Rated, rate
from koipond.order.types import (
    Cart,
    CartLine,
    CheckoutDetails,
    ChosenByBuyer,
    Order,
    OrderLine,
    OrderState,
)
from koipond.pricing.rules import Offered
from koipond.pricing.types import PricedOrder, PriceRequest, UnitPrice
from koipond.stock import service as stock

Promoter = Callable[[Sequence[OrderLine], Mapping[UUID, UnitPrice]], Awaitable[Promoted]]


class Quote(Struct, frozen=True, kw_only=True):
    """A purchase priced in the scope of its context.

    problems: why it cannot be placed as it is. activities: those that its lines are sold by.
    inputs: what plugins quoted prices by. promoted: what they make of the cart as a whole.
    chosen: what the buyer told plugins about it. rated: how it is sent, and taxed where it goes.
    groups: of the buyer.
    """

    lines: tuple[OrderLine, ...]
    price: PricedOrder
    sellables: Mapping[VariantId, Sellable]
    activities: Mapping[ActivityId, Activity]
    inputs: Inputs
    promoted: Promoted
    problems: tuple[DomainError, ...]
    chosen: ChosenByBuyer
    rated: Rated
    groups: frozenset[str]

    @property
    def needs_address(self) -> bool:
        """Whether it must be sent somewhere."""
        return self.rated.needs_address

    def rests_on(self, sellables: Mapping[VariantId, Sellable]) -> bool:
        """Tell whether these are what it was made of, and it was made of nothing else.

        Plugins that were asked of the cart, and had nothing to say, have nothing now: in the
        order's transaction they are not let look again.
        """
        others = self.rated.ships, self.rated.tax
        return self.rests_on_rows(sellables) and not any(others)

    def rests_on_rows(self, sellables: Mapping[VariantId, Sellable]) -> bool:
        """Tell the same of a quote that may rest on what the process keeps, too: on its editions.

        So are shipping and tax.
        """
        others = self.price.considered, self.promoted.offers
        return self.sellables == sellables and not any(others)

    def is_like(self, other: "Quote") -> bool:
        """Tell whether it comes to the same as another, though it was asked for at another time."""
        return msgspec.structs.replace(self, promoted=other.promoted) == other


async def scoped(ctx: Context, cart: Cart) -> Context:
    """Return the request seen from the cart's own channel and currency, in the caller's language.

    A header that says something else does not turn a cart into another currency.
    """
    channels = await channel.recall_channels(ctx)
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
    sellables: Mapping[VariantId, Sellable] | None = None,
    categories: Mapping[ProductId, frozenset[CategoryId]] | None = None,
    promoter: Promoter | None = None,
) -> Quote:
    """Price lines with today's prices and the chosen shipping method. Raises PluginFailed.

    order_id: what it will be. promoter: who says what is taken off instead of the plugins. earlier:
    a quote of the same lines, to be compared with: what there was nothing of then is not looked
    for, and plugins load nothing. sellables, categories: what is known of the lines already.
    """
    sellables, activities, rated, groups = await _look_up(ctx, lines, details, earlier, sellables)
    problems = rules.find_problems(lines, sellables, ctx.scope.currency)
    chosen, stale = rules.read_inputs(
        lines, details, ctx.shop.input_types, channel=ctx.scope.channel, off=ctx.plugins_off
    )
    problems += stale
    now = ctx.clock.now()
    request = _request(ctx, lines, sellables, chosen, now=now)
    inputs = await _find_inputs(ctx, request, earlier)
    quotes = _find_quotes(ctx, request, inputs, sellables, groups)
    units = catalog_rules.price_items(request, activities, quotes, ctx.scope.locales)
    problems += rules.find_unmet_choices(lines, request.items, units, sellables)
    made = rules.make_lines(lines, sellables, units, ctx.scope.locales)
    promoter = promoter or partial(
        promote,
        ctx,
        details=details,
        chosen=chosen,
        now=now,
        groups=groups,
        order_id=order_id,
        categories=categories,
        earlier=None if earlier is None else earlier.promoted,
    )
    promoted = await promoter(made, units)
    sellables = await _with_gifts(ctx, sellables, promoted, earlier)
    price = rules.price_lines(
        made,
        units,
        sellables,
        currency=ctx.scope.currency,
        rounding=ctx.scope.rounding,
        shipping=rated.cost,
        tax=rated.tax,
        locales=ctx.scope.locales,
        proposed=promoted.proposed,
    )
    problems += rated.find_problems(price.subtotal)
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
        rated=rated,
        groups=groups,
    )


async def _find_inputs(ctx: Context, request: PriceRequest, earlier: Quote | None) -> Inputs:
    """Return what plugins price by: what they loaded for an earlier quote, or load now."""
    if earlier is not None and earlier.inputs is not None:
        return earlier.inputs
    return await ctx.hooks.price_inputs(ctx, request, mood=Mood.REFUSE)


class _Known(NamedTuple):
    """What the shop knows of a purchase before plugins are asked."""

    sellables: Mapping[VariantId, Sellable]
    activities: Mapping[VariantId, Sequence[Activity]]
    rated: Rated
    groups: frozenset[str]


async def _look_up(
    ctx: Context,
    lines: Sequence[CartLine],
    details: CheckoutDetails,
    earlier: Quote | None,
    sellables: Mapping[VariantId, Sellable] | None,
) -> _Known:
    keys = keys_of(lines, earlier)
    if sellables is None:
        sellables = await catalog.find_sellables(ctx, keys) if keys else {}
    had_quotes = earlier is None or earlier.price.considered
    activities = await catalog.find_activities(ctx, keys) if keys and had_quotes else {}
    rated_before = None if earlier is None else earlier.rated
    rated = await rate(ctx, lines, details, sellables, earlier=rated_before)
    groups = await member.find_viewer_groups(ctx) if earlier is None else earlier.groups
    return _Known(sellables, activities, rated, groups)


def keys_of(lines: Sequence[CartLine], earlier: Quote | None = None) -> list[VariantId]:
    """Return the variants that are bought, and those that are known to be given."""
    gifts = () if earlier is None else rules.find_gifts(earlier.promoted.offers)
    return list(dict.fromkeys([*(line.variant_id for line in lines), *gifts]))


def _find_quotes(
    ctx: Context,
    request: PriceRequest,
    inputs: Inputs,
    sellables: Mapping[VariantId, Sellable],
    groups: frozenset[str],
) -> list[Offered]:
    """Return what plugins and the rules of the price list quote for units. Raises PluginFailed."""
    tiers = {key: one.tiers for key, one in sellables.items()}
    quotes = ctx.hooks.price_quotes(request, inputs, mood=Mood.REFUSE)
    return [*catalog_rules.quotes_of_list(request.items, tiers, groups), *quotes]


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
    """Return a cart as an order in state CART, with today's prices.

    Nothing is decided by them, though the cart may be locked: a placement prices it anew.
    """
    ctx = (await scoped(ctx, cart)).glancing()
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
        shipping_offers=quoted.rated.offers,
    )
