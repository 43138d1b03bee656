"""Connections that go from one request to the next without the pool."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from koipond.kernel.db import Database
from koipond_sdk.testing import RunningShop

PID = text("SELECT pg_backend_pid()")
NAME = text("UPDATE channel SET name = :name")


@pytest.fixture
def database(shop: RunningShop) -> Database:
    if shop.shop.database.is_sqlite:
        pytest.skip("SQLite's one writer goes through the pool")
    return Database(shop.settings.database_url, pool_size=2, wait_s=0.2)


async def pid(db: AsyncConnection) -> Any:
    return (await db.execute(PID)).scalar_one()


async def read_pid(database: Database) -> Any:
    async with database.reading() as db:
        return await pid(db)


async def test_one_that_comes_back_clean_is_lent_again_to_read_and_to_write(
    database: Database,
) -> None:
    first = await read_pid(database)
    assert await database.transact(pid) == first
    assert await read_pid(database) == first
    assert database.lent == 0
    await database.close()


async def test_what_is_read_is_committed_by_each_statement_after_it_was_written_with(
    database: Database, shop: RunningShop
) -> None:
    await database.transact(lambda db: db.execute(NAME, {"name": "A"}))
    async with database.reading() as db:
        await db.execute(NAME, {"name": "B"})
        (row,) = await shop.rows("channel")
        assert row["name"] == "B"
    await database.close()


async def test_one_that_the_server_ended_while_it_was_kept_is_not_lent_again(
    database: Database, shop: RunningShop
) -> None:
    first = await read_pid(database)
    async with shop.shop.database.reading() as other:
        await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
    await asyncio.sleep(0.1)
    assert await read_pid(database) != first
    assert database.lent == 0
    await database.close()


async def test_one_of_which_a_read_was_cut_is_given_up_without_a_word(database: Database) -> None:
    first = await read_pid(database)

    async with database.reading() as db:
        reading = asyncio.create_task(db.execute(text("SELECT pg_sleep(3600)")))
        await asyncio.sleep(0.05)
        reading.cancel()
        await asyncio.wait([reading])
    assert await read_pid(database) != first
    assert database.lent == 0
    await database.close()


async def test_who_waits_gets_what_comes_back_and_not_for_ever(database: Database) -> None:
    async with database.reading() as one, database.reading() as other:
        assert await pid(one) != await pid(other)
        with pytest.raises(PoolTimeout):
            await read_pid(database)
        waiting = asyncio.create_task(read_pid(database))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    assert await waiting
    # All are free again, by whichever way they came back.
    async with database.reading() as one, database.reading() as other:
        assert await pid(one) != await pid(other)
    assert database.lent == 0
    await database.close()


async def test_a_block_that_fails_undoes_what_it_wrote(
    database: Database, shop: RunningShop
) -> None:
    before = await shop.snapshot()

    async def fail(db: AsyncConnection) -> None:
        await db.execute(NAME, {"name": "A"})
        raise RuntimeError("a use-case")

    with pytest.raises(RuntimeError):
        await database.transact(fail)
    assert await shop.snapshot() == before
    assert database.lent == 0
    await database.close()
