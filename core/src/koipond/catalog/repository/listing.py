"""Lists products page by page: filters, orders, counts."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
)

from koipond.catalog.repository import ranking
from koipond.catalog.repository.arranging import above, below, category_of, collection_of
from koipond.catalog.repository.details import (
    BY_ID,
    Details,
    Prices,
    find_newest,
    listed,
    product_columns,
    product_of,
)
from koipond.catalog.repository.facets import costs_between, is_in_stock
from koipond.catalog.repository.plugins import fits, sort_by
from koipond.catalog.repository.searching import closeness, found_by
from koipond.catalog.rules.searching import Closeness, asked_terms
from koipond.catalog.rules.words import slugify
from koipond.catalog.tables import (
    attribute,
    attribute_value,
    category,
    collection,
    product,
    product_attribute,
    product_category,
    product_collection,
    product_search,
    variant,
)
from koipond.catalog.types import (
    CatalogFilter,
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
from koipond.kernel.texts import Locale

# [(a plugin's filter, whether its rows name what is wanted)]
Filters = Sequence[tuple[CatalogFilter, bool]]


class Sought(Struct, frozen=True, kw_only=True):
    """Which products are looked for, and by whom.

    filters: what plugins add to `wanted`. listed_in: None: listed or not. locales: the reader's
    languages; a product is found by its words in any of them, and sorted by its name in the first
    that it has. prices: those that it is filtered by.
    """

    wanted: ProductFilter
    filters: Filters
    listed_in: ChannelId | None
    locales: Sequence[Locale]
    prices: Prices

    def of(
        self, db: AsyncConnection, statement: Select[Any], *, by_text: bool = True
    ) -> Select[Any]:
        """Keep of a SELECT over products those that are looked for. by_text: also by the text."""
        fitting = [fits(one, wanted=wanted, now=self.prices.now) for one, wanted in self.filters]
        return listed(statement, self.listed_in).where(
            *_conditions(db, self, by_text=by_text), *fitting
        )

    def ids(self, db: AsyncConnection) -> Select[Any]:
        """Return a SELECT of the ids of all that are looked for."""
        return self.of(db, select(product.c.id))


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
    # By relevance, the order finds them: twice would cost twice.
    terms = asked_terms(sought.wanted.text or "") if sort is ProductSort.RELEVANCE else ()
    joins = bool(terms)
    if (
        terms
        and len(await ranking.find_hits(db, terms, sought.locales, Closeness.PARTS)) > ranking.MANY
    ):
        wanted = sought.of(db, select(*product_columns(details)), by_text=False)
        closest = await ranking.find_closest(db, wanted, page, terms, sought.locales)
        return cut([product_of(row) for row, _ in closest], [key for _, key in closest], page)
    statement = sought.of(db, select(*product_columns(details)), by_text=not joins)
    match sort:
        case CatalogSort():
            statement = sort_by(statement, sort, after=page.after, now=sought.prices.now)
        case ProductSort.NAME:
            statement = _by_name(statement, page.after, sought.locales)
        case ProductSort.RELEVANCE:
            statement = _by_closeness(db, statement, page.after, sought)
        case ProductSort.NEWEST:
            statement = statement.order_by(product.c.id.desc())
            if page.after is not None:
                statement = statement.where(product.c.id < page.after[0])
        case ProductSort.OLDEST:
            statement = statement.order_by(product.c.id)
            if page.after is not None:
                statement = statement.where(product.c.id > page.after[0])
    rows = (await db.execute(statement.limit(page.first + 1))).all()
    return cut([product_of(row) for row in rows], [_key(row, sort) for row in rows], page)


async def count_products(db: AsyncConnection, sought: Sought) -> int:
    """Return how many products `find_products` finds in all."""
    found = sought.ids(db).subquery()
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
    match sort:
        case ProductSort.NAME:
            return (row.sort_name, str(row.id))
        case ProductSort.RELEVANCE:
            return (row.closeness, str(row.id))
        case ProductSort.NEWEST | ProductSort.OLDEST:
            return (str(row.id),)


def _by_name(statement: Select[Any], after: Key | None, locales: Sequence[Locale]) -> Select[Any]:
    """Order by the name in the first of `locales` that a product has one in, else by "" ."""
    texts = [product_search.alias() for _ in locales]
    for text, locale in zip(texts, locales, strict=True):
        same = and_(text.c.product_id == product.c.id, text.c.locale == locale)
        statement = statement.outerjoin(text, same)
    name = func.coalesce(*(text.c.name for text in texts), "")
    statement = statement.add_columns(name.label("sort_name")).order_by(name, product.c.id)
    if after is None:
        return statement
    return statement.where(or_(name > after[0], and_(name == after[0], product.c.id > after[1])))


def _by_closeness(
    db: AsyncConnection,
    statement: Select[Any],
    after: Key | None,
    sought: Sought,
) -> Select[Any]:
    """Order by how well the text fits, then the newest first; without a text all fit as well."""
    terms = asked_terms(sought.wanted.text or "")
    place: ColumnElement[int] = literal_column("0", Integer)
    if terms:
        fitting = closeness(db, terms, sought.locales).subquery()
        statement = statement.join(fitting, fitting.c.product_id == product.c.id)
        place = fitting.c.closeness
    statement = statement.add_columns(place.label("closeness"))
    statement = statement.order_by(*([place] if terms else []), product.c.id.desc())
    if after is None:
        return statement
    later = and_(place == after[0], product.c.id < after[1])
    return statement.where(or_(place > after[0], later))


def _conditions(db: AsyncConnection, sought: Sought, *, by_text: bool) -> list[ColumnElement[bool]]:
    wanted, locales = sought.wanted, sought.locales
    conditions: list[ColumnElement[bool]] = []
    if by_text and wanted.text is not None and wanted.text.strip():
        terms = asked_terms(wanted.text)
        # Marks alone are in no name.
        conditions.append(product.c.id.in_(found_by(db, terms, locales)) if terms else false())
    if wanted.category is not None:
        within = product_category.c.category_id.in_(below(wanted.category))
        members = select(product_category.c.product_id).where(within)
        conditions.append(product.c.id.in_(members))
    if wanted.collection is not None:
        members = select(product_collection.c.product_id).join(collection)
        conditions.append(product.c.id.in_(members.where(collection.c.slug == wanted.collection)))
    if wanted.least_minor is not None or wanted.most_minor is not None:
        members = costs_between(sought.prices, wanted.least_minor, wanted.most_minor)
        conditions.append(product.c.id.in_(members))
    if wanted.in_stock is not None:
        sold = select(variant.c.id).where(variant.c.product_id == product.c.id, is_in_stock())
        conditions.append(sold.exists() if wanted.in_stock else not_(sold.exists()))
    return conditions + _attribute_conditions(wanted.attributes, locales)


def _attribute_conditions(
    wanted: Sequence[tuple[str, str]], locales: Sequence[Locale]
) -> list[ColumnElement[bool]]:
    """Name and value are each a code, or the text of any of the reader's languages."""
    conditions: list[ColumnElement[bool]] = []
    for name, value in wanted:
        members = (
            select(product_attribute.c.product_id)
            .select_from(product_attribute.join(attribute_value).join(attribute))
            .where(_called(attribute.c, name, locales), _called(attribute_value.c, value, locales))
        )
        conditions.append(product.c.id.in_(members))
    return conditions


def _called(columns: Any, text: str, locales: Sequence[Locale]) -> ColumnElement[bool]:
    texts = (columns.name[locale].as_string() == text for locale in locales)
    return or_(columns.code == slugify(text), *texts)
