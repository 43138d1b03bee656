"""The database: one writer, many readers, whole transactions retried. Only this commits."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import (
    JSON,
    Connection,
    DateTime,
    Engine,
    MetaData,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool, StaticPool
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.schema import Table
from sqlalchemy.types import TypeDecorator

from koipond.kernel.dispatch.guarding import refuse_inside
from koipond.kernel.engines import begin_immediate, postgres_engine, sqlite_engine
from koipond.kernel.faults import crash_point
from koipond.kernel.lending import Lender
from koipond.kernel.troubles import (
    may_retry,
    may_run_again,
)

T = TypeVar("T")

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)
# In the `info` of metadata: names of indexes that only a migration knows of.
BY_HAND = "indexes made by hand"

ATTEMPTS = 5
_PAUSE_S = 0.01
# A plan cached while a table was empty would read all of it ever after, under the locks; so would
# a merge or hash join of a few rows with a table whose size it does not know.
_APART = {
    "enable_seqscan": "off",
    "enable_mergejoin": "off",
    "enable_hashjoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}
# The same, but what an event's consumers ask may need a plan for its own parameters.
_BEHIND = {"enable_seqscan": "off", "jit": "off"}


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: aware datetimes in and out, on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: it is somebody's local time, and nobody knows whose."""
        if value is None:
            return None
        assert value.tzinfo is not None, f"naive datetime {value}"
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware datetime (SQLite stores none of the zone)."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# A document: JSONB where there is one.
Document = JSON().with_variant(postgresql.JSONB(), "postgresql")


def insert(db: AsyncConnection | Connection, table: Table) -> Any:
    """Return the dialect's INSERT, the one that knows ON CONFLICT (equal on both databases)."""
    if db.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


class DatabaseUrlInvalid(ValueError):
    """An address that names no database that a shop can use."""


