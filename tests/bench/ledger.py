"""How many transfers a process books in a second; prints one JSON object on its last line.

    make bench ONLY=ledger [ARGS="--seconds 3 --rounds 3 --callers 32"]

Through the service, each in a transaction of its own, on a server and a file that flush each commit
to the disk; the best of the rounds. Members earn points that expire and spend them in turns:
ledger_transfers_per_s, _sqlite   of distinct members
ledger_hot_transfers_per_s        all of one member, who stands in for a crowd's payee: each waits
                                  for the commit of the one before it
CPU per transfer, here and of PostgreSQL's processes, stands beside each.
--profile tells where the time of this process goes.
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
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import uvloop
from sqlalchemy import Connection
from tests.bench.builds.processes import used_by_family

from koipond.app import make_shop
from koipond.kernel.context import Context, Shop
from koipond.kernel.db import metadata
from koipond.kernel.ids import MemberId, new_id
from koipond.kernel.invariants import run_audits
from koipond.kernel.viewer import GUEST
from koipond.ledger import service as ledger
from koipond.ledger import tables
from koipond.ledger.types import AccountKey, Slip
from koipond.settings import Settings
from koipond_sdk.testing.postgres import Postgres

CALLERS = 32
TABLES = [
    tables.ledger_account,
    tables.ledger_bucket,
    tables.ledger_transfer,
    tables.ledger_entry,
    tables.pending_transfer,
    tables.pending_transfer_part,
]
# {figure: (database, whether all transfers are of one member)}
FIGURES = {
    "ledger_transfers_per_s": ("postgresql", False),
    "ledger_hot_transfers_per_s": ("postgresql", True),
    "ledger_transfers_sqlite_per_s": ("sqlite", False),
}
TARGETS = {"ledger_transfers_per_s": 1_500}
TODAY = date(2026, 11, 22)


class Booked(NamedTuple):
    """What a round came to: transfers per second, and the CPU of each."""

    per_s: float
    app_us: float
    database_us: float


def no_cpu() -> float:
    """Tell nothing: SQLite's work is this process's own."""
    return 0


async def measure(
    url: str,
    *,
    hot: bool,
    callers: int = CALLERS,
    seconds: float,
    cpu: Callable[[], float] = no_cpu,
) -> Booked:
    """Book without a pause on the database at `url`, whose ledger is made anew.

    hot: all of it of one member. cpu: tells how many seconds of CPU the database has used.
    """
    shop = make_shop(Settings(database_url=url), [])
    try:
        async with shop.database.writer.begin() as connection:
            await connection.run_sync(make_tables)
        await run(shop, hot=hot, callers=callers, seconds=0.5)
        app, database = time.process_time(), cpu()
        booked, took = await run(shop, hot=hot, callers=callers, seconds=seconds)
        app, database = time.process_time() - app, cpu() - database
        assert await run_audits(shop, [ledger.audit]) == []
        return Booked(booked / took, app / booked * 1e6, database / booked * 1e6)
    finally:
        await shop.close()


def make_tables(connection: Connection) -> None:
    metadata.drop_all(connection, tables=TABLES)
    metadata.create_all(connection, tables=TABLES)


async def run(shop: Shop, *, hot: bool, callers: int, seconds: float) -> tuple[int, float]:
    """Let `callers` book without a pause; returns how many transfers, in how many seconds."""
    began = time.perf_counter()
    until = began + seconds
    one = new_key()

    async def call() -> int:
        booked = 0
        async with shop.context(viewer=GUEST) as ctx:
            while time.perf_counter() < until:
                booked += await earn_and_burn(ctx, one if hot else new_key(), until)
        return booked

    booked = await asyncio.gather(*(call() for _ in range(callers)))
    return sum(booked), time.perf_counter() - began


async def earn_and_burn(ctx: Context, key: AccountKey, until: float) -> int:
    """Book up to ten transfers of a member, half of them earn; returns how many."""
    booked = 0
    for nth in range(5):
        good_until = date(2027, 1 + nth, 28)
        await ledger.earn(ctx, key, 100, new_slip(), expires_on=good_until)
        await ledger.burn(ctx, key, 60, new_slip())
        booked += 2
        if time.perf_counter() > until:
            break
    return booked


def new_key() -> AccountKey:
    return AccountKey.of_member(MemberId(new_id()), "points")


def new_slip() -> Slip:
    return Slip(source=f"bench:{new_id()}", day=TODAY)


def best(
    urls: dict[str, str], name: str, options: argparse.Namespace, cpu: Callable[[], float]
) -> float:
    database, hot = FIGURES[name]
    rounds = [
        uvloop.run(
            measure(
                urls[database], hot=hot, callers=options.callers, seconds=options.seconds, cpu=cpu
            )
        )
        for _ in range(options.rounds)
    ]
    said = [
        f"{one.per_s:.0f} ({one.app_us:.0f} + {one.database_us:.0f} us of CPU)" for one in rounds
    ]
    sys.stdout.write(f"{name}: {', '.join(said)}\n")
    sys.stdout.flush()
    return round(max(one.per_s for one in rounds))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, default=CALLERS)
    parser.add_argument("--only", choices=FIGURES, nargs="*", default=list(FIGURES))
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args(arguments)
    with Postgres(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        urls = {
            "postgresql": server.url(),
            "sqlite": f"sqlite:///{Path(folder) / 'ledger.db'}",
        }
        profile = cProfile.Profile(time.process_time)
        if options.profile:
            profile.enable()
        pid = int((server.home / "data" / "postmaster.pid").read_text().split()[0])
        cpu = partial(used_by_family, pid)
        figures = {name: best(urls, name, options, cpu) for name in options.only}
        if options.profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    load = os.getloadavg()[0]
    sys.stdout.write(json.dumps({**figures, "callers": options.callers, "load": load}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
