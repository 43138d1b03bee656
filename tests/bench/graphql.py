"""What requests cost over HTTP; prints one JSON object on its last line.

    make bench ONLY=graphql [ARGS="--rounds 1 --products 1000"]

Each build is served by one process of its own, on one PostgreSQL that flushes each commit: `floor`
(builds/floor.py, the least that the work can cost), `none` (a shop without plugins), `all` (with
every plugin that is installed). They are asked in turns, by 8 callers without a pause.
q3                       { __typename }
q1, q1_offer             a product by its slug: 3 variants, price or offer, availability
q2_20, q2_100, …_offer   a page of 20 or 100 products with their variants, price or offer
m1                       a guest's checkout in one request, paid; m1_cart: in three, with a cart
Of each: app_ms, pg_ms   CPU of the serving process and of PostgreSQL for one, the median round
         sql             statements for one
         x_floor         CPU of both against the floor's, from the same rounds
         x_plugins       the same against the shop without plugins
         per_s, p50_ms, p99_ms
What has 100,000 products in its name was asked of a catalogue that large; growth_x is its CPU
against that with 1,000. memory_mb is what a process with all plugins has used at most.
"""

import argparse
import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import msgspec
import uvloop
from msgspec import Struct
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import create_async_engine
from tests.bench.builds.filling import fill
from tests.bench.builds.operations import DOCUMENTS, Goods, Post, ask
from tests.bench.builds.processes import used_by_family
from tests.bench.builds.serving import make_app

from koipond.kernel.logs import configure
from koipond_sdk.testing.postgres import Postgres

BUILDS = ("floor", "none", "all")
CALLERS = 8
# {operation: the most that it may cost, as a multiple of the floor}
X_FLOOR = {"q3": 2.5, "q1": 2.5, "q2_20": 2.5, "q2_100": 2.0, "m1": 4.0}
SQL = {"q3": 0, "q1": 2, "q2_20": 2, "q2_100": 2, "m1": 25, "m1_cart": 25}
GROWTH_X, OFFER_X, MEMORY_MB = 1.3, 1.5, 150

