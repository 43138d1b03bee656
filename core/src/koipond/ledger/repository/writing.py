"""SQL that writes what was decided, in as few statements as the database can take it."""

from collections.abc import Sequence
from typing import Any

from koipond.kernel.db import AsyncConnection
from koipond.ledger.repository import postgresql, sqlite
from koipond.ledger.repository.rows import (
    Rows,
    rows_of_bookings,
    rows_of_legs,
    rows_of_pending,
)
from koipond.ledger.rules import Booking, Leg
from koipond.ledger.types import PendingState, PendingTransfer


async def book(
    db: AsyncConnection,
    bookings: Sequence[Booking],
    closes: tuple[PendingTransfer, PendingState] | None = None,
) -> bool:
    """Write bookings on locked accounts. closes: what is set aside no more, and what it became.

    Returns whether they were written; if not, the source was booked meanwhile on other accounts.
    """
    return await _write(db, rows_of_bookings(bookings) | _closing(closes))


async def set_aside(db: AsyncConnection, pending: PendingTransfer, leg: Leg) -> bool:
    """Store what is set aside of a locked account; else as `book`."""
    return await _write(db, rows_of_pending(pending, leg))


async def void(db: AsyncConnection, pending: PendingTransfer, leg: Leg) -> None:
    """Store that what was set aside is free again, and nothing moved."""
    await _write(db, rows_of_legs([leg]) | _closing((pending, PendingState.VOIDED)))


def _closing(
    closes: tuple[PendingTransfer, PendingState] | None,
) -> dict[str, list[dict[str, Any]]]:
    return {} if closes is None else {closes[1].value: [{"id": closes[0].id}]}


async def _write(db: AsyncConnection, rows: Rows) -> bool:
    write = postgresql.write if db.dialect.name == "postgresql" else sqlite.write
    return await write(db, {name: written for name, written in rows.items() if written})
