"""A TCP proxy before PostgreSQL that loses what it is told to lose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_SIZE = 65_536
# How PostgreSQL ends its answer to what ends a transaction: a COMMIT, or one statement by itself.
_IDLE = b"Z\x00\x00\x00\x05I"


class Proxy:
    """Forwards bytes, until it is told otherwise; see the attributes."""

    def __init__(self, socket_folder: Path) -> None:
        self._socket = str(socket_folder / ".s.PGSQL.5432")
        self.port = 0
        # Of so many ends of transactions from now on, the answer to the last one does not arrive.
        self.drop_commit = 0
        self.commits = 0
        self.dropped = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()

    def url(self, name: str) -> str:
        """Return the address of a database behind it."""
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{name}"

    def freeze(self) -> None:
        """Forward nothing more, and close nothing: the network is cut both ways."""
        self._flows.clear()

    def thaw(self) -> None:
        """Forward again, and cut what was open: both sides have given it up."""
        self._flows.set()
        for writer in list(self._writers):
            writer.transport.abort()

    async def serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Forward one connection until a side ends it."""
        server, asked = await asyncio.open_unix_connection(self._socket)
        both = {asked, answers}
        self._writers |= both
        ways = [self._up(client, asked), self._down(server, answers)]
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            self._writers -= both
            for writer in both:
                writer.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while told := await reader.read(_SIZE):
                await self._flows.wait()
                writer.write(told)
                await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while told := await reader.read(_SIZE):
                await self._flows.wait()
                if told.endswith(_IDLE):
                    self.commits += 1
                    self.drop_commit -= 1
                    if self.drop_commit == 0:
                        self.dropped += 1
                        return
                writer.write(told)
                await writer.drain()


@asynccontextmanager
async def proxying(socket_folder: Path) -> AsyncIterator[Proxy]:
    """Lend a proxy before the server whose socket lies in a folder."""
    proxy = Proxy(socket_folder)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        proxy.thaw()
        listener.close()
