"""A TCP proxy before servers of one shop: it sends whoever comes to one that says it is ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2

_SIZE = 65_536
_LOOK_EVERY_S = 0.02


class Balancer:
    """Each connection goes to the next server in turn of those that were ready when it looked."""

    def __init__(self) -> None:
        self.port = 0
        # {port of a server: whether it was ready}
        self.servers: dict[int, bool] = {}
        self._turn = 0

    async def sees(self, port: int) -> None:
        """Wait until it sends callers to a server too."""
        self.servers[port] = False
        while not self.servers[port]:  # noqa: ASYNC110  it looks at every server in turn
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Ask every server again and again whether it is ready."""
        async with httpx2.AsyncClient(timeout=2) as http:
            while True:
                for port, was_ready in list(self.servers.items()):
                    is_ready = await _is_ready(http, port, was_ready=was_ready)
                    if port in self.servers:
                        self.servers[port] = is_ready
                await asyncio.sleep(_LOOK_EVERY_S)

    async def serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Forward one connection until both sides have ended it."""
        while not (ready := [port for port, is_ready in self.servers.items() if is_ready]):  # noqa: ASYNC110  see `look`
            await asyncio.sleep(_LOOK_EVERY_S)
        self._turn += 1
        server, asked = await asyncio.open_connection("127.0.0.1", ready[self._turn % len(ready)])
        await asyncio.gather(_forward(client, asked), _forward(server, answers))


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while told := await reader.read(_SIZE):
            writer.write(told)
            await writer.drain()
    writer.close()


async def _is_ready(http: httpx2.AsyncClient, port: int, *, was_ready: bool) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/ready")).status_code == 200
    except httpx2.TimeoutException:
        # Busy, which is not gone.
        return was_ready
    except httpx2.TransportError:
        return False


@asynccontextmanager
async def balancing() -> AsyncIterator[Balancer]:
    """Lend a balancer that has no servers yet."""
    balancer = Balancer()
    listener = await asyncio.start_server(balancer.serve, "127.0.0.1", 0)
    balancer.port = listener.sockets[0].getsockname()[1]
    looking = asyncio.create_task(balancer.look())
    try:
        yield balancer
    finally:
        looking.cancel()
        listener.close()
