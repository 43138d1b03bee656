"""Use-cases of what stands on the shelf: products, variants, prices and what names them."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType

import msgspec
from msgspec import UNSET

from koipond.catalog import repository, rules
from koipond.catalog.errors import ProductUnknown, VariantUnknown, WeightOutOfRange
from koipond.catalog.types import (
    Attribute,
    CatalogFilter,
    CatalogSort,
    Category,
    Collection,
    Detail,
    Media,
    OptionChoice,
    Product,
    ProductDraft,
    ProductFilter,
    ProductSort,
    Refused,
    Saved,
    Sellable,
    Telling,
    Variant,
)
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import check_version
from koipond.kernel.ids import CategoryId, ChannelId, ProductId, VariantId, encode, new_id
from koipond.kernel.pages import Page, Slice, page
from koipond.kernel.quantity import Quantity
from koipond.kernel.questions import Answered, Asked
from koipond.tax import service as tax

_WHOLE = frozenset({Detail.DESCRIPTION})


@transaction
async def save_products(
    ctx: Context, drafts: Sequence[ProductDraft], telling: Telling
) -> list[Saved | Refused]:
    """Store products as one language and one currency tell of them; one answer per draft, in order.

    A slug that is known is told again: its texts in this language, its prices in this currency and
    its listing in this channel become what is told, with those of other languages, currencies and
    channels beside them. What a draft leaves empty (description, categories, collections,
    attributes, options, pictures) stays as it was, and so do variants that it does not name. A
    category, collection or attribute that is called otherwise in the same language is another one.
    Nothing of a refused draft is stored. The same drafts again write nothing.

    The number of statements does not depend on that of the drafts; all of them together may have
    at most 10,000 variants.
    """
    refusals = [rules.refusal_of(draft) for draft in drafts]
    sound = [draft for draft, error in zip(drafts, refusals, strict=True) if error is None]
    assert sum(len(draft.variants) for draft in sound) <= 10_000, "too much for one statement"
    await repository.take_turns(ctx.db)
    before = await repository.load_shelf(ctx.db, sound, telling)
    teller = rules.Teller(before, telling, now=ctx.clock.now(), new_id=new_id)
    results = [
        teller.tell(draft) if error is None else Refused(slug=draft.slug, error=error)
        for draft, error in zip(drafts, refusals, strict=True)
    ]
    await repository.save_shelf(ctx.db, before, teller.after, telling)
    return results


@transaction
async def set_tax_category(
    ctx: Context, key: ProductId, code: str | None, *, expected_version: int | None = None
) -> Product:
    """Say what a product is taxed as; None: as goods that name none.

    Raises ProductUnknown, VersionConflict, TaxCategoryUnknown.
    """
    await repository.take_turns(ctx.db)
    found = (await repository.find_products_by_ids(ctx.db, [key])).get(key)
    if found is None:
        raise ProductUnknown(product_id=encode(ProductId, key))
    await _check_version(ctx, key, expected_version)
    if code is not None:
        await tax.check_category(ctx, code)
    await repository.set_tax_category(ctx.db, key, code)
    before, after = {"tax_category": found.tax_category}, {"tax_category": code}
    ctx.audited(encode(ProductId, key), before=before, after=after)
    return msgspec.structs.replace(found, tax_category=code)


@transaction
async def set_grams(
    ctx: Context, key: VariantId, grams: Quantity | None, *, expected_version: int | None = None
) -> Variant:
    """Say what a unit of a variant weighs; None: nobody knows, it counts as nothing.

    expected_version: of its product. Raises VariantUnknown, VersionConflict, WeightOutOfRange.
    """
    if grams is not None and not 0 <= grams <= rules.GRAMS_MAX:
        raise WeightOutOfRange(grams=grams, maximum=rules.GRAMS_MAX).located("grams")
    await repository.take_turns(ctx.db)
    found = await repository.find_variants_by_ids(ctx.db, [key], channel_id=None)
    if key not in found:
        raise VariantUnknown(variant_id=encode(VariantId, key))
    await _check_version(ctx, found[key].product_id, expected_version)
    await repository.set_grams(ctx.db, key, grams)
    await repository.count_change(ctx.db, found[key].product_id)
    before, after = {"grams": found[key].grams}, {"grams": grams}
    ctx.audited(encode(VariantId, key), before=before, after=after)
    return msgspec.structs.replace(found[key], grams=grams)


async def _check_version(ctx: Context, key: ProductId, expected: int | None) -> None:
    _, version = (await repository.find_slugs(ctx.db, [key]))[key]
    check_version(encode(ProductId, key), expected=expected, current=version)


async def find_sellables(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> dict[VariantId, Sellable]:
    """Return those of the variants that the channel of the scope lists, as it sells them."""
    async with ctx.reading() as db:
        return await asking_sellables(ctx, variant_ids).ask(db)


def asking_sellables(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> Asked[dict[VariantId, Sellable]]:
    """Ask what `find_sellables` returns, together with something else."""
    if not variant_ids:
        return Answered({})
    return repository.asking_sellables(
        variant_ids,
        channel_id=ctx.scope.channel_id,
        currency=ctx.scope.currency,
        now=ctx.clock.now(),
    )


async def find_variant_ids(ctx: Context, skus: Sequence[str]) -> dict[str, VariantId]:
    """Return {sku: variant} of those skus that there are, in whatever channel."""
    async with ctx.reading() as db:
        return await repository.find_variant_ids(db, skus)


async def find_sold_as(
    ctx: Context, skus: Sequence[str]
) -> Mapping[str, tuple[VariantId, ProductId]]:
    """Return {sku: (variant, its product)} of those skus that there are, in whatever channel."""
    async with ctx.reading() as db:
        return await repository.find_sold_as(db, skus)


async def find_product(
    ctx: Context,
    *,
    product_id: ProductId | None = None,
    slug: str | None = None,
    everywhere: bool = False,
    details: AbstractSet[Detail] = _WHOLE,
) -> Product | None:
    """Return the product with this id and slug, of those that are given; None without either.

    everywhere: also if the channel of the scope does not list it.
    """
    if product_id is None and slug is None:
        return None
    async with ctx.reading() as db:
        return await repository.find_detailed(
            db,
            product_id=product_id,
            slug=slug,
            listed_in=_channel(ctx, everywhere),
            details=details,
            prices=_prices(ctx),
        )


async def find_products(
    ctx: Context,
    asked: Page,
    wanted: ProductFilter,
    sort: ProductSort | CatalogSort,
    *,
    everywhere: bool = False,
    details: AbstractSet[Detail] = _WHOLE,
) -> Slice[Product]:
    """Return a page of the products that the channel of the scope lists, or of all.

    asked: made by `product_page` for the same order. Raises ProductFilterInvalid.
    """
    async with ctx.reading() as db:
        return await repository.find_products(
            db, asked, seek(ctx, wanted, everywhere=everywhere), sort, details
        )


def product_page(first: int | None, after: str | None, sort: ProductSort | CatalogSort) -> Page:
    """Read the paging arguments of `find_products` in this order. Raises PageInvalid."""
    return page(first, after, shape=rules.key_shape(sort))


async def count_products(ctx: Context, wanted: ProductFilter, *, everywhere: bool = False) -> int:
    """Return how many products `find_products` finds on all pages. Raises ProductFilterInvalid."""
    async with ctx.reading() as db:
        return await repository.count_products(db, seek(ctx, wanted, everywhere=everywhere))


def seek(ctx: Context, wanted: ProductFilter, *, everywhere: bool) -> repository.Sought:
    """Return what is looked for. Raises ProductFilterInvalid."""
    rules.check_filter(wanted)
    return repository.Sought(
        wanted=wanted,
        filters=_filters(ctx, wanted),
        listed_in=_channel(ctx, everywhere),
        locales=ctx.scope.locales,
        prices=_prices(ctx),
    )


def choose_sort(ctx: Context, name: str | None, wanted: ProductFilter) -> ProductSort | CatalogSort:
    """Return the order of products of this name, core's own or a plugin's; None: the usual one."""
    if name is None:
        return ProductSort.NEWEST if wanted.text is None else ProductSort.RELEVANCE
    return ctx.hooks.catalog_sorts().get(name) or ProductSort(name)


def _filters(ctx: Context, wanted: ProductFilter) -> list[tuple[CatalogFilter, bool]]:
    known = ctx.hooks.catalog_filters() if wanted.plugins else {}
    return [(known[name], fits) for name, fits in wanted.plugins.items()]


async def find_listed_categories(ctx: Context, *, everywhere: bool = False) -> list[Category]:
    """Return the categories in which the channel of the scope lists something, or all."""
    async with ctx.reading() as db:
        return await repository.find_listed_categories(db, _channel(ctx, everywhere))


async def find_listed_collections(ctx: Context, *, everywhere: bool = False) -> list[Collection]:
    """Return the collections in which the channel of the scope lists something, or all."""
    async with ctx.reading() as db:
        return await repository.find_listed_collections(db, _channel(ctx, everywhere))


async def find_products_by_ids(
    ctx: Context, product_ids: Sequence[ProductId]
) -> dict[ProductId, Product]:
    """Return products by id, listed or not: for those who came to the id by what they may see."""
    async with ctx.reading() as db:
        return await repository.find_products_by_ids(db, product_ids)


async def find_variants_by_ids(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> dict[VariantId, Variant]:
    """Return variants by id; to buyers only those that the channel of the scope lists."""
    async with ctx.reading() as db:
        return await repository.find_variants_by_ids(
            db, variant_ids, channel_id=_channel(ctx, rules.sees_unlisted(ctx.viewer))
        )


async def find_variants(
    ctx: Context,
    product_ids: Sequence[ProductId],
    *,
    details: AbstractSet[Detail] = frozenset(),
) -> Mapping[ProductId, list[Variant]]:
    """Return the variants of products, in their order."""
    async with ctx.reading() as db:
        return await repository.find_variants(db, product_ids, details=details, prices=_prices(ctx))


async def find_variants_of(
    ctx: Context, products: Sequence[Product], details: AbstractSet[Detail]
) -> Mapping[ProductId, Sequence[Variant]]:
    """Return the variants of products, in their order; none is read again that they came with."""
    found: dict[ProductId, Sequence[Variant]] = {
        one.id: one.variants for one in products if one.variants is not UNSET
    }
    missing = [one.id for one in products if one.id not in found]
    if missing:
        found.update(await find_variants(ctx, missing, details=details))
    return found


async def find_options(
    ctx: Context, variants: Sequence[Variant]
) -> dict[VariantId, Sequence[OptionChoice]]:
    """Return what each variant has for its product's options, in their order."""
    found: dict[VariantId, Sequence[OptionChoice]] = {
        one.id: one.options for one in variants if one.options is not UNSET
    }
    missing = [one.id for one in variants if one.id not in found]
    if not missing:
        return found
    async with ctx.reading() as db:
        return found | await repository.find_options(db, missing)


