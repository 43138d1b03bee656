"""Rules of imports: from the bytes of a file to what it tells. No file is opened here."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from koipond.imports.rules.orders import COLUMNS as ORDER_COLUMNS
from koipond.imports.rules.orders import OrderReader, contact_of, count_orders
from koipond.imports.rules.people import COLUMNS as MEMBER_COLUMNS
from koipond.imports.rules.people import read_people
from koipond.imports.rules.products import batches, count_products, read_products
from koipond.imports.rules.refusals import write_refusals
from koipond.imports.rules.rows import (
    LINE_MAX,
    Record,
    find_codec,
    find_format,
    read_objects,
    read_rows,
    read_spaced,
)
from koipond.imports.rules.sheet import Sheet, open_sheet
from koipond.imports.rules.shelves import PRICES as PRICE_COLUMNS
from koipond.imports.rules.shelves import STOCK as STOCK_COLUMNS
from koipond.imports.rules.shelves import read_prices, read_stock
from koipond.imports.rules.table import Columns, Table, count_rows, open_table
from koipond.imports.types import Format

T = TypeVar("T")


class _Reader(Protocol):
    def __call__(self, lines: Iterable[bytes], encoding: str) -> Iterator[Record]: ...


READERS: Mapping[Format, _Reader] = {
    Format.CSV: read_rows,
    Format.NDJSON: read_objects,
    Format.SPACED: read_spaced,
}


def in_batches(told: Iterable[T], size: int) -> Iterator[list[T]]:
    """Return what is told, so many at a time."""
    batch: list[T] = []
    for one in told:
        batch.append(one)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


__all__ = [
    "LINE_MAX",
    "MEMBER_COLUMNS",
    "ORDER_COLUMNS",
    "PRICE_COLUMNS",
    "READERS",
    "STOCK_COLUMNS",
    "Columns",
    "OrderReader",
    "Record",
    "Sheet",
    "Table",
    "batches",
    "contact_of",
    "count_orders",
    "count_products",
    "count_rows",
    "find_codec",
    "find_format",
    "in_batches",
    "open_sheet",
    "open_table",
    "read_people",
    "read_prices",
    "read_products",
    "read_rows",
    "read_stock",
    "write_refusals",
]
