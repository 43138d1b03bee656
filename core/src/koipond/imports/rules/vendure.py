"""Vendure's product CSV: one row per variant; a row without a name is of the product above it.

https://docs.vendure.io/current/core/developer-guide/importing-data
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from koipond.catalog import rules as catalog
from koipond.catalog.types import MediaDraft, ProductDraft, VariantDraft
from koipond.imports.errors import RowRefused
from koipond.imports.rules import cells
from koipond.imports.types import Row, ToldProduct
from koipond.kernel.money import Currency
from koipond.kernel.texts import Locale

NEEDED = (
    "name",
    "slug",
    "description",
    "assets",
    "facets",
    "optionGroups",
    "optionValues",
    "sku",
    "price",
    "variantAssets",
    "variantFacets",
)
SKU = "sku"
T = TypeVar("T")
_CATEGORY = "category"


def find_column(names: Sequence[str], wanted: str, locale: Locale) -> str | None:
    """Return the column of `wanted` in this language: `name:de` for de, else `name`."""
    for name in names:
        column, _, language = name.partition(":")
        if column == wanted and _same_language(language, locale):
            return name
    return wanted if wanted in names else None


class Vendure:
    """Reads products of a file with this header in one language and currency."""

    sku_column = SKU

    def __init__(
        self, names: Sequence[str], *, locale: Locale, currency: Currency, asset_base: str
    ) -> None:
        """names: the header's."""
        self._columns = {wanted: find_column(names, wanted, locale) or wanted for wanted in NEEDED}
        # A product is known by one slug in every language: the file's first.
        self._slug = _first(names, "slug")
        self._names = [name for name in names if name.partition(":")[0] == "name"]
        self._currency = currency
        self._asset_base = asset_base

    def begins_product(self, row: Row, before: Row) -> bool:
        """Tell whether `row` is of another product than the one that began with `before`."""
        return any(row.cell(name) for name in self._names)

    def slug(self, rows: Sequence[Row]) -> str:
        """Return what the product is known by; made of its name where the file does not say."""
        first = rows[0]
        names = (first.cell(name) for name in self._names)
        return first.cell(self._slug) or catalog.slugify(next(filter(None, names), ""))

    def read(self, rows: Sequence[Row]) -> ToldProduct:
        """Return the product of these rows. Raises RowRefused."""
        first = rows[0]
        name = cells.needed(first, self._columns["name"])
        # A group may be written as name:code.
        groups = self._parts(first, "optionGroups")
        options = tuple(group.partition(":")[0].strip() for group in groups)
        variants = tuple(self._variant(row, options) for row in rows)
        facets = [facet for row in rows for facet in self._facets(row)]
        stock = {row.cell(SKU): cells.whole(row, "stockOnHand") for row in rows}
        counted = {variant.sku for variant in variants if variant.track_stock}
        return ToldProduct(
            line=first.line,
            draft=ProductDraft(
                slug=self.slug(rows),
                name=name,
                description=first.cell(self._columns["description"]),
                categories=_unique(value for key, value in facets if key.lower() == _CATEGORY),
                attributes=_unique(facet for facet in facets if facet[0].lower() != _CATEGORY),
                options=options,
                media=self._pictures(first, "assets"),
                variants=variants,
            ),
            stock={sku: n for sku, n in stock.items() if n is not None and sku in counted},
        )

    def _variant(self, row: Row, options: Sequence[str]) -> VariantDraft:
        values = self._parts(row, "optionValues")
        if len(values) != len(options):
            raise RowRefused(
                line=row.line,
                reason=f"{self._columns['optionValues']}: {len(values)} values for "
                f"{len(options)} option groups",
            )
        return VariantDraft(
            sku=cells.needed(row, SKU),
            options=values,
            price_minor=cells.price(row, "price", self._currency),
            # Empty inherits from Vendure's global setting, which is to count.
            track_stock=cells.truth(row, "trackInventory") is not False,
            media=self._pictures(row, "variantAssets"),
        )

    def _facets(self, row: Row) -> list[tuple[str, str]]:
        """Return (name, value) of the facets that a row has for its product and its variant."""
        found = []
        for facet in (*self._parts(row, "facets"), *self._parts(row, "variantFacets")):
            name, _, value = (part.strip() for part in facet.partition(":"))
            if not name or not value:
                raise RowRefused(line=row.line, reason=f"facet {facet[:40]!r} is not name:value")
            found.append((name, value))
        return found

    def _pictures(self, row: Row, column: str) -> tuple[MediaDraft, ...]:
        names = self._parts(row, column)
        return tuple(MediaDraft(url=cells.address(name, self._asset_base)) for name in names)

    def _parts(self, row: Row, column: str) -> tuple[str, ...]:
        parts = (part.strip() for part in row.cell(self._columns[column]).split("|"))
        return tuple(part for part in parts if part)


def _same_language(written: str, locale: Locale) -> bool:
    """Vendure writes zh_Hans."""
    return written.replace("_", "-").lower() == locale.lower()


def _first(names: Sequence[str], wanted: str) -> str:
    return next((name for name in names if name.partition(":")[0] == wanted), wanted)


def _unique(found: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(found))
