"""What a shop holds as rows, page by page: a page is all that is ever in memory."""

from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import zip_longest

from msgspec import UNSET

from koipond.catalog import service as catalog
from koipond.catalog.types import Product, ProductFilter, ProductSort, Variant
from koipond.channel import service as channels
from koipond.exports import rules
from koipond.exports.types import Cells, ExportKind, ExportOptions
from koipond.kernel.context import Context
from koipond.kernel.ids import ProductId
from koipond.kernel.pages import FIRST_MAX, Page
from koipond.kernel.texts import pick
from koipond.member import service as member
from koipond.order import service as order
from koipond.order.types import OrderFilter
from koipond.stock import service as stock


async def read_rows(ctx: Context, options: ExportOptions) -> AsyncIterator[list[Cells]]:
    """Return all rows of a kind, page by page, in the channel and currency that are asked for.

    Raises ChannelUnknown, CurrencyNotSold, LocaleUnknown.
    """
    scope = await channels.choose_scope(
        ctx, code=options.channel, currency=options.currency, locale=options.locale
    )
    async for rows in _READERS[options.kind](ctx.at(scope), options):
        await ctx.rest()
        yield rows


async def _orders(ctx: Context, options: ExportOptions) -> AsyncIterator[list[Cells]]:
    page = Page(first=FIRST_MAX)
    while True:
        found = await order.find_orders(ctx, OrderFilter(), page)
        here = [
            one
            for one in found.rows
            if one.channel_id == ctx.scope.channel_id and one.price.currency == ctx.scope.currency
        ]
        keys = {one.member_id for one in here if one.member_id is not None}
        known = await member.find_external(ctx, keys, source=options.source)
        yield [
            row
            for one in here
            if one.member_id is not None
            for row in rules.order_rows(
                one, rules.customer_of(one.member_id, known.get(one.member_id), options.source)
            )
        ]
        if not found.has_next:
            return
        page = Page(first=FIRST_MAX, after=found.keys[-1])


async def _members(ctx: Context, options: ExportOptions) -> AsyncIterator[list[Cells]]:
    last = None
    while found := await member.find_rows(ctx, behind=last, most=FIRST_MAX):
        known = await member.find_external(ctx, {one.id for one in found}, source=options.source)
        yield [
            rules.member_row(one, rules.customer_of(one.id, known.get(one.id), options.source))
            for one in found
        ]
        last = found[-1].id


async def _prices(ctx: Context, options: ExportOptions) -> AsyncIterator[list[Cells]]:
    async for products in _products_of(ctx, everywhere=True):
        variants = await _all_variants(ctx, products)
        bases = await catalog.find_base_prices(ctx, [one.id for one in variants])
        yield [
            {
                "sku": one.sku,
                "price": rules.amount(bases[one.id], ctx.scope.currency),
                "currency": ctx.scope.currency,
            }
            for one in variants
            if one.id in bases
        ]


async def _stock(ctx: Context, options: ExportOptions) -> AsyncIterator[list[Cells]]:
    async for products in _products_of(ctx, everywhere=True):
        variants = [one for one in await _all_variants(ctx, products) if one.track_stock]
        levels = await stock.find_levels_of(ctx, [one.id for one in variants])
        yield [
            {
                "sku": one.sku,
                "location": location.code,
                "on_hand": str(level.on_hand),
                "free": str(level.free),
                "promised": str(level.promised),
            }
            for one in variants
            for location, level in levels[one.id]
        ]


async def _products(ctx: Context, options: ExportOptions) -> AsyncIterator[list[Cells]]:
    locales = ctx.scope.locales
    async for products in _products_of(ctx, everywhere=False):
        keys, of_products = [one.id for one in products], await _variants(ctx, products)
        variants = [variant for key in keys for variant in of_products.get(key, ())]
        categories = await catalog.find_categories(ctx, keys)
        collections = await catalog.find_collections(ctx, keys)
        attributes = await catalog.find_attributes(ctx, keys)
        media = await catalog.find_media(ctx, keys)
        own_media = await catalog.find_variant_media(ctx, [one.id for one in variants])
        choices = await catalog.find_options(ctx, variants)
        prices = await catalog.find_list_prices(ctx, [one.id for one in variants])
        levels = await stock.find_levels_of(ctx, [one.id for one in variants])
        rows: list[Cells] = []
        for one in products:
            told = [
                rules.variant_cells(
                    each,
                    choices.get(each.id, ()),
                    prices.get(each.id),
                    sum(level.on_hand for _, level in levels[each.id]),
                    own_media.get(each.id, []),
                    currency=ctx.scope.currency,
                    locales=locales,
                )
                for each in of_products.get(one.id, ())
            ]
            pictures = [rules.picture_cells(each, locales) for each in media.get(one.id, [])]
            described = "" if one.description is UNSET else pick(one.description, locales)
            first = rules.product_cells(
                one.slug,
                (pick(one.name, locales), described),
                categories.get(one.id, []),
                collections.get(one.id, []),
                attributes.get(one.id, []),
                locales=locales,
            )
            parts = zip_longest([first], told, pictures, fillvalue={"Handle": one.slug})
            rows += [{**a, **b, **c} for a, b, c in parts]
        yield rows


async def _products_of(ctx: Context, *, everywhere: bool) -> AsyncIterator[Sequence[Product]]:
    page = Page(first=FIRST_MAX)
    while True:
        found = await catalog.find_products(
            ctx, page, ProductFilter(), ProductSort.OLDEST, everywhere=everywhere
        )
        yield found.rows
        if not found.has_next:
            return
        page = Page(first=FIRST_MAX, after=found.keys[-1])


async def _variants(
    ctx: Context, products: Sequence[Product]
) -> Mapping[ProductId, Sequence[Variant]]:
    return await catalog.find_variants_of(ctx, products, frozenset())


async def _all_variants(ctx: Context, products: Sequence[Product]) -> list[Variant]:
    found = await _variants(ctx, products)
    return [variant for one in products for variant in found.get(one.id, ())]


_READERS = {
    ExportKind.PRODUCTS: _products,
    ExportKind.ORDERS: _orders,
    ExportKind.MEMBERS: _members,
    ExportKind.PRICES: _prices,
    ExportKind.STOCK: _stock,
}
