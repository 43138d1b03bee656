import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from koipond.channel.tables import channel
from koipond.kernel.db import ATTEMPTS, Database, DatabaseUrlInvalid
from koipond.kernel.ids import new_id
from koipond.kernel.migrate import upgrade
from koipond.kernel.revisions import units
from koipond_sdk.testing import RunningShop

NAME = text("UPDATE channel SET name = :name WHERE code = :code")
SERIALIZATION_FAILURE = text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")


async def add_channel(db: AsyncConnection, code: str) -> None:
    await db.execute(
        channel.insert().values(
            id=new_id(),
            code=code,
            name=code,
            currencies=["EUR"],
            locales=["en"],
            time_zone="UTC",
            country="",
            region="",
            prices_include_tax=True,
            rounding={},
        )
    )


async def names(shop: RunningShop) -> dict[str, str]:
    return {row["code"]: row["name"] for row in await shop.rows(channel)}


async def test_what_raises_writes_nothing_and_is_not_run_again(shop: RunningShop) -> None:
    before = await shop.snapshot()
    attempts = 0

    async def work(db: AsyncConnection) -> None:
        nonlocal attempts
        attempts += 1
        await add_channel(db, "other")
        await add_channel(db, "main")

    with pytest.raises(IntegrityError):
        await shop.shop.database.transact(work)
    assert attempts == 1
    assert await shop.snapshot() == before


async def test_a_deadlock_is_run_again_until_both_are_done(shop: RunningShop) -> None:
    database = shop.shop.database
    await database.transact(lambda db: add_channel(db, "other"))
    attempts = 0
    both_hold_one = asyncio.Barrier(2)

    async def write(name: str, *codes: str) -> None:
        first_time = True

        async def work(db: AsyncConnection) -> None:
            nonlocal attempts, first_time
            attempts += 1
            for code in codes:
                await db.execute(NAME, {"name": name, "code": code})
                # On SQLite there is one writer: the second begins when the first has ended.
                if first_time and not database.is_sqlite:
                    first_time = False
                    await both_hold_one.wait()

        await database.transact(work)

    await asyncio.gather(write("A", "main", "other"), write("B", "other", "main"))
    assert attempts == (2 if database.is_sqlite else 3)
    assert await names(shop) in ({"main": "A", "other": "A"}, {"main": "B", "other": "B"})


async def test_who_waits_for_a_connection_goes_before_who_had_it(shop: RunningShop) -> None:
    if not shop.shop.database.is_sqlite:
        pytest.skip("PostgreSQL has more connections than one")
    turns = ""

    async def write(name: str) -> None:
        async def work(db: AsyncConnection) -> None:
            nonlocal turns
            turns += name
            await db.execute(NAME, {"name": name, "code": "main"})

        for _ in range(5):
            await shop.shop.database.transact(work)

    await asyncio.gather(write("A"), write("B"))
    assert turns == "ABABABABAB"


async def test_a_conflict_that_does_not_end_is_given_up(shop: RunningShop) -> None:
    if shop.shop.database.is_sqlite:
        pytest.skip("SQLite has one writer, which waits")
    attempts = 0

    async def work(db: AsyncConnection) -> None:
        nonlocal attempts
        attempts += 1
        await add_channel(db, "other")
        await db.execute(SERIALIZATION_FAILURE)

    with pytest.raises(DBAPIError):
        await shop.shop.database.transact(work)
    assert attempts == ATTEMPTS
    assert list(await names(shop)) == ["main"]


async def test_a_cancelled_task_leaves_no_lock_behind(shop: RunningShop) -> None:
    database = shop.shop.database
    endless = text(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
        if database.is_sqlite
        else "SELECT pg_sleep(3600)"
    )

    async def write_and_hang(db: AsyncConnection) -> None:
        await db.execute(NAME, {"name": "Hanging", "code": "main"})
        await db.execute(endless)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await database.transact(write_and_hang)
    # The same row, on SQLite the same lock: neither waits for what was cut.
    async with asyncio.timeout(4):
        await database.transact(lambda db: db.execute(NAME, {"name": "Next", "code": "main"}))
    assert await names(shop) == {"main": "Next"}
    assert database.lent == 0


@pytest.mark.slow
async def test_a_task_cancelled_at_any_step_leaves_no_lock_behind(shop: RunningShop) -> None:
    """Also between a statement and the fetching of its rows: those are then still open."""
    database = shop.shop.database
    rename = text(f"{NAME} RETURNING code")

    async def write(db: AsyncConnection) -> None:
        for _ in range(3):
            assert (await db.execute(rename, {"name": "Cut", "code": "main"})).all() == [("main",)]

    for steps in range(60):
        task = asyncio.create_task(database.transact(write))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        async with asyncio.timeout(4):
            await database.transact(lambda db: db.execute(NAME, {"name": "Next", "code": "main"}))
    assert database.lent == 0


async def test_a_reader_of_sqlite_cannot_write(shop: RunningShop) -> None:
    if not shop.shop.database.is_sqlite:
        pytest.skip("PostgreSQL has one kind of connection")
    async with shop.shop.database.reading() as db:
        with pytest.raises(DBAPIError, match="readonly"):
            await add_channel(db, "other")


async def test_a_reader_sees_what_was_committed_before_each_statement(shop: RunningShop) -> None:
    database = shop.shop.database
    async with database.reading() as db:
        count = text("SELECT count(*) FROM channel")
        assert (await db.execute(count)).scalar_one() == 1
        await database.transact(lambda writer: add_channel(writer, "other"))
        assert (await db.execute(count)).scalar_one() == 2


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "cannot be read"),
        ("shop", "cannot be read"),
        ("mysql://host/shop", "not mysql://host/shop"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///shop.db?mode=ro", "nothing may stand behind the name of a file"),
    ],
)
def test_an_address_of_no_usable_database_is_refused(url: str, reason: str) -> None:
    with pytest.raises(DatabaseUrlInvalid, match=reason):
        Database(url)


async def test_only_migrating_makes_the_folder_of_a_file(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new/shop.db")
    try:
        with pytest.raises(DBAPIError, match="unable to open"):
            async with database.reading() as db:
                await db.execute(text("SELECT 1"))
        assert list(tmp_path.iterdir()) == []
        await upgrade(database, units([]))
        async with database.reading() as db:
            assert (await db.execute(text("SELECT count(*) FROM channel"))).scalar_one() == 0
    finally:
        await database.close()
