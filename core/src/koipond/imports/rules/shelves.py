"""Prices and stock, a row for each variant."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from koipond.imports.errors import RowRefused
from koipond.imports.rules import cells
from koipond.imports.rules.refusals import skipped
from koipond.imports.rules.table import Columns, Table
from koipond.imports.types import ImportKind, RefusedRow, Row, ToldPrice, ToldStock
from koipond.kernel.money import Currency

T = TypeVar("T")
PRICES = Columns(kind=ImportKind.PRICES, needed=(("sku",), ("price",)))
STOCK = Columns(
    kind=ImportKind.STOCK, needed=(("sku",), ("on_hand", "delta")), others=("location",)
)
_SKU_MAX = 120
_LOCATION_MAX = 40


def read_prices(table: Table, currency: Currency) -> Iterator[ToldPrice | RefusedRow]:
    """Return every price as it is told, or why it is skipped; a SKU stands there once."""
    seen: dict[str, int] = {}

    def read(row: Row) -> ToldPrice:
        sku = _sku(row)
        cells.needed(row, "price")
        amount = cells.price(row, "price", currency)
        assert amount is not None, "it is not empty"
        _check_new(row, sku, seen)
        return ToldPrice(line=row.line, sku=sku, amount_minor=amount)

    return _each(table, read)


def read_stock(table: Table, location: str | None) -> Iterator[ToldStock | RefusedRow]:
    """Return what there is of every variant as it is told, or why it is skipped.

    location: of rows that name none.
    """
    seen: dict[str, int] = {}

    def read(row: Row) -> ToldStock:
        sku = _sku(row)
        counted, delta = cells.whole(row, "on_hand"), _delta(row)
        if (counted is None) == (delta is None):
            raise RowRefused(
                line=row.line,
                reason="say on_hand, what was counted, or delta, by how much it changes: one",
                column="on_hand",
                refusal="STOCK_AMBIGUOUS",
            )
        place = cells.short(row, "location", _LOCATION_MAX) or location
        _check_new(row, f"{sku} at {place or 'the default location'}", seen)
        return ToldStock(line=row.line, sku=sku, location=place, counted=counted, delta=delta)

    return _each(table, read)


def _each(table: Table, read: Callable[[Row], T]) -> Iterator[T | RefusedRow]:
    for row in table.rows():
        try:
            cells.sound(row)
            yield read(row)
        except RowRefused as error:
            yield skipped(error, row.cell("sku"))


def _sku(row: Row) -> str:
    cells.needed(row, "sku")
    return cells.short(row, "sku", _SKU_MAX)


def _delta(row: Row) -> int | None:
    text = row.cell("delta")
    found = cells.whole(row, "delta", text=text[1:] if text[:1] in {"-", "+"} else text)
    return found if found is None or not text.startswith("-") else -found


def _check_new(row: Row, what: str, seen: dict[str, int]) -> None:
    before = seen.setdefault(what, row.line)
    if before != row.line:
        raise RowRefused(
            line=row.line,
            reason=f"{what} is already in line {before}",
            column="sku",
            refusal="SKU_TWICE",
        )
