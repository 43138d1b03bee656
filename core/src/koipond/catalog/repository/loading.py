"""Reads the part of the catalogue that a batch of drafts is about; the same few SELECTs for any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Table, and_, or_, select, text

from koipond.catalog.rules.words import slugify
from koipond.catalog.tables import (
    attribute,
    attribute_value,
    category,
    collection,
    media,
    price,
    price_list,
    product,
    product_attribute,
    product_category,
    product_collection,
    product_listing,
    product_option,
    product_search,
    variant,
    variant_option,
)
from koipond.catalog.types import (
    Named,
    NameKind,
    ProductDraft,
    SearchText,
    Shelf,
    StoredMedia,
    StoredOption,
    StoredProduct,
    StoredVariant,
    Telling,
)
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import OptionId, PriceListId, ProductId, VariantId
from koipond.kernel.texts import Locale, Texts

_LOCK = 0x636174616C6F67  # "catalog"

# {product: {place: id}}
Links = Mapping[ProductId, Mapping[int, UUID]]


async def take_turns(db: AsyncConnection) -> None:
    """Wait for other savers of products. Two that met a new category would both make it.

    SQLite has one writer anyway.
    """
    if db.dialect.name == "postgresql":
        await db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def load_shelf(
    db: AsyncConnection, drafts: Sequence[ProductDraft], telling: Telling
) -> Shelf:
    """Return what is stored of the products that `drafts` tell of, and all that they name."""
    price_list_id = await _find_price_list(db, telling)
    rows = await _find_products(db, [draft.slug for draft in drafts], telling)
    ids = [row.id for row in rows]
    skus = {variant.sku for draft in drafts for variant in draft.variants}
    variants = await _find_variants(db, ids, skus)
    by_product: dict[ProductId, list[Any]] = defaultdict(list)
    for row in variants:
        by_product[row.product_id].append(row)
    # Products that are all new, as in most of an import, have nothing yet.
    parts = await _load_parts(db, ids, price_list_id) if ids else _Parts()
    return Shelf(
        products={row.slug: _product(row, by_product[row.id], parts) for row in rows},
        owners={row.sku: row.slug for row in variants},
        names=await _load_names(db, drafts, telling.locale, parts),
        price_list_id=price_list_id,
    )


class _Parts(Struct, frozen=True, kw_only=True):
    """What belongs to the products, by the id of what it belongs to."""

    options: Mapping[ProductId, Sequence[StoredOption]] = {}
    values: Mapping[VariantId, Mapping[OptionId, Texts]] = {}
    media: Mapping[tuple[ProductId, VariantId | None], Sequence[StoredMedia]] = {}
    prices: Mapping[VariantId, int] = {}
    search: Mapping[ProductId, Mapping[Locale, SearchText]] = {}
    categories: Links = {}
    collections: Links = {}
    attributes: Links = {}


async def _find_price_list(db: AsyncConnection, telling: Telling) -> PriceListId | None:
    key: PriceListId | None = await db.scalar(
        select(price_list.c.id).where(
            price_list.c.channel_id == telling.channel_id,
            price_list.c.currency == telling.currency,
        )
    )
    return key


async def _find_products(
    db: AsyncConnection, slugs: Sequence[str], telling: Telling
) -> Sequence[Any]:
    here = and_(
        product_listing.c.product_id == product.c.id,
        product_listing.c.channel_id == telling.channel_id,
    )
    listed = product_listing.c.product_id.is_not(None).label("listed")
    found = await db.execute(
        select(product, listed).outerjoin(product_listing, here).where(product.c.slug.in_(slugs))
    )
    return found.all()


async def _find_variants(
    db: AsyncConnection, ids: Sequence[ProductId], skus: set[str]
) -> Sequence[Any]:
    found = await db.execute(
        select(variant, product.c.slug)
        .join(product, product.c.id == variant.c.product_id)
        .where(or_(variant.c.product_id.in_(ids), variant.c.sku.in_(sorted(skus))))
    )
    return found.all()


async def _load_parts(
    db: AsyncConnection, ids: Sequence[ProductId], price_list_id: PriceListId | None
) -> _Parts:
    values: dict[VariantId, dict[OptionId, Texts]] = defaultdict(dict)
    for row in await _rows_of(db, variant_option, product_option, ids):
        values[row.variant_id][row.option_id] = row.value
    options: dict[ProductId, list[StoredOption]] = defaultdict(list)
    for row in await _rows_of(db, product_option, product_option, ids):
        options[row.product_id].append(StoredOption(id=row.id, name=row.name))
    pictures: dict[Any, list[StoredMedia]] = defaultdict(list)
    for row in await _rows_of(db, media, media, ids):
        picture = StoredMedia(id=row.id, url=row.url, alt=row.alt)
        pictures[row.product_id, row.variant_id].append(picture)
    search: dict[ProductId, dict[Locale, SearchText]] = defaultdict(dict)
    for row in await _rows_of(db, product_search, product_search, ids):
        texts = {name: row._mapping[name] for name in SearchText.__struct_fields__}
        search[row.product_id][row.locale] = SearchText(**texts)
    return _Parts(
        options=options,
        values=values,
        media=pictures,
        prices=await _load_prices(db, ids, price_list_id),
        search=search,
        categories=await _load_links(db, product_category, "category_id", ids),
        collections=await _load_links(db, product_collection, "collection_id", ids),
        attributes=await _load_links(db, product_attribute, "attribute_value_id", ids),
    )


async def _rows_of(
    db: AsyncConnection, table: Table, owned: Table, ids: Sequence[ProductId]
) -> Sequence[Any]:
    """Return the rows of `table` that belong to products by way of `owned`, in their places."""
    statement = select(table).where(owned.c.product_id.in_(ids))
    if owned is not table:
        statement = statement.join(owned)
    if "position" in owned.c:
        statement = statement.order_by(owned.c.position)
    return (await db.execute(statement)).all()


async def _load_prices(
    db: AsyncConnection, ids: Sequence[ProductId], price_list_id: PriceListId | None
) -> dict[VariantId, int]:
    # Not joined: SQLite would begin with all prices of the list.
    own = select(variant.c.id).where(variant.c.product_id.in_(ids))
    found = await db.execute(
        select(price.c.variant_id, price.c.amount_minor).where(
            price.c.price_list_id == price_list_id, price.c.variant_id.in_(own)
        )
    )
    return {row.variant_id: row.amount_minor for row in found}


async def _load_links(
    db: AsyncConnection, table: Table, target: str, ids: Sequence[ProductId]
) -> Links:
    found = await db.execute(
        select(table.c.product_id, table.c.position, table.c[target])
        .where(table.c.product_id.in_(ids))
        .order_by(table.c.position)
    )
    links: dict[ProductId, dict[int, UUID]] = defaultdict(dict)
    for product_id, position, key in found:
        links[product_id][position] = key
    return links


async def _load_names(
    db: AsyncConnection, drafts: Sequence[ProductDraft], locale: Locale, parts: _Parts
) -> dict[NameKind, dict[UUID, Named]]:
    """Return what the products have, and what is called or coded as the drafts call things."""

    async def find(table: Table, held: Iterable[UUID], names: Iterable[str]) -> dict[UUID, Named]:
        return await _find_named(db, table, set(held), set(names), locale)

    values = await find(
        attribute_value,
        _linked(parts.attributes),
        (value for draft in drafts for _, value in draft.attributes),
    )
    return {
        NameKind.CATEGORY: await find(
            category,
            _linked(parts.categories),
            (name for draft in drafts for name in draft.categories),
        ),
        NameKind.COLLECTION: await find(
            collection,
            _linked(parts.collections),
            (name for draft in drafts for name in draft.collections),
        ),
        NameKind.ATTRIBUTE: await find(
            attribute,
            (value.parent for value in values.values() if value.parent is not None),
            (name for draft in drafts for name, _ in draft.attributes),
        ),
        NameKind.ATTRIBUTE_VALUE: values,
    }


def _linked(links: Links) -> Iterator[UUID]:
    return (key for places in links.values() for key in places.values())


async def _find_named(
    db: AsyncConnection, table: Table, held: set[UUID], names: set[str], locale: Locale
) -> dict[UUID, Named]:
    """Return things by id, the youngest first, so that of two called alike the oldest counts."""
    if not held and not names:
        return {}
    code = table.c.slug if "slug" in table.c else table.c.code
    codes = {slugify(name) for name in names}
    rows = await db.execute(
        select(table)
        .where(
            or_(
                table.c.id.in_(sorted(held)),
                code.in_(sorted(codes)),
                table.c.name[locale].as_string().in_(sorted(names)),
            )
        )
        .order_by(table.c.id.desc())
    )
    return {
        row.id: Named(
            id=row.id,
            code=row.slug if "slug" in table.c else row.code,
            name=row.name,
            parent=row.attribute_id if "attribute_id" in table.c else None,
        )
        for row in rows
    }


def _product(row: Any, variants: Sequence[Any], parts: _Parts) -> StoredProduct:
    return StoredProduct(
        id=row.id,
        slug=row.slug,
        name=row.name,
        description=row.description,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
        tax_category=row.tax_category,
        listed=row.listed,
        categories=parts.categories.get(row.id, {}),
        collections=parts.collections.get(row.id, {}),
        attributes=parts.attributes.get(row.id, {}),
        options=tuple(parts.options.get(row.id, ())),
        media=tuple(parts.media.get((row.id, None), ())),
        variants={one.sku: _variant(one, parts) for one in variants},
        search=parts.search.get(row.id, {}),
    )


def _variant(row: Any, parts: _Parts) -> StoredVariant:
    return StoredVariant(
        id=row.id,
        sku=row.sku,
        position=row.position,
        track_stock=row.track_stock,
        grams=row.grams,
        values=parts.values.get(row.id, {}),
        price_minor=parts.prices.get(row.id),
        media=tuple(parts.media.get((row.product_id, row.id), ())),
    )