# What the floor is asked in the place of an operation that it does not have.
FLOOR_OF = {"q1_offer": "q1", "q2_20_offer": "q2_20", "m1_cart": "m1"}


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
        asked = {"query": document, "variables": variables, "operationName": _name_of(document)}
        body = msgspec.json.encode(asked)
        writer.write(f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        headers = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(headers.partition(b"content-length:")[2].split(b"\r\n")[0])
        return _data_of(await reader.readexactly(length))

    try:
        yield post
    finally:
        writer.close()


def _name_of(document: str) -> str:
    return document.split()[1].partition("(")[0]


def _data_of(body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.json.decode(body)
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


async def run(
    build: Serving,
    operation: str,
    goods: Goods,
    *,
    seconds: float,
    database_cpu: Callable[[], float],
) -> Round:
    """Let the callers ask without a pause."""
    took: list[float] = []

    async def call() -> None:
        async with connected(build.port) as post:
            while (asked := time.perf_counter()) < began + seconds:
                await ask(operation, post, goods)
                took.append((time.perf_counter() - asked) * 1e3)

    app, database, began = build.cpu_s, database_cpu(), time.perf_counter()
    await asyncio.gather(*(call() for _ in range(CALLERS)))
    passed, count = time.perf_counter() - began, len(took)
    return Round(
        app_ms=(build.cpu_s - app) / count * 1e3,
        pg_ms=(database_cpu() - database) / count * 1e3,
        per_s=count / passed,
        took_ms=took,
    )


async def count_statements(build: str, url: str, goods: Goods) -> dict[str, int]:
    """Return {operation: statements for one}, without those that begin and end transactions."""
    app, sent = make_app(build, url), []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    async def post(document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        asked = {"query": document, "variables": variables, "operationName": _name_of(document)}
        return _data_of(await _call(app, msgspec.json.encode(asked)))

    counts = {}
    # What the app logs of each request is nobody's to read here.
    configure(production=True, stream=io.StringIO())
    async with app.lifespan():
        for operation in DOCUMENTS:
            # The first time fills what is kept between requests.
            await ask(operation, post, goods)
            sent.clear()
            event.listen(Engine, "before_cursor_execute", note)
            try:
                await ask(operation, post, goods)
            finally:
                event.remove(Engine, "before_cursor_execute", note)
            counts[operation] = sum(not one.startswith("BEGIN") for one in sent)
    return counts


async def _call(app: Any, body: bytes) -> bytes:
    """Answer one request in this process."""
    told = bytearray()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        told.extend(message.get("body", b""))

    headers = [(b"content-type", b"application/json"), (b"host", b"localhost")]
    headers.append((b"content-length", str(len(body)).encode()))
    where = {"path": "/graphql", "raw_path": b"/graphql", "root_path": "", "query_string": b""}
    scope = {"type": "http", "method": "POST", "headers": headers, "scheme": "http", **where}
    scope |= {"http_version": "1.1", "asgi": {"version": "3.0"}}
    scope |= {"client": ("127.0.0.1", 1), "server": ("localhost", 80)}
    await app(scope, receive, send)
    return bytes(told)


async def measure(
    url: str, goods: Goods, database_cpu: Callable[[], float], options: argparse.Namespace
) -> dict[str, Any]:
    """Return {operation: its figures} for the shop at `url`."""
    rounds: dict[tuple[str, str], list[Round]] = {}
    async with (
        serving("floor", url) as floor,
        serving("none", url) as none,
        serving("all", url) as every,
    ):
        builds = dict(zip(BUILDS, (floor, none, every), strict=True))
        for build in builds.values():
            await until_ready(build.port)
        for turn in range(options.rounds + 1):
            for operation in DOCUMENTS:
                for name, build in builds.items():
                    if name == "floor" and operation in FLOOR_OF:
                        continue
                    # The first is to warm up: each connection plans a statement anew five times.
                    done = await run(
                        build,
                        operation,
                        goods,
                        seconds=options.seconds if turn else options.seconds / 2,
                        database_cpu=database_cpu,
                    )
                    if turn:
                        rounds.setdefault((name, operation), []).append(done)
            if not turn:
                await settle(url)
        memory = every.memory_mb
    statements = await count_statements("all", url, goods)
    found: dict[str, Any] = {
        operation: figures(rounds, operation, statements[operation]) for operation in DOCUMENTS
    }
    return {**found, "memory_mb": round(memory)}


async def settle(url: str) -> None:
    """Let PostgreSQL see how large the tables are by now, as it does by itself every few minutes.

    Else plans from when they were empty read all of them, ever more: the floor's most of all, which
    would flatter what is measured against it.
    """
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text("ANALYZE"))
    await engine.dispose()


async def until_ready(port: int) -> None:
    """Wait until the build at `port` answers."""
    async with asyncio.timeout(60), connected(port) as post:
        await post(DOCUMENTS["q3"], {})


def figures(
    rounds: Mapping[tuple[str, str], Sequence[Round]], operation: str, statements: int
) -> dict[str, float]:
    """Tell what an operation came to with all plugins."""
    mine = rounds["all", operation]
    cpu = median(one.cpu_ms for one in mine)
    floor = median(one.cpu_ms for one in rounds["floor", FLOOR_OF.get(operation, operation)])
    bare = median(one.cpu_ms for one in rounds["none", operation])
    took = [one for done in mine for one in done.took_ms]
    return {
        "app_ms": round(median(one.app_ms for one in mine), 3),
        "pg_ms": round(median(one.pg_ms for one in mine), 3),
        "sql": statements,
        "x_floor": round(cpu / floor, 2),
        "x_plugins": round(cpu / bare, 2),
        "floor_ms": round(floor, 3),
        "per_s": round(max(one.per_s for one in mine)),
        "p50_ms": round(median(took), 2),
        "p99_ms": round(quantiles(took, n=100)[-1], 2),
    }


def find_missed(told: Mapping[str, Any], sizes: Sequence[int]) -> list[str]:
    """Return the names of the figures that are above what they should be."""
    small = told
    missed = [f"{one}.x_floor" for one, most in X_FLOOR.items() if small[one]["x_floor"] > most]
    missed += [f"{one}.sql" for one, most in SQL.items() if small[one]["sql"] > most]
    if told["offer_x"] > OFFER_X:
        missed.append("offer_x")
    if told["memory_mb"] > MEMORY_MB:
        missed.append("memory_mb")
    if len(sizes) > 1:
        grown = told["growth_x"]
        missed += [f"growth_x.{one}" for one, found in grown.items() if found > GROWTH_X]
    return missed


async def compare(server: Postgres, options: argparse.Namespace) -> dict[str, Any]:
    """Measure shops of each size."""
    pid = int((server.home / "data" / "postmaster.pid").read_text().split()[0])
    by_size: dict[int, dict[str, Any]] = {}
    for size in options.products:
        url = await make_database(server, f"shop_{size}")
        goods = await fill(url, size)
        found = await measure(url, goods, lambda: used_by_family(pid), options)
        sys.stdout.write(f"\n{size:,} products:\n{table(found)}")
        sys.stdout.flush()
        by_size[size] = found
    first, *others = by_size.values()
    told: dict[str, Any] = {**first, "offer_x": _ratio(first["q2_20_offer"], first["q2_20"])}
    for size, found in zip(options.products[1:], others, strict=True):
        told[f"of_{size}"] = found
        reads = [one for one in DOCUMENTS if one.startswith("q") and one != "q3"]
        told["growth_x"] = {one: _ratio(found[one], first[one]) for one in reads}
    return told


def _ratio(one: Mapping[str, float], other: Mapping[str, float]) -> float:
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


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--products", type=int, nargs="+", default=[1_000, 100_000])
    options = parser.parse_args([*arguments])
    load = os.getloadavg()[0]
    with Postgres(durable=True) as server:
        told = uvloop.run(compare(server, options))
    missed = find_missed(told, options.products)
    sys.stdout.write(json.dumps({**told, "missed": missed, "load": load}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