async def find_variant_names(
    ctx: Context,
    variants: Sequence[Variant],
    products: Mapping[ProductId, Product] = MappingProxyType({}),
) -> dict[VariantId, str]:
    """Return what variants are called: by their option values, or like their product.

    products: those that are at hand.
    """
    options = await find_options(ctx, variants)
    plain = {one.product_id for one in variants if not options.get(one.id)}
    missing = sorted(plain - products.keys())
    named = {**products, **(await find_products_by_ids(ctx, missing) if missing else {})}
    return {
        one.id: rules.variant_name(
            options.get(one.id, ()), named.get(one.product_id), ctx.scope.locales
        )
        for one in variants
    }


async def find_media(
    ctx: Context, product_ids: Sequence[ProductId]
) -> Mapping[ProductId, list[Media]]:
    """Return the pictures of products, without those of single variants."""
    async with ctx.reading() as db:
        return await repository.find_media(db, product_ids)


async def find_variant_media(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> Mapping[VariantId, list[Media]]:
    """Return the pictures that variants have of their own."""
    async with ctx.reading() as db:
        return await repository.find_variant_media(db, variant_ids)


async def find_attributes(
    ctx: Context, product_ids: Sequence[ProductId]
) -> Mapping[ProductId, list[Attribute]]:
    """Return the attributes of products, in their order."""
    async with ctx.reading() as db:
        return await repository.find_attributes(db, product_ids)


async def find_categories(
    ctx: Context, product_ids: Sequence[ProductId]
) -> Mapping[ProductId, list[Category]]:
    """Return the categories of products, in their order."""
    async with ctx.reading() as db:
        return await repository.find_categories(db, product_ids)


def asking_category_ids(
    variant_ids: Sequence[VariantId],
) -> Asked[dict[ProductId, frozenset[CategoryId]]]:
    """Ask for {product: its categories} of these variants' products that are in any."""
    return repository.asking_category_ids(variant_ids) if variant_ids else Answered({})


async def find_collections(
    ctx: Context, product_ids: Sequence[ProductId]
) -> Mapping[ProductId, list[Collection]]:
    """Return the collections of products, in their order."""
    async with ctx.reading() as db:
        return await repository.find_collections(db, product_ids)


def _prices(ctx: Context) -> repository.Prices:
    return repository.Prices(
        channel_id=ctx.scope.channel_id, currency=ctx.scope.currency, now=ctx.clock.now()
    )


def _channel(ctx: Context, everywhere: bool) -> ChannelId | None:
    return None if everywhere else ctx.scope.channel_id
