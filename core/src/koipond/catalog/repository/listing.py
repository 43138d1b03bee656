"""Lists products page by page: filters, orders, counts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select

from koipond.catalog.repository import ranking
from koipond.catalog.repository.arranging import above, category_of, collection_of
from koipond.catalog.repository.costing import by_price
from koipond.catalog.repository.details import (
    BY_ID,
    Details,
    find_newest,
    listed,
    product_columns,
    product_of,
)
from koipond.catalog.repository.plugins import sort_by
from koipond.catalog.repository.seeking import Sought
from koipond.catalog.repository.walking import by_name, limited
from koipond.catalog.rules.searching import AskedTerm, asked_terms
from koipond.catalog.tables import (
    category,
    collection,
    product,
    product_category,
    product_collection,
)
from koipond.catalog.types import (
    CatalogSort,
    Category,
    Collection,
    Product,
    ProductFilter,
    ProductSort,
)
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ChannelId
from koipond.kernel.pages import Key, Page, Slice, cut


async def find_products(
    db: AsyncConnection,
    page: Page,
    sought: Sought,
    sort: ProductSort | CatalogSort,
    details: Details,
) -> Slice[Product]:
    """Return a page of products."""
    if sought.wanted == ProductFilter() and sort in BY_ID:
        return await find_newest(
            db, page, ProductSort(sort), listed_in=sought.listed_in, details=details
        )
    statement = select(*product_columns(details))
    # By relevance, the order finds them: twice would cost twice.
    statement = await sought.narrow(db, statement, by_text=not _ranked(sought, sort))
    found = await _read(db, statement, page, sort, sought)
    return cut([product_of(row) for row, _ in found], [key for _, key in found], page)


async def _read(
    db: AsyncConnection,
    statement: Select[Any],
    page: Page,
    sort: ProductSort | CatalogSort,
    sought: Sought,
) -> list[tuple[Any, Key]]:
    """Return (row, its key) of a page in an order, and one more if there is one."""
    match sort:
        case CatalogSort():
            ordered = sort_by(statement, sort, after=page.after, now=sought.prices.now)
        case ProductSort.NAME:
            return await by_name(sought.locales).read(db, statement, page)
        case ProductSort.PRICE_LOWEST_FIRST | ProductSort.PRICE_HIGHEST_FIRST:
            order = by_price(sought.prices, sort, sought.wanted)
            return await order.read(db, statement, page)
        case ProductSort.RELEVANCE:
            terms = _ranked(sought, sort)
            if await ranking.fits_many(db, terms, sought.locales):
                return await ranking.find_closest(db, statement, page, terms, sought.locales)
            ordered = ranking.rank(db, statement, page.after, terms, sought.locales)
        case ProductSort.NEWEST | ProductSort.OLDEST:
            ordered = _by_id(statement, page.after, newest=sort is ProductSort.NEWEST)
    rows = await db.execute(limited(ordered, page.first + 1))
    return [(row, _key(row, sort)) for row in rows]


def _ranked(sought: Sought, sort: ProductSort | CatalogSort) -> Sequence[AskedTerm]:
    """Return the terms that products are sorted by."""
    return asked_terms(sought.wanted.text or "") if sort is ProductSort.RELEVANCE else ()


def _by_id(statement: Select[Any], after: Key | None, *, newest: bool) -> Select[Any]:
    key = product.c.id
    statement = statement.order_by(key.desc() if newest else key)
    if after is None:
        return statement
    return statement.where(key < after[0] if newest else key > after[0])


async def count_products(db: AsyncConnection, sought: Sought) -> int:
    """Return how many products `find_products` finds in all."""
    found = (await sought.find(db)).subquery()
    return int(await db.scalar(select(func.count()).select_from(found)) or 0)


async def find_listed_categories(
    db: AsyncConnection, channel_id: ChannelId | None
) -> list[Category]:
    """Return the categories of products that the channel lists, by position; None: all.

    Those above them as well: their products are found there too.
    """
    statement = select(category).order_by(category.c.position, category.c.id)
    if channel_id is not None:
        members = select(product_category.c.category_id).join(
            product, product.c.id == product_category.c.product_id
        )
        statement = statement.where(
            category.c.id.in_(select(above(listed(members, channel_id)).c.above_id))
        )
    rows = await db.execute(statement)
    return [category_of(row) for row in rows]


async def find_listed_collections(
    db: AsyncConnection, channel_id: ChannelId | None
) -> list[Collection]:
    """Return the collections of products that the channel lists, oldest first; None: all."""
    statement = select(collection).order_by(collection.c.id)
    if channel_id is not None:
        members = select(product_collection.c.collection_id).join(
            product, product.c.id == product_collection.c.product_id
        )
        statement = statement.where(collection.c.id.in_(listed(members, channel_id)))
    rows = await db.execute(statement)
    return [collection_of(row) for row in rows]


def _key(row: Any, sort: ProductSort | CatalogSort) -> Key:
    if isinstance(sort, CatalogSort):
        return (row.sort_key, str(row.id))
    return (row.closeness, str(row.id)) if sort is ProductSort.RELEVANCE else (str(row.id),)
