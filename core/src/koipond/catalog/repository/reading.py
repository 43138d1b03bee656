"""Reads the catalogue by ids: one SELECT each, whatever their number."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Uuid, and_, bindparam, select

from koipond.catalog.repository.arranging import category_of, collection_of
from koipond.catalog.repository.details import listed, product_of
from koipond.catalog.repository.pricing import PRICED, TIERS, read_price
from koipond.catalog.tables import (
    attribute,
    attribute_value,
    category,
    collection,
    media,
    price,
    product,
    product_attribute,
    product_category,
    product_collection,
    product_listing,
    product_option,
    variant,
    variant_option,
)
from koipond.catalog.types import (
    Attribute,
    Category,
    Collection,
    Media,
    OptionChoice,
    Product,
    Sellable,
    Variant,
)
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import CategoryId, ChannelId, ProductId, VariantId
from koipond.kernel.money import Currency
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Question


async def find_products_by_ids(
    db: AsyncConnection, product_ids: Sequence[ProductId]
) -> dict[ProductId, Product]:
    """Return products by id, listed or not."""
    rows = await db.execute(select(product).where(product.c.id.in_(product_ids)))
    return {row.id: product_of(row) for row in rows}


async def find_slugs(
    db: AsyncConnection, product_ids: Iterable[ProductId]
) -> dict[ProductId, tuple[str, int]]:
    """Return {product: its slug and its version}."""
    columns = (product.c.id, product.c.slug, product.c.version)
    rows = await db.execute(select(*columns).where(product.c.id.in_(list(product_ids))))
    return {row.id: (row.slug, row.version) for row in rows}


async def find_by_slug(db: AsyncConnection, slug: str) -> ProductId | None:
    """Return the product of a slug, listed or not, or None."""
    found = await db.execute(select(product.c.id).where(product.c.slug == slug))
    return found.scalar_one_or_none()


async def find_variants_by_ids(
    db: AsyncConnection, variant_ids: Sequence[VariantId], *, channel_id: ChannelId | None
) -> dict[VariantId, Variant]:
    """Return variants by id, of products that are listed in the channel; None: listed or not."""
    found = select(variant).join(product, product.c.id == variant.c.product_id)
    rows = await db.execute(listed(found.where(variant.c.id.in_(variant_ids)), channel_id))
    return {row.id: _variant(row) for row in rows}


async def find_sold_as(
    db: AsyncConnection, skus: Sequence[str]
) -> dict[str, tuple[VariantId, ProductId]]:
    """Return {sku: (variant, its product)} of those skus that there are."""
    columns = (variant.c.sku, variant.c.id, variant.c.product_id)
    rows = await db.execute(select(*columns).where(variant.c.sku.in_(sorted(set(skus)))))
    return {row.sku: (VariantId(row.id), ProductId(row.product_id)) for row in rows}


async def find_variant_ids(db: AsyncConnection, skus: Sequence[str]) -> dict[str, VariantId]:
    """Return {sku: variant} of those skus that there are."""
    rows = await db.execute(
        select(variant.c.sku, variant.c.id).where(variant.c.sku.in_(sorted(set(skus))))
    )
    return {row.sku: row.id for row in rows}


def asking_sellables(
    variant_ids: Sequence[VariantId],
    *,
    channel_id: ChannelId,
    currency: Currency,
    now: datetime,
) -> Question[dict[VariantId, Sellable]]:
    """Ask for those of the variants that the channel lists, each with its price in the currency.

    One statement, so that all of it was so at one moment.
    """
    asked = {
        "variants": list(variant_ids),
        "channel": channel_id,
        "currency": currency,
        "now": now,
    }
    return Question(_SELLABLES, asked, _read_sellables)


def _read_sellables(rows: Sequence[Any]) -> dict[VariantId, Sellable]:
    options: dict[VariantId, list[tuple[int, OptionChoice]]] = defaultdict(list)
    variants = {}
    for row in rows:
        variants[row.id] = row
        if row.option_name is not None:
            choice = OptionChoice(name=row.option_name, value=row.option_value)
            options[row.id].append((row.option_position, choice))
    return {
        key: _sellable(row, [one for _, one in sorted(options[key], key=itemgetter(0))])
        for key, row in variants.items()
    }


async def find_options(
    db: AsyncConnection, variant_ids: Sequence[VariantId]
) -> dict[VariantId, list[OptionChoice]]:
    """Return what each variant has for its product's options, in their order."""
    rows = await db.execute(
        select(variant_option.c.variant_id, product_option.c.name, variant_option.c.value)
        .join(product_option, product_option.c.id == variant_option.c.option_id)
        .where(variant_option.c.variant_id.in_(variant_ids))
        .order_by(product_option.c.position)
    )
    found: dict[VariantId, list[OptionChoice]] = defaultdict(list)
    for row in rows:
        found[row.variant_id].append(OptionChoice(name=row.name, value=row.value))
    return found


async def find_media(
    db: AsyncConnection, product_ids: Sequence[ProductId]
) -> dict[ProductId, list[Media]]:
    """Return the pictures of products, without those of single variants."""
    rows = await db.execute(
        select(media)
        .where(media.c.product_id.in_(product_ids), media.c.variant_id.is_(None))
        .order_by(media.c.position, media.c.id)
    )
    found: dict[ProductId, list[Media]] = defaultdict(list)
    for row in rows:
        found[row.product_id].append(Media(id=row.id, url=row.url, alt=row.alt))
    return found


