"""Reads products and variants with no more than is asked of them, in one statement each.

A statement is made once for each combination of details, see kernel/prepared.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from sqlalchemy import ColumnElement, Select, Uuid, and_, bindparam, literal_column, select

from koipond.catalog.repository.pricing import PRICED, TIERS, read_price
from koipond.catalog.tables import (
    price,
    product,
    product_listing,
    product_option,
    variant,
    variant_option,
)
from koipond.catalog.types import (
    Detail,
    ListPrice,
    OptionChoice,
    Product,
    ProductSort,
    Variant,
)
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ChannelId, ProductId
from koipond.kernel.money import Currency
from koipond.kernel.pages import Key, Page, Slice, cut
from koipond.kernel.parts import Parts
from koipond.kernel.prepared import Prepared

Details = AbstractSet[Detail]
# Orders of which the whole key is the product's id.
BY_ID = frozenset({ProductSort.NEWEST, ProductSort.OLDEST})
_MADE_MAX = 200

_made: dict[Hashable, Prepared] = {}


class Prices(Struct, frozen=True, kw_only=True):
    """Whose prices are read, and of when."""

    channel_id: ChannelId
    currency: Currency
    now: datetime

    @property
    def given(self) -> dict[str, Any]:
        """The parameters of a statement that reads them."""
        return {"channel": self.channel_id, "currency": self.currency, "now": self.now}


async def find_detailed(
    db: AsyncConnection,
    *,
    product_id: ProductId | None,
    slug: str | None,
    listed_in: ChannelId | None,
    details: Details,
    prices: Prices,
) -> Product | None:
    """Return the product of this id and slug, those of them that are given, listed in the channel.

    listed_in: None means listed or not.
    """
    asked = {"product": product_id, "slug": slug, "listed_in": listed_in}
    given = {name: value for name, value in asked.items() if value is not None}
    statement = _prepared(("one", *given, details), lambda: _one_product(given.keys(), details))
    if Detail.VARIANTS in details and Detail.PRICES in details:
        given |= prices.given
    rows = await statement.rows(db, given)
    if not rows:
        return None
    found = product_of(rows[0])
    if Detail.VARIANTS not in details:
        return found
    read = _reader(details)
    variants = tuple(read(row) for row in rows if row.variant_id is not None)
    return msgspec.structs.replace(found, variants=variants)


async def find_newest(
    db: AsyncConnection,
    page: Page,
    sort: ProductSort,
    *,
    listed_in: ChannelId | None,
    details: Details,
) -> Slice[Product]:
    """Return a page of all products, by id."""
    given: dict[str, Any] = {} if listed_in is None else {"listed_in": listed_in}
    if page.after is not None:
        given["after"] = page.after[0]
    # The size stands in the statement: unknown, PostgreSQL would plan for a tenth of all products.
    key = ("page", sort, page.first, *given, Detail.DESCRIPTION in details)
    statement = _prepared(key, lambda: _page(page.first, sort, given.keys(), details))
    rows = await statement.rows(db, given)
    keys: list[Key] = [(str(row.id),) for row in rows]
    return cut([product_of(row) for row in rows], keys, page)


async def find_variants(
    db: AsyncConnection,
    product_ids: Sequence[ProductId],
    *,
    details: Details = frozenset(),
    prices: Prices | None = None,
) -> dict[ProductId, list[Variant]]:
    """Return the variants of products, in their order. prices: of those that details ask for."""
    statement = _prepared(("variants", details), lambda: _variants(details), by_arrays=True)
    given: dict[str, Any] = {"products": list(product_ids)}
    if Detail.PRICES in details:
        assert prices is not None, "whose prices is said where prices are asked for"
        given |= prices.given
    found: dict[ProductId, list[Variant]] = defaultdict(list)
    read = _reader(details)
    for row in await statement.rows(db, given):
        found[row.variant_of].append(read(row))
    return found


def product_columns(details: Details) -> list[ColumnElement[Any]]:
    """Return what is read of products."""
    told = [product.c.description] if Detail.DESCRIPTION in details else []
    return [product.c.id, product.c.slug, product.c.name, product.c.tax_category, *told]


def product_of(row: Any) -> Product:
    """Return a row of products as a snapshot; without a description if it was not read."""
    return Product(
        id=row.id,
        slug=row.slug,
        name=row.name,
        description=getattr(row, "description", UNSET),
        tax_category=row.tax_category,
    )


def listed(statement: Select[Any], channel_id: Any) -> Select[Any]:
    """Keep of a SELECT over products those that are listed in the channel; None keeps all."""
    if channel_id is None:
        return statement
    here = select(product_listing.c.product_id).where(
        product_listing.c.product_id == product.c.id,
        product_listing.c.channel_id == channel_id,
    )
    return statement.where(here.exists())


def _prepared(
    key: Hashable, make: Callable[[], Select[Any]], *, by_arrays: bool = False
) -> Prepared:
    found = _made.get(key)
    if found is None:
        if len(_made) >= _MADE_MAX:
            _made.clear()
        found = _made[key] = Prepared(make(), by_arrays=by_arrays)
    return found


def _one_product(given: AbstractSet[str], details: Details) -> Select[Any]:
    statement = select(*product_columns(details))
    if Detail.VARIANTS in details:
        source = product.outerjoin(variant, variant.c.product_id == product.c.id)
        columns, source = _variant_columns(source, details)
        statement = select(*product_columns(details), *columns).select_from(source)
        statement = statement.order_by(variant.c.position, variant.c.id)
    if "product" in given:
        statement = statement.where(product.c.id == bindparam("product", type_=Uuid))
    if "slug" in given:
        statement = statement.where(product.c.slug == bindparam("slug"))
    return listed(statement, _LISTED_IN if "listed_in" in given else None)


def _page(first: int, sort: ProductSort, given: AbstractSet[str], details: Details) -> Select[Any]:
    key, after = product.c.id, bindparam("after", type_=Uuid)
    newest = sort is ProductSort.NEWEST
    statement = select(*product_columns(details)).order_by(key.desc() if newest else key)
    if "after" in given:
        statement = statement.where(key < after if newest else key > after)
    statement = listed(statement, _LISTED_IN if "listed_in" in given else None)
    return statement.limit(literal_column(str(first + 1)))


def _variants(details: Details) -> Select[Any]:
    columns, source = _variant_columns(variant, details)
    return (
        select(*columns)
        .select_from(source)
        .where(variant.c.product_id.in_(bindparam("products", expanding=True)))
        .order_by(variant.c.position, variant.c.id)
    )


def _variant_columns(source: Any, details: Details) -> tuple[list[ColumnElement[Any]], Any]:
    """Return what is read of variants, and from where."""
    columns: list[ColumnElement[Any]] = [
        variant.c.id.label("variant_id"),
        variant.c.product_id.label("variant_of"),
        variant.c.sku,
        variant.c.track_stock,
        variant.c.grams,
    ]
    if Detail.PRICES in details:
        source = source.outerjoin(price, and_(price.c.variant_id == variant.c.id, PRICED))
        columns += [price.c.amount_minor, TIERS.label("tiers")]
    if Detail.OPTIONS in details:
        columns.append(_OPTIONS.of(_chosen.c.variant_id == variant.c.id).label("options"))
    return columns, source


def _reader(details: Details) -> Callable[[Any], Variant]:
    """Return what makes a snapshot of a row of variants."""
    with_prices, with_options = Detail.PRICES in details, Detail.OPTIONS in details

    def read(row: Any) -> Variant:
        return Variant(
            id=row.variant_id,
            product_id=row.variant_of,
            sku=row.sku,
            track_stock=row.track_stock,
            grams=row.grams,
            priced=_priced(row) if with_prices else UNSET,
            options=_OPTIONS.read(row.options) if with_options else UNSET,
        )

    return read


def _priced(row: Any) -> ListPrice | None:
    base = row.amount_minor
    return None if base is None else read_price(base, row.tiers)


_LISTED_IN = bindparam("listed_in", type_=Uuid)
_chosen = (
    select(
        variant_option.c.variant_id,
        product_option.c.position,
        product_option.c.name,
        variant_option.c.value,
    )
    .join(product_option, product_option.c.id == variant_option.c.option_id)
    .subquery()
)
_OPTIONS = Parts(_chosen, OptionChoice)
