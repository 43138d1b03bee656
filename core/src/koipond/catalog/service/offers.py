"""The use-case of offers: what this viewer pays for a unit now."""

from collections.abc import Mapping, Sequence

from koipond.catalog import rules
from koipond.catalog.service.activities import find_activities
from koipond.catalog.service.pricing import find_listed
from koipond.catalog.types import Offer, Variant
from koipond.kernel.context import Context
from koipond.kernel.dispatch import Mood
from koipond.kernel.ids import VariantId
from koipond.member.service import find_viewer_groups
from koipond.pricing.types import PriceItem, PriceRequest


async def find_offers(ctx: Context, variants: Sequence[Variant]) -> Mapping[VariantId, Offer]:
    """Return {variant: what the viewer pays for one}, of those that have a price here.

    A plugin that fails is left out: the list is shown without what it adds.
    """
    prices = await find_listed(ctx, variants)
    priced = [one for one in variants if one.id in prices]
    activities = await find_activities(ctx, [one.id for one in priced])
    request = PriceRequest(
        channel_id=ctx.scope.channel_id,
        currency=ctx.scope.currency,
        member_id=ctx.viewer.member_id,
        now=ctx.clock.now(),
        items=tuple(
            PriceItem(
                key=one.id,
                variant_id=one.id,
                product_id=one.product_id,
                quantity=1,
                list_minor=prices[one.id].list_minor,
            )
            for one in priced
        ),
    )
    inputs = await ctx.hooks.price_inputs(ctx, request, mood=Mood.SKIP)
    quotes = ctx.hooks.price_quotes(request, inputs, mood=Mood.SKIP)
    tiers = {key: one.tiers for key, one in prices.items() if one.tiers}
    own = rules.quotes_of_list(request.items, tiers, await find_viewer_groups(ctx))
    return rules.make_offers(request, activities, [*own, *quotes], ctx.scope.locales)
