"""The header of a file, and in which dialect its rows are to be read."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from koipond.imports.errors import (
    FileDamaged,
    FileEmpty,
    HeaderTwice,
    HeaderUnknown,
    RowTooLong,
    SeparatorWrong,
)
from koipond.imports.rules import shopify, vendure
from koipond.imports.rules.rows import Record
from koipond.imports.types import Dialect, Row, ToldProduct
from koipond.kernel.money import Currency
from koipond.kernel.texts import Locale

# {what separates the columns of other files: how people call it}
_SEPARATORS = {";": ";", "\t": "a tab", "|": "|"}


class ProductReader(Protocol):
    """How one dialect writes products into rows."""

    sku_column: str

    def begins_product(self, row: Row, before: Row) -> bool:
        """Tell whether `row` is of another product than the one that began with `before`."""
        ...

    def slug(self, rows: Sequence[Row]) -> str:
        """Return what the product of these rows is known by, or "" if the file does not say."""
        ...

    def read(self, rows: Sequence[Row]) -> ToldProduct:
        """Return the product of these rows. Raises RowRefused."""
        ...


class Sheet:
    """A file whose header was read: its dialect, its reader, and its rows to come."""

    def __init__(
        self, dialect: Dialect, reader: ProductReader, names: list[str], records: Iterator[Record]
    ) -> None:
        self.dialect = dialect
        self.reader = reader
        self._names = names
        self._records = records

    def rows(self) -> Iterator[Row]:
        """Return the rows; cells that are missing at a row's end are empty: some programs save so.

        Raises RowTooLong, and FileDamaged if the file ends in the middle of a row.
        """
        columns = len(self._names)
        for record in self._records:
            missing = columns - len(record.cells)
            if record.problem:
                yield Row(line=record.line, cells={}, problem=record.problem)
                continue
            if missing < 0:
                raise RowTooLong(line=record.line, cells=len(record.cells), columns=columns)
            if missing and record.cut:
                reason = f"the file ends in the middle of it, {missing} cells before its end"
                raise FileDamaged(line=record.line, reason=reason)
            filled = [*record.cells, *[""] * missing]
            yield Row(line=record.line, cells=dict(zip(self._names, filled, strict=True)))


def open_sheet(
    records: Iterator[Record],
    *,
    file: str,
    dialect: Dialect,
    locale: Locale,
    currency: Currency,
    asset_base: str,
) -> Sheet:
    """Read the header and choose how to read what follows.

    Raises FileEmpty, SeparatorWrong, HeaderTwice, HeaderUnknown.
    """
    header = next(records, None)
    if header is None:
        raise FileEmpty(file=file)
    names = header.cells
    for separator, called in _SEPARATORS.items():
        if len(names) == 1 and separator in names[0]:
            raise SeparatorWrong(separator=called)
    for name in names:
        if name and names.count(name) > 1:
            raise HeaderTwice(column=name)
    found = _find_dialect(names, dialect, locale)
    reader: ProductReader
    if found is Dialect.SHOPIFY:
        reader = shopify.Shopify(currency=currency, asset_base=asset_base)
    else:
        reader = vendure.Vendure(names, locale=locale, currency=currency, asset_base=asset_base)
    return Sheet(found, reader, names, records)


def _find_dialect(names: Sequence[str], wanted: Dialect, locale: Locale) -> Dialect:
    """Return the dialect of a header. Raises HeaderUnknown, naming the closest one."""
    needed = {Dialect.SHOPIFY: shopify.NEEDED, Dialect.VENDURE: vendure.NEEDED}
    missing = {
        Dialect.SHOPIFY: [name for name in shopify.NEEDED if name not in names],
        Dialect.VENDURE: [
            name for name in vendure.NEEDED if vendure.find_column(names, name, locale) is None
        ],
    }
    candidates = list(missing) if wanted is Dialect.AUTO else [wanted]

    def share_missing(one: Dialect) -> tuple[int, str]:
        return 1_000 * len(missing[one]) // len(needed[one]), one

    closest = min(candidates, key=share_missing)
    if missing[closest]:
        raise HeaderUnknown(
            dialect=closest,
            missing=", ".join(missing[closest]),
            known=", ".join(missing),
            fits=next((one for one, lacks in missing.items() if not lacks), ""),
        )
    return closest
