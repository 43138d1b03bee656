"""Shopify's product CSV: one row per variant; rows of one Handle are a product.

https://help.shopify.com/en/manual/products/import-export/using-csv
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from koipond.catalog.types import MediaDraft, ProductDraft, VariantDraft
from koipond.imports.errors import RowRefused
from koipond.imports.rules import cells
from koipond.imports.types import Row, ToldProduct
from koipond.kernel.money import Currency

NEEDED = ("Handle", "Title", "Variant SKU", "Variant Price")
SKU = "Variant SKU"

_HANDLE = "Handle"
_QUANTITY = "Variant Inventory Qty"
_TRACKER = "Variant Inventory Tracker"
_OPTIONS = (1, 2, 3)
# Ours, for what Shopify has no place for: lists in JSON, so that any name can stand in them.
_MORE_OPTIONS, _ATTRIBUTES = "More Options", "Attributes"
_CATEGORIES, _COLLECTIONS = "Categories", "Collections"
# What Shopify writes for a product without a choice.
_NO_CHOICE = ("Title", "Default Title")
_STATES = {"": True, "active": True, "draft": False, "archived": False}


class Shopify:
    """Reads products of a file with this header in one currency."""

    sku_column = SKU

    def __init__(self, *, currency: Currency, asset_base: str) -> None:
        self._currency = currency
        self._asset_base = asset_base

    def begins_product(self, row: Row, before: Row) -> bool:
        """Tell whether `row` is of another product than the one that began with `before`.

        A row with neither Handle nor Title is of the same; it will be refused with it.
        """
        handle = row.cell(_HANDLE)
        return handle != before.cell(_HANDLE) and bool(handle or row.cell("Title"))

    def slug(self, rows: Sequence[Row]) -> str:
        """Return what the product is known by, or "" if the file does not say."""
        return rows[0].cell(_HANDLE)

    def read(self, rows: Sequence[Row]) -> ToldProduct:
        """Return the product of these rows. Raises RowRefused."""
        first = rows[0]
        for row in rows:
            cells.needed(row, _HANDLE)
        title = cells.needed(first, "Title")
        sold = [row for row in rows if row is first or _has_variant(row)]
        options = _option_names(first, sold)
        variants = tuple(self._variant(row, options) for row in sold)
        return ToldProduct(
            line=first.line,
            draft=ProductDraft(
                slug=self.slug(rows),
                name=title,
                description=first.cell("Body (HTML)"),
                published=_is_published(first),
                categories=_categories(first),
                collections=_collections(first),
                attributes=_attributes(first),
                options=options,
                media=tuple(self._pictures(rows)),
                variants=variants,
            ),
            stock=_stock(sold),
        )

    def _variant(self, row: Row, options: Sequence[str]) -> VariantDraft:
        picture = row.cell("Variant Image")
        return VariantDraft(
            sku=_sku(row),
            options=tuple(_option_values(row, options)),
            price_minor=cells.price(row, "Variant Price", self._currency),
            track_stock=bool(row.cell(_TRACKER)) if _TRACKER in row.cells else None,
            grams=cells.whole(row, "Variant Grams"),
            media=(MediaDraft(url=cells.address(picture, self._asset_base)),) if picture else (),
        )

    def _pictures(self, rows: Sequence[Row]) -> Iterator[MediaDraft]:
        """Return the product's pictures by Image Position; those without one come last."""
        shown = [row for row in rows if row.cell("Image Src")]
        places = {row.line: cells.whole(row, "Image Position") for row in shown}

        def place(row: Row) -> tuple[bool, int]:
            position = places[row.line]
            return position is None, position or 0

        for row in sorted(shown, key=place):
            url = cells.address(row.cell("Image Src"), self._asset_base)
            yield MediaDraft(url=url, alt=row.cell("Image Alt Text"))


def _has_variant(row: Row) -> bool:
    """Tell whether a row behind its product's first sells something, or only adds a picture."""
    return any((row.cell(SKU), row.cell("Variant Price"), *_all_values(row)))


def _all_values(row: Row) -> list[str]:
    """Return the values of its options, those of Shopify's first."""
    more = cells.pairs(row, _MORE_OPTIONS)
    return [*(row.cell(f"Option{one} Value") for one in _OPTIONS), *(value for _, value in more)]


def _sku(row: Row) -> str:
    sku = row.cell(SKU)
    if not sku:
        raise RowRefused(
            line=row.line,
            reason=f"{SKU} is empty; prices, stock and a second import find a variant by it alone",
        )
    return sku


def _option_names(first: Row, sold: Sequence[Row]) -> tuple[str, ...]:
    more = cells.pairs(first, _MORE_OPTIONS)
    names = [*(first.cell(f"Option{one} Name") for one in _OPTIONS), *(name for name, _ in more)]
    given = tuple(name for name in names if name)
    if given != tuple(names[: len(given)]):
        raise RowRefused(line=first.line, reason="an option has a name, the one before it has none")
    values = {row.cell("Option1 Value") for row in sold}
    if given == _NO_CHOICE[:1] and values == {_NO_CHOICE[1]}:
        return ()
    return given


def _option_values(row: Row, options: Sequence[str]) -> Iterator[str]:
    values = _all_values(row)
    for name, column in zip_longest(options, values[: len(options)], fillvalue=""):
        if not column:
            raise RowRefused(line=row.line, reason=f"it has no value for the option {name}")
        yield column
    extra = [value for value in values[len(options) :] if value]
    if extra and extra != [_NO_CHOICE[1]]:
        raise RowRefused(
            line=row.line, reason=f"{extra[0]!r} is the value of an option without a name"
        )


def _is_published(first: Row) -> bool:
    published = cells.truth(first, "Published")
    state = first.cell("Status").lower()
    if state not in _STATES:
        raise RowRefused(
            line=first.line, reason=f"Status: {state[:40]!r} is none of active, draft, archived"
        )
    return published is not False and _STATES[state]


def _attributes(first: Row) -> tuple[tuple[str, str], ...]:
    vendor = first.cell("Vendor")
    return (*((("Vendor", vendor),) if vendor else ()), *cells.pairs(first, _ATTRIBUTES))


def _categories(first: Row) -> tuple[str, ...]:
    """Return those that are listed, else the shop's own Type, or the end of Shopify's path."""
    listed = cells.names(first, _CATEGORIES)
    if listed:
        return listed
    path = cells.listed(first.cell("Product Category"), ">")
    name = first.cell("Type") or (path[-1] if path else "")
    return (name,) if name else ()


def _collections(first: Row) -> tuple[str, ...]:
    names = (first.cell("Collection"), *cells.listed(first.cell("Tags"), ","))
    names += cells.names(first, _COLLECTIONS)
    return tuple(dict.fromkeys(name for name in names if name))


def _stock(sold: Sequence[Row]) -> dict[str, int]:
    """Return {sku: units} of variants whose stock is counted, or of which that is not said."""
    told = {row.cell(SKU): cells.whole(row, _QUANTITY) for row in sold}
    untracked = {row.cell(SKU) for row in sold if row.cells.get(_TRACKER) == ""}
    return {sku: units for sku, units in told.items() if units is not None and sku not in untracked}
