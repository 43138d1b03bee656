"""kill -9 of PostgreSQL, and of a process that writes to SQLite, while buyers buy.

Nothing acknowledged is lost, and what nobody knew the end of is settled by a repeat.
"""

import asyncio
import contextlib
import random
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from tests.faults.load import Load, make_lines
from tests.faults.test_kill_points import LEASE
from tests.rig.auditing import everything_holds
from tests.rig.plug import PluggedPostgres
from tests.rig.servers import Servers

from koipond_sdk.testing import running_shop
from koipond_sdk.testing.databases import Databases, Kind, migrate

WRITERS = 16
PULLS = 5
KILLS = 50


@pytest_asyncio.fixture
async def plugged() -> AsyncIterator[PluggedPostgres]:
    """A PostgreSQL server of the test's own, with a migrated database `postgres`."""
    server = PluggedPostgres()
    try:
        server.start()
        await migrate(server.url("postgres"))
        yield server
    finally:
        server.stop()


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.postgres
async def test_postgresql_is_killed_under_load(
    plugged: PluggedPostgres, servers: Servers, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    url = plugged.url("postgres")
    async with contextlib.AsyncExitStack() as stack:
        async with running_shop(url) as shop:
            lines = await make_lines(shop)
        server = await stack.enter_async_context(
            servers.serving(url, sandbox_file=str(tmp_path / "books"), **LEASE)
        )
        load = Load(server, lines)
        back, settled = [], 0
        for _ in range(PULLS):
            async with load.running(WRITERS):
                await asyncio.sleep(2)
                plugged.pull()
                await asyncio.sleep(0.3)
                plugged.plug_in()
                began = time.monotonic()
                while (await server.http.get("/ready")).status_code != 200:
                    assert time.monotonic() < began + 10, server.log[-3_000:]
                    await asyncio.sleep(0.05)
                bought = len(load.acknowledged)
                while len(load.acknowledged) == bought:
                    assert time.monotonic() < began + 10, server.log[-3_000:]
                    await asyncio.sleep(0.05)
                back.append(round(time.monotonic() - began, 1))
            settled += await load.settle()
        acknowledged = len(load.acknowledged)
        async with running_shop(url) as shop:
            numbers = {
                row["number"] for row in await shop.rows("order") if row["state"] != "placed"
            }
            assert numbers == set(load.acknowledged)
            await everything_holds(shop)
    tell(
        f"{PULLS} x kill -9 of PostgreSQL, {WRITERS} writers: {acknowledged} acknowledged, 0 lost, "
        f"{settled} unknown and settled by a repeat, serves again after {back} s"
    )


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.sqlite
async def test_a_sqlite_file_survives_50_kills(
    databases: Databases, servers: Servers, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    seed = secrets.randbits(32)
    tell(await kill_writer(databases, servers, tmp_path, times=KILLS, seed=seed))


async def kill_writer(
    databases: Databases, servers: Servers, folder: Path, *, times: int, seed: int
) -> str:
    """Kill the server while 8 buyers buy, each time at another moment; returns what it came to."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    url = await databases.emptied(Kind.SQLITE)
    async with running_shop(url) as shop:
        lines = await make_lines(shop)
    settled = 0
    async with servers.serving(url, sandbox_file=str(folder / "books"), **LEASE) as server:
        load = Load(server, lines)
        for _ in range(times):
            async with load.running(8):
                await asyncio.sleep(0.1 + chance.random() * 0.6)
                await server.kill()
                check_file(url)
                await server.start()
            settled += await load.settle()
    check_file(url)
    async with running_shop(url) as shop:
        await load.check(shop)
    return (
        f"seed {seed}, {times} x kill -9 of the writer: {len(load.acknowledged)} acknowledged, "
        f"0 lost, {settled} unknown and settled by a repeat"
    )


def check_file(url: str) -> None:
    """Fail unless SQLite finds its file whole."""
    with contextlib.closing(sqlite3.connect(url.partition("///")[2])) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
