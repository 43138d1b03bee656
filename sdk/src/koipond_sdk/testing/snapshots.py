"""All rows of a database, as cheaply as can be: most tests look twice."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import Any

import asyncpg
from sqlalchemy.engine import URL

from koipond.kernel.db import Database

Rows = list[dict[str, Any]]


async def read_all(database: Database) -> dict[str, Rows]:
    """Return {table: rows}, the rows in an order that depends on nothing but themselves."""
    if database.is_sqlite:
        found = _read_sqlite(database.url)
    else:
        async with database.reading() as db:
            driver = (await db.get_raw_connection()).driver_connection
            assert driver is not None, "it was just lent"
            found = await _read_postgres(driver)
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def _read_sqlite(url: URL) -> dict[str, Rows]:
    file = url.database
    assert file is not None
    with contextlib.closing(sqlite3.connect(file, timeout=5)) as connection:
        # One moment for all tables.
        connection.execute("BEGIN")
        tables = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%'"
            " ESCAPE '!' ORDER BY name"
        ).fetchall()
        connection.row_factory = sqlite3.Row
        return {
            name: [dict(row) for row in connection.execute(_all_of(name))] for (name,) in tables
        }


async def _read_postgres(connection: asyncpg.Connection) -> dict[str, Rows]:
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    )
    names = [row[0] for row in tables]
    # One statement, so one moment for all tables.
    each = (
        f"SELECT {place}, to_jsonb(one)::text FROM ({_all_of(name)}) one"  # noqa: S608  as below
        for place, name in enumerate(names)
    )
    found: dict[str, Rows] = {name: [] for name in names}
    for place, row in await connection.fetch(" UNION ALL ".join(each)):
        found[names[place]].append(json.loads(row))
    return found


def _all_of(table: str) -> str:
    quoted = table.replace('"', '""')
    return f'SELECT * FROM "{quoted}"'  # noqa: S608  names come from the schema itself
