"""What a database's error means: did it happen, may it be run again, whose fault is it."""

from __future__ import annotations

import asyncpg
from msgspec import Struct
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# Serialization failure and deadlock.
_CONFLICTS = {"40001", "40P01"}
# The server ends, or is not there yet.
_ENDINGS = {"57P01", "57P02", "57P03"}
_CONNECTION = "08"
DIVISION_BY_ZERO = "22012"
UNIQUE_VIOLATION = "23505"
# A second writer took the same place in an aggregate's row of events; see kernel/outbox.py.
OUTBOX_PLACE = "uq_outbox_event_aggregate_id_seq"
# By class: connection, rollback, resources, object state, intervention, system, internal.
_TROUBLES = {_CONNECTION, "40", "53", "55", "57", "58", "XX"}


# More connections than the server allows.
_CROWDED = {"53300"}
# By what SQLite calls it, with what comes after these. What it calls ERROR is a statement's fault.
_SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_SQLITE_TROUBLES = (
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
    "SQLITE_NOMEM",
    "SQLITE_PROTOCOL",
)


class Trouble(Struct, frozen=True, kw_only=True):
    """What a caller is told of a database in trouble: it is not the request's fault."""

    code: str
    message: str
    retry_after_s: int


_AGAIN = "With the same idempotencyKey it will not happen twice."
BUSY = Trouble(
    code="DATABASE_BUSY",
    message=f"Too many requests are waiting for the database. Repeat this one in 1 s. {_AGAIN}",
    retry_after_s=1,
)
UNAVAILABLE = Trouble(
    code="DATABASE_UNAVAILABLE",
    message="The database does not answer, or cannot write. What was asked for has happened or "
    f"not: repeat it in 5 s. {_AGAIN}",
    retry_after_s=5,
)


class DatabaseUnreachable(ConnectionError):
    """No connection to the database could be had."""


class DatabaseSilent(TimeoutError):
    """The database gave no answer for so long that none is waited for; asking again would too."""


class RunAgain(Exception):
    """Raised by the work of a transaction: what it had read has changed since, so run it again."""


class Outdated(Exception):
    """A row is not what it was believed to be. The transaction must be given up."""


def did_not_happen(error: BaseException) -> bool:
    """Tell whether a transaction was undone for another's sake, and may succeed if run again."""
    return sqlstate_of(error) in _CONFLICTS or "database is locked" in str(error)


def may_retry(error: DBAPIError) -> bool:
    """Tell whether a transaction whose work cannot find its own traces may be run again."""
    return did_not_happen(error) or OUTBOX_PLACE in str(error.orig)


def is_lost(error: BaseException) -> bool:
    """Tell whether the connection went away: what was on its way has happened or not."""
    if isinstance(error, (ConnectionError, asyncpg.InterfaceError)):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # What asyncpg says of a connection that the server has half closed.
    if isinstance(getattr(error, "orig", error).__cause__, asyncpg.InternalClientError):
        return True
    sqlstate = sqlstate_of(error)
    return sqlstate in _ENDINGS or sqlstate.startswith(_CONNECTION)


def may_run_again(error: BaseException) -> bool:
    """Tell whether work that finds its own traces may be run again after `error`."""
    return isinstance(error, RunAgain) or did_not_happen(error) or is_lost(error)


def is_trouble(error: BaseException) -> bool:
    """Tell whether the database is in trouble, so that no single statement is the cause.

    A lost connection, a deadlock, a full disk, no connection to be had: asking for less would
    not help, and asking at once again would make it worse.
    """
    if isinstance(error, (OSError, OperationalError, PoolTimeout)) or is_lost(error):
        return True
    return sqlstate_of(error)[:2] in _TROUBLES


def find_trouble(error: BaseException | None) -> Trouble | None:
    """Return what to tell a caller whose request failed by `error`, if the database is to blame."""
    if error is None:
        return None
    if isinstance(error, PoolTimeout) or sqlstate_of(error) in _CROWDED:
        return BUSY
    if isinstance(error, OperationalError):
        name = getattr(error.orig, "sqlite_errorname", "")
        return BUSY if name.startswith(_SQLITE_BUSY) else _if_trouble(name)
    known = isinstance(
        error, (DatabaseUnreachable, DatabaseSilent, DBAPIError, asyncpg.PostgresError)
    )
    return UNAVAILABLE if known and is_trouble(error) else None


def _if_trouble(sqlite_name: str) -> Trouble | None:
    return UNAVAILABLE if sqlite_name.startswith(_SQLITE_TROUBLES) else None


def sqlstate_of(error: BaseException) -> str:
    """Return PostgreSQL's code, else ""; asyncpg's own errors come as they are on connecting."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) or ""
