"""aiosqlite with one hop to its thread per statement.

Its own cursors make four, to open, execute, fetch and close, and each hop wakes two threads: they
were most of what a statement costs on SQLite. Rows are fetched whole, as SQLAlchemy does anyway.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import aiosqlite


class Connection(aiosqlite.Connection):
    """A connection whose cursors are ours."""

    def cursor(self) -> Cursor:  # type: ignore[override]  # what SQLAlchemy uses of one
        """Return a cursor; nothing is opened before it has something to do."""
        return Cursor(self)

    async def rollback(self) -> None:
        """Take back what the transaction did; without one there is nothing to go there for."""
        # Else each read would go, to end what it never began.
        if self._conn.in_transaction:
            await super().rollback()


class Cursor:
    """What SQLAlchemy wants of a cursor: it executes, and has read all rows when it returns."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.description: Sequence[Any] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._rows: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        """Execute a statement and fetch its rows. Raises sqlite3.Error."""
        return await self._hop(sqlite3.Cursor.execute, sql, parameters)

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Self:
        """Execute a statement for each of `parameters`. Raises sqlite3.Error."""
        return await self._hop(sqlite3.Cursor.executemany, sql, parameters)

    async def fetchall(self) -> list[Any]:
        """Return the rows that were fetched."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is open."""

    async def _hop(self, run: Callable[..., object], sql: str, parameters: Any) -> Self:
        # Private to aiosqlite, and untyped: it knows no way to do several calls in one hop.
        hop: Any = self._connection._execute
        await hop(self._run, run, sql, parameters)
        return self

    def _run(self, run: Callable[..., object], sql: str, parameters: Any) -> None:
        cursor = self._connection._conn.cursor()
        try:
            run(cursor, sql, parameters)
            self.description = cursor.description
            self.rowcount = cursor.rowcount
            self.lastrowid = cursor.lastrowid
            if self.description is not None:
                self._rows = cursor.fetchall()
        finally:
            cursor.close()


def connect(file: str, **options: Any) -> Connection:
    """Return a connection that opens when it is awaited; `options` are those of sqlite3."""

    connection = Connection(partial(sqlite3.connect, file, **options), iter_chunk_size=64)
    # Else a connection that nobody closed would keep the process from ending.
    connection._thread.daemon = True
    return connection
