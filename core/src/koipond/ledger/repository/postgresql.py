"""What a booking writes, for PostgreSQL: one statement for all of it, through arrays."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Date, String, Uuid, bindparam, literal_column, text

from koipond.kernel.db import AsyncConnection, Instant
from koipond.kernel.prepared import Prepared
from koipond.ledger.repository.rows import COLUMNS, Rows

_TYPES: Mapping[str, Any] = {
    "id": Uuid,
    "account_id": Uuid,
    "transfer_id": Uuid,
    "pending_transfer_id": Uuid,
    "undoes_id": Uuid,
    "created_at": Instant,
    "day": Date,
    "units": BigInteger,
    "nth": BigInteger,
    "balance_after": BigInteger,
    "balance": BigInteger,
    "debt": BigInteger,
    "set_aside": BigInteger,
    "bookings": BigInteger,
    "remaining": BigInteger,
}


def _given(name: str) -> str:
    """Return rows of parameters: one array for each column."""
    arrays = ", ".join(f":{name}__{column}" for column in COLUMNS[name])
    return f"unnest({arrays}) AS given ({', '.join(COLUMNS[name])})"


def _insert(name: str, table: str) -> str:
    columns = ", ".join(COLUMNS[name])
    return f"INSERT INTO {table} ({columns}) SELECT given.* FROM {_given(name)}"  # noqa: S608  our own columns


# {part: its statement}; {first} is the part that tells whether anything is written at all: nothing
# is where the source was booked meanwhile, by somebody who had other accounts.
_PARTS = {
    "transfer": f"{_insert('transfer', 'ledger_transfer')} "
    "ON CONFLICT (kind, source) DO NOTHING RETURNING id",
    "pending": f"{_insert('pending', 'pending_transfer')} "
    "ON CONFLICT (source) DO NOTHING RETURNING id",
    "posted": "UPDATE pending_transfer SET state = 'posted' "
    "WHERE id = ANY(:posted__id) AND EXISTS (SELECT FROM {first})",
    "voided": "UPDATE pending_transfer SET state = 'voided' WHERE id = ANY(:voided__id) "
    "RETURNING id",
    "system": f"{_insert('system', 'ledger_account')} ON CONFLICT DO NOTHING",
    "entry": f"{_insert('entry', 'ledger_entry')} JOIN {{first}} AS put ON put.id = transfer_id",
    "aside": f"{_insert('aside', 'pending_transfer_part')} "
    "JOIN {first} AS put ON put.id = pending_transfer_id",
    # The locks are held, and yet the database adds: a sum that was read is never written back.
    "account": f"""
        UPDATE ledger_account AS old SET
            balance = old.balance + given.balance, debt = old.debt + given.debt,
            set_aside = old.set_aside + given.set_aside,
            bookings = old.bookings + given.bookings, version = old.version + 1
        FROM {_given("account")} WHERE old.id = given.id AND EXISTS (SELECT FROM {{first}})
    """,  # noqa: S608  our own columns
    "filled": f"""
        {_insert("filled", "ledger_bucket AS old")} WHERE EXISTS (SELECT FROM {{first}})
        ON CONFLICT (account_id, expires_on)
        DO UPDATE SET remaining = old.remaining + excluded.remaining
    """,
    "drawn": f"""
        UPDATE ledger_bucket AS old SET
            remaining = old.remaining + given.remaining,
            set_aside = old.set_aside + given.set_aside
        FROM {_given("drawn")}
        WHERE old.account_id = given.account_id AND old.expires_on = given.expires_on
          AND EXISTS (SELECT FROM {{first}})
    """,  # noqa: S608  our own columns
}


async def write(db: AsyncConnection, rows: Rows) -> bool:
    """Write all of it or nothing; returns whether it was written."""
    given = {
        f"{name}__{column}": [one[column] for one in written]
        for name, written in rows.items()
        for column in COLUMNS[name]
    }
    done = await _statement(tuple(rows)).rows(db, given)
    return bool(done[0].done)


@lru_cache(64)
def _statement(names: Sequence[str]) -> Prepared:
    """Return the statement that writes these parts."""
    first = next(one for one in ("transfer", "pending", "voided") if one in names)
    # One of them can speak of those in front of it.
    ordered = [name for name in _PARTS if name in names]
    parts = ", ".join(f'"{name}" AS ({_PARTS[name].format(first=first)})' for name in ordered)
    sql = f'WITH {parts} SELECT count(*) AS done FROM "{first}"'  # noqa: S608  our own columns
    named = dict.fromkeys(re.findall(r":(\w+__\w+)", sql))
    types = {name: _TYPES.get(name.partition("__")[2], String) for name in named}
    arrays = [bindparam(name, type_=ARRAY(kind)) for name, kind in types.items()]
    return Prepared(text(sql).bindparams(*arrays).columns(literal_column("done", BigInteger)))
