"""Lends the connections of an engine to one request after the other.

SQLAlchemy takes a hundred steps to have a connection out of its pool, and to put it back. So one
that comes back as it was lent is kept, and goes to who asks next; the pool still says how many
there may be, and how long somebody waits for one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import greenlet_spawn

from koipond.kernel.engines import LentConnection


class Lender:
    """Lends the connections of one engine: `async with lender.writing() as db`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        # How many are lent now.
        self.lent = 0
        # SQLite has one to write with, which others than this ask the pool for.
        self._keeps = engine.dialect.name == "postgresql"
        self._idle: list[_Kept] = []
        # How many wait for the pool, which does not know of those that are kept here.
        self._waiting = 0

    def writing(self) -> Loan:
        """Lend one in a transaction, which is committed unless the block fails."""
        return Loan(self, writes=True)

    def reading(self) -> Loan:
        """Lend one of which each statement sees what was committed before it."""
        return Loan(self, writes=False)

    async def take(self) -> _Kept:
        """Return a connection that nobody has."""
        while self._idle:
            kept = self._idle.pop()
            if kept.is_alive:
                return kept
            await kept.close()
        self._waiting += 1
        try:
            return _Kept(self.engine, await greenlet_spawn(self.engine.sync_engine.connect))
        finally:
            self._waiting -= 1

    async def give(self, kept: _Kept) -> None:
        """Have a connection back, on which nothing is begun."""
        if self._keeps and not self._waiting and kept.is_alive:
            self._idle.append(kept)
            return
        await kept.close()
        # Who waits for it goes first: else this task would have it back before they wake.
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Give those that are kept back to the pool."""
        while self._idle:
            await self._idle.pop().close()


class _Kept:
    """An open connection, as it is lent to write and to read with."""

    def __init__(self, engine: AsyncEngine, connection: Connection) -> None:
        self.connection = connection
        self.to_write = LentConnection(engine, connection)
        self.to_read = AsyncConnection(engine, connection)
        self._is_postgres = connection.dialect.name == "postgresql"

    @property
    def is_alive(self) -> bool:
        """Whether nobody has ended it: the server may have, while it was not used."""
        if self._is_given_up:
            return False
        return not (self._is_postgres and self._driver.driver_connection.is_closed())

    @property
    def _is_given_up(self) -> bool:
        return self.connection.closed or self.connection.invalidated

    async def begin(self, *, writes: bool) -> AsyncConnection:
        """Return it as it is lent."""
        if self._is_postgres:
            # Asks the server nothing: a transaction begins there with its first statement.
            self._adapted.autocommit = not writes
            if writes:
                self.connection.begin()
        elif writes:
            await greenlet_spawn(self.connection.begin)
        return self.to_write if writes else self.to_read

    async def end(self, *, writes: bool) -> None:
        """Commit what was written; what was read begins nothing on PostgreSQL."""
        transaction = self.connection.get_transaction()
        if transaction is None or not (writes or self._is_postgres):
            return
        if self._is_given_up and not writes:
            return  # what was cut was only read, and nobody waits for it
        end = transaction.commit if writes else transaction.rollback
        if self._is_postgres and not self._is_given_up and self._adapted._transaction is None:
            end()  # of which the server knows nothing
        else:
            await greenlet_spawn(end)

    async def close(self) -> None:
        """Give it back to the pool, with all that is begun undone, however often we are cancelled.

        SQLAlchemy's own way out goes on to its end in a task of its own.
        """
        if self._is_postgres and not self._is_given_up:
            self._adapted.autocommit = False
        await self.to_read.__aexit__(None, None, None)

    @property
    def _driver(self) -> Any:
        return self.connection.connection

    @property
    def _adapted(self) -> Any:
        # Private to SQLAlchemy, as in kernel/prepared.py.
        return self._driver.dbapi_connection


class Loan:
    """A connection that is lent for the time of a block."""

    def __init__(self, lender: Lender, *, writes: bool) -> None:
        self._lender = lender
        self._writes = writes

    async def __aenter__(self) -> AsyncConnection:
        self._kept = await self._lender.take()
        self._lender.lent += 1
        try:
            return await self._kept.begin(writes=self._writes)
        except BaseException:
            await self._give_up()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Commit what was begun, unless the block failed, and give the connection back."""
        if kind is not None:
            await self._give_up()
            return
        try:
            await self._kept.end(writes=self._writes)
        except BaseException:
            await self._give_up()
            raise
        try:
            await self._lender.give(self._kept)
        finally:
            self._lender.lent -= 1

    async def _give_up(self) -> None:
        try:
            await self._kept.close()
        finally:
            self._lender.lent -= 1
