"""What a booking writes, for SQLite: one statement for each table, run for all its rows.

Its one writer has seen by now whatever was booked before, so nothing is in the way.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects import sqlite

from koipond.kernel.db import AsyncConnection
from koipond.ledger.repository.rows import Rows
from koipond.ledger.tables import (
    ledger_account,
    ledger_bucket,
    ledger_entry,
    ledger_transfer,
    pending_transfer,
    pending_transfer_part,
)
from koipond.ledger.types import PendingState

_a, _b = ledger_account.c, ledger_bucket.c
_fill = sqlite.insert(ledger_bucket)
_close = pending_transfer.update().where(pending_transfer.c.id == bindparam("of_id"))
_STATEMENTS: Mapping[str, Any] = {
    "transfer": ledger_transfer.insert(),
    "pending": pending_transfer.insert(),
    "posted": _close.values(state=PendingState.POSTED),
    "voided": _close.values(state=PendingState.VOIDED),
    "system": sqlite.insert(ledger_account).on_conflict_do_nothing(),
    "entry": ledger_entry.insert(),
    "aside": pending_transfer_part.insert(),
    "account": ledger_account.update()
    .where(_a.id == bindparam("of_id"))
    .values(
        {
            name: _a[name] + bindparam(f"of_{name}")
            for name in ("balance", "debt", "set_aside", "bookings")
        }
        | {"version": _a.version + 1}
    ),
    "filled": _fill.on_conflict_do_update(
        index_elements=["account_id", "expires_on"],
        set_={name: _b[name] + _fill.excluded[name] for name in ("remaining", "set_aside")},
    ),
    "drawn": ledger_bucket.update()
    .where(_b.account_id == bindparam("of_account_id"), _b.expires_on == bindparam("of_expires_on"))
    .values({name: _b[name] + bindparam(f"of_{name}") for name in ("remaining", "set_aside")}),
}
_CHANGES = {"posted", "voided", "account", "drawn"}


async def write(db: AsyncConnection, rows: Rows) -> bool:
    """Write all of it; returns that it was written."""
    for name, written in rows.items():
        given = (
            [_of(one) for one in written] if name in _CHANGES else [dict(one) for one in written]
        )
        await db.execute(_STATEMENTS[name], given)
    return True


def _of(row: Mapping[str, Any]) -> dict[str, Any]:
    return {f"of_{name}": value for name, value in row.items()}
