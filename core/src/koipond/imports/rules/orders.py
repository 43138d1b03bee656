"""Past purchases, written as a row for each line; rows of one order stand together."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from koipond.imports.errors import RowRefused
from koipond.imports.rules import cells
from koipond.imports.rules.people import read_draft
from koipond.imports.rules.refusals import skipped
from koipond.imports.rules.table import Columns, Table
from koipond.imports.types import ImportKind, RefusedRow, Row, ToldLine, ToldOrder
from koipond.kernel.money import MAX_MINOR, Currency
from koipond.member.types import Contact, MemberDraft
from koipond.order.rules import OVER
from koipond.order.types import OrderState

COLUMNS = Columns(
    kind=ImportKind.ORDERS,
    needed=(
        ("placed_at",),
        ("quantity",),
        ("line_total",),
        ("customer", "email", "phone"),
    ),
    others=("number", "state", "name", "sku", "title", "order_total"),
    # The order history of a CD shop, which the research on customer lifetime value works with.
    dialects={
        "cdnow": {
            "customer": "customer_id",
            "placed_at": "date",
            "quantity": "number_of_cds",
            "line_total": "dollar_value",
        }
    },
)
# Lines of one order; one row more shows that there are too many.
LINES_MAX = 1_000
_QUANTITY_MAX = 1_000_000_000
_NUMBER_MAX = 20
_SKU_MAX = 120
_TITLE_MAX = 500
_FIRST = datetime(1970, 1, 2, tzinfo=UTC)


class OrderReader:
    """Reads past purchases of a table. zone: where a day begins that a file names."""

    def __init__(self, *, currency: Currency, zone: ZoneInfo, source: str, now: datetime) -> None:
        self._currency = currency
        self._zone = zone
        self._source = source
        self._now = now

    def read(self, table: Table) -> Iterator[ToldOrder | RefusedRow]:
        """Return every order as it is told, or why it is skipped."""
        for rows in grouped(table):
            try:
                yield self._order(rows)
            except RowRefused as error:
                yield skipped(error, rows[0].cell("number") or f"row {rows[0].number}")

    def _order(self, rows: Sequence[Row]) -> ToldOrder:
        first = rows[0]
        cells.sound(first)
        if len(rows) > LINES_MAX:
            raise RowRefused(line=first.line, reason=f"it has more than {LINES_MAX:,} lines")
        for row in rows[1:]:
            cells.sound(row)
        lines = tuple(self._line(row) for row in rows)
        whole = sum(line.total_minor for line in lines)
        total = whole
        if first.cell("order_total"):
            total = self._amount(first, "order_total")
        if not 0 <= total <= MAX_MINOR:
            raise RowRefused(
                line=first.line,
                reason="it costs less than nothing, or more than can be stored",
                column="line_total",
                refusal="TOTAL_OUT_OF_RANGE",
            )
        return ToldOrder(
            line=first.line,
            row=first.number,
            number=cells.short(first, "number", _NUMBER_MAX) or None,
            member=read_draft(first, self._source),
            state=_state(first),
            placed_at=self._placed_at(first),
            lines=lines,
            other_minor=total - whole,
        )

    def _line(self, row: Row) -> ToldLine:
        cells.needed(row, "quantity")
        quantity = cells.whole(row, "quantity") or 0
        if not 1 <= quantity <= _QUANTITY_MAX:
            reason = f"quantity: {quantity} is not from 1 to {_QUANTITY_MAX:,}"
            raise RowRefused(
                line=row.line, reason=reason, column="quantity", refusal="QUANTITY_OUT_OF_RANGE"
            )
        sku = cells.short(row, "sku", _SKU_MAX)
        return ToldLine(
            sku=sku,
            name=cells.short(row, "title", _TITLE_MAX) or sku,
            quantity=quantity,
            total_minor=self._amount(row, "line_total"),
        )

    def _amount(self, row: Row, column: str) -> int:
        cells.needed(row, column)
        # A discount that was a line of its own is below 0.
        text = row.cell(column)
        found = cells.price(row, column, self._currency, text=text.removeprefix("-")) or 0
        return -found if text.startswith("-") else found

    def _placed_at(self, row: Row) -> datetime:
        found = cells.instant(row, "placed_at", self._zone)
        if not _FIRST <= found <= self._now:
            reason = f"placed_at: {found:%Y-%m-%d} is not between 1970-01-02 and now"
            raise RowRefused(
                line=row.line, reason=reason, column="placed_at", refusal="DATE_OUT_OF_RANGE"
            )
        return found


def count_orders(table: Table) -> int:
    """Read all rows; returns of how many orders they are."""
    return sum(1 for _ in grouped(table))


def grouped(table: Table) -> Iterator[list[Row]]:
    """Return the rows of each order; a row without a number is an order of its own.

    Of one with too many lines only as many as show that.
    """
    rows: list[Row] = []
    for row in table.rows():
        number = row.cell("number")
        if rows and (row.problem or not number or number != rows[0].cell("number")):
            yield rows
            rows = []
        if len(rows) <= LINES_MAX:
            rows.append(row)
    if rows:
        yield rows


def _state(row: Row) -> OrderState:
    text = row.cell("state").lower()
    if not text:
        return OrderState.CLOSED
    if text not in OVER:
        over = ", ".join(sorted(OVER))
        raise RowRefused(
            line=row.line,
            reason=f"state: {text[:40]!r} is none of {over}; only what is over is history",
            column="state",
            refusal="ORDER_NOT_OVER",
        )
    return OrderState(text)


def contact_of(draft: MemberDraft) -> Contact | None:
    """Return how the buyer of an order could be reached, if the file says it."""
    if draft.email is None and draft.phone is None:
        return None
    return Contact(name=draft.name, email=draft.email, phone=draft.phone)
