"""What a placed and paid order costs; prints one JSON object on its last line.

    make bench ONLY=orders [ARGS="--seconds 3 --rounds 3"]

The best of the rounds, on a server and a file that flush each commit to the disk.
reserve_…, refuse_…      reservations a second, as tests/bench/quota.py measures them
place_app_ms, _pg_ms     CPU of this process and of PostgreSQL's for one order: through the service,
                         one line of one hot variant, the sandbox's payment, 32 callers
place_vs_naive_hot_x     orders a second against builds/naive.py, in turns, 32 callers
place_vs_naive_idle_x    the same with one caller
sql_per_order            statements that the process sends for an order, of a guest who is new

--only place leaves the reservations out; --profile also tells where the time of this process goes.
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import uvloop
from sqlalchemy import event, func, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import create_async_engine
from tests.bench import quota as reserving
from tests.bench.builds import naive
from tests.bench.builds.processes import used_by_family

from koipond.app import make_shop, set_up
from koipond.catalog.service import save_products
from koipond.catalog.types import ProductDraft, Saved, Telling, VariantDraft
from koipond.channel import service as channels
from koipond.duties import AUDITS
from koipond.kernel.context import Scope, Shop
from koipond.kernel.ids import VariantId, encode
from koipond.kernel.invariants import run_audits
from koipond.kernel.quantity import Quantity
from koipond.kernel.viewer import GUEST
from koipond.member.types import Contact
from koipond.order import service as orders
from koipond.order.tables import order as order_table
from koipond.order.types import CheckoutDetails, LineWish, OrderState, OrderWish, PaymentWish
from koipond.payment.types import PaymentProvider
from koipond.quota.tables import quota as quota_table
from koipond.settings import ChannelSettings, Settings
from koipond.stock.service import receive
from koipond.stock.types import StockReceipt
from koipond_sdk.testing.postgres import Postgres

CHANNEL = ChannelSettings(code="main", name="Main", currencies=("EUR",), locales=("en",))
CALLERS = 32
UNITS = 10**9
WARM_UP = 12
TARGETS = {
    **reserving.TARGETS,
    "place_app_ms": 3.0,
    "place_pg_ms": 2.0,
    "place_vs_naive_hot_x": 2.0,
    "place_vs_naive_idle_x": 0.85,
}
RESERVING = [name for name in reserving.FIGURES if name in reserving.TARGETS]

Buy = Callable[[str], Awaitable[None]]


class Stand(NamedTuple):
    """A shop with one variant of which there is no end, and what counts its database's CPU."""

    shop: Shop
    scope: Scope
    variant_id: VariantId
    database_cpu: Callable[[], float]


class Round(NamedTuple):
    """What one run came to; milliseconds are CPU for one order."""

    per_s: float
    app_ms: float
    database_ms: float


def ours(stand: Stand) -> Buy:
    """Return what places and pays an order as the API does."""
    variant = encode(VariantId, stand.variant_id)

    async def buy(email: str) -> None:
        wish = OrderWish(
            idempotency_key=str(uuid4()),
            lines=(LineWish(variant_id=variant, quantity=Quantity(1)),),
            details=CheckoutDetails(contact=Contact(name="Lin", email=email)),
            payments=(PaymentWish(provider="sandbox"),),
        )
        async with stand.shop.context(viewer=GUEST, scope=stand.scope) as ctx:
            placed = await orders.place_order(ctx, wish)
            assert placed.order.state is OrderState.CONFIRMED

    return buy


def naively(stand: Stand) -> Buy:
    """Return what does so in one transaction, and another one for the payment."""
    sandbox = stand.shop.providers[PaymentProvider]["sandbox"]
    engine = stand.shop.database._writer

    async def buy(email: str) -> None:
        bought = await naive.buy(engine, stand.scope, stand.variant_id, email, sandbox)
        assert bought["state"] == "confirmed"

    return buy


@asynccontextmanager
async def opened(url: str, database_cpu: Callable[[], float]) -> AsyncIterator[Stand]:
    """Lend a shop on the empty database at `url`, with something to sell."""
    settings = Settings(database_url=url, channels=(CHANNEL,))
    await set_up(settings, [])
    shop = make_shop(settings, [])
    try:
        async with shop.context(viewer=GUEST) as outside:
            ctx = outside.at(await channels.choose_scope(outside))
            tea = ProductDraft(
                slug="tea",
                name="Green tea",
                variants=(VariantDraft(sku="TEA-1", price_minor=12_50, track_stock=True),),
            )
            telling = Telling(
                locale=ctx.scope.locales[0],
                channel_id=ctx.scope.channel_id,
                currency=ctx.scope.currency,
            )
            (saved,) = await save_products(ctx, [tea], telling)
            assert isinstance(saved, Saved)
            variant_id = saved.variants["TEA-1"]
            await receive(ctx, [StockReceipt(variant_id=variant_id, quantity=UNITS)])
            yield Stand(shop, ctx.scope, variant_id, database_cpu)
    finally:
        await shop.close()


async def run(stand: Stand, buy: Buy, *, callers: int, seconds: float) -> Round:
    """Let `callers` buy without a pause, each time as somebody else."""
    bought = 0
    app, database, began = time.process_time(), stand.database_cpu(), time.perf_counter()

    async def call() -> None:
        nonlocal bought
        while time.perf_counter() < began + seconds:
            await buy(f"{uuid4()}@example.org")
            bought += 1

    await asyncio.gather(*(call() for _ in range(callers)))
    took = time.perf_counter() - began
    app, database = time.process_time() - app, stand.database_cpu() - database
    return Round(bought / took, app / bought * 1e3, database / bought * 1e3)


