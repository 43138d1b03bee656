"""Migrations: one Alembic version table per package, core first, then plugins by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy import Connection, text

import koipond
from koipond.kernel.db import Database
from koipond.kernel.plugins import Plugin, discover

_LOCK = 0x6B6F69  # "koi": one migration at a time on PostgreSQL


class Unit(Struct, frozen=True, kw_only=True):
    """A package with tables: its name, and the folder with its revisions."""

    name: str
    folder: Path

    @property
    def version_table(self) -> str:
        """Where the package's own revision is kept, so that uninstalling one breaks no other."""
        return f"alembic_version_{self.name}"


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
    own = [Unit(name=plugin.name, folder=plugin.folder / "migrations") for plugin in plugins]
    return [core, *(unit for unit in own if unit.folder.is_dir())]


async def upgrade_all(url: str) -> list[str]:
    """Bring the tables of core and of every installed plugin up to date; returns what was run."""
    database = Database(url)
    try:
        return await upgrade(database, units(discover()))
    finally:
        await database.close()


async def upgrade(database: Database, wanted: Sequence[Unit]) -> list[str]:
    """Bring each unit to its newest revision; returns ["core 0001_first", …], only those run."""
    done: list[str] = []
    database.make_folder()
    async with database.writer.begin() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        for unit in wanted:
            done += await connection.run_sync(_upgrade, unit)
    return done


async def pending(database: Database, wanted: Sequence[Unit]) -> list[Pending]:
    """Return the units that `upgrade` would change."""
    async with database.reading() as connection:
        found = [await connection.run_sync(_pending, unit) for unit in wanted]
    return [one for one in found if one is not None]


def _upgrade(connection: Connection, unit: Unit) -> list[str]:
    script = _script(unit)
    ran: list[str] = []

    def steps(revision: Any, context: MigrationContext) -> Any:
        # Alembic's own commands call this; it has no public name.
        found = script._upgrade_revs("heads", revision)
        ran.extend(f"{unit.name} {step.revision.revision}" for step in found)
        return found

    context = MigrationContext.configure(
        connection, opts={"version_table": unit.version_table, "fn": steps}
    )
    with Operations.context(context):
        context.run_migrations()
    return ran


def _pending(connection: Connection, unit: Unit) -> Pending | None:
    context = MigrationContext.configure(connection, opts={"version_table": unit.version_table})
    current = context.get_current_revision()
    script = _script(unit)
    head = script.get_current_head()
    assert head is not None, f"{unit.name} has a folder migrations without a revision"
    if current == head:
        return None
    own = {one.revision for one in script.walk_revisions()}
    known = current is None or current in own
    return Pending(name=unit.name, current=current, wanted=head, known=known)


def _script(unit: Unit) -> ScriptDirectory:
    return ScriptDirectory(str(unit.folder), version_locations=[str(unit.folder / "versions")])
