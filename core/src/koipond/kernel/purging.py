"""Takes the tables of a plugin out of a database, after writing down what was in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, MetaData, Table, func, inspect, select, text

from koipond.kernel.db import AsyncConnection, Database, metadata
from koipond.kernel.migrate import locked
from koipond.kernel.outbox import delivery, subscription
from koipond.kernel.revisions import Unit

_AT_ONCE = 1_000


class Owned(Struct, frozen=True, kw_only=True):
    """A table of a plugin, and how many rows it has."""

    table: str
    rows: int


async def find_owned(
    database: Database, unit: Unit, *, others: Collection[str] = ()
) -> list[Owned]:
    """Return the tables of a plugin, its version table left out. others: other plugins' prefixes.

    Only what carries its prefix is its own, and nothing of core's, or of a longer prefix, is.
    """
    async with database.reading() as connection:
        return await connection.run_sync(_count, unit, others)


async def purge(
    database: Database,
    unit: Unit,
    *,
    others: Collection[str] = (),
    export: Path | None = None,
    also: Callable[[AsyncConnection], Awaitable[None]],
) -> list[Owned]:
    """Drop the tables of a plugin and its version table; returns what was dropped.

    export: a new file of one JSON document a line: {"table": …, "row": {…}}. Exactly what is in it
    is dropped. also: what else belongs to the transaction. Raises FileExistsError, OSError.
    """
    async with locked(database) as connection:
        owned = await connection.run_sync(_count, unit, others)
        names = [one.table for one in owned]
        if export is not None:
            # Written whole before anything is dropped, and never over another file.
            with export.open("xb") as file:
                await connection.run_sync(_export, names, file)
        await connection.run_sync(_drop, unit, names)
        # What it was to be told of; a consumer has its plugin's name.
        for table in (delivery, subscription):
            await connection.execute(table.delete().where(table.c.consumer == unit.name))
        await also(connection)
    return owned


def _count(connection: Connection, unit: Unit, others: Collection[str]) -> list[Owned]:
    names = list(_own_names(inspect(connection).get_table_names(), unit, others))
    tables = [_table(name) for name in names]
    counts = [
        connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
    ]
    return [Owned(table=name, rows=rows) for name, rows in zip(names, counts, strict=True)]


def _own_names(tables: Sequence[str], unit: Unit, others: Collection[str]) -> Iterator[str]:
    longer = tuple(f"{one}_" for one in others if one.startswith(f"{unit.prefix}_"))
    for table in sorted(tables):
        if unit.owns(table) and table not in metadata.tables and not table.startswith(longer):
            yield table


def _export(connection: Connection, names: Sequence[str], file: BinaryIO) -> None:
    found = _reflect(connection, names)
    for name in names:
        rows = connection.execute(select(found.tables[name])).mappings()
        for part in rows.partitions(_AT_ONCE):
            lines = [{"table": name, "row": dict(row)} for row in part]
            file.write(_lines(lines))


def _lines(rows: Sequence[object]) -> bytes:
    return b"".join(msgspec.json.encode(row, enc_hook=str) + b"\n" for row in rows)


def _drop(connection: Connection, unit: Unit, names: Sequence[str]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    for view in inspect(connection).get_view_names():
        if unit.owns(view):
            connection.execute(text(f"DROP VIEW {quote(view)}"))
    for table in _children_first(connection, names):
        connection.execute(text(f"DROP TABLE {quote(table)}"))
    connection.execute(text(f"DROP TABLE IF EXISTS {quote(unit.version_table)}"))


def _children_first(connection: Connection, names: Sequence[str]) -> list[str]:
    found = [table for table, _ in inspect(connection).get_sorted_table_and_fkc_names()]
    return [table for table in reversed(found) if table is not None and table in names]


def _reflect(connection: Connection, names: Sequence[str]) -> MetaData:
    found = MetaData()
    # What they point at is core's, and is not looked at.
    found.reflect(connection, only=list(names), resolve_fks=False)
    return found


def _table(name: str) -> Table:
    return Table(name, MetaData())
