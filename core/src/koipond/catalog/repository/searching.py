"""Finds products by their texts: full text search of PostgreSQL, FTS5 of SQLite.

Both are asked the same of the same words, which rules/searching.py has taken apart; so both find
the same. Nothing that a caller writes is read as the syntax of either: terms have letters, marks
and numbers only, and stand in quotes.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    union_all,
)

from koipond.catalog.rules.searching import AskedTerm, Closeness, edition
from koipond.catalog.tables import product, product_search
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ProductId
from koipond.kernel.texts import Locale

# Of FTS5; see migration 0003.
_FTS5 = table("product_terms", column("rowid"))
_COLUMNS = {
    Closeness.NAME: ("words",),
    Closeness.NAME_BEGINS: ("words",),
    Closeness.WORDS: ("words", "beside"),
    Closeness.PARTS: ("words", "beside", "parts"),
}


def found_by(
    db: AsyncConnection, terms: Sequence[AskedTerm], locales: Sequence[Locale]
) -> Select[Any]:
    """Return a SELECT of the ids of products that all terms fit in one of the languages."""
    return select(product_search.c.product_id).where(fits(db, terms, locales, Closeness.PARTS))


def closeness(
    db: AsyncConnection, terms: Sequence[AskedTerm], locales: Sequence[Locale]
) -> Select[Any]:
    """Return a SELECT of what `found_by` finds, with the best `closeness` that it fits by."""
    fitting = union_all(
        *(
            select(
                product_search.c.product_id, literal(how.value, Integer).label("closeness")
            ).where(fits(db, terms, locales, how))
            for how in Closeness
        )
    ).subquery()
    return select(fitting.c.product_id, func.min(fitting.c.closeness).label("closeness")).group_by(
        fitting.c.product_id
    )


async def find_unsearchable(
    db: AsyncConnection, behind: ProductId | None, limit: int, *, every: bool
) -> list[tuple[ProductId, str]]:
    """Return (id, slug) of products whose search texts are missing or of another edition.

    By id, only those behind `behind`. every: all products, whatever their texts.
    """
    statement = select(product.c.id, product.c.slug).order_by(product.c.id).limit(limit)
    if not every:
        statement = statement.where(unsearchable())
    if behind is not None:
        statement = statement.where(product.c.id > behind)
    return [(row.id, row.slug) for row in await db.execute(statement)]


_ALL = select(func.count()).select_from(product)


@cache
def _all_unsearchable() -> Select[Any]:
    # Not a constant: the edition is read from what is installed, once it is asked for.
    return _ALL.where(unsearchable())


async def count_unsearchable(db: AsyncConnection, *, every: bool) -> int:
    """Return how many products `find_unsearchable` finds in all."""
    return int(await db.scalar(_ALL if every else _all_unsearchable()) or 0)


def unsearchable() -> ColumnElement[bool]:
    """Hold for products whose search texts are missing or of another edition."""
    own = select(product_search.c.product_id).where(product_search.c.product_id == product.c.id)
    return or_(~own.exists(), own.where(product_search.c.edition != edition()).exists())


def _unindexed() -> Select[Any]:
    kept = table("product_terms_docsize", column("id"))
    lost = select(product_search.c.number).where(product_search.c.number.not_in(select(kept.c.id)))
    left = select(kept.c.id).where(kept.c.id.not_in(select(product_search.c.number)))
    return select(func.count()).select_from(union_all(lost, left).subquery())


_UNINDEXED = _unindexed()


async def count_unindexed(db: AsyncConnection) -> int:
    """Return how many rows of search texts and of the index over them are without the other.

    Only SQLite's index is a table of its own.
    """
    if db.dialect.name == "postgresql":
        return 0
    return int(await db.scalar(_UNINDEXED) or 0)


async def rebuild_index(db: AsyncConnection) -> None:
    """Make SQLite's index again from the rows that it is over."""
    if db.dialect.name == "sqlite":
        await db.exec_driver_sql("INSERT INTO product_terms (product_terms) VALUES ('rebuild')")


def fits(
    db: AsyncConnection, terms: Sequence[AskedTerm], locales: Sequence[Locale], how: Closeness
) -> ColumnElement[bool]:
    """Hold for search texts in one of the languages that all terms fit so well."""
    fitting = _fits_postgres if db.dialect.name == "postgresql" else _fits_sqlite
    return and_(product_search.c.locale.in_(locales), fitting(terms, how))


def _fits_postgres(terms: Sequence[AskedTerm], how: Closeness) -> ColumnElement[bool]:
    # As the index has it, letter for letter.
    searched = " || ' ' || ".join(f"product_search.{name}" for name in _COLUMNS[how])
    return literal_column(f"to_tsvector('simple', {searched})").op("@@")(
        func.to_tsquery(literal_column("'simple'"), _POSTGRES.write(terms, how))
    )


def _fits_sqlite(terms: Sequence[AskedTerm], how: Closeness) -> ColumnElement[bool]:
    asked = f"{{{' '.join(_COLUMNS[how])}}} : ({_SQLITE.write(terms, how)})"
    found = select(_FTS5.c.rowid).where(literal_column("product_terms").op("MATCH")(asked))
    return product_search.c.number.in_(found)


class _Syntax(Struct, frozen=True, kw_only=True):
    """How an index is asked. word, beginning: of one word; the rest stands between."""

    word: str
    beginning: str
    both: str
    either: str
    behind: str

    def write(self, terms: Sequence[AskedTerm], how: Closeness) -> str:
        """Ask for what fits all terms."""
        return self.both.join(self._term(term, how) for term in terms)

    def _term(self, term: AskedTerm, how: Closeness) -> str:
        # A single character that was cut from a longer text begins too many words.
        words = self.both.join(
            self._word(word, exact=how is Closeness.NAME or len(word) == 1 < len(term.words))
            for word in term.words
        )
        if how is not Closeness.PARTS or not term.parts:
            return f"({words})"
        parts = self.behind.join(self._word(one, exact=len(one) > 1) for one in term.parts)
        return f"(({words}){self.either}({parts}))"

    def _word(self, word: str, *, exact: bool) -> str:
        return (self.word if exact else self.beginning).format(word)


_POSTGRES = _Syntax(word="'{}'", beginning="'{}':*", both=" & ", either=" | ", behind=" <-> ")
_SQLITE = _Syntax(word='"{}"', beginning='"{}" *', both=" AND ", either=" OR ", behind=" + ")