async def find_variant_media(
    db: AsyncConnection, variant_ids: Sequence[VariantId]
) -> dict[VariantId, list[Media]]:
    """Return the pictures that variants have of their own."""
    rows = await db.execute(
        select(media)
        .where(media.c.variant_id.in_(variant_ids))
        .order_by(media.c.position, media.c.id)
    )
    found: dict[VariantId, list[Media]] = defaultdict(list)
    for row in rows:
        found[row.variant_id].append(Media(id=row.id, url=row.url, alt=row.alt))
    return found


async def find_attributes(
    db: AsyncConnection, product_ids: Sequence[ProductId]
) -> dict[ProductId, list[Attribute]]:
    """Return the attributes of products, in their order."""
    rows = await db.execute(
        select(
            product_attribute.c.product_id,
            attribute.c.code,
            attribute.c.name,
            attribute_value.c.code.label("value_code"),
            attribute_value.c.name.label("value"),
        )
        .join(attribute_value, attribute_value.c.id == product_attribute.c.attribute_value_id)
        .join(attribute, attribute.c.id == attribute_value.c.attribute_id)
        .where(product_attribute.c.product_id.in_(product_ids))
        .order_by(product_attribute.c.position)
    )
    found: dict[ProductId, list[Attribute]] = defaultdict(list)
    for row in rows:
        found[row.product_id].append(
            Attribute(code=row.code, name=row.name, value_code=row.value_code, value=row.value)
        )
    return found


async def find_categories(
    db: AsyncConnection, product_ids: Sequence[ProductId]
) -> dict[ProductId, list[Category]]:
    """Return the categories of products, in their order."""
    rows = await db.execute(
        select(product_category.c.product_id, category)
        .join(category, category.c.id == product_category.c.category_id)
        .where(product_category.c.product_id.in_(product_ids))
        .order_by(product_category.c.position)
    )
    found: dict[ProductId, list[Category]] = defaultdict(list)
    for row in rows:
        found[row.product_id].append(category_of(row))
    return found


def asking_category_ids(
    variant_ids: Sequence[VariantId],
) -> Question[dict[ProductId, frozenset[CategoryId]]]:
    """Ask for {product: its categories} of these variants' products that are in any."""

    def read(rows: Sequence[Any]) -> dict[ProductId, frozenset[CategoryId]]:
        found: dict[ProductId, set[CategoryId]] = defaultdict(set)
        for product_id, category_id in rows:
            found[product_id].add(category_id)
        return {key: frozenset(some) for key, some in found.items()}

    return Question(_CATEGORY_IDS, {"variants": list(variant_ids)}, read)


async def find_collections(
    db: AsyncConnection, product_ids: Sequence[ProductId]
) -> dict[ProductId, list[Collection]]:
    """Return the collections of products, in their order."""
    rows = await db.execute(
        select(product_collection.c.product_id, collection)
        .join(collection, collection.c.id == product_collection.c.collection_id)
        .where(product_collection.c.product_id.in_(product_ids))
        .order_by(product_collection.c.position)
    )
    found: dict[ProductId, list[Collection]] = defaultdict(list)
    for row in rows:
        found[row.product_id].append(collection_of(row))
    return found


_channel = bindparam("channel", type_=Uuid)
_chosen = variant_option.join(product_option, product_option.c.id == variant_option.c.option_id)
# One row for each option of a variant, or one without any.
_SELLABLES = Prepared(
    select(
        variant.c.id,
        variant.c.product_id,
        variant.c.sku,
        variant.c.track_stock,
        variant.c.grams,
        product.c.name,
        product.c.tax_category,
        price.c.amount_minor,
        TIERS.label("tiers"),
        product_option.c.name.label("option_name"),
        variant_option.c.value.label("option_value"),
        product_option.c.position.label("option_position"),
    )
    .join(product, product.c.id == variant.c.product_id)
    .join(
        product_listing,
        and_(
            product_listing.c.product_id == product.c.id,
            product_listing.c.channel_id == _channel,
        ),
    )
    .outerjoin(price, and_(price.c.variant_id == variant.c.id, PRICED))
    .outerjoin(_chosen, variant_option.c.variant_id == variant.c.id)
    .where(variant.c.id.in_(bindparam("variants", expanding=True)))
)

_CATEGORY_IDS = Prepared(
    select(variant.c.product_id, product_category.c.category_id)
    .join(product_category, product_category.c.product_id == variant.c.product_id)
    .where(variant.c.id.in_(bindparam("variants", type_=Uuid, expanding=True)))
)


def _variant(row: Any) -> Variant:
    return Variant(
        id=row.id,
        product_id=row.product_id,
        sku=row.sku,
        track_stock=row.track_stock,
        grams=row.grams,
    )


def _sellable(row: Any, options: Sequence[OptionChoice]) -> Sellable:
    priced = None if row.amount_minor is None else read_price(row.amount_minor, row.tiers)
    return Sellable(
        variant_id=row.id,
        product_id=row.product_id,
        sku=row.sku,
        name=row.name,
        options=tuple(options),
        track_stock=row.track_stock,
        price_minor=None if priced is None else priced.list_minor,
        tiers=() if priced is None else priced.tiers,
        grams=row.grams,
        tax_category=row.tax_category,
    )
