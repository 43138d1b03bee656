"""At which revision tables are, and at which they should be: looked at, and changed by migrate.py.

Every process asks before it serves, so this does not load Alembic, which takes 7 MB of each.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, MetaData, column, inspect, select, table

import koipond
from koipond.kernel.db import Database
from koipond.kernel.plugins import Plugin

_VERSIONS = "alembic_version_"
# How the first function of a file begins.
_FUNCTION = re.compile(r"^(?:@|def |async def )", re.MULTILINE)
# {revision: those that it comes after}
History = Mapping[str, tuple[str, ...]]


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


def find_metadata(plugin: Plugin) -> MetaData | None:
    """Return what a plugin's tables.py describes, if it has one."""
    module = f"{plugin.package}.tables"
    if importlib.util.find_spec(module) is None:
        return None
    found = getattr(importlib.import_module(module), "metadata", None)
    return found if isinstance(found, MetaData) else None


async def find_left(database: Database, known: Collection[str]) -> list[str]:
    """Return the plugins whose tables are here and that are not among `known`, by name."""
    async with database.reading() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    names = (table.removeprefix(_VERSIONS) for table in tables if table.startswith(_VERSIONS))
    return sorted(set(names) - {"core", *known})


async def pending(database: Database, wanted: Sequence[Unit]) -> list[Pending]:
    """Return the units that migrating would change."""
    async with database.reading() as connection:
        found = [await connection.run_sync(_pending, unit) for unit in wanted]
    return [one for one in found if one is not None]


def _pending(connection: Connection, unit: Unit) -> Pending | None:
    current = _current(connection, unit)
    wanted = head(unit)
    # Of a new plugin: its folder is there, and the first revision not yet.
    if current == wanted:
        return None
    assert wanted is not None, f"the revisions of {unit.name} are gone, and its tables are here"
    known = current is None or current in _history(unit)
    return Pending(name=unit.name, current=current, wanted=wanted, known=known)


def _current(connection: Connection, unit: Unit) -> str | None:
    if not inspect(connection).has_table(unit.version_table):
        return None
    versions = table(unit.version_table, column("version_num"))
    found: str | None = connection.execute(select(versions.c.version_num)).scalar_one_or_none()
    return found


def head(unit: Unit) -> str | None:
    """Return the newest revision of a unit's code; None if it has none yet."""
    history = _history(unit)
    ends = history.keys() - {one for behind in history.values() for one in behind}
    assert len(ends) <= 1, f"{unit.name} has several newest revisions: {', '.join(sorted(ends))}"
    return next(iter(ends), None)


def _history(unit: Unit) -> History:
    # /ready asks again and again.
    files = sorted((unit.folder / "versions").glob("*.py"))
    return _read_history(tuple((file, file.stat().st_mtime_ns) for file in files))


@lru_cache(256)
def _read_history(files: tuple[tuple[Path, int], ...]) -> History:
    return dict(_read_revision(file) for file, _ in files if file.name != "__init__.py")


def _read_revision(file: Path) -> tuple[str, tuple[str, ...]]:
    """Read which revision a file is, and which it comes after, without running it."""
    text = file.read_text(encoding="utf-8")
    # What it says stands before its functions, which are long.
    told = _literals(_FUNCTION.split(text, maxsplit=1)[0])
    assert "revision" in told, f'{file} does not say revision = "…" before its functions'
    behind = told.get("down_revision") or ()
    return told["revision"], (behind,) if isinstance(behind, str) else tuple(behind)


def _literals(source: str) -> dict[str, Any]:
    """Return {name: value} of what Python names at its top and writes out."""
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            value = _literal(node.value)
            found |= {one.id: value for one in targets if isinstance(one, ast.Name)}
    return found


def _literal(value: ast.expr) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        return None
