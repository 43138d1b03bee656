"""How many reservations a process makes in a second; prints one JSON object on its last line.

    make bench ONLY=quota [ARGS="--seconds 3 --rounds 3 --callers 128"]

Granted through the service, on a server and a file that flush each commit to the disk: one hot
quota, distinct members, a limit of 2; the best of the rounds. --profile tells
where the time of this process goes.
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

import uvloop
from sqlalchemy import Connection

from koipond.app import make_shop
from koipond.kernel.context import Context, Shop
from koipond.kernel.db import metadata
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import OwnerId, QuotaId, SubjectId, new_id
from koipond.kernel.viewer import GUEST
from koipond.quota import service as quota
from koipond.quota import tables
from koipond.quota.types import Claim, QuotaSpec
from koipond.settings import Settings
from koipond_sdk.testing.postgres import Postgres

Ask = Callable[[Context], Awaitable[object]]
TABLES = [tables.quota, tables.reservation, tables.quota_change, tables.quota_excess]
HOT, STOCK, LIMIT, SOLD_OUT = (QuotaId(new_id()) for _ in range(4))
QUOTAS = [
    QuotaSpec(id=HOT, capacity=10**9, subject_limit=2),
    QuotaSpec(id=STOCK, capacity=10**9),
    QuotaSpec(id=LIMIT, subject_limit=5),
    QuotaSpec(id=SOLD_OUT, capacity=0, subject_limit=2),
]
TARGETS = {
    "reserve_pg_per_s": 10_000,
    "reserve_sqlite_per_s": 7_000,
    "reserve3_pg_per_s": 4_000,
    "refuse_pg_per_s": 20_000,
}


def claiming(*quotas: QuotaId) -> Ask:
    """Return what asks for one unit of each of `quotas`, for a new member and order each time."""

    async def ask(ctx: Context) -> object:
        subject = SubjectId(new_id())
        claims = [Claim(quota_id=one, subject_id=subject) for one in quotas]
        try:
            return await quota.reserve(ctx, OwnerId(new_id()), claims)
        except DomainError as refusal:
            return refusal

    return ask


FIGURES: dict[str, tuple[str, Ask]] = {
    "reserve_pg_per_s": ("postgresql", claiming(HOT)),
    "reserve3_pg_per_s": ("postgresql", claiming(STOCK, HOT, LIMIT)),
    "refuse_pg_per_s": ("postgresql", claiming(SOLD_OUT)),
    "reserve_sqlite_per_s": ("sqlite", claiming(HOT)),
    "reserve3_sqlite_per_s": ("sqlite", claiming(STOCK, HOT, LIMIT)),
    "refuse_sqlite_per_s": ("sqlite", claiming(SOLD_OUT)),
}


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Shop]:
    """Lend a shop on the empty database at `url`, with the quotas of this bench."""
    shop = make_shop(Settings(database_url=url), [])
    try:
        async with shop.database.writer.begin() as connection:
            await connection.run_sync(make_tables)
        async with shop.context(viewer=GUEST) as ctx:
            await quota.create(ctx, QUOTAS)
        yield shop
    finally:
        await shop.close()


def make_tables(connection: Connection) -> None:
    metadata.drop_all(connection, tables=TABLES)
    metadata.create_all(connection, tables=TABLES)


async def measure(url: str, ask: Ask, *, callers: int, seconds: float) -> dict[str, float]:
    """Return how many were answered per second, in batches of how many, after a short warm-up."""
    async with opened(url) as shop:
        await run(shop, ask, callers=callers, seconds=0.5)
        desk = shop.desk
        assert desk is not None
        before, used = desk.batches, time.process_time()
        asked, took = await run(shop, ask, callers=callers, seconds=seconds)
        used = time.process_time() - used
        async with shop.context(viewer=GUEST) as ctx:
            assert await quota.audit(ctx) == []
        return {
            "per_s": round(asked / took),
            "batch": round(asked / (desk.batches - before), 1),
            "python_us": round(used / asked * 1e6, 1),
        }


async def run(shop: Shop, ask: Ask, *, callers: int, seconds: float) -> tuple[int, float]:
    """Let `callers` ask without a pause; returns how many were answered, in how many seconds."""
    began = time.perf_counter()
    asked = 0

    async def call() -> None:
        nonlocal asked
        async with shop.context(viewer=GUEST) as ctx:
            while time.perf_counter() < began + seconds:
                await ask(ctx)
                asked += 1

    await asyncio.gather(*(call() for _ in range(callers)))
    return asked, time.perf_counter() - began


def best(urls: dict[str, str], name: str, options: argparse.Namespace) -> dict[str, float]:
    database, ask = FIGURES[name]
    rounds = [
        uvloop.run(measure(urls[database], ask, callers=options.callers, seconds=options.seconds))
        for _ in range(options.rounds)
    ]
    found = max(rounds, key=lambda one: one["per_s"])
    said = ", ".join(f"{one['per_s']:.0f}" for one in rounds)
    sys.stdout.write(
        f"{name}: {said} (batches of {found['batch']}, {found['python_us']} us of CPU here)\n"
    )
    sys.stdout.flush()
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, default=128)
    parser.add_argument("--only", choices=FIGURES, nargs="*", default=list(FIGURES))
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args(arguments)
    with Postgres(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        urls = {
            "postgresql": server.url(),
            "sqlite": f"sqlite:///{Path(folder) / 'quota.db'}",
        }
        profile = cProfile.Profile()
        if options.profile:
            profile.enable()
        figures = {name: best(urls, name, options)["per_s"] for name in options.only}
        if options.profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    load = os.getloadavg()[0]
    sys.stdout.write(json.dumps({**figures, "callers": options.callers, "load": load}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
