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
import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median, quantiles
from typing import Any

import msgspec
import uvloop
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import create_async_engine
from tests.bench.builds.asking import (
    Round,
    data_of,
    make_database,
    name_of,
    ratio,
    run,
    serving,
    table,
    until_ready,
)
from tests.bench.builds.filling import fill
from tests.bench.builds.operations import DOCUMENTS, Goods, ask
from tests.bench.builds.processes import used_by_family
from tests.bench.builds.serving import make_app

from koipond.kernel.logs import configure
from koipond_sdk.testing.postgres import Postgres

BUILDS = ("floor", "none", "all")
# {operation: the most that it may cost, as a multiple of the floor}
X_FLOOR = {"q3": 2.5, "q1": 2.5, "q2_20": 2.5, "q2_100": 2.0, "m1": 4.0}
SQL = {"q3": 0, "q1": 2, "q2_20": 2, "q2_100": 2, "m1": 25, "m1_cart": 25}
GROWTH_X, OFFER_X, MEMORY_MB = 1.3, 1.5, 150

# What the floor is asked in the place of an operation that it does not have.
FLOOR_OF = {"q1_offer": "q1", "q2_20_offer": "q2_20", "m1_cart": "m1"}


async def count_statements(build: str, url: str, goods: Goods) -> dict[str, int]:
    """Return {operation: statements for one}, without those that begin and end transactions."""
    app, sent = make_app(build, url), []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    async def post(document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        asked = {"query": document, "variables": variables, "operationName": name_of(document)}
        return data_of(await _call(app, msgspec.json.encode(asked)))

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
                        partial(ask, operation, goods=goods),
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
    told: dict[str, Any] = {**first, "offer_x": ratio(first["q2_20_offer"], first["q2_20"])}
    for size, found in zip(options.products[1:], others, strict=True):
        told[f"of_{size}"] = found
        reads = [one for one in DOCUMENTS if one.startswith("q") and one != "q3"]
        told["growth_x"] = {one: ratio(found[one], first[one]) for one in reads}
    return told


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