async def warm_up(stand: Stand, buy: Buy) -> None:
    """Fill caches and tables, and let PostgreSQL see that they are not empty.

    Each connection plans a statement anew the first five times.
    """
    for _ in range(WARM_UP):
        await asyncio.gather(*(buy(f"{uuid4()}@example.org") for _ in range(CALLERS)))
    async with stand.shop.database.writer.begin() as connection:
        await connection.execute(text("ANALYZE"))


async def count_statements(buy: Buy) -> int:
    """Return how many statements one order takes, without those that begin and end transactions."""
    sent = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await buy("lin@example.org")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return sum(not statement.startswith("BEGIN") for statement in sent)


async def check(stand: Stand) -> None:
    """Assert that as many units are gone as orders are confirmed, and what must always hold."""
    async with stand.shop.database.reading() as db:
        states = await db.execute(
            select(order_table.c.state, func.count()).group_by(order_table.c.state)
        )
        taken = (await db.execute(select(quota_table.c.taken))).scalar_one()
    assert dict(states.all()) == {OrderState.CONFIRMED: taken}
    assert await run_audits(stand.shop, AUDITS) == []


async def compare(
    urls: dict[str, str], server: int, options: argparse.Namespace
) -> dict[str, float]:
    """Measure ours and the naive build in turns, on PostgreSQL."""

    def cpu() -> float:
        return used_by_family(server)

    rounds: dict[str, list[Round]] = {}
    async with opened(urls["ours"], cpu) as stand, opened(urls["naive"], cpu) as other:
        builds = {"ours": (stand, ours(stand)), "naive": (other, naively(other))}
        for it, buy in builds.values():
            await warm_up(it, buy)
        for _ in range(options.rounds):
            for callers in (CALLERS, 1):
                for name, (it, buy) in builds.items():
                    done = await run(it, buy, callers=callers, seconds=options.seconds)
                    rounds.setdefault(f"{name}, {callers} callers", []).append(done)
        statements = {name: await count_statements(buy) for name, (_, buy) in builds.items()}
        for it, _ in builds.values():
            await check(it)
    say(rounds)
    best = {name: max(one.per_s for one in found) for name, found in rounds.items()}
    busy = rounds[f"ours, {CALLERS} callers"]
    return {
        "place_app_ms": round(min(one.app_ms for one in busy), 2),
        "place_pg_ms": round(min(one.database_ms for one in busy), 2),
        "place_vs_naive_hot_x": _ratio(best, CALLERS),
        "place_vs_naive_idle_x": _ratio(best, 1),
        "sql_per_order": statements["ours"],
        "sql_per_naive_order": statements["naive"],
    }


async def measure_sqlite(url: str, options: argparse.Namespace) -> dict[str, float]:
    """Measure ours on the embedded database, for information."""
    async with opened(url, lambda: 0.0) as stand:
        buy = ours(stand)
        await warm_up(stand, buy)
        rounds = [
            await run(stand, buy, callers=CALLERS, seconds=options.seconds)
            for _ in range(options.rounds)
        ]
        await check(stand)
    say({f"ours on SQLite, {CALLERS} callers": rounds})
    return {"place_sqlite_app_ms": round(min(one.app_ms for one in rounds), 2)}


def say(rounds: dict[str, list[Round]]) -> None:
    for name, found in rounds.items():
        said = ", ".join(
            f"{one.per_s:.0f}/s ({one.app_ms:.2f} + {one.database_ms:.2f} ms)" for one in found
        )
        sys.stdout.write(f"{name}: {said}\n")
    sys.stdout.flush()


def _ratio(best: dict[str, float], callers: int) -> float:
    both = best[f"ours, {callers} callers"], best[f"naive, {callers} callers"]
    return round(both[0] / both[1], 2)


async def make_databases(server: Postgres) -> dict[str, str]:
    """Make one database for each build; returns their addresses."""
    engine = create_async_engine(server.url(), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for name in ("ours", "naive"):
            await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return {name: server.url(name) for name in ("ours", "naive")}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("reserve", "place"))
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args([*arguments])
    options.callers = 128
    load = os.getloadavg()[0]
    figures: dict[str, float] = {}
    with Postgres(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        profile = cProfile.Profile()
        if options.profile:
            profile.enable()
        if options.only != "reserve":
            pid = int((server.home / "data" / "postmaster.pid").read_text().split()[0])
            urls = uvloop.run(make_databases(server))
            figures |= uvloop.run(compare(urls, pid, options))
            figures |= uvloop.run(measure_sqlite(f"sqlite:///{Path(folder) / 'shop.db'}", options))
        if options.only != "place":
            urls = {
                "postgresql": server.url(),
                "sqlite": f"sqlite:///{Path(folder) / 'quota.db'}",
            }
            figures |= {name: reserving.best(urls, name, options)["per_s"] for name in RESERVING}
        if options.profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(60)
    missed = [name for name in TARGETS if name in figures and not _is_met(name, figures[name])]
    sys.stdout.write(json.dumps({**figures, "missed": missed, "load": load}) + "\n")


def _is_met(name: str, found: float) -> bool:
    target = TARGETS[name]
    return found <= target if name.endswith("_ms") else found >= target


if __name__ == "__main__":
    main(sys.argv[1:])
