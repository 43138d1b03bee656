"""Migrations: one Alembic version table per package, core first, then plugins by `requires`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence, Set
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

import koipond
from koipond.kernel.db import AsyncConnection, Database
from koipond.kernel.plugins import Plugin, discover

T = TypeVar("T")

_VERSIONS = "alembic_version_"
_LOCK = 0x6B6F69  # "koi": one migration at a time on PostgreSQL
# Whoever waits for a table's lock keeps everybody else from it, those who only read too: so for no
# longer than this, and then again.
LOCK_WAIT_S = 1.0
LOCK_TRIES = 30
_PAUSE_S = 1.0
_LOCK_NOT_AVAILABLE = "55P03"


class MigrationRefused(Exception):
    """A migration that must not be: names the package, the table and the fix; nothing changed."""


class Unit(Struct, frozen=True, kw_only=True):
    """A package with tables: its name, the folder with its revisions, how its tables begin."""

    name: str
    folder: Path
    prefix: str = ""

    @property
    def version_table(self) -> str:
        """Where the package's own revision is kept, so that uninstalling one breaks no other."""
        return f"{_VERSIONS}{self.name}"

    def owns(self, table: str) -> bool:
        """Tell whether a table carries the package's prefix."""
        return bool(self.prefix) and table.startswith(f"{self.prefix}_")


class Pending(Struct, frozen=True, kw_only=True):
    """A package whose tables are not at the revision of its code.

    known: the code has the revision that they are at, so that it can migrate them.
    """

    name: str
    current: str | None
    wanted: str
    known: bool


def units(plugins: Sequence[Plugin]) -> list[Unit]:
    """Return the packages that have tables, in the order in which they are migrated."""
    core = Unit(name="core", folder=Path(koipond.__file__).parent / "migrations")
    return [core, *(unit for plugin in plugins if (unit := unit_of(plugin)).folder.is_dir())]


def unit_of(plugin: Plugin) -> Unit:
    """Return a plugin as what is migrated; it may have no revisions."""
    return Unit(
        name=plugin.name,
        folder=plugin.folder / "migrations",
        prefix=plugin.manifest.table_prefix,
    )


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


async def find_left(database: Database, known: Collection[str]) -> list[str]:
    """Return the plugins whose tables are here and that are not among `known`, by name."""
    async with database.reading() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    names = (table.removeprefix(_VERSIONS) for table in tables if table.startswith(_VERSIONS))
    return sorted(set(names) - {"core", *known})


async def pending(database: Database, wanted: Sequence[Unit]) -> list[Pending]:
    """Return the units that `upgrade` would change."""
    async with database.reading() as connection:
        found = [await connection.run_sync(_pending, unit) for unit in wanted]
    return [one for one in found if one is not None]


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


def _pending(connection: Connection, unit: Unit) -> Pending | None:
    context = MigrationContext.configure(connection, opts={"version_table": unit.version_table})
    current = context.get_current_revision()
    wanted = head(unit)
    # Of a new plugin: its folder is there, and the first revision not yet.
    if current == wanted:
        return None
    assert wanted is not None, f"the revisions of {unit.name} are gone, and its tables are here"
    own = {one.revision for one in _script(unit).walk_revisions()}
    known = current is None or current in own
    return Pending(name=unit.name, current=current, wanted=wanted, known=known)


def head(unit: Unit) -> str | None:
    """Return the newest revision of a unit's code; None if it has none yet."""
    if not unit.folder.is_dir():
        return None
    # Reading the revisions runs them, and /ready asks again and again.
    files = sorted((unit.folder / "versions").glob("*.py"))
    return _head(unit, tuple((file.name, file.stat().st_mtime_ns) for file in files))


@lru_cache(256)
def _head(unit: Unit, files: tuple[tuple[str, int], ...]) -> str | None:
    return _script(unit).get_current_head()


def _script(unit: Unit) -> ScriptDirectory:
    return ScriptDirectory(str(unit.folder), version_locations=[str(unit.folder / "versions")])
