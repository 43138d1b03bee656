"""Whether a process may serve: the database answers, is ours, and has the tables of this code."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from alembic.util.exc import CommandError
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from koipond.kernel import migrate
from koipond.kernel.db import Database
from koipond.kernel.migrate import Unit

# What connecting and asking raises when it is not our statement that is wrong: asyncpg's and the
# system's own errors come through SQLAlchemy as they are.
_DATABASE_ERRORS = (SQLAlchemyError, asyncpg.PostgresError, sqlite3.Error, OSError)


class NotReady(Exception):
    """Why this process may not serve: what, why, and the command that mends it."""


async def check_ready(database: Database, wanted: Sequence[Unit]) -> None:
    """Raise NotReady if the database does not answer, or if there is something to migrate."""
    waiting = await find_waiting(database, wanted)
    if waiting:
        raise NotReady(f"The database is not migrated: {waiting}. Run: koi migrate")


async def find_waiting(database: Database, wanted: Sequence[Unit]) -> str:
    """Say what is to be migrated; "" if nothing is. Raises NotReady."""
    async with _answering(database):
        waiting = await migrate.pending(database, wanted)
    places = (f"{one.name} is at {one.current or 'nothing'}, not {one.wanted}" for one in waiting)
    return "; ".join(places)


async def find_version(database: Database) -> str:
    """Return the version of the database, as it says it. Raises NotReady."""
    # The version alone is told without a look at the file.
    sqlite = "SELECT sqlite_version() FROM (SELECT count(*) FROM sqlite_master)"
    question = sqlite if database.is_sqlite else "SHOW server_version"
    async with _answering(database), database.reading() as connection:
        return str((await connection.execute(text(question))).scalar_one())


async def migrate_safely(database: Database, wanted: Sequence[Unit]) -> list[str]:
    """Migrate, unless the database is somebody else's; returns what was run. Raises NotReady."""
    async with _answering(database), database.reading() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    if tables and wanted[0].version_table not in tables:
        raise NotReady(
            f"The database {_address(database)} holds tables of another program: "
            f"{', '.join(sorted(tables)[:5])}. Nothing was changed. Name another one in "
            "database_url (setting, or the variable KOI_DATABASE_URL), then run: koi migrate"
        )
    try:
        return await migrate.upgrade(database, wanted)
    except CommandError as error:
        raise NotReady(
            f"The database {_address(database)} was migrated by another version of the code: "
            f"{error}. Install the version that it was made by, or restore a copy."
        ) from error


@asynccontextmanager
async def _answering(database: Database) -> AsyncIterator[None]:
    """Turn what the database raises into NotReady."""
    try:
        yield
    except _DATABASE_ERRORS as error:
        raise NotReady(_describe(database, error)) from error


def _describe(database: Database, error: Exception) -> str:
    """Say what a database error means for who runs the shop."""
    cause = getattr(error, "orig", None) or error
    reason = str(cause) or type(cause).__name__
    if "file is not a database" in reason:
        file = database.url.database
        way_out = f"If nobody needs it: mv {file} {file}.broken; then run the command again."
    elif database.is_sqlite:
        way_out = "Its folder must be there, and be open to writing. To look closer: koi doctor"
    else:
        way_out = "The server must run and let this user in. To look closer: koi doctor"
    return (
        f"The database {_address(database)} cannot be used: {reason}.\n{way_out}\n"
        "Another one is named by database_url (setting, or the variable KOI_DATABASE_URL)."
    )


def _address(database: Database) -> str:
    plain = database.url.set(drivername=database.url.get_backend_name())
    return plain.render_as_string(hide_password=True)
