"""Keeps of the products those that a filter asks for: all of them, or those that a page shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    Select,
    Uuid,
    any_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)

from koipond.catalog.repository.arranging import below
from koipond.catalog.repository.costing import costs_between, each_costs_between, few_cost_between
from koipond.catalog.repository.details import Prices, listed
from koipond.catalog.repository.facets import is_in_stock
from koipond.catalog.repository.plugins import fits
from koipond.catalog.repository.searching import found_by
from koipond.catalog.repository.walking import apart, limited
from koipond.catalog.rules.searching import asked_terms
from koipond.catalog.rules.words import slugify
from koipond.catalog.tables import (
    attribute,
    attribute_value,
    collection,
    product,
    product_attribute,
    product_category,
    product_collection,
    variant,
)
from koipond.catalog.types import CatalogFilter, ProductFilter
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ChannelId, ProductId
from koipond.kernel.texts import Locale

# Of what a filter leaves no more are read and put in order. Of more the order is walked, looking at
# one product after the other until a page is full: of 100,000 products 2,000 are hits, so 20 of
# them are among about 1,000.
MANY = 2_000

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

    async def find(self, db: AsyncConnection) -> Select[Any]:
        """Return a SELECT of the ids of all that are looked for, to count what they have."""
        parts = self._parts(db, by_text=True)
        few, others = await _find_few(db, parts)
        statement = select(product.c.id)
        if few is None:
            return self._others(statement).where(*(product.c.id.in_(one.found) for one in parts))
        found = await db.execute(self._of_few(db, statement, few, others))
        return statement.where(is_among(db, [*found.scalars()]))

    async def narrow(
        self, db: AsyncConnection, statement: Select[Any], *, by_text: bool = True
    ) -> Select[Any]:
        """Keep of a SELECT over products those that are looked for; made for one page of them.

        by_text: also by the text.
        """
        parts = self._parts(db, by_text=by_text)
        few, others = await _find_few(db, parts)
        return self._of_few(db, statement, few, others)

    def _of_few(
        self,
        db: AsyncConnection,
        statement: Select[Any],
        few: Collection[ProductId] | None,
        parts: Sequence[_Part],
    ) -> Select[Any]:
        """Keep what fits, looked at one by one: of few, or of all until a page is full."""
        if few is not None:
            statement = statement.where(is_among(db, few))
        return self._others(statement, by_each=True).where(*(one.holds() for one in parts))

    def _others(self, statement: Select[Any], *, by_each: bool = False) -> Select[Any]:
        """Keep those that fit what is not a part: that can be seen, are in stock, fit plugins."""
        in_stock, now = self.wanted.in_stock, self.prices.now
        if in_stock is not None:
            sold = select(variant.c.id).where(variant.c.product_id == product.c.id, is_in_stock())
            found = (apart(sold) if by_each else sold).exists()
            statement = statement.where(found if in_stock else not_(found))
        fitting = [fits(one, wanted=wanted, now=now) for one, wanted in self.filters]
        return listed(statement, self.listed_in).where(*fitting)

    def _parts(self, db: AsyncConnection, *, by_text: bool) -> list[_Part]:
        wanted = self.wanted
        parts = [_of_attribute(*one, self.locales) for one in wanted.attributes]
        if wanted.category is not None:
            within = product_category.c.category_id.in_(below(wanted.category))
            parts.append(_Part(select(product_category.c.product_id).where(within)))
        if wanted.collection is not None:
            members = select(product_collection.c.product_id).join(collection)
            parts.append(_Part(members.where(collection.c.slug == wanted.collection)))
        if wanted.least_minor is not None or wanted.most_minor is not None:
            asked = self.prices, wanted.least_minor, wanted.most_minor
            few, each = few_cost_between(*asked), each_costs_between(*asked)
            parts.append(_Part(costs_between(*asked), few=few, each=each))
        if by_text and wanted.text is not None and wanted.text.strip():
            parts.append(self._of_text(db, wanted.text))
        return parts

    def _of_text(self, db: AsyncConnection, text: str) -> _Part:
        terms = asked_terms(text)
        # Marks alone are in no name.
        found = found_by(db, terms, self.locales) if terms else select(product.c.id).where(false())
        return _Part(found, by_index=True)


class _Part(Struct, frozen=True):
    """What fits one part of a filter.

    found: a SELECT of the ids of products that fit. few: SELECTs of the same, together, and each:
    the same, where another is better for few, or for looking at one product. by_index: PostgreSQL,
    asked for the first of many, would read the table instead, and take the words of each row apart.
    """

    found: Select[Any]
    few: Sequence[Select[Any]] = ()
    each: Select[Any] | None = None
    by_index: bool = False

    @property
    def members(self) -> Select[Any] | CompoundSelect[Any]:
        """All that fit, if they are few."""
        return union_all(*self.few) if self.few else self.found

    def holds(self) -> ColumnElement[bool]:
        """Hold for products that fit, looked up one by one."""
        own = self.found if self.each is None else self.each
        return apart(own.where(own.selected_columns[0] == product.c.id)).exists()

    def size(self) -> ColumnElement[int]:
        """Return how many fit; of more than MANY, one more."""
        members: Any = self.members
        if self.by_index:
            hits = members.cte().prefix_with("MATERIALIZED", dialect="postgresql")
            members = select(hits.c[0])
        first = limited(members, MANY + 1).subquery()
        return select(func.count()).select_from(first).scalar_subquery()


def is_among(db: AsyncConnection, ids: Collection[ProductId]) -> ColumnElement[bool]:
    """Hold for products of these ids, which may be many."""
    if db.dialect.name == "postgresql":
        # One parameter, so that there is one statement whatever their number.
        return product.c.id == any_(literal([*ids], ARRAY(Uuid)))
    return product.c.id.in_(ids)


async def _find_few(
    db: AsyncConnection, parts: Sequence[_Part]
) -> tuple[Collection[ProductId] | None, Sequence[_Part]]:
    """Return what fits the smallest part, and the other parts; None and all if none is small.

    PostgreSQL cannot know how much fits a part, and mistaken it reads the whole catalogue.
    """
    if not parts:
        return None, parts
    sizes = (await db.execute(select(*(one.size() for one in parts)))).one()
    at = min(range(len(parts)), key=sizes.__getitem__)
    if sizes[at] > MANY:
        return None, parts
    found = await db.execute(parts[at].members)
    return set(found.scalars()), [*parts[:at], *parts[at + 1 :]]


def _of_attribute(name: str, value: str, locales: Sequence[Locale]) -> _Part:
    """Name and value are each a code, or the text of any of the reader's languages."""
    members = (
        select(product_attribute.c.product_id)
        .select_from(product_attribute.join(attribute_value).join(attribute))
        .where(_called(attribute.c, name, locales), _called(attribute_value.c, value, locales))
    )
    return _Part(members)


def _called(columns: Any, text: str, locales: Sequence[Locale]) -> ColumnElement[bool]:
    texts = (columns.name[locale].as_string() == text for locale in locales)
    return or_(columns.code == slugify(text), *texts)
