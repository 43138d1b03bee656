"""Writes what became different between two states of a shelf, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Table, and_, bindparam

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
    Shelf,
    StoredMedia,
    StoredProduct,
    StoredVariant,
    Telling,
)
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ProductId, VariantId

Row = dict[str, Any]
# {table: {primary key: row}}
Rows = dict[Table, dict[tuple[Any, ...], Row]]

# A table follows those that it points at.
_TABLES = (
    category,
    collection,
    attribute,
    attribute_value,
    price_list,
    product,
    product_listing,
    product_search,
    product_category,
    product_collection,
    product_attribute,
    product_option,
    variant,
    variant_option,
    media,
    price,
)
_NAMED = {
    NameKind.CATEGORY: (category, "slug"),
    NameKind.COLLECTION: (collection, "slug"),
    NameKind.ATTRIBUTE: (attribute, "code"),
    NameKind.ATTRIBUTE_VALUE: (attribute_value, "code"),
}


async def save_shelf(db: AsyncConnection, before: Shelf, after: Shelf, telling: Telling) -> None:
    """Write the difference: at most one DELETE, INSERT and UPDATE a table, whatever its size."""
    old, new = _differing(before, after, telling)
    for table in reversed(_TABLES):
        gone = [key for key in old[table] if key not in new[table]]
        if gone:
            await db.execute(table.delete().where(_key_given(table)), _keys(table, gone))
    for table in _TABLES:
        added = [row for key, row in new[table].items() if key not in old[table]]
        if added:
            await db.execute(table.insert(), added)
        changed = [
            key for key, row in new[table].items() if key in old[table] and old[table][key] != row
        ]
        if changed:
            await _update(db, table, changed, new[table])


async def set_tax_category(db: AsyncConnection, key: ProductId, code: str | None) -> None:
    """Store what a product is taxed as."""
    changed = product.update().where(product.c.id == key)
    await db.execute(changed.values(tax_category=code, version=product.c.version + 1))


async def count_change(db: AsyncConnection, key: ProductId) -> None:
    """Store that something of a product was changed that stands in another table."""
    changed = product.update().where(product.c.id == key)
    await db.execute(changed.values(version=product.c.version + 1))


async def set_grams(db: AsyncConnection, key: VariantId, grams: int | None) -> None:
    """Store what a variant weighs."""
    await db.execute(variant.update().where(variant.c.id == key).values(grams=grams))


async def _update(
    db: AsyncConnection,
    table: Table,
    keys: list[tuple[Any, ...]],
    rows: Mapping[tuple[Any, ...], Row],
) -> None:
    values = [name for name in rows[keys[0]] if not table.c[name].primary_key]
    given = [
        key | {f"new_{name}": rows[one][name] for name in values}
        for one, key in zip(keys, _keys(table, keys), strict=True)
    ]
    statement = table.update().where(_key_given(table))
    await db.execute(statement.values({name: bindparam(f"new_{name}") for name in values}), given)


def _key_given(table: Table) -> Any:
    return and_(*(column == bindparam(f"key_{column.name}") for column in table.primary_key))


def _keys(table: Table, keys: list[tuple[Any, ...]]) -> list[Row]:
    names = [f"key_{column.name}" for column in table.primary_key]
    return [dict(zip(names, key, strict=True)) for key in keys]


def _differing(before: Shelf, after: Shelf, telling: Telling) -> tuple[Rows, Rows]:
    """Return the rows of all that is not the very same in both."""
    old: Rows = defaultdict(dict)
    new: Rows = defaultdict(dict)
    for rows, shelf, other in ((old, before, after), (new, after, before)):
        for table, row in _shelf_rows(shelf, other, telling):
            rows[table][tuple(row[column.name] for column in table.primary_key)] = row
    return old, new


def _shelf_rows(shelf: Shelf, other: Shelf, telling: Telling) -> Iterator[tuple[Table, Row]]:
    if shelf.price_list_id is not None:
        yield (
            price_list,
            {
                "id": shelf.price_list_id,
                "channel_id": telling.channel_id,
                "currency": telling.currency,
            },
        )
    for kind, (table, code) in _NAMED.items():
        others: Mapping[UUID, Named] = other.names.get(kind, {})
        for named in shelf.names.get(kind, {}).values():
            if named is not others.get(named.id):
                parent = {} if named.parent is None else {"attribute_id": named.parent}
                yield table, {"id": named.id, code: named.code, "name": named.name} | parent
    for slug, one in shelf.products.items():
        if one is not other.products.get(slug):
            yield from _product_rows(one, shelf, telling)


def _product_rows(
    one: StoredProduct, shelf: Shelf, telling: Telling
) -> Iterator[tuple[Table, Row]]:
    yield (
        product,
        {
            "id": one.id,
            "slug": one.slug,
            "name": one.name,
            "description": one.description,
            "tax_category": one.tax_category,
            "created_at": one.created_at,
            "updated_at": one.updated_at,
            "version": one.version,
        },
    )
    own = {"product_id": one.id}
    if one.listed:
        yield product_listing, {"channel_id": telling.channel_id} | own
    for locale, found in one.search.items():
        yield product_search, own | {"locale": locale} | msgspec.structs.asdict(found)
    for table, target, links in (
        (product_category, "category_id", one.categories),
        (product_collection, "collection_id", one.collections),
        (product_attribute, "attribute_value_id", one.attributes),
    ):
        for position, key in links.items():
            yield table, own | {target: key, "position": position}
    for position, option in enumerate(one.options):
        yield product_option, own | {"id": option.id, "position": position, "name": option.name}
    yield from _media_rows(one.media, own | {"variant_id": None})
    for sold in one.variants.values():
        yield from _variant_rows(sold, own, shelf)


def _variant_rows(one: StoredVariant, own: Row, shelf: Shelf) -> Iterator[tuple[Table, Row]]:
    yield (
        variant,
        own
        | {
            "id": one.id,
            "sku": one.sku,
            "position": one.position,
            "track_stock": one.track_stock,
            "grams": one.grams,
        },
    )
    for option_id, value in one.values.items():
        yield variant_option, {"variant_id": one.id, "option_id": option_id, "value": value}
    yield from _media_rows(one.media, own | {"variant_id": one.id})
    if one.price_minor is not None:
        yield (
            price,
            {
                "price_list_id": shelf.price_list_id,
                "variant_id": one.id,
                "amount_minor": one.price_minor,
            },
        )


def _media_rows(pictures: tuple[StoredMedia, ...], own: Row) -> Iterator[tuple[Table, Row]]:
    for position, picture in enumerate(pictures):
        yield (
            media,
            own | {"id": picture.id, "position": position, "url": picture.url, "alt": picture.alt},
        )
