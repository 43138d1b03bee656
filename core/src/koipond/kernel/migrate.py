"""Migrations: one Alembic version table per package, core first, then plugins by `requires`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence, Set
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from koipond.kernel.db import AsyncConnection, Database
from koipond.kernel.plugins import discover
from koipond.kernel.revisions import Unit, units

T = TypeVar("T")

_LOCK = 0x6B6F69  # "koi": one migration at a time on PostgreSQL
# Whoever waits for a table's lock keeps everybody else from it, those who only read too: so for no
# longer than this, and then again.
LOCK_WAIT_S = 1.0
LOCK_TRIES = 30
_PAUSE_S = 1.0
_LOCK_NOT_AVAILABLE = "55P03"


class MigrationRefused(Exception):
    """A migration that must not be: names the package, the table and the fix; nothing changed."""


async def upgrade_all(url: str) -> list[str]:
    """Bring the tables of core and of every installed plugin up to date; returns what was run."""
    database = Database(url)
    try:
        return await upgrade(database, units(discover()))
    finally:
        await database.close()


async def upgrade(database: Database, wanted: Sequence[Unit]) -> list[str]:
    """Bring each unit to its newest revision; returns ["core 0001_first", …], only those run.

    All of them or none. Raises MigrationRefused.
    """

    def move_all(connection: Connection) -> list[str]:
        return [step for unit in wanted for step in _move(connection, unit, "heads")]

    return await _change(database, move_all)


async def move(database: Database, unit: Unit, target: str) -> list[str]:
    """Bring one unit up or down to a revision, `base` is before the first; returns what was run.

    Raises MigrationRefused, CommandError for a revision that there is not.
    """
    return await _change(database, lambda connection: _move(connection, unit, target))


async def _change(database: Database, work: Callable[[Connection], T]) -> T:
    """Run `work` in the one transaction that changes tables; again if a table is in use.

    Raises MigrationRefused, also where a table is in use for too long.
    """
    for attempt in range(1, LOCK_TRIES + 1):
        try:
            async with locked(database) as connection:
                return await connection.run_sync(work)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            if attempt == LOCK_TRIES:
                raise MigrationRefused(
                    f"a table that is to be changed was in use {LOCK_TRIES} times for more than "
                    f"{LOCK_WAIT_S} s, by a transaction that does not end. See pg_stat_activity, "
                    "end it, and migrate again. Nothing was changed."
                ) from error
        await asyncio.sleep(_PAUSE_S)
    raise AssertionError("unreachable: the last attempt returns or raises")


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[AsyncConnection]:
    """Lend the one transaction that changes tables."""
    database.make_folder()
    async with database.writer.begin() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            # Not before: another migration is waited for, however long it takes.
            await connection.execute(
                text(f"SET LOCAL lock_timeout = '{round(LOCK_WAIT_S * 1000)}ms'")
            )
        yield connection


def _move(connection: Connection, unit: Unit, target: str) -> list[str]:
    script = _script(unit)
    ran: list[str] = []
    before = set(inspect(connection).get_table_names())

    def steps(revision: Any, context: MigrationContext) -> Any:
        # Alembic's own commands call these; they have no public names.
        behind = revision and _lies_behind(script, target, context)
        find = script._downgrade_revs if behind else script._upgrade_revs
        found = find(target, revision)
        ran.extend(f"{unit.name} {step.revision.revision}" for step in found)
        return found

    context = MigrationContext.configure(
        connection, opts={"version_table": unit.version_table, "fn": steps}
    )
    with Operations.context(context):
        context.run_migrations()
    if ran and unit.prefix:
        _check_tables(connection, unit, before)
    return ran


def _lies_behind(script: ScriptDirectory, target: str, context: MigrationContext) -> bool:
    if target in {"heads", "base"}:
        return target == "base"
    past = script.iterate_revisions(context.get_current_revision(), "base")
    return target in {one.revision for one in past}


def _check_tables(connection: Connection, unit: Unit, before: Set[str]) -> None:
    """Raise MigrationRefused if a plugin made what nobody could take away again."""
    looking = inspect(connection)
    after = set(looking.get_table_names())
    for table in sorted(after - before - {unit.version_table}):
        if not unit.owns(table):
            raise MigrationRefused(
                f"plugin {unit.name}: its migration makes the table {table}, which does not begin "
                f"with {unit.prefix}_ (table_prefix in plugin.toml), so that purging it would miss "
                f"it. Call it {unit.prefix}_{table}. Nothing was changed."
            )
    for table in sorted(filter(unit.owns, after)):
        for key in looking.get_foreign_keys(table):
            if "ondelete" not in key["options"]:
                columns = ", ".join(key["constrained_columns"])
                raise MigrationRefused(
                    f"plugin {unit.name}: the key {table}.{columns} to {key['referred_table']} "
                    'does not say what is to happen when that row is deleted. Say ondelete="…": '
                    "RESTRICT or SET NULL for what stands for money or points, CASCADE for what "
                    "is only shown. Nothing was changed."
                )


def _script(unit: Unit) -> ScriptDirectory:
    return ScriptDirectory(str(unit.folder), version_locations=[str(unit.folder / "versions")])
