"""What the bench asks a build with: callers without a pause, and what answering them took."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.bench.builds.operations import Post
from tests.bench.builds.processes import used_by_family

from koipond_sdk.testing.postgres import Postgres

CALLERS = 8


class Round(Struct, frozen=True):
    """What one operation came to; milliseconds of CPU are for one."""

    app_ms: float
    pg_ms: float
    per_s: float
    took_ms: Sequence[float]

    @property
    def cpu_ms(self) -> float:
        """Of the process and of PostgreSQL."""
        return self.app_ms + self.pg_ms


class Serving(NamedTuple):
    """A build that is served by a process of its own."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def cpu_s(self) -> float:
        """What it has used of the processor."""
        return used_by_family(self.process.pid)

    @property
    def memory_mb(self) -> float:
        """What it has used of the memory at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@asynccontextmanager
async def serving(build: str, url: str) -> AsyncIterator[Serving]:
    """Lend a build that serves the database at `url`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        command = [sys.executable, "-m", "tests.bench.builds.serving", build, url]
        descriptor = listener.fileno()
        process = subprocess.Popen(  # noqa: ASYNC220  nothing else runs meanwhile
            [*command, str(descriptor)],
            pass_fds=[descriptor],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Serving(process, listener.getsockname()[1])
        finally:
            process.terminate()
            process.wait()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Post]:
    """Lend what posts documents over one connection, and returns the data of their answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    )

    async def post(document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        asked = {"query": document, "variables": variables, "operationName": name_of(document)}
        body = msgspec.json.encode(asked)
        writer.write(f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        headers = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(headers.partition(b"content-length:")[2].split(b"\r\n")[0])
        return data_of(await reader.readexactly(length))

    try:
        yield post
    finally:
        writer.close()


def name_of(document: str) -> str:
    """Return what a document calls its operation."""
    return document.split()[1].partition("(")[0]


def data_of(body: bytes) -> dict[str, Any]:
    """Return the data of an answer, which tells of no errors."""
    answer: dict[str, Any] = msgspec.json.decode(body)
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


async def run(
    build: Serving,
    ask: Callable[[Post], Awaitable[None]],
    *,
    seconds: float,
    database_cpu: Callable[[], float],
    callers: int = CALLERS,
) -> Round:
    """Let the callers ask without a pause."""
    took: list[float] = []

    async def call() -> None:
        async with connected(build.port) as post:
            while (asked := time.perf_counter()) < began + seconds:
                await ask(post)
                took.append((time.perf_counter() - asked) * 1e3)

    app, database, began = build.cpu_s, database_cpu(), time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    passed, count = time.perf_counter() - began, len(took)
    return Round(
        app_ms=(build.cpu_s - app) / count * 1e3,
        pg_ms=(database_cpu() - database) / count * 1e3,
        per_s=count / passed,
        took_ms=took,
    )


async def until_ready(port: int) -> None:
    """Wait until the build at `port` answers."""
    async with asyncio.timeout(60), connected(port) as post:
        await post("query q3 { __typename }", {})


def ratio(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return how many times the CPU of the other one takes."""
    both = [it["app_ms"] + it["pg_ms"] for it in (one, other)]
    return round(both[0] / both[1], 2)


def table(found: Mapping[str, Any]) -> str:
    """Return the figures as lines to read."""
    names = next(iter(found.values())).keys()
    lines = ["".join(f"{one:>12}" for one in ("", *names))]
    for operation, told in found.items():
        if isinstance(told, dict):
            lines.append("".join(f"{one:>12}" for one in (operation, *told.values())))
    return "\n".join(lines) + "\n"


async def make_database(server: Postgres, name: str) -> str:
    """Make a database; returns its address."""
    engine = create_async_engine(server.url(), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return server.url(name)