class Database:
    """One shop's data. `transact` writes, `reading` reads; both hand out a Core connection.

    SQLite: one writer connection with BEGIN IMMEDIATE, WAL and synchronous=FULL, and a pool of
    read-only ones. PostgreSQL: one pool; reads run in AUTOCOMMIT. Beside it, the desk and the
    worker have connections of their own.
    """

    def __init__(
        self, url: str, *, pool_size: int = 10, wait_s: float = 10.0, answer_s: float = 30.0
    ) -> None:
        """url: `sqlite:///file` or `postgresql://…`. wait_s: seconds to wait for a connection.

        answer_s: seconds that PostgreSQL may take for one statement; then the connection is given
        up, because the network or the server is away without having said so.
        Raises DatabaseUrlInvalid.
        """
        self.url = _async_url(url)
        self._watching: list[asyncio.Event] = []
        if self.is_sqlite:
            self._writer = sqlite_engine(self.url, pool_size=1, writes=True, wait_s=wait_s)
            self._reader = sqlite_engine(self.url, pool_size=pool_size, writes=False, wait_s=wait_s)
            self._behind = self._writer
        else:
            # None beyond these: one that is opened for a single request, and closed after it, costs
            # the server more than the request, and plans every statement anew.
            self._writer = postgres_engine(
                self.url, pool_size=pool_size, max_overflow=0, wait_s=wait_s, answer_s=answer_s
            )
            self._reader = self._writer
            # For the desk's batches.
            self._lazy = postgres_engine(
                self.url,
                pool_size=1,
                max_overflow=0,
                wait_s=wait_s,
                answer_s=answer_s,
                server_settings={**_APART, "synchronous_commit": "off"},
            )
            # For the jobs that lock the same rows.
            self._apart = postgres_engine(
                self.url,
                pool_size=2,
                max_overflow=0,
                wait_s=wait_s,
                answer_s=answer_s,
                server_settings=_APART,
            )
            # For migrations and reports, whose statements may take long.
            self._patient = postgres_engine(
                self.url, pool_size=1, max_overflow=1, wait_s=wait_s, answer_s=None
            )
            self._behind = postgres_engine(
                self.url,
                # Each job that runs beside the others wants one, and each consumer.
                pool_size=14,
                max_overflow=0,
                wait_s=wait_s,
                answer_s=answer_s,
                server_settings=_BEHIND,
            )

        self._lenders = {one: Lender(one) for one in (self._writer, self._reader, self._behind)}

    @property
    def lent(self) -> int:
        """How many connections somebody has."""
        others = () if self.is_sqlite else (self._lazy, self._apart, self._patient)
        pools = [cast("QueuePool", one.sync_engine.pool) for one in others]
        return sum(one.lent for one in self._lenders.values()) + sum(
            one.checkedout() for one in pools
        )

    @property
    def is_sqlite(self) -> bool:
        """Tell whether this is the embedded database."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def writer(self) -> AsyncEngine:
        """The engine that migrations run on."""
        return self._writer if self.is_sqlite else self._patient

    def make_folder(self) -> None:
        """Make the folder that a SQLite file is in. For migrating: looking makes nothing."""
        if self.is_sqlite:
            Path(self.url.database or "").parent.mkdir(parents=True, exist_ok=True)

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in one transaction and commit it.

        On a serialization failure or a deadlock all of `work` is run again, at most 5 times in all,
        so it must not do anything that a rollback does not undo.
        """
        _refuse_beside_another()
        result = await self._transact(self._writer, work)
        for committed in self._watching:
            committed.set()
        return result

    async def transact_behind(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` as `transact` does, for a worker: no request queues for its connection.

        `watched` does not hear of it: a worker that woke itself would never sleep.
        """
        _refuse_beside_another()
        return await self._transact(self._behind, work)

    async def _transact(
        self, engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]
    ) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._lenders[engine].writing() as connection:
                    return await work(connection)
            except DBAPIError as error:
                if attempt == ATTEMPTS or not may_retry(error):
                    raise
            await _pause(attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def write_alone(
        self,
        work: Callable[[AsyncConnection], Awaitable[T]],
        *,
        by: AbstractAsyncContextManager[AsyncConnection],
    ) -> T:
        """Run `work`, which sends one statement, as a transaction that nothing need begin.

        by: lends a connection for reading. Those of PostgreSQL commit each statement as it ends.
        """
        if self.is_sqlite:
            return await self.transact(work)
        _refuse_beside_another()
        async with by as connection:
            return await work(connection)

    async def transact_apart(
        self,
        work: Callable[[Connection], T],
        *,
        keep: Callable[[T], bool] = lambda _: True,
        lazily: bool = False,
    ) -> T:
        """Run `work`, which waits for nothing but the database, in a short transaction apart.

        PostgreSQL: on connections that orders do not queue for. SQLite: all of it at once on the
        writer's thread. keep: tells by the result whether there is anything to commit.
        lazily: nobody waits for the disk. A crash of the machine may undo it, together with all
        that came after it; so it is for what nobody is told before something else is committed.
        When the connection is lost it may have happened or not, and all of `work` is run again
        nevertheless: it must find its own traces, and answer as it did the first time.
        """
        _refuse_beside_another()
        transact = self._on_writer_thread if self.is_sqlite else self._on_own_connection
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await transact(work, keep, lazily)
            except Exception as error:
                if attempt == ATTEMPTS or not may_run_again(error):
                    raise
            await _pause(attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _on_own_connection(
        self, work: Callable[[Connection], T], keep: Callable[[T], bool], lazily: bool
    ) -> T:
        async with (self._lazy if lazily else self._apart).connect() as connection:
            result = await connection.run_sync(work)
            await (connection.commit() if keep(result) else connection.rollback())
            crash_point("database.apart.after_commit")
            return result

    async def _on_writer_thread(
        self, work: Callable[[Connection], T], keep: Callable[[T], bool], lazily: bool
    ) -> T:
        async with self._writer.connect() as connection:
            lent = await connection.get_raw_connection()
            driver: Any = lent.driver_connection
            # Private to aiosqlite, which has no other way to do several things in one go.
            result: T = await driver._execute(
                _transact_lazily if lazily else _transact_here, driver._conn, lent.info, work, keep
            )
            return result

    async def now(self) -> datetime:
        """Ask the database for its time; SQLite has that of this machine."""
        if self.is_sqlite:
            return datetime.now(UTC)
        clock = select(func.clock_timestamp())
        found: datetime = await self.transact_apart(
            lambda connection: connection.execute(clock).scalar_one(), keep=lambda _: False
        )
        return found.astimezone(UTC)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection that sees one moment, whatever is committed meanwhile; it only reads.

        For reports that must add up. What it keeps from being cleaned up grows with its time.
        """
        if self.is_sqlite:
            async with self._reader.connect() as connection:
                await connection.exec_driver_sql("BEGIN")
                yield connection
            return
        engine = self._patient.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        async with engine.connect() as connection:
            yield connection

    @contextmanager
    def watched(self, committed: asyncio.Event) -> Iterator[None]:
        """Set `committed` whenever `transact` has committed, in this process."""
        self._watching.append(committed)
        try:
            yield
        finally:
            self._watching.remove(committed)

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection for reading; each statement sees what was committed before it."""
        return self._lenders[self._reader].reading()

    def reading_behind(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection for reading to a worker; see `transact_behind`."""
        return self._lenders[self._reader if self.is_sqlite else self._behind].reading()

    async def close(self) -> None:
        """Close every connection."""
        for lender in self._lenders.values():
            await lender.close()
        await self._reader.dispose()
        await self._writer.dispose()
        if not self.is_sqlite:
            await self._lazy.dispose()
            await self._apart.dispose()
            await self._behind.dispose()
            await self._patient.dispose()


def _refuse_beside_another() -> None:
    """Raise HookMisuse for a plugin that takes part in core's transaction, and begins another."""
    refuse_inside(
        "begins a transaction beside the one that it is in",
        "Core waits for it, with locks that the other may wait for: do it in an event hook",
    )


def _async_url(url: str) -> URL:
    kinds = "database_url is sqlite:///FILE or postgresql://USER@HOST/NAME"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUrlInvalid(f"{kinds}: this one cannot be read as an address") from error
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    backend = parsed.get_backend_name()
    if backend not in driver:
        raise DatabaseUrlInvalid(f"{kinds}, not {parsed.render_as_string()}")
    if backend == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise DatabaseUrlInvalid(f"{kinds}: a shop in memory would have a single connection")
    if backend == "sqlite" and parsed.query:
        raise DatabaseUrlInvalid(f"{kinds}: nothing may stand behind the name of a file, such as ?")
    return parsed.set(drivername=driver[backend])


def _transact_here(
    driver: sqlite3.Connection,
    kept: dict[Any, Any],
    work: Callable[[Connection], T],
    keep: Callable[[T], bool],
) -> T:
    """Run a transaction on the thread that this is called on, the one of the SQLite writer."""
    engine = kept.get(_transact_here)
    if engine is None:
        engine = kept[_transact_here] = _engine_around(driver)
    with engine.connect() as connection:
        result = work(connection)
        (connection.commit if keep(result) else connection.rollback)()
        crash_point("database.apart.after_commit")
        return result


def _transact_lazily(
    driver: sqlite3.Connection,
    kept: dict[Any, Any],
    work: Callable[[Connection], T],
    keep: Callable[[T], bool],
) -> T:
    """Do the same without waiting for the disk; the next commit that waits has this one flushed."""
    driver.execute("PRAGMA synchronous = NORMAL")
    try:
        return _transact_here(driver, kept, work, keep)
    finally:
        driver.execute("PRAGMA synchronous = FULL")


def _engine_around(driver: sqlite3.Connection) -> Engine:
    """Return SQLAlchemy's synchronous side of a connection that aiosqlite opened and will close."""
    engine = create_engine("sqlite://", creator=lambda: driver, poolclass=StaticPool)
    event.listen(engine, "begin", begin_immediate)
    return engine


async def _pause(attempt: int) -> None:
    """Wait before the next attempt; by chance, so that two that collided do not meet again."""
    await asyncio.sleep(_PAUSE_S * 2**attempt * (0.5 + random.random() / 2))  # noqa: S311  no secret


__all__ = [
    "AsyncConnection",
    "Connection",
    "Database",
    "Document",
    "Insert",
    "Instant",
    "insert",
    "metadata",
]
