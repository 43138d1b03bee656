"""Counts what a list of products has in common, under its filter."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    Table,
    column,
    func,
    not_,
    or_,
    select,
    table,
)

from koipond.catalog.repository.arranging import above, category_of, collection_of
from koipond.catalog.repository.costing import list_price, price_source
from koipond.catalog.repository.details import Prices
from koipond.catalog.tables import (
    attribute,
    attribute_value,
    category,
    collection,
    product_attribute,
    product_category,
    product_collection,
    variant,
)
from koipond.catalog.types import (
    AttributeFacet,
    Category,
    Collection,
    Facet,
    PriceFacet,
    PriceRange,
)
from koipond.kernel.db import AsyncConnection

# As many things of a kind are counted; those that most products have.
_FACETS_MAX = 100
_RANGES = 5
# Of stock, which stands above the catalogue: the view that reports read.
_STOCK = table("koi_v1_stock", column("variant_id"), column("capacity"), column("taken"))


async def count_categories(db: AsyncConnection, found: Select[Any]) -> list[Facet[Category]]:
    """Return the categories of found products, and those above. found: a SELECT of their ids."""
    own = _once(product_category, found, "own")
    tree = above(select(own.c.category_id))
    members = (
        select(own.c.product_id, tree.c.above_id)
        .join(tree, tree.c.id == own.c.category_id)
        .distinct()
        .subquery()
    )
    rows = await _count(db, category, members, "above_id")
    return [Facet(of=category_of(row), count=row.count_) for row in rows]


async def count_collections(db: AsyncConnection, found: Select[Any]) -> list[Facet[Collection]]:
    """Return the collections of found products. found: a SELECT of their ids."""
    members = _once(product_collection, found, "members")
    rows = await _count(db, collection, members, "collection_id")
    return [Facet(of=collection_of(row), count=row.count_) for row in rows]


async def count_attributes(db: AsyncConnection, found: Select[Any]) -> list[AttributeFacet]:
    """Return the values of attributes of found products, those of one attribute together."""
    counted = (
        select(product_attribute.c.attribute_value_id, func.count().label("count_"))
        .where(product_attribute.c.product_id.in_(found))
        .group_by(product_attribute.c.attribute_value_id)
        .subquery()
    )
    rows = await db.execute(
        select(attribute.c.code, attribute.c.name, attribute_value.c.name, counted.c.count_)
        .select_from(
            counted.join(
                attribute_value, attribute_value.c.id == counted.c.attribute_value_id
            ).join(attribute, attribute.c.id == attribute_value.c.attribute_id)
        )
        .order_by(counted.c.count_.desc(), attribute_value.c.id)
        .limit(_FACETS_MAX)
    )
    names: dict[str, Any] = {}
    values: dict[str, list[Facet[Any]]] = {}
    for code, name, value, count in rows:
        names[code] = name
        values.setdefault(code, []).append(Facet(of=value, count=count))
    return [AttributeFacet(name=names[code], values=tuple(values[code])) for code in names]


async def count_prices(
    db: AsyncConnection, found: Select[Any], prices: Prices
) -> PriceFacet | None:
    """Return from what to what found products cost, and how many do in ranges between."""
    amount = list_price(prices)
    costs = (
        select(variant.c.product_id, amount.label("amount"))
        .select_from(price_source(prices))
        .where(variant.c.product_id.in_(found))
        .cte("costs")
        # Read once, for the ends and for the ranges between.
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    least, most = (
        select(one).scalar_subquery()
        for one in (func.min(costs.c.amount), func.max(costs.c.amount))
    )
    step = (most - least) // _RANGES + 1
    place = ((costs.c.amount - least) // step).label("place")
    count_ = func.count(costs.c.product_id.distinct()).label("count_")
    counted = select(place, count_, least.label("least"), most.label("most"))
    rows = (await db.execute(counted.group_by(place).order_by(place))).all()
    if not rows:
        return None
    least_minor, most_minor = rows[0].least, rows[0].most
    width = (most_minor - least_minor) // _RANGES + 1
    ranges = [
        PriceRange(
            least_minor=least_minor + row.place * width,
            most_minor=min(least_minor + (row.place + 1) * width - 1, most_minor),
            count=row.count_,
        )
        for row in rows
    ]
    return PriceFacet(least_minor=least_minor, most_minor=most_minor, ranges=tuple(ranges))


async def count_in_stock(db: AsyncConnection, found: Select[Any]) -> int:
    """Return how many of found products can be bought."""
    counted = select(func.count(variant.c.product_id.distinct())).where(
        variant.c.product_id.in_(found), is_in_stock()
    )
    return int(await db.scalar(counted) or 0)


def is_in_stock() -> ColumnElement[bool]:
    """Hold for variants that can be bought: units of it are free, or are not counted."""
    free = select(_STOCK.c.variant_id).where(
        _STOCK.c.variant_id == variant.c.id, _STOCK.c.capacity > _STOCK.c.taken
    )
    return or_(not_(variant.c.track_stock), free.exists())


async def _count(db: AsyncConnection, named: Table, members: FromClause, key: str) -> Sequence[Any]:
    counted = (
        select(members.c[key].label("key"), func.count().label("count_"))
        .group_by(members.c[key])
        .subquery()
    )
    rows = await db.execute(
        select(named, counted.c.count_)
        .select_from(counted.join(named, named.c.id == counted.c.key))
        .order_by(counted.c.count_.desc(), named.c.id)
        .limit(_FACETS_MAX)
    )
    return rows.all()


def _once(links: Table, found: Select[Any], name: str) -> CTE:
    """Return the rows of a table that are about found products, which are looked for once."""
    own = select(links).where(links.c.product_id.in_(found)).cte(name)
    return own.prefix_with("MATERIALIZED", dialect="postgresql")
