"""What a request reads from: one connection, which its resolvers have in turn."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from koipond.kernel.db import AsyncConnection, Database


class Reader:
    """A request's own connection to read from: opened at the first read, used by one at a time.

    `async with reader as db` waits for the turn; resolvers of one level may run side by side.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._loan: AbstractAsyncContextManager[AsyncConnection] | None = None
        self._connection: AsyncConnection | None = None
        self._closed = False

    async def __aenter__(self) -> AsyncConnection:
        """Wait for the turn, and lend the connection."""
        await self._turn.acquire()
        try:
            return await self._open()
        except BaseException:
            self._turn.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        """End the turn; the connection stays."""
        self._turn.release()

    @property
    def is_open(self) -> bool:
        """Tell whether it holds a connection."""
        return self._connection is not None

    async def _open(self) -> AsyncConnection:
        assert not self._closed, "this request is over"
        if self._connection is None:
            loan = self._database.reading()
            self._connection = await loan.__aenter__()
            self._loan = loan
        return self._connection

    async def rest(self) -> None:
        """Give the connection back; the next turn opens one again."""
        if self._loan is None and not self._turn.locked():
            return
        async with self._turn:
            loan, self._loan, self._connection = self._loan, None, None
            if loan is not None:
                await loan.__aexit__(None, None, None)

    async def close(self) -> None:
        """Give the connection back for good."""
        # A batch of a level whose answer nobody waits for any more may still be at work.
        self._closed = True
        await self.rest()
