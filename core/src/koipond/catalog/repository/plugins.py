"""What plugins add to the list of products: their rows, composed with the catalogue's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select

from koipond.catalog.tables import product, variant
from koipond.catalog.types import CatalogFilter, CatalogSort, Subject
from koipond.kernel.pages import Key


def fits(one: CatalogFilter, *, wanted: bool, now: datetime) -> ColumnElement[bool]:
    """The condition that a product is named by a filter's rows, or that it is not."""
    rows = one.rows(now).subquery()
    (key,) = rows.c
    found = select(key).where(key == product.c.id)
    if one.of is Subject.VARIANT:
        found = select(key).join(variant, variant.c.id == key)
        found = found.where(variant.c.product_id == product.c.id)
    return found.exists() if wanted else not_(found.exists())


def sort_by(
    statement: Select[Any], sort: CatalogSort, *, after: Key | None, now: datetime
) -> Select[Any]:
    """Order a SELECT over products by a plugin's keys, products without one last.

    Adds the key as `sort_key`. after: the key of the row behind which the page begins.
    """
    rows = sort.rows(now).subquery()
    key, value = rows.c
    first = func.max(value) if sort.descending else func.min(value)
    subject = key
    source: Any = rows
    if sort.of is Subject.VARIANT:
        source, subject = rows.join(variant, variant.c.id == key), variant.c.product_id
    keys = (
        select(subject.label("product_id"), first.label("sort_key"))
        .select_from(source)
        .group_by(subject)
        .subquery()
    )
    place = keys.c.sort_key
    statement = (
        statement.outerjoin(keys, keys.c.product_id == product.c.id)
        .add_columns(place)
        # Said out loud: the databases do not agree where NULL comes.
        .order_by(place.is_(None), place.desc() if sort.descending else place, product.c.id)
    )
    return statement if after is None else statement.where(_behind(place, after, sort))


def _behind(place: ColumnElement[Any], after: Key, sort: CatalogSort) -> ColumnElement[bool]:
    key, product_id = after
    later = product.c.id > product_id
    if key is None:
        return and_(place.is_(None), later)
    beyond = place < key if sort.descending else place > key
    return or_(beyond, and_(place == key, later), place.is_(None))
