"""Pages of a search by relevance: of few hits all are ranked, of many only as far as is asked.

The order is the same either way: by closeness, and within a step of it the newest first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Integer, Select, and_, literal_column, or_, select

from koipond.catalog.repository import seeking
from koipond.catalog.repository.searching import closeness, fits
from koipond.catalog.repository.seeking import is_among
from koipond.catalog.repository.walking import apart
from koipond.catalog.rules.searching import AskedTerm, Closeness
from koipond.catalog.tables import product, product_search
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ProductId
from koipond.kernel.pages import Key, Page
from koipond.kernel.texts import Locale


async def fits_many(
    db: AsyncConnection, terms: Sequence[AskedTerm], locales: Sequence[Locale]
) -> bool:
    """Tell whether a search has more hits than are sorted at once; that without terms has none."""
    if not terms:
        return False
    return len(await find_hits(db, terms, locales, Closeness.PARTS)) > seeking.MANY


def rank(
    db: AsyncConnection,
    statement: Select[Any],
    after: Key | None,
    terms: Sequence[AskedTerm],
    locales: Sequence[Locale],
) -> Select[Any]:
    """Order by how well the text fits, then the newest first; without a text all fit as well."""
    place: ColumnElement[int] = literal_column("0", Integer)
    if terms:
        fitting = closeness(db, terms, locales).subquery()
        statement = statement.join(fitting, fitting.c.product_id == product.c.id)
        place = fitting.c.closeness
    statement = statement.add_columns(place.label("closeness"))
    statement = statement.order_by(*([place] if terms else []), product.c.id.desc())
    if after is None:
        return statement
    later = and_(place == after[0], product.c.id < after[1])
    return statement.where(or_(place > after[0], later))


async def find_closest(
    db: AsyncConnection,
    statement: Select[Any],
    page: Page,
    terms: Sequence[AskedTerm],
    locales: Sequence[Locale],
) -> list[tuple[Any, Key]]:
    """Return (row, its key) of a page, and one more if there is one, without ranking all hits.

    For searches that much fits.

    statement: a SELECT over products, of all that fits but for the text.
    """
    begun, behind = cast("tuple[int, ProductId | None]", page.after or (Closeness.NAME, None))
    found: list[tuple[Any, Key]] = []
    # What the steps before have shown: few products, or what fits as well as `wide`.
    few: Collection[ProductId] = ()
    wide: Closeness | None = None
    for how in Closeness:
        hits = await find_hits(db, terms, locales, how)
        is_wide = len(hits) > seeking.MANY
        if how >= begun:
            step = statement.order_by(product.c.id.desc()).limit(page.first + 1 - len(found))
            if how == begun and behind is not None:
                step = step.where(product.c.id < behind)
            if is_wide:
                step = step.where(_is_hit(db, terms, locales, how))
                if few:
                    step = step.where(~is_among(db, few))
            else:
                step = step.where(is_among(db, hits - set(few)))
            if wide is not None:
                step = step.where(~_is_hit(db, terms, locales, wide))
            rows = (await db.execute(step)).all() if hits else []
            found += [(row, (how.value, str(row.id))) for row in rows]
            if len(found) > page.first:
                break
        few, wide = (few, how) if is_wide else (hits, wide)
    return found


async def find_hits(
    db: AsyncConnection, terms: Sequence[AskedTerm], locales: Sequence[Locale], how: Closeness
) -> set[ProductId]:
    """Return what fits a search so well; of more than MANY some of it, and more than MANY."""
    fitting = select(product_search.c.product_id).where(fits(db, terms, locales, how)).cte("hits")
    # Looked up in the index: for the first of many PostgreSQL would rather read the table, and take
    # the words of each row apart.
    fitting = fitting.prefix_with("MATERIALIZED", dialect="postgresql")
    # A product has a row for each language; DISTINCT would read them all.
    asked = select(fitting.c.product_id).limit(len(locales) * seeking.MANY + 1)
    return set((await db.execute(asked)).scalars())


def _is_hit(
    db: AsyncConnection, terms: Sequence[AskedTerm], locales: Sequence[Locale], how: Closeness
) -> Any:
    """Hold for products that fit so well."""
    own = select(product_search.c.product_id).where(
        product_search.c.product_id == product.c.id, fits(db, terms, locales, how)
    )
    return apart(own).exists()
