"""Rows that wait to be stored: those of all tables go to the database together.

PostgreSQL gets one statement for all of them, SQLite one for each table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Table, bindparam, func, select, text
from sqlalchemy.dialects import sqlite

from koipond.kernel.db import AsyncConnection
from koipond.kernel.prepared import Prepared

Row = Mapping[str, Any]


class _Act(Struct, frozen=True):
    """What is done with rows of one table that have the same columns."""

    table: Table
    columns: tuple[str, ...]
    # Columns by which the rows that are there already are known; none: they are new.
    known_by: tuple[str, ...] = ()
    unless_there: bool = False
    counts_on: tuple[str, str] | None = None

    @property
    def changed(self) -> list[str]:
        """The columns that are written to rows that are there."""
        return [name for name in self.columns if name not in self.known_by]


class Unsent:
    """What a transaction will store in one go; until then it cannot read it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[_Act, list[Row]]] = []

    def add(
        self,
        table: Table,
        *rows: Row,
        unless_there: bool = False,
        counts_on: tuple[str, str] | None = None,
    ) -> None:
        """Insert rows, and those of tables that were named earlier before them.

        unless_there: leave out those that clash with another row.
        counts_on: (number, of): the rows come numbered from 1 on for each `of`; the numbers that
        are stored follow those that are there.
        """
        for row in rows:
            act = _Act(table, tuple(row), (), unless_there, counts_on)
            alike = next((known for other, known in self._waiting if other == act), None)
            if alike is None:
                self._waiting.append((act, [row]))
            else:
                alike.append(row)

    def change(self, table: Table, row: Row, *, known_by: tuple[str, ...] = ("id",)) -> None:
        """Set columns of the row that has the same `known_by`.

        It must not wait here already: of two writes of a statement to one row one would be lost.
        """
        key = [row[name] for name in known_by]
        waiting = [one for act, rows in self._waiting if act.table is table for one in rows]
        assert all([one.get(name) for name in known_by] != key for one in waiting), "twice"
        self._waiting.append((_Act(table, tuple(row), known_by), [row]))

    async def send(self, db: AsyncConnection) -> None:
        """Store what waits, if anything does."""
        waiting, self._waiting = self._waiting, []
        if waiting and db.dialect.name == "postgresql":
            rows = {f"rows_{place}": _encode(rows) for place, (_, rows) in enumerate(waiting)}
            await _together(tuple([act for act, _ in waiting])).rows(db, rows)
            return
        for act, rows_of_it in waiting:
            counted = await _count_on(db, act.table, rows_of_it, *act.counts_on or ())
            await db.execute(_alone(act), [_as_parameters(act, row) for row in counted])


def _encode(rows: Sequence[Row]) -> str:
    return msgspec.json.encode(rows).decode()


@lru_cache(256)
def _together(acts: tuple[_Act, ...]) -> Prepared:
    """Return one statement for all acts, each of which sees what was there before all of them.

    Its foreign keys are checked at its end.
    """
    *first, last = [_in_postgresql(act, f":rows_{place}") for place, act in enumerate(acts)]
    named = ", ".join(f"act_{place} AS ({sql})" for place, sql in enumerate(first))
    return Prepared(text(f"WITH {named} {last}" if named else last))


def _in_postgresql(act: _Act, parameter: str) -> str:
    table = f'"{act.table.name}"'
    given = f"json_populate_recordset(CAST(NULL AS {table}), CAST({parameter} AS json)) AS given"
    if act.known_by:
        # Of a set of rows it would think that they are a hundred, and read all of a small table.
        given = (
            f"json_populate_record(CAST(NULL AS {table}), CAST({parameter} AS json) -> 0) AS given"
        )
        changes = _join(", ", '"{0}" = given."{0}"', act.changed)
        same = _join(" AND ", table + '."{0}" = given."{0}"', act.known_by)
        return f"UPDATE {table} SET {changes} FROM {given} WHERE {same}"  # noqa: S608  our own names
    values = {name: f'given."{name}"' for name in act.columns}
    if act.counts_on is not None:
        number, of = act.counts_on
        last = f'SELECT max("{number}") FROM {table} AS t WHERE t."{of}" = given."{of}"'  # noqa: S608  our own names
        values[number] += f" + coalesce(({last}), 0)"
    names = _join(", ", '"{0}"', values)
    clash = " ON CONFLICT DO NOTHING" if act.unless_there else ""
    return f"INSERT INTO {table} ({names}) SELECT {', '.join(values.values())} FROM {given}{clash}"  # noqa: S608  our own names


def _join(between: str, each: str, names: Iterable[str]) -> str:
    return between.join(each.format(name) for name in names)


@lru_cache(256)
def _alone(act: _Act) -> Any:
    """Return the statement of one act for SQLite, for each row's parameters."""
    if act.known_by:
        same = [act.table.c[name] == bindparam(f"known_{name}") for name in act.known_by]
        changes: dict[str, Any] = {name: bindparam(name) for name in act.changed}
        return act.table.update().where(*same).values(changes)
    new = sqlite.insert(act.table)
    return new.on_conflict_do_nothing() if act.unless_there else new


def _as_parameters(act: _Act, row: Row) -> Row:
    return {f"known_{name}" if name in act.known_by else name: row[name] for name in act.columns}


async def _count_on(
    db: AsyncConnection, table: Table, rows: Sequence[Row], number: str = "", of: str = ""
) -> Sequence[Row]:
    if not number:
        return rows
    column, key = table.c[number], table.c[of]
    wanted = select(key, func.max(column)).where(key.in_({row[of] for row in rows})).group_by(key)
    last = dict((await db.execute(wanted)).all())
    return [{**row, number: row[number] + last.get(row[of], 0)} for row in rows]
