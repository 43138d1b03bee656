"""The disk is full: writing is refused in so many words, reading works, and then it recovers."""

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.faults.load import make_lines
from tests.rig.auditing import everything_holds
from tests.rig.buying import SANDBOX, Storefront
from tests.rig.plug import PluggedPostgres

from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.databases import migrate

READ = "query { done: products(first: 1) { nodes { name } } }"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB in memory; only the superuser can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=777", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    tmp_path.chmod(0o755)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> Path:
    """Write until nothing more fits; returns the file that does it."""
    full = disk / "full"
    with full.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError:
            return full


async def use_up(shop: RunningShop, disk: Path) -> str:
    """Buy until the disk is full, and after there is room again; returns what was told."""
    lines = await make_lines(shop)
    front = Storefront(shop.http)
    full = fill(disk)
    bought = 0
    while True:
        reply = await front.place(lines=lines, payment=SANDBOX)
        if reply.outcome != "CONFIRMED":
            break
        bought += 1
        assert bought < 3_000
    assert (reply.outcome, reply.status) == ("DATABASE_UNAVAILABLE", 503), reply
    assert reply.headers["retry-after"] == "5"
    assert "errors" not in await shop.graphql(READ)
    full.unlink()
    assert (await front.place(lines=lines, payment=SANDBOX)).outcome == "CONFIRMED"
    await everything_holds(shop)
    return f"{bought} orders until the disk was full, then {reply.outcome}, and it recovered"


@pytest.mark.sqlite
async def test_sqlite_on_a_full_disk(small_disk: Path, tell: Callable[[str], None]) -> None:
    url = f"sqlite+aiosqlite:///{small_disk / 'koi.db'}"
    await migrate(url)
    async with running_shop(url) as shop:
        tell(await use_up(shop, small_disk))
    with closing(sqlite3.connect(small_disk / "koi.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.faults
@pytest.mark.postgres
@pytest.mark.timeout(300)
async def test_postgresql_on_a_full_disk(small_disk: Path, tell: Callable[[str], None]) -> None:
    """Its tables are on the small disk; the log of what was committed is elsewhere."""
    server = PluggedPostgres()
    try:
        server.start()
        url = server.url("postgres")
        space = small_disk / "space"
        space.mkdir()
        owner = server.home.stat()
        os.chown(space, owner.st_uid, owner.st_gid)
        await _administer(url, f"CREATE TABLESPACE small LOCATION '{space}'")
        await _administer(url, "CREATE DATABASE shop TABLESPACE small")
        await migrate(server.url("shop"))
        async with running_shop(server.url("shop")) as shop:
            tell(await use_up(shop, small_disk))
    finally:
        server.stop()


async def _administer(url: str, statement: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
