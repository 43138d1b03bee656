import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from koipond_sdk.testing.databases import Databases, Kind, empty, migrate
from koipond_sdk.testing.postgres import PostgresUnavailable

TWO_TABLES = (
    "CREATE TABLE zone (id INTEGER PRIMARY KEY)",
    'CREATE TABLE "order" (id INTEGER PRIMARY KEY, zone_id INTEGER NOT NULL REFERENCES zone (id))',
    "CREATE TABLE alembic_version_core (version_num VARCHAR(32) PRIMARY KEY)",
    "INSERT INTO zone VALUES (1)",
    'INSERT INTO "order" VALUES (1, 1)',
    "INSERT INTO alembic_version_core VALUES ('0001')",
)


async def execute(url: str, *statements: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()


async def count(url: str, table: str) -> int:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            found = await connection.execute(text(f'SELECT count(*) FROM "{table}"'))
            return int(found.scalar_one())
    finally:
        await engine.dispose()


async def tables(url: str) -> set[str]:
    def names(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names())

    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(names)
    finally:
        await engine.dispose()


async def test_emptying_ignores_the_order_of_foreign_keys(blank_database_url: str) -> None:
    await execute(blank_database_url, *TWO_TABLES)
    await empty(blank_database_url)
    assert await count(blank_database_url, "zone") == 0
    assert await count(blank_database_url, "order") == 0
    assert await count(blank_database_url, "alembic_version_core") == 1


@pytest.mark.postgres
async def test_emptying_leaves_the_constraints_in_force(databases: Databases) -> None:
    async with databases.blank(Kind.POSTGRES) as url:
        await execute(url, *TWO_TABLES)
        await empty(url)
        with pytest.raises(IntegrityError):
            await execute(url, 'INSERT INTO "order" VALUES (1, 1)')


async def test_emptying_keeps_a_full_text_index_in_step(databases: Databases) -> None:
    async with databases.blank(Kind.SQLITE) as url:
        await execute(
            url,
            "CREATE TABLE search (id INTEGER PRIMARY KEY, words TEXT)",
            "CREATE VIRTUAL TABLE fts USING fts5(words, content='search', content_rowid='id')",
            "CREATE TRIGGER out AFTER DELETE ON search BEGIN"
            " INSERT INTO fts (fts, rowid, words) VALUES ('delete', old.id, old.words); END",
            "INSERT INTO search VALUES (1, 'tea')",
            "INSERT INTO fts (rowid, words) VALUES (1, 'tea')",
        )
        await empty(url)
        await execute(url, "INSERT INTO fts (fts, rank) VALUES ('integrity-check', 1)")


async def test_a_blank_database_has_no_tables_and_is_dropped(databases: Databases) -> None:
    for kind in Kind:
        async with databases.blank(kind) as url:
            assert await tables(url) == set()
            await execute(url, *TWO_TABLES)
        async with databases.blank(kind) as other:
            assert other != url
            assert await tables(other) == set()


@pytest.mark.slow
async def test_a_database_is_migrated_and_has_no_rows(database_url: str) -> None:
    found = await tables(database_url)
    assert any("alembic" in name for name in found)
    # What the versions are kept in, and how SQLite keeps an index of words that is empty.
    kept = ("alembic_version", "product_terms_")
    filled = [
        name for name in found if not name.startswith(kept) and await count(database_url, name)
    ]
    assert filled == []


async def test_what_one_test_wrote_the_next_does_not_see(databases: Databases) -> None:
    for kind in Kind:
        url = await databases.emptied(kind)
        await execute(url, "CREATE TABLE note (id INTEGER)", "INSERT INTO note VALUES (1)")
        try:
            assert await databases.emptied(kind) == url
            assert await count(url, "note") == 0
        finally:
            await execute(url, "DROP TABLE note")


@pytest.mark.slow
async def test_migrating_twice_changes_nothing(blank_database_url: str) -> None:
    await migrate(blank_database_url)
    once = await tables(blank_database_url)
    await migrate(blank_database_url)
    assert await tables(blank_database_url) == once


def test_without_a_server_the_refusal_says_why() -> None:
    databases = Databases(home=Path("/nowhere"), worker="gw0", unavailable="no binaries")
    with pytest.raises(PostgresUnavailable, match="no binaries"):
        databases.url(Kind.POSTGRES, "any")


SUITE = """
import asyncio, os
from pathlib import Path
import pytest

@pytest.mark.parametrize("nth", range(4))
async def test_writes_down_its_databases(databases, nth):
    async with databases.blank("postgres") as url:
        await asyncio.sleep(0.3)
        line = f"{os.getpid()} {databases.worker} {databases.home} {url}"
    Path(f"{nth}.seen").write_text(line)
"""


NO_SERVER = """
from koipond_sdk.testing import postgres

def refuse() -> None:
    raise RuntimeError("no server here")

postgres.sweep = refuse
"""


def run_suite(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    (folder / "test_suite.py").write_text(SUITE)
    loops = ("fixture", "test")
    ini = [f"asyncio_default_{one}_loop_scope = session" for one in loops]
    (folder / "pytest.ini").write_text("\n".join(["[pytest]", "asyncio_mode = auto", *ini]))
    (folder / "conftest.py").write_text('pytest_plugins = ["koipond_sdk.testing.plugin"]')
    outside = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:randomly", *options],
        cwd=folder,
        env=outside,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("options", "workers"), [(["-n0"], 1), (["-n2", "--dist=load"], 2)])
async def test_workers_share_one_server_which_ends_with_the_run(
    tmp_path: Path, options: list[str], workers: int
) -> None:
    run = await asyncio.to_thread(run_suite, tmp_path, *options)
    assert "4 passed" in run.stdout, run.stdout + run.stderr
    seen = [file.read_text().split() for file in tmp_path.glob("*.seen")]
    pids, names, homes, urls = (set(column) for column in zip(*seen, strict=True))
    assert (len(pids), len(names), len(homes), len(urls)) == (workers, workers, 1, 4)
    assert not Path(homes.pop()).exists()


@pytest.mark.slow
async def test_listing_the_tests_starts_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_SERVER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    looked = await asyncio.to_thread(run_suite, tmp_path, "--collect-only")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    ran = await asyncio.to_thread(run_suite, tmp_path)
    assert "no server here" in ran.stdout + ran.stderr
