"""What plugins make of a cart as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from koipond.catalog import service as catalog
from koipond.kernel.context import Context
from koipond.kernel.dispatch.calling import Inputs
from koipond.kernel.ids import CategoryId, OrderId, ProductId
from koipond.order import rules
from koipond.order.types import CheckoutDetails, ChosenByBuyer, OrderLine
from koipond.pricing.rules import Proposed, trace_inputs
from koipond.pricing.types import (
    Asked,
    CartOffer,
    CartRequest,
    PricedOrder,
    PriceTrace,
    UnitPrice,
)


class Promoted(Struct, frozen=True, kw_only=True):
    """What plugins were asked of a cart, by what they worked it out, and what they make of it.

    now: when. request: None if no plugin has anything to say of carts.
    """

    now: datetime
    request: CartRequest | None = None
    inputs: Inputs = {}
    offers: tuple[tuple[str, CartOffer], ...] = ()

    @property
    def proposed(self) -> list[Proposed]:
        """What plugins propose, and who."""
        return [(plugin, one) for plugin, offer in self.offers for one in offer.proposals]


async def promote(
    ctx: Context,
    lines: Sequence[OrderLine],
    units: Mapping[UUID, UnitPrice],
    *,
    details: CheckoutDetails,
    chosen: ChosenByBuyer,
    now: datetime,
    groups: frozenset[str],
    order_id: OrderId | None,
    categories: Mapping[ProductId, frozenset[CategoryId]] | None,
    earlier: Promoted | None,
) -> Promoted:
    """Ask plugins what they make of a cart. Raises PluginFailed.

    categories: of what is bought, where they were read already. earlier: what was made of it
    before; nothing is loaded then, for this is in a transaction.
    """
    if not ctx.hooks.adjusts_carts:
        return Promoted(now=now)
    if earlier is not None or categories is None:
        categories = await _find_categories(ctx, lines, earlier)
    request = CartRequest(
        channel_id=ctx.scope.channel_id,
        currency=ctx.scope.currency,
        now=now,
        items=rules.cart_items_of(lines, units, categories),
        coupon_codes=details.coupon_codes or (),
        groups=groups,
        shipping_method=details.shipping_method,
        locales=ctx.scope.locales,
        order_id=order_id,
        member_id=ctx.viewer.member_id,
        chosen=chosen.order,
        chosen_of=chosen.lines,
    )
    inputs = await ctx.hooks.cart_inputs(ctx, request) if earlier is None else earlier.inputs
    # As it will be when it is worked out again from what is kept.
    plain = msgspec.structs.replace(request, order_id=None, member_id=None, chosen={}, chosen_of={})
    offers = ctx.hooks.cart_adjustments(plain, inputs)
    return Promoted(now=now, request=plain, inputs=inputs, offers=offers)


async def _find_categories(
    ctx: Context, lines: Sequence[OrderLine], earlier: Promoted | None
) -> dict[ProductId, frozenset[CategoryId]]:
    """Return the categories of what is bought: those that were known before, if they were."""
    if earlier is not None:
        assert earlier.request is not None, "plugins had something to say then"
        return {one.product_id: one.category_ids for one in earlier.request.items}
    variants = list(dict.fromkeys(line.variant_id for line in lines))
    async with ctx.reading() as db:
        return await catalog.asking_category_ids(variants).ask(db)


def trace_of(ctx: Context, price: PricedOrder, inputs: Inputs, promoted: Promoted) -> PriceTrace:
    """Return what is kept of how a price came about. inputs: what plugins quoted prices by."""
    known = ctx.shop.extensions.traced
    traced = (
        *trace_inputs("price_inputs", inputs, known),
        *trace_inputs("cart_inputs", promoted.inputs, known),
    )
    asked = _asked(ctx, promoted) if traced else None
    return msgspec.structs.replace(PriceTrace.of(price), traced=traced, asked=asked)


def _asked(ctx: Context, promoted: Promoted) -> Asked:
    asked = Asked(now=promoted.now, locales=ctx.scope.locales)
    request = promoted.request
    if request is None:
        return asked
    kept = {one.product_id: tuple(sorted(one.category_ids)) for one in request.items}
    groups = tuple(sorted(request.groups))
    return msgspec.structs.replace(asked, groups=groups, categories=kept)
