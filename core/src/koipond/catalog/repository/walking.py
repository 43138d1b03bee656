"""Reads a page of products in the order of an index, as far as the page needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    literal_column,
    not_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.sql.selectable import GenerativeSelect

from koipond.catalog.tables import product, product_search
from koipond.kernel.db import AsyncConnection
from koipond.kernel.pages import Key, Page
from koipond.kernel.texts import Locale

S = TypeVar("S", bound=GenerativeSelect)


class Way(Struct, frozen=True):
    """An index that some of the products are found in by their order.

    source: what they are joined with, and `condition` which of its rows are of this way. value,
    key: what the index is ordered by, the key unique.
    """

    source: Any
    condition: ColumnElement[bool]
    value: ColumnElement[Any]
    key: ColumnElement[Any]


class Order(Struct, frozen=True, kw_only=True):
    """An order of products: the ways to read it, and what is in none of them, which comes last.

    picks: where a product is in several rows, which one counts; of rows with `id`, `sort_value` and
    `sort_key`.
    """

    ways: Sequence[Way]
    left: ColumnElement[bool]
    picks: Callable[[Any], ColumnElement[bool]] | None = None
    descending: bool = False

    async def read(
        self, db: AsyncConnection, statement: Select[Any], page: Page
    ) -> list[tuple[Any, Key]]:
        """Return (row, its key) of a page, and one more if there is one.

        statement: a SELECT over products, of all that are looked for. To sort all of them would
        cost more with each product.
        """
        size, after = page.first + 1, page.after
        found: list[tuple[Any, Key]] = []
        if after is None or after[0] is not None:
            rows = await self._read_ways(db, statement, after, size)
            found = [(row, (row.sort_value, str(row.sort_key))) for row in rows]
            after = None
        if len(found) < size:
            rest = await db.execute(self._left(statement, after, size - len(found)))
            found += [(row, (None, str(row.id))) for row in rest]
        return found

    async def _read_ways(
        self, db: AsyncConnection, statement: Select[Any], after: Key | None, size: int
    ) -> Sequence[Any]:
        """Return rows of all ways.

        The others are read as far as the first fills the page: of what is in them most may not
        count, such as names that a product has in an earlier language too.
        """
        first, *others = self.ways
        rows: Sequence[Any] = (await db.execute(self._walk(first, statement, after, size))).all()
        last = rows[-1] if len(rows) == size else None
        until = None if last is None else (last.sort_value, last.sort_key)
        parts = [self._walk(one, statement, after, size, until) for one in others]
        if not parts or not (await db.execute(limited(union_all(*parts), 1))).all():
            return rows
        # The database knows how names are sorted, we do not.
        parts += [self._walk(first, statement, after, size, until)]
        merged = union_all(*parts).order_by(
            *self._directed(literal_column("sort_value"), literal_column("sort_key"))
        )
        return (await db.execute(limited(merged, size))).all()

    def _walk(
        self,
        way: Way,
        statement: Select[Any],
        after: Key | None,
        size: int,
        until: Key | None = None,
    ) -> Select[Any]:
        statement = statement.select_from(way.source).where(way.condition)
        place = tuple_(way.value, way.key)
        for end, is_behind in ((after, True), (until, False)):
            if end is not None:
                other = tuple_(*end)
                greater = is_behind is not self.descending
                statement = statement.where(place > other if greater else place < other)
        statement = statement.add_columns(way.value.label("sort_value"), way.key.label("sort_key"))
        statement = statement.order_by(*self._directed(way.value, way.key))
        if self.picks is not None:
            # One row after the other, in their order, until the page is full. Beside the other
            # conditions PostgreSQL would look at all rows of a small shop before it sorts them.
            rows = apart(statement).subquery()
            statement = select(rows).where(self.picks(rows.c))
        return select(limited(statement, size).subquery())

    def _directed(self, *columns: ColumnElement[Any]) -> Sequence[ColumnElement[Any]]:
        return [one.desc() for one in columns] if self.descending else columns

    def _left(self, statement: Select[Any], after: Key | None, size: int) -> Select[Any]:
        statement = statement.where(self.left).order_by(product.c.id)
        if after is not None:
            statement = statement.where(product.c.id > after[1])
        return limited(statement, size)


def by_name(locales: Sequence[Locale]) -> Order:
    """Return the order by the name in the first of `locales` that a product has one in."""
    texts = [product_search.alias(f"in_{place}") for place, _ in enumerate(locales)]
    has = [
        and_(text.c.product_id == product.c.id, text.c.locale == locale)
        for text, locale in zip(texts, locales, strict=True)
    ]
    # Each looked up in the product's own rows.
    lacks = [
        not_(select(text.c.locale).where(own).correlate(product).exists())
        for text, own in zip(texts, has, strict=True)
    ]
    ways = [
        Way(product.join(text, has[at]), and_(true(), *lacks[:at]), text.c.name, text.c.product_id)
        for at, text in enumerate(texts)
    ]
    return Order(ways=ways, left=and_(*lacks))


def apart(statement: S) -> S:
    """Keep PostgreSQL from making a join of a SELECT, for which it would read all that is in it."""
    return statement.offset(literal_column("0"))


def limited(statement: S, size: int) -> S:
    """Keep the first of a SELECT."""
    # The size stands in the statement: unknown, PostgreSQL would plan for a tenth of all products.
    return statement.limit(literal_column(str(size)))
