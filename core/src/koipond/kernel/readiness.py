"""Whether a process may serve: the database answers, is ours, and has the tables of this code."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from koipond.kernel.db import Database
from koipond.kernel.revisions import Unit, pending

# What connecting and asking raises when it is not our statement that is wrong: asyncpg's and the
# system's own errors come through SQLAlchemy as they are.
_DATABASE_ERRORS = (SQLAlchemyError, asyncpg.PostgresError, sqlite3.Error, OSError)
# What SQLite says of a file that holds something else, or was damaged.
_BROKEN = ("file is not a database", "malformed", "file is encrypted")


class NotReady(Exception):
    """Why this process may not serve: what, why, and the command that mends it."""


async def check_ready(database: Database, wanted: Sequence[Unit]) -> None:
    """Raise NotReady if the database does not answer, or if there is something to migrate."""
    waiting = await find_waiting(database, wanted)
    if waiting:
        raise NotReady(
            f"The database {_address(database.url)} is not migrated: {waiting}. Run: koi migrate"
        )


def check_there(url: str | URL) -> None:
    """Raise NotReady if there is no SQLite file; only migrating makes one, looking does not."""
    try:
        known = make_url(url)
    except ArgumentError:
        return  # refused in words by Database
    file = known.database
    if known.get_backend_name() == "sqlite" and file and not Path(file).exists():
        raise NotReady(f"There is no database at {file}. Run: koi migrate")


async def find_waiting(database: Database, wanted: Sequence[Unit]) -> str:
    """Say what is to be migrated; "" if nothing is.

    Raises NotReady, also for tables that only another version of the code can migrate.
    """
    check_there(database.url)
    async with answering(database):
        waiting = await pending(database, wanted)
    strange = [f"{one.name} is at {one.current}" for one in waiting if not one.known]
    if strange:
        raise NotReady(_made_elsewhere(database, "; ".join(strange)))
    places = (f"{one.name} is at {one.current or 'nothing'}, not {one.wanted}" for one in waiting)
    return "; ".join(places)


async def find_version(database: Database) -> str:
    """Return the version of the database, as it says it. Raises NotReady."""
    check_there(database.url)
    # The version alone is told without a look at the file.
    sqlite = "SELECT sqlite_version() FROM (SELECT count(*) FROM sqlite_master)"
    question = sqlite if database.is_sqlite else "SHOW server_version"
    async with answering(database), database.reading() as connection:
        return str((await connection.execute(text(question))).scalar_one())


async def migrate_safely(database: Database, wanted: Sequence[Unit]) -> list[str]:
    """Migrate, unless the database is somebody else's; returns what was run. Raises NotReady."""
    # Only who migrates needs Alembic; see kernel/revisions.py.
    from alembic.util.exc import CommandError

    from koipond.kernel.migrate import upgrade

    async with answering(database):
        database.make_folder()
        async with database.reading() as connection:
            tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    if tables and wanted[0].version_table not in tables:
        raise NotReady(
            f"The database {_address(database.url)} holds tables of another program: "
            f"{', '.join(sorted(tables)[:5])}. Nothing was changed. Name another one in "
            "database_url (setting, or the variable KOI_DATABASE_URL), then run: koi migrate"
        )
    try:
        return await upgrade(database, wanted)
    except CommandError as error:
        raise NotReady(_made_elsewhere(database, str(error))) from error


def _made_elsewhere(database: Database, reason: str) -> str:
    return (
        f"The database {_address(database.url)} was migrated by another version of the code: "
        f"{reason}. Install the version that it was made by, or restore a copy."
    )


@asynccontextmanager
async def answering(database: Database) -> AsyncIterator[None]:
    """Turn what the database raises into NotReady."""
    try:
        yield
    except _DATABASE_ERRORS as error:
        raise NotReady(_describe(database, error)) from error


def _describe(database: Database, error: Exception) -> str:
    """Say what a database error means for who runs the shop."""
    cause = getattr(error, "orig", None) or error
    reason = str(cause) or type(cause).__name__
    file = database.url.database or ""
    if not database.is_sqlite:
        way_out = "The server must run and let this user in."
    elif Path(file).is_dir():
        reason, way_out = "it is a folder", f"Name a file in it, such as {file}/koi.db."
    elif any(sign in reason for sign in _BROKEN):
        way_out = f"If nobody needs it: mv {file} {file}.broken; then run: koi migrate"
    else:
        way_out = "Its folder must be there, and be open to writing."
    return (
        f"The database {_address(database.url)} cannot be used: {reason}.\n{way_out}\n"
        "Another one is named by database_url (setting, or the variable KOI_DATABASE_URL)."
    )


def _address(url: URL) -> str:
    plain = url.set(drivername=url.get_backend_name())
    return plain.render_as_string(hide_password=True)
