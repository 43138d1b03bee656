"""All rows of a database, as cheaply as can be: most tests look twice."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import asyncpg

from koipond.kernel.db import Database

Rows = list[dict[str, Any]]


async def read_all(database: Database) -> dict[str, Rows]:
    """Return {table: rows}, the rows in an order that depends on nothing but themselves."""
    async with database.reading() as db:
        # By one that knows the tables: a new connection to SQLite takes 3 ms to read the schema.
        driver = (await db.get_raw_connection()).driver_connection
        assert driver is not None, "it was just lent"
        if database.is_sqlite:
            # Private to aiosqlite, which has no other way to do several things in one go.
            found = await driver._execute(_read_sqlite, driver._conn)
        else:
            found = await _read_postgres(driver)
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def _read_sqlite(connection: sqlite3.Connection) -> dict[str, Rows]:
    # Its own cursor, whose rows are of its own kind: the connection goes back.
    cursor = connection.cursor()
    # One moment for all tables.
    cursor.execute("BEGIN")
    try:
        tables = cursor.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%'"
            " ESCAPE '!' ORDER BY name"
        ).fetchall()
        cursor.row_factory = sqlite3.Row
        return {name: [dict(row) for row in cursor.execute(_all_of(name))] for (name,) in tables}
    finally:
        connection.rollback()


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
