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
import random
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stderr
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
import uvloop
from msgspec import Struct
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import create_async_engine
from tests.bench.builds.processes import used_by_family
from tests.bench.builds.serving import make_app, settings_of

from koipond.app import make_shop, set_up
from koipond.catalog.service import save_products
from koipond.catalog.types import ProductDraft, Saved, Telling, VariantDraft
from koipond.channel import service as channels
from koipond.kernel.ids import VariantId, encode
from koipond.kernel.viewer import GUEST
from koipond.stock.service import receive
from koipond.stock.types import StockReceipt
from koipond_sdk.testing.postgres import Postgres

BUILDS = ("floor", "none", "all")
CALLERS, VARIANTS, UNITS = 8, 3, 10**6
BATCH = 250
# Of so many products the last ones are asked for and bought.
SOLD = 200
# {operation: the most that it may cost, as a multiple of the floor}; PERFORMANCE of the peers is
# an order of magnitude above.
X_FLOOR = {"q3": 2.5, "q1": 2.5, "q2_20": 2.5, "q2_100": 2.0, "m1": 4.0}
SQL = {"q3": 0, "q1": 2, "q2_20": 2, "q2_100": 2, "m1": 25, "m1_cart": 25}
GROWTH_X, OFFER_X, MEMORY_MB = 1.3, 1.5, 150

_PRICE = "price { amount currency }"
_OFFER = "offer { price { amount currency } }"
_PRODUCT = """query q1($slug: String!) {{ product(slug: $slug) {{
  id slug name description variants {{ id sku {wanted} availability {{ state quantityAtMost }} }}
}} }}"""
_PAGE = """query q2($first: Int!) {{ products(first: $first) {{
  nodes {{ id name slug variants {{ id sku {wanted} }} }}
}} }}"""
_CHECKOUT = """mutation m1($variantId: ID!, $email: String!, $key: String!) {
  placeOrder(input: {lines: [{variantId: $variantId, quantity: 1}], idempotencyKey: $key,
    contact: {name: "Lin", email: $email}, payment: {provider: "sandbox"}}) {
    order { state number total { amount currency } } userErrors { code message }
  }
}"""
_FILL = """mutation fill($variantId: ID!) {
  addToCart(input: {variantId: $variantId, quantity: 1}) { token userErrors { code message } }
}"""
_CONTACT = """mutation contact($token: String!, $email: String!) {
  setCheckout(input: {token: $token, contact: {name: "Lin", email: $email}}) {
    order { total { amount } } userErrors { code message }
  }
}"""
_PLACE = """mutation place($token: String!, $key: String!) {
  placeOrder(input: {token: $token, idempotencyKey: $key, payment: {provider: "sandbox"}}) {
    order { state number total { amount currency } } userErrors { code message }
  }
}"""
DOCUMENTS = {
    "q3": "query q3 { __typename }",
    "q1": _PRODUCT.format(wanted=_PRICE),
    "q1_offer": _PRODUCT.format(wanted=_OFFER),
    "q2_20": _PAGE.format(wanted=_PRICE),
    "q2_20_offer": _PAGE.format(wanted=_OFFER),
    "q2_100": _PAGE.format(wanted=_PRICE),
    "m1": _CHECKOUT,
    "m1_cart": "",
}
# What the floor is asked in the place of an operation that it does not have.
FLOOR_OF = {"q1_offer": "q1", "q2_20_offer": "q2_20", "m1_cart": "m1"}

Post = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Goods(NamedTuple):
    """What can be asked for: {slug: variants} of some products."""

    products: Mapping[str, Sequence[VariantId]]

    def slug(self) -> str:
        """Choose a product."""
        return random.choice(list(self.products))

    def variant(self) -> UUID:
        """Choose a variant."""
        return random.choice(self.products[self.slug()])


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


