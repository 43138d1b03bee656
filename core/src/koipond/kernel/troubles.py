"""What a database's error means: did it happen, may it be run again, whose fault is it."""

from __future__ import annotations

import asyncpg
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# Serialization failure and deadlock.
_CONFLICTS = {"40001", "40P01"}
# The server ends, or is not there yet.
_ENDINGS = {"57P01", "57P02", "57P03"}
_CONNECTION = "08"
# By class: connection, rollback, resources, object state, intervention, system, internal.
_TROUBLES = {_CONNECTION, "40", "53", "55", "57", "58", "XX"}


class RunAgain(Exception):
    """Raised by the work of a transaction: what it had read has changed since, so run it again."""


def did_not_happen(error: BaseException) -> bool:
    """Tell whether a transaction was undone for another's sake, and may succeed if run again."""
    return _sqlstate(error) in _CONFLICTS or "database is locked" in str(error)


def is_lost(error: BaseException) -> bool:
    """Tell whether the connection went away: what was on its way has happened or not."""
    if isinstance(error, (ConnectionError, asyncpg.InterfaceError)):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    sqlstate = _sqlstate(error)
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
    return _sqlstate(error)[:2] in _TROUBLES


def _sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's code, else ""; asyncpg's own errors come as they are on connecting."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) or ""
