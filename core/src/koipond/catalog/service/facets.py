"""Use-cases of facets: what the products of a list have in common, on all of its pages."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from koipond.catalog import repository
from koipond.catalog.service.shelf import seek
from koipond.catalog.types import (
    AttributeFacet,
    Category,
    Collection,
    Facet,
    PriceFacet,
    ProductFilter,
)
from koipond.kernel.context import Context

T = TypeVar("T")


class Facets:
    """Counts what products that fit a filter have in common; each kind when it is asked for."""

    def __init__(self, ctx: Context, wanted: ProductFilter, *, everywhere: bool) -> None:
        """Raise ProductFilterInvalid."""
        self._ctx = ctx
        self._sought = seek(ctx, wanted, everywhere=everywhere)
        self._found: Any = None

    async def categories(self) -> Sequence[Facet[Category]]:
        """Return their categories, those of most products first."""
        return await self._count(repository.count_categories)

    async def collections(self) -> Sequence[Facet[Collection]]:
        """Return their collections, those of most products first."""
        return await self._count(repository.count_collections)

    async def attributes(self) -> Sequence[AttributeFacet]:
        """Return their attributes with the values of each, those of most products first."""
        return await self._count(repository.count_attributes)

    async def in_stock(self) -> int:
        """Return how many of them can be bought."""
        return await self._count(repository.count_in_stock)

    async def prices(self) -> PriceFacet | None:
        """Return what they cost in the currency of the scope; None: nothing."""
        prices = self._sought.prices
        return await self._count(lambda db, found: repository.count_prices(db, found, prices))

    async def _count(self, count: Callable[[Any, Any], Awaitable[T]]) -> T:
        async with self._ctx.reading() as db:
            if self._found is None:
                self._found = await self._sought.find(db)
            return await count(db, self._found)
