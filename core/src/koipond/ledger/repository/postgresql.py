"""What a booking writes, for PostgreSQL: one statement for all of it.

A few rows of a part are parameters each, which is what a booking has and costs a third less; more
come through arrays, so that the text does not depend on how many there are.
"""

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


# As many rows of a part are told one by one.
_FEW = 3


def _given(name: str, count: int) -> str:
    """Return rows of parameters. count: 0 is any number of them."""
    columns = ", ".join(COLUMNS[name])
    if not count:
        arrays = ", ".join(f":{name}__{column}" for column in COLUMNS[name])
        return f"unnest({arrays}) AS given ({columns})"
    rows = (
        ", ".join(f":{name}_{place}__{column}" for column in COLUMNS[name])
        for place in range(count)
    )
    return f"(VALUES ({'), ('.join(rows)})) AS given ({columns})"


def _insert(name: str, table: str) -> str:
    columns = ", ".join(COLUMNS[name])
    return f"INSERT INTO {table} ({columns}) SELECT given.* FROM {{given}}"  # noqa: S608  our own columns


# {part: its statement}; {given} are its rows. {first} tells whether anything is written at all:
# nothing is where the source was booked meanwhile, by somebody who had other accounts.
_PARTS = {
    "transfer": f"{_insert('transfer', 'ledger_transfer')} "
    "ON CONFLICT (kind, source) DO NOTHING RETURNING id",
    "pending": f"{_insert('pending', 'pending_transfer')} "
    "ON CONFLICT (source) DO NOTHING RETURNING id",
    "posted": "UPDATE pending_transfer SET state = 'posted' "
    "FROM {given} WHERE pending_transfer.id = given.id AND EXISTS (SELECT FROM {first})",
    "voided": "UPDATE pending_transfer SET state = 'voided' "
    "FROM {given} WHERE pending_transfer.id = given.id RETURNING pending_transfer.id",
    "system": f"{_insert('system', 'ledger_account')} ON CONFLICT DO NOTHING",
    "entry": f"{_insert('entry', 'ledger_entry')} JOIN {{first}} AS put ON put.id = transfer_id",
    "aside": f"{_insert('aside', 'pending_transfer_part')} "
    "JOIN {first} AS put ON put.id = pending_transfer_id",
    # The locks are held, and yet the database adds: a sum that was read is never written back.
    "account": """
        UPDATE ledger_account AS old SET
            balance = old.balance + given.balance, debt = old.debt + given.debt,
            set_aside = old.set_aside + given.set_aside,
            bookings = old.bookings + given.bookings, version = old.version + 1
        FROM {given} WHERE old.id = given.id AND EXISTS (SELECT FROM {first})
    """,
    "filled": f"""
        {_insert("filled", "ledger_bucket AS old")} WHERE EXISTS (SELECT FROM {{first}})
        ON CONFLICT (account_id, expires_on)
        DO UPDATE SET remaining = old.remaining + excluded.remaining,
            set_aside = old.set_aside + excluded.set_aside
    """,  # nosec B608  our own names
    "drawn": """
        UPDATE ledger_bucket AS old SET
            remaining = old.remaining + given.remaining,
            set_aside = old.set_aside + given.set_aside
        FROM {given}
        WHERE old.account_id = given.account_id AND old.expires_on = given.expires_on
          AND EXISTS (SELECT FROM {first})
    """,
}


async def write(db: AsyncConnection, rows: Rows) -> bool:
    """Write all of it or nothing; returns whether it was written."""
    given: dict[str, Any] = {}
    for name, written in rows.items():
        if len(written) > _FEW:
            for column in COLUMNS[name]:
                given[f"{name}__{column}"] = [row[column] for row in written]
            continue
        for place, row in enumerate(written):
            for column in COLUMNS[name]:
                given[f"{name}_{place}__{column}"] = row[column]
    shape = tuple([(name, len(one) if len(one) <= _FEW else 0) for name, one in rows.items()])
    done = await _statement(shape).rows(db, given)
    return bool(done[0].done)


@lru_cache(256)
def _statement(shape: Sequence[tuple[str, int]]) -> Prepared:
    """Return the statement that writes these parts. shape: each, and how many rows it has."""
    counts = dict(shape)
    first = next(one for one in ("transfer", "pending", "voided") if one in counts)
    # One of them can speak of those in front of it.
    parts = ", ".join(
        f'"{name}" AS ({sql.format(first=first, given=_given(name, counts[name]))})'
        for name, sql in _PARTS.items()
        if name in counts
    )
    sql = f'WITH {parts} SELECT count(*) AS done FROM "{first}"'  # noqa: S608  our own columns
    named = dict.fromkeys(re.findall(r":(\w+__\w+)", sql))
    return Prepared(
        text(sql)
        .bindparams(*(bindparam(name, type_=_type_of(name)) for name in named))
        .columns(literal_column("done", BigInteger))
    )


def _type_of(name: str) -> Any:
    """Return the type of a parameter: `part__column` is an array, `part_0__column` is not."""
    part, _, column = name.partition("__")
    one = _TYPES.get(column, String)
    return ARRAY(one, dimensions=1) if part in _PARTS else one
