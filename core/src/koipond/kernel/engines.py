"""Engines: how connections to each database are opened, used and given up."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from threading import Timer
from types import MappingProxyType
from typing import Any, NoReturn

import asyncpg
import msgspec
from sqlalchemy import Connection, ExceptionContext, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from koipond.kernel import sqlite
from koipond.kernel.troubles import DatabaseSilent, DatabaseUnreachable, is_lost

# How long opening a connection may take where statements may take as long as they like.
_OPEN_S = 30.0
# Locks of a client that froze, or that the network lost, must not be kept for hours.
_SESSION = {
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "30s",
}
# How long a statement of a cancelled task may still run on SQLite.
_CUT_S = 0.05


def _engine(
    url: URL,
    *,
    pool_size: int,
    max_overflow: int,
    wait_s: float,
    connect: Mapping[str, Any] = MappingProxyType({}),
) -> AsyncEngine:
    return create_async_engine(
        url,
        connect_args=dict(connect),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=wait_s,
        # An error is logged with its statement, and the values in it are people's.
        hide_parameters=True,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
    )


def postgres_engine(
    url: URL,
    *,
    pool_size: int,
    max_overflow: int,
    wait_s: float,
    answer_s: float | None,
    server_settings: Mapping[str, str] = MappingProxyType({}),
) -> AsyncEngine:
    connect = {
        "async_creator_fn": _connect,
        "timeout": answer_s or _OPEN_S,
        "command_timeout": answer_s,
        "server_settings": {**_SESSION, **_patience(answer_s), **server_settings},
    }
    engine = _engine(
        url, pool_size=pool_size, max_overflow=max_overflow, wait_s=wait_s, connect=connect
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def check(connection: Any, record: Any, proxy: Any) -> None:
        # The server ended it while nobody used it. Known without asking, and nothing has happened.
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    @event.listens_for(engine.sync_engine, "handle_error")
    def give_up(context: ExceptionContext) -> BaseException | None:
        # The server has said that it ends the session, and not yet ended it.
        if is_lost(context.original_exception):
            context.is_disconnect = True
        # No answer in time. The driver does not call this an error of the database's, so the
        # connection would be used again, and those who ask what it was would not know.
        if not isinstance(context.original_exception, TimeoutError):
            return None
        context.is_disconnect = True
        return DatabaseSilent("the database gave no answer in time")

    return engine


def _patience(answer_s: float | None) -> dict[str, str]:
    """Tell the server to work no longer on a statement than somebody waits for it."""
    return {} if answer_s is None else {"statement_timeout": f"{round(answer_s * 1000)}ms"}


async def _connect(*given: Any, **named: Any) -> asyncpg.Connection:
    """Open a connection. Raises DatabaseUnreachable, DatabaseSilent, and what the server says."""
    try:
        return await asyncpg.connect(*given, **named)
    except TimeoutError as error:
        raise DatabaseSilent("the database opened no connection in time") from error
    except OSError as error:
        raise DatabaseUnreachable(f"the database cannot be reached: {error}") from error


def sqlite_engine(url: URL, *, pool_size: int, writes: bool, wait_s: float) -> AsyncEngine:
    connect = {"async_creator_fn": sqlite.connect}
    engine = _engine(url, pool_size=pool_size, max_overflow=0, wait_s=wait_s, connect=connect)

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
        event.listen(engine.sync_engine, "begin", begin_immediate)
    event.listen(engine.sync_engine, "invalidate", _undo)
    return engine


class CommitRefused(TypeError):
    """A use-case that would end the transaction that it is in."""


class LentConnection(AsyncConnection):
    """The connection of a transaction, which nobody but who began it ends."""

    __slots__ = ()

    async def commit(self) -> NoReturn:
        """Refuse: half of a use-case would be kept."""
        raise CommitRefused(
            "a use-case commits. Take the call out: what it wrote is committed when the "
            "outermost @transaction ends."
        )

    async def rollback(self) -> NoReturn:
        """Refuse: its caller's writes would be gone too."""
        raise CommitRefused(
            "a use-case rolls back. Raise a refusal instead: it undoes the transaction. A part of "
            "it is undone by `async with ctx.db.begin_nested()`."
        )


def begin_immediate(connection: Connection) -> None:
    """Lock at once: a deferred BEGIN that writes later answers "database is locked" even so."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _undo(connection: Any, record: Any, error: BaseException | None) -> None:
    """Roll back what a cancelled task was in the middle of, before its connection is closed.

    Closing alone waits for the statement's end, and then keeps the lock of the only writer until
    the statement is collected as garbage. A statement that goes on is cut, but not at once: what is
    cut while the rows of one are still open cannot be rolled back before these are collected.
    """
    # Both private to aiosqlite, whose own calls would have to be awaited.
    driver = connection.driver_connection
    opened: sqlite3.Connection | None = driver._connection
    if opened is None:
        return
    cut = Timer(_CUT_S, opened.interrupt)
    cut.daemon = True

    def roll_back() -> None:
        cut.cancel()
        opened.rollback()

    cut.start()
    driver._tx.put_nowait((None, roll_back))
