"""Short transactions apart: committed or not, run again, seen as one moment; on both databases."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from koipond.kernel.clock import SystemClock
from koipond.kernel.db import ATTEMPTS, Database
from koipond.kernel.faults import crash_point, planned
from koipond.kernel.troubles import RunAgain, is_lost, is_trouble, may_run_again


@pytest_asyncio.fixture
async def database(blank_database_url: str) -> AsyncIterator[Database]:
    made = Database(blank_database_url)
    async with made.writer.begin() as connection:
        await connection.execute(text("CREATE TABLE fish (name TEXT PRIMARY KEY)"))
    yield made
    await made.close()


def catch(name: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(text("INSERT INTO fish VALUES (:name)"), {"name": name})
        return name

    return work


async def fish(database: Database) -> list[str]:
    async with database.reading() as db:
        return list((await db.execute(text("SELECT name FROM fish ORDER BY name"))).scalars())


async def test_work_is_committed_and_answers(database: Database) -> None:
    assert await database.transact_apart(catch("carp")) == "carp"
    assert await fish(database) == ["carp"]


async def test_work_that_says_so_is_rolled_back(database: Database) -> None:
    assert await database.transact_apart(catch("carp"), keep=lambda _: False) == "carp"
    assert await fish(database) == []


async def test_work_that_fails_leaves_nothing(database: Database) -> None:
    await database.transact_apart(catch("carp"))

    def two(connection: Connection) -> None:
        catch("koi")(connection)
        catch("carp")(connection)

    with pytest.raises(IntegrityError):
        await database.transact_apart(two)
    assert await fish(database) == ["carp"]
    await database.transact_apart(catch("koi"))


async def test_work_is_run_again_until_it_happens(database: Database) -> None:
    tries = []

    def work(connection: Connection) -> None:
        tries.append(1)
        catch(f"koi {len(tries)}")(connection)
        if len(tries) < 3:
            raise RunAgain("it moved")

    await database.transact_apart(work)
    assert await fish(database) == ["koi 3"]


async def test_work_is_not_run_for_ever(database: Database) -> None:
    tries = []

    def work(_: Connection) -> None:
        tries.append(1)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await database.transact_apart(work)
    assert len(tries) == ATTEMPTS


async def test_work_whose_answer_was_lost_finds_its_own_traces(database: Database) -> None:
    def once(connection: Connection) -> str:
        if connection.execute(text("SELECT 1 FROM fish WHERE name = 'koi'")).first():
            return "there"
        return catch("koi")(connection)

    lost = iter([True])

    def fault(here: str) -> None:
        if here == "database.apart.after_commit" and next(lost, False):
            raise ConnectionError("the answer was lost")

    with planned(fault):
        assert await database.transact_apart(once) == "there"
    assert await fish(database) == ["koi"]


async def test_both_ways_to_write_take_turns(database: Database) -> None:
    async def usual(name: str) -> None:
        await database.transact(
            lambda db: db.execute(text("INSERT INTO fish VALUES (:name)"), {"name": name})
        )

    names = [f"{kind} {number}" for number in range(20) for kind in ("apart", "usual")]
    await asyncio.gather(
        *(
            usual(name) if name.startswith("usual") else database.transact_apart(catch(name))
            for name in names
        )
    )
    assert await fish(database) == sorted(names)


async def test_a_snapshot_sees_one_moment_and_only_reads(database: Database) -> None:
    count = text("SELECT count(*) FROM fish")
    async with database.snapshot() as db:
        assert (await db.execute(count)).scalar() == 0
        await database.transact_apart(catch("koi"))
        assert (await db.execute(count)).scalar() == 0
        with pytest.raises(DBAPIError):
            await db.execute(text("INSERT INTO fish VALUES ('carp')"))
    async with database.snapshot() as db:
        assert (await db.execute(count)).scalar() == 1


async def test_the_clock_knows_how_far_the_database_is_ahead(database: Database) -> None:
    clock = SystemClock()
    own = clock.now()
    there = await clock.database_now(database)
    # The same machine; what is asserted is no more than that it is no other time zone.
    assert abs((there - own).total_seconds()) < 60
    assert there.utcoffset() == own.utcoffset()


async def test_the_database_is_not_asked_for_its_time_every_time(
    database: Database, tmp_path: Path
) -> None:
    clock = SystemClock()
    await clock.database_now(database)
    await database.close()
    closed = Database(f"sqlite:///{tmp_path}/there-is-none.db")
    assert await clock.database_now(closed) is not None


def wrapped(error: Exception) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("error", "lost", "again", "trouble"),
    [
        (RunAgain("moved"), False, True, False),
        (ConnectionRefusedError(), True, True, True),
        (asyncpg.CannotConnectNowError("starting"), True, True, True),
        (asyncpg.ConnectionDoesNotExistError("closed"), True, True, True),
        (wrapped(asyncpg.AdminShutdownError()), True, True, True),
        (wrapped(asyncpg.DeadlockDetectedError()), False, True, True),
        (wrapped(asyncpg.SerializationError()), False, True, True),
        (wrapped(asyncpg.DiskFullError()), False, False, True),
        (wrapped(asyncpg.TooManyConnectionsError()), False, False, True),
        (PoolTimeout("no connection"), False, False, True),
        (OperationalError("x", {}, sqlite3.OperationalError("disk is full")), False, False, True),
        (
            OperationalError("x", {}, sqlite3.OperationalError("database is locked")),
            False,
            True,
            True,
        ),
        (wrapped(asyncpg.CheckViolationError()), False, False, False),
        (wrapped(asyncpg.NumericValueOutOfRangeError()), False, False, False),
        (OverflowError("int too large"), False, False, False),
        (AssertionError("our bug"), False, False, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_an_error_means(error: Exception, lost: bool, again: bool, trouble: bool) -> None:
    assert (is_lost(error), may_run_again(error), is_trouble(error)) == (lost, again, trouble)


def test_a_crash_point_does_nothing_unless_a_test_plans_it() -> None:
    crash_point("here")
    passed: list[str] = []
    with planned(passed.append):
        crash_point("here")
    crash_point("here")
    assert passed == ["here"]
