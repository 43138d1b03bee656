"""The database: one writer, many readers, whole transactions retried. Only this commits."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
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
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.schema import Table
from sqlalchemy.types import TypeDecorator

from koipond.kernel.faults import crash_point
from koipond.kernel.troubles import did_not_happen, may_run_again

T = TypeVar("T")

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

ATTEMPTS = 5
# A plan cached while a table was empty would read all of it ever after, under the locks.
_APART = {"enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "jit": "off"}
# A second writer took the same place in an aggregate's row of events; see kernel/outbox.py.
OUTBOX_PLACE = "uq_outbox_event_aggregate_id_seq"


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
    read-only ones. PostgreSQL: one pool; reads run in AUTOCOMMIT.
    """

    def __init__(self, url: str, *, pool_size: int = 10, wait_s: float = 10.0) -> None:
        """url: `sqlite:///file` or `postgresql://…`. wait_s: seconds to wait for a connection.

        Raises DatabaseUrlInvalid.
        """
        self.url = _async_url(url)
        self._watching: list[asyncio.Event] = []
        if self.is_sqlite:
            self._writer = _sqlite_engine(self.url, pool_size=1, writes=True, wait_s=wait_s)
            self._reader = _sqlite_engine(
                self.url, pool_size=pool_size, writes=False, wait_s=wait_s
            )
        else:
            self._writer = _engine(self.url, pool_size=pool_size, max_overflow=10, wait_s=wait_s)
            self._reader = self._writer.execution_options(isolation_level="AUTOCOMMIT")
            # One for the desk's batches, one for the jobs that lock the same rows.
            self._apart = _engine(
                self.url, pool_size=2, max_overflow=0, wait_s=wait_s, server_settings=_APART
            )

    @property
    def is_sqlite(self) -> bool:
        """Tell whether this is the embedded database."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def writer(self) -> AsyncEngine:
        """The engine that migrations run on."""
        return self._writer

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in one transaction and commit it.

        On a serialization failure or a deadlock all of `work` is run again, at most 5 times in all,
        so it must not do anything that a rollback does not undo.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._writer.begin() as connection:
                    result = await work(connection)
            except DBAPIError as error:
                if attempt == ATTEMPTS or not may_retry(error):
                    raise
            else:
                for committed in self._watching:
                    committed.set()
                return result
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def transact_apart(
        self, work: Callable[[Connection], T], *, keep: Callable[[T], bool] = lambda _: True
    ) -> T:
        """Run `work`, which waits for nothing but the database, in a short transaction apart.

        PostgreSQL: on connections that orders do not queue for. SQLite: all of it at once on the
        writer's thread. keep: tells by the result whether there is anything to commit.
        When the connection is lost it may have happened or not, and all of `work` is run again
        nevertheless: it must find its own traces, and answer as it did the first time.
        """
        transact = self._on_writer_thread if self.is_sqlite else self._on_own_connection
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await transact(work, keep)
            except Exception as error:
                if attempt == ATTEMPTS or not may_run_again(error):
                    raise
            await asyncio.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _on_own_connection(
        self, work: Callable[[Connection], T], keep: Callable[[T], bool]
    ) -> T:
        async with self._apart.connect() as connection:
            result = await connection.run_sync(work)
            await (connection.commit() if keep(result) else connection.rollback())
            crash_point("database.apart.after_commit")
            return result

    async def _on_writer_thread(
        self, work: Callable[[Connection], T], keep: Callable[[T], bool]
    ) -> T:
        async with self._writer.connect() as connection:
            lent = await connection.get_raw_connection()
            driver: Any = lent.driver_connection
            # Private to aiosqlite, which has no other way to do several things in one go.
            result: T = await driver._execute(_transact_here, driver._conn, lent.info, work, keep)
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
        engine = self._writer.execution_options(
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

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection for reading; each statement sees what was committed before it."""
        async with self._reader.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self._reader.dispose()
        await self._writer.dispose()
        if not self.is_sqlite:
            await self._apart.dispose()


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
    return parsed.set(drivername=driver[backend])


def _engine(
    url: URL,
    *,
    pool_size: int,
    max_overflow: int,
    wait_s: float,
    server_settings: dict[str, str] | None = None,
) -> AsyncEngine:
    return create_async_engine(
        url,
        connect_args={"server_settings": server_settings} if server_settings else {},
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=wait_s,
        # An error is logged with its statement, and the values in it are people's.
        hide_parameters=True,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
    )


def _sqlite_engine(url: URL, *, pool_size: int, writes: bool, wait_s: float) -> AsyncEngine:
    Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(url, pool_size=pool_size, max_overflow=0, wait_s=wait_s)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        # The driver's own transaction handling would begin late and only for some statements.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.execute("PRAGMA foreign_keys = ON")
        if writes:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
        else:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    if writes:
        event.listen(engine.sync_engine, "begin", _begin_immediate)

    return engine


def _begin_immediate(connection: Connection) -> None:
    """Lock at once: a deferred BEGIN that writes later answers "database is locked" even so."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


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


def _engine_around(driver: sqlite3.Connection) -> Engine:
    """Return SQLAlchemy's synchronous side of a connection that aiosqlite opened and will close."""
    engine = create_engine("sqlite://", creator=lambda: driver, poolclass=StaticPool)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def may_retry(error: DBAPIError) -> bool:
    """Tell whether `transact` runs its work again after `error`."""
    return did_not_happen(error) or OUTBOX_PLACE in str(error.orig)


__all__ = [
    "AsyncConnection",
    "Connection",
    "Database",
    "Document",
    "Insert",
    "Instant",
    "insert",
    "may_retry",
    "metadata",
]
