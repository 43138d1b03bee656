"""SQL of the tree of categories and of collections, as staff arrange them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import structs
from sqlalchemy import CTE, Select, Table, func, select, text

from koipond.catalog.tables import (
    category,
    collection,
    product_category,
    product_collection,
    product_search,
)
from koipond.catalog.types import Category, Collection, GroupingKind
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import CategoryId, CollectionId

_LINKS: Mapping[GroupingKind, tuple[Table, str]] = {
    GroupingKind.CATEGORY: (product_category, "category_id"),
    GroupingKind.COLLECTION: (product_collection, "collection_id"),
}


def category_of(row: Any) -> Category:
    """Return the category of a row that has all its columns."""
    return Category(
        id=row.id,
        slug=row.slug,
        name=row.name,
        parent_id=row.parent_id,
        position=row.position,
        version=row.version,
    )


def collection_of(row: Any) -> Collection:
    """Return the collection of a row that has all its columns."""
    return Collection(id=row.id, slug=row.slug, name=row.name, version=row.version)


def below(slug: str) -> Select[Any]:
    """Return a SELECT of the ids of a category and of all that are below it in the tree."""
    tree = select(category.c.id).where(category.c.slug == slug).cte("below", recursive=True)
    # UNION ends a circle, which only a hand in the database can have made.
    tree = tree.union(select(category.c.id).join(tree, category.c.parent_id == tree.c.id))
    return select(tree.c.id)


def above(keys: Select[Any]) -> CTE:
    """Return a table (id, above_id): categories, each with itself and all that it is below.

    keys: a SELECT of their ids.
    """
    tree = select(category.c.id, category.c.id.label("above_id")).where(category.c.id.in_(keys))
    found = tree.cte("above", recursive=True)
    return found.union(
        select(found.c.id, category.c.parent_id)
        .join(category, category.c.id == found.c.above_id)
        .where(category.c.parent_id.is_not(None))
    )


async def find_tree(db: AsyncConnection) -> dict[CategoryId, Category]:
    """Return every category by id, those of one parent in their order."""
    rows = await db.execute(select(category).order_by(category.c.position, category.c.id))
    return {row.id: category_of(row) for row in rows}


async def find_all_collections(db: AsyncConnection) -> dict[CollectionId, Collection]:
    """Return every collection by id, the oldest first."""
    rows = await db.execute(select(collection).order_by(collection.c.id))
    return {row.id: collection_of(row) for row in rows}


async def add_category(db: AsyncConnection, new: Category) -> None:
    """Store a new category."""
    await db.execute(category.insert().values(structs.asdict(new)))


async def save_category(db: AsyncConnection, changed: Category) -> None:
    """Store a category that there is."""
    await _save(db, category, changed)


async def save_positions(db: AsyncConnection, changed: Sequence[Category]) -> None:
    """Store where categories stand that only made room for another: to those who edit, the same."""
    for one in changed:
        values = {"position": one.position, "version": category.c.version}
        await db.execute(category.update().where(category.c.id == one.id).values(values))


async def remove_category(db: AsyncConnection, key: CategoryId) -> None:
    """Remove a category that nothing is in."""
    await db.execute(category.delete().where(category.c.id == key))


async def add_collection(db: AsyncConnection, new: Collection) -> None:
    """Store a new collection."""
    await db.execute(collection.insert().values(structs.asdict(new)))


async def save_collection(db: AsyncConnection, changed: Collection) -> None:
    """Store a collection that there is."""
    await _save(db, collection, changed)


async def remove_collection(db: AsyncConnection, key: CollectionId) -> None:
    """Remove a collection that nothing is in."""
    await db.execute(collection.delete().where(collection.c.id == key))


async def count_in(db: AsyncConnection, kind: GroupingKind, key: UUID) -> int:
    """Return how many products are in a category or a collection."""
    links, target = _LINKS[kind]
    counted = select(func.count()).select_from(links).where(links.c[target] == key)
    return int(await db.scalar(counted) or 0)


async def outdate_search(db: AsyncConnection, kind: GroupingKind, key: UUID) -> None:
    """Have the search texts of all products in a category or a collection made again."""
    links, target = _LINKS[kind]
    inside = select(links.c.product_id).where(links.c[target] == key)
    await db.execute(
        product_search.update()
        .where(product_search.c.product_id.in_(inside))
        .values(edition=text("''"))
    )


async def _save(db: AsyncConnection, table: Table, changed: Category | Collection) -> None:
    values = structs.asdict(changed)
    await db.execute(table.update().where(table.c.id == values.pop("id")).values(values))
