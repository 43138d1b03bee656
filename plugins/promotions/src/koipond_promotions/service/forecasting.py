"""Dry runs: what a promotion would have cost the orders that were placed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from koipond_promotions import rules
from koipond_promotions.errors import PromotionUnknown
from koipond_promotions.repository import history
from koipond_promotions.repository import promotions as repository
from koipond_promotions.types import (
    DryRun,
    GiftLine,
    PastOrder,
    Promotion,
    PromotionId,
    PromotionsSettings,
)
from koipond_sdk import (
    CategoryId,
    Context,
    Money,
    ProductId,
    RoundingPolicy,
    VariantId,
    settings_of,
)
from koipond_sdk.pricing import GiftPrice
from koipond_sdk.services import catalog, channels, members

DAYS_MAX = 31
# After so many orders others get a turn.
_PORTION = 25


async def rehearse(ctx: Context, key: PromotionId, *, days: int) -> DryRun:
    """Say what a promotion would have cost the orders of so many days, beside what runs now.

    Whoever may have a coupon is taken to have used it. Raises PromotionUnknown,
    PromotionNumberInvalid.
    """
    rules.check_number(days, DAYS_MAX, "days")
    async with ctx.reading() as db:
        found = (await repository.find_by_ids(db, [key])).get(key)
    if found is None:
        raise PromotionUnknown(promotion_id=key).located("promotionId")
    settings = await settings_of(ctx, PromotionsSettings)
    until = ctx.clock.now()
    since = until - timedelta(days=days)
    async with ctx.reading() as db:
        orders = await history.find_past(
            db,
            channel_id=found.channel_id,
            currency=found.currency,
            since=since,
            most=settings.dry_run_orders,
        )
        live = await repository.find_live(db, found.channel_id)
    rehearsal = await _open(ctx, found, live, orders)
    for place, past in enumerate(orders):
        rehearsal.play(past)
        if place % _PORTION == _PORTION - 1:
            await asyncio.sleep(0)
    return DryRun(
        since=since,
        until=until,
        orders=rehearsal.orders,
        touched=rehearsal.touched,
        stopped=rehearsal.stopped,
        off=Money(rehearsal.off_minor, found.currency),
        cost=Money(rehearsal.cost_minor, found.currency),
    )


async def _open(
    ctx: Context, found: Promotion, live: list[Promotion], orders: list[PastOrder]
) -> rules.Rehearsal:
    others = [one for one in live if not one.needs_coupon and one.currency == found.currency]
    known = {one.id: one for one in await channels.find_channels(ctx)}
    products = list(dict.fromkeys(line.product_id for one in orders for line in one.lines))
    channel = known[found.channel_id]
    return rules.Rehearsal(
        found,
        others,
        time_zone=channel.time_zone,
        rounding=channel.rounding.get(found.currency, RoundingPolicy()),
        categories=await _find_categories(ctx, products),
        groups=await members.find_groups_of(ctx, {one.member_id for one in orders}),
        gifts=await _find_gifts(ctx, [found, *others]),
    )


async def _find_categories(
    ctx: Context, products: list[ProductId]
) -> Mapping[ProductId, frozenset[CategoryId]]:
    found = await catalog.find_categories(ctx, products) if products else {}
    return {key: frozenset(one.id for one in some) for key, some in found.items()}


async def _find_gifts(ctx: Context, promotions: list[Promotion]) -> dict[VariantId, GiftPrice]:
    """Return what the variants that are given cost by the list, in the request's channel."""
    actions = (one.rule.action for one in promotions)
    keys = [one.variant_id for one in actions if isinstance(one, GiftLine)]
    prices = await catalog.find_prices(ctx, keys) if keys else {}
    currencies = {one.currency for one in promotions}
    return {
        key: GiftPrice(label="", list_minor=price.amount_minor)
        for key, price in prices.items()
        if price.currency in currencies
    }
