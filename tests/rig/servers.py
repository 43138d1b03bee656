"""Starts and kills server processes for tests; see served.py."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from tests.rig.buying import Storefront
from tests.rig.served import MESSAGE_MAX, Order, die_with_parent

ROOT = Path(__file__).parents[2]
SECRET = sha256(b"drawn").hexdigest()
_START_S = 20.0
_ANSWER_S = 30.0


class Servers:
    """Makes servers out of one process that has imported everything; `close` ends them all."""

    def __init__(self, folder: Path) -> None:
        """folder: for logs."""
        self._folder = folder
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._made = 0
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.rig.served"],
                cwd=ROOT,
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                preexec_fn=die_with_parent,  # noqa: PLW1509  it calls one C function
                start_new_session=True,
            )

    def close(self) -> None:
        """End all servers."""
        self._ours.close()
        self._process.kill()
        self._process.wait()

    def server(self, database_url: str, **given: Any) -> Server:
        """Return a server that is not started yet. given: see Order and Settings."""
        self._made += 1
        about = {name: given.pop(name) for name in Order.__struct_fields__ if name in given}
        log = str(self._folder / f"server-{self._made}.log")
        settings = {"database_url": database_url, "secret": SECRET, **given}
        return Server(self, Order(log=log, settings=settings, **about))

    @asynccontextmanager
    async def serving(self, database_url: str, **given: Any) -> AsyncIterator[Server]:
        """Lend a server that runs."""
        server = self.server(database_url, **given)
        try:
            await server.start()
            yield server
        finally:
            await server.close()

    def spawn(self, order: Order, *handed: int) -> int:
        """Start a copy that serves; returns its process id."""
        socket.send_fds(self._ours, [msgspec.json.encode(order)], handed)
        return int(self._ours.recv(MESSAGE_MAX))


class Server:
    """One shop behind an address that stays the same however often its process is killed."""

    def __init__(self, servers: Servers, order: Order) -> None:
        self._servers = servers
        self.order = order
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)
        self._alive = -1
        self.pid = 0
        host, port = self._listener.getsockname()
        # Each its own connection: one that a dead process held would answer for the next.
        limits = httpx2.Limits(max_keepalive_connections=0, max_connections=None)
        self.http = httpx2.AsyncClient(
            base_url=f"http://{host}:{port}", limits=limits, timeout=_ANSWER_S
        )
        books = order.settings.get("sandbox_file", "")
        self.storefront = Storefront(self.http, books=books)

    @property
    def log(self) -> str:
        """What its processes have said."""
        return Path(self.order.log).read_text(errors="replace")

    @property
    def is_dead(self) -> bool:
        """Tell whether its process has ended."""
        return bool(select.select([self._alive], [], [], 0)[0])

    async def start(self, **changed: Any) -> float:
        """Start its process, with what is changed of its order; returns seconds until ready."""
        self.order = msgspec.structs.replace(self.order, **changed)
        began = time.monotonic()
        if self._alive >= 0:
            os.close(self._alive)
        self._alive, theirs = os.pipe()
        try:
            self.pid = self._servers.spawn(self.order, self._listener.fileno(), theirs)
        finally:
            os.close(theirs)
        while not await self._is_ready():
            assert not self.is_dead, f"the server ended: {self.log}"
            assert time.monotonic() < began + _START_S, f"the server is not ready: {self.log}"
        return time.monotonic() - began

    async def died(self, within_s: float = 10.0) -> None:
        """Wait until its process has ended by itself."""
        until = time.monotonic() + within_s
        while not self.is_dead:
            assert time.monotonic() < until, f"the server lives: {self.log}"
            await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """Kill -9 its process, if there is one."""
        if self._alive >= 0 and not self.is_dead:
            os.kill(self.pid, signal.SIGKILL)
            await self.died()

    async def close(self) -> None:
        """End it for good."""
        await self.kill()
        await self.http.aclose()
        self._listener.close()
        if self._alive >= 0:
            os.close(self._alive)

    async def _is_ready(self) -> bool:
        try:
            return (await self.http.get("/ready", timeout=1.0)).status_code == 200
        except httpx2.TransportError:
            await asyncio.sleep(0.02)
            return False
