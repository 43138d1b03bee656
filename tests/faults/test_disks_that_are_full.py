"""The disk is full: writing is refused in so many words, reading works, and then it recovers."""

import os
import resource
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
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
def small_disk() -> Iterator[Path | None]:
    """A disk of 24 MB in memory; None where we may not make one, which the superuser may."""
    # Not pytest's own folder: the server's user may not look into that.
    folder = Path(tempfile.mkdtemp(prefix="koi-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=777", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        folder.rmdir()
        yield None
        return
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Leave no room on a disk while the block runs."""
    full = disk / "full"
    with full.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4_096))
    yield
    full.unlink()


@contextmanager
def capped(file: Path) -> Iterator[None]:
    """Let no file of this process grow larger than this one is, while the block runs."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def use_up(shop: RunningShop, full: AbstractContextManager[None]) -> str:
    """Buy until the disk is full, and after there is room again; returns what was told."""
    lines = await make_lines(shop)
    front = Storefront(shop.http)
    bought = 0
    with full:
        while (reply := await front.place(lines=lines, payment=SANDBOX)).outcome == "CONFIRMED":
            bought += 1
            assert bought < 3_000
        assert (reply.outcome, reply.status) == ("DATABASE_UNAVAILABLE", 503), reply
        assert reply.headers["retry-after"] == "5"
        assert "errors" not in await shop.graphql(READ)
    assert (await front.place(lines=lines, payment=SANDBOX)).outcome == "CONFIRMED"
    await everything_holds(shop)
    return f"{bought} orders until the disk was full, then {reply.outcome}, and it recovered"


async def use_up_sqlite(file: Path, full: AbstractContextManager[None]) -> str:
    async with running_shop(f"sqlite+aiosqlite:///{file}") as shop:
        told = await use_up(shop, full)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return told


@pytest.mark.slow
@pytest.mark.sqlite
async def test_sqlite_that_may_write_no_more(tmp_path: Path) -> None:
    file = tmp_path / "koi.db"
    await migrate(f"sqlite+aiosqlite:///{file}")
    await use_up_sqlite(file, capped(file))


@pytest.mark.slow
@pytest.mark.sqlite
async def test_sqlite_on_a_full_disk(small_disk: Path | None, tell: Callable[[str], None]) -> None:
    if small_disk is None:
        pytest.skip("a disk can be mounted by root only; the test before needs none")
    file = small_disk / "koi.db"
    await migrate(f"sqlite+aiosqlite:///{file}")
    tell(await use_up_sqlite(file, filled(small_disk)))


@pytest.mark.faults
@pytest.mark.postgres
@pytest.mark.timeout(300)
async def test_postgresql_on_a_full_disk(
    small_disk: Path | None, tell: Callable[[str], None]
) -> None:
    """Its tables are on the small disk; the log of what was committed is elsewhere."""
    if small_disk is None:
        pytest.skip("a disk can be mounted by root only")
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
            tell(await use_up(shop, filled(small_disk)))
    finally:
        server.stop()


async def _administer(url: str, statement: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