async def ask(operation: str, post: Post, goods: Goods) -> None:
    """Ask for one operation, and check that it is answered."""
    match operation.split("_"):
        case "q3", *_:
            assert await post(DOCUMENTS[operation], {}) == {"__typename": "Query"}
        case "q1", *_:
            slug = goods.slug()
            found = (await post(DOCUMENTS[operation], {"slug": slug}))["product"]
            assert found["slug"] == slug
            assert len(found["variants"]) == VARIANTS
        case "q2", first, *_:
            found = await post(DOCUMENTS[operation], {"first": int(first)})
            nodes = found["products"]["nodes"]
            assert [len(one["variants"]) for one in nodes] == [VARIANTS] * int(first)
        case "m1", "cart":
            await _buy_by_cart(post, goods)
        case "m1", *_:
            variant = goods.variant()
            given = {"variantId": encode(VariantId, variant), "floorVariantId": str(variant)}
            given |= {"email": f"{uuid4().hex}@example.org", "key": str(uuid4())}
            _check_bought(await post(_CHECKOUT, given))


async def _buy_by_cart(post: Post, goods: Goods) -> None:
    filled = (await post(_FILL, {"variantId": encode(VariantId, goods.variant())}))["addToCart"]
    assert filled["userErrors"] == []
    token, email = filled["token"], f"{uuid4().hex}@example.org"
    contact = await post(_CONTACT, {"token": token, "email": email})
    assert contact["setCheckout"]["userErrors"] == []
    _check_bought(await post(_PLACE, {"token": token, "key": str(uuid4())}))


def _check_bought(answered: Mapping[str, Any]) -> None:
    bought = answered["placeOrder"]
    assert bought["userErrors"] == [], bought
    assert bought["order"]["state"] == "CONFIRMED"


async def fill(url: str, count: int) -> Goods:
    """Make a shop of `count` products at `url`; the last ones have something to sell."""
    settings = settings_of(url)
    await set_up(settings)
    shop = make_shop(settings, [])
    products: dict[str, Sequence[VariantId]] = {}
    try:
        async with shop.context(viewer=GUEST) as outside:
            scope = await channels.choose_scope(outside)
        telling = Telling(
            locale=scope.locales[0], channel_id=scope.channel_id, currency=scope.currency
        )
        began = time.perf_counter()
        for start in range(0, count, BATCH):
            places = range(start, min(start + BATCH, count))
            async with shop.context(viewer=GUEST, scope=scope) as ctx:
                made = await save_products(ctx, [_draft(place) for place in places], telling)
            _progress(f"{places[-1] + 1:,} of {count:,} products", began)
            if count - SOLD <= places[-1]:
                saved = [one for one in made if isinstance(one, Saved)]
                named = zip((f"tea-{place}" for place in places), saved, strict=True)
                products |= {slug: [*one.variants.values()] for slug, one in named}
        receipts = [
            StockReceipt(variant_id=key, quantity=UNITS)
            for variants in products.values()
            for key in variants
        ]
        async with shop.context(viewer=GUEST, scope=scope) as ctx:
            await receive(ctx, receipts)
        async with shop.database.writer.begin() as connection:
            await connection.execute(text("ANALYZE"))
    finally:
        await shop.close()
    return Goods(products)


def _draft(place: int) -> ProductDraft:
    variants = tuple(
        VariantDraft(sku=f"TEA-{place}-{nth}", price_minor=10_00 + nth, track_stock=True)
        for nth in range(VARIANTS)
    )
    return ProductDraft(
        slug=f"tea-{place}",
        name=f"Tea {place}",
        description="<p>Picked by hand before the rains, and fired the same day.</p>",
        variants=variants,
    )


def _progress(said: str, began: float) -> None:
    sys.stderr.write(f"\r{said}, {time.perf_counter() - began:.0f} s ")
    sys.stderr.flush()


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
    # What the app logs of each request belongs into no figure.
    async with AsyncExitStack() as stack:
        stack.enter_context(redirect_stderr(io.StringIO()))
        await stack.enter_async_context(app.lifespan())
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
        memory = every.memory_mb
    statements = await count_statements("all", url, goods)
    found: dict[str, Any] = {
        operation: figures(rounds, operation, statements[operation]) for operation in DOCUMENTS
    }
    return {**found, "memory_mb": round(memory)}


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
