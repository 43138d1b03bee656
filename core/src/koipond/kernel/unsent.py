"""Rows that wait to be stored: those of all tables go to the database together.

PostgreSQL gets one statement for all of them, SQLite one for each table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import JSON, Table, bindparam, func, or_, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.schema import ColumnElementColumnDefault

from koipond.kernel.db import AsyncConnection
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Asked, Question
from koipond.kernel.sealing import Belief, Known
from koipond.kernel.troubles import DIVISION_BY_ZERO, Outdated, sqlstate_of

T = TypeVar("T")

Row = Mapping[str, Any]
# To read rows from a document costs PostgreSQL a quarter of the statement, and parameters of its
# own for each make a statement of its own for each number of them.
_FEW = 4


class _Act(Struct, frozen=True):
    """What is done with rows of one table that have the same columns."""

    table: Table
    columns: tuple[str, ...]
    # Columns by which the rows that are there already are known; none: they are new.
    known_by: tuple[str, ...] = ()
    unless_there: bool = False
    counts_on: tuple[str, str] | None = None
    # Columns that must have one of some values, else a row is left as it is; whether there are
    # such values, and whether NULL is one. The values go with the row: they differ each time.
    only_if: tuple[tuple[str, bool, bool], ...] = ()
    # Columns of the changed rows that `send` returns.
    tells: tuple[str, ...] = ()
    # It changes a row, or nothing at all is stored.
    must: bool = False
    # The rows that it changes have these columns of as many other rows, or nothing is stored.
    exactly: tuple[tuple[str, ...], int] | None = None

    @property
    def told(self) -> tuple[str, ...]:
        """The columns of changed rows that are wanted back."""
        return self.tells or (self.exactly[0] if self.exactly else ())

    @property
    def changed(self) -> list[str]:
        """The columns that are written to rows that are there."""
        return [name for name in self.columns if name not in self.known_by]


class Unsent:
    """What a transaction will store in one go; until then it cannot read it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[_Act, list[Row]]] = []
        self._beliefs: list[Belief] = []

    def expect(self, question: Asked[T], known: Known[T]) -> None:
        """Store only if a question is answered now as it was when it was asked `sealed`.

        Else `send` raises Outdated. What the question locks is locked, as when it is asked.
        """
        if isinstance(question, Question):
            self._beliefs.append(Belief(question, known))

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

    def change(
        self,
        table: Table,
        row: Row,
        *,
        known_by: tuple[str, ...] = ("id",),
        only_if: Mapping[str, Sequence[Any]] = MappingProxyType({}),
        tells: tuple[str, ...] = (),
        must: bool = False,
        exactly: Sequence[Row] | None = None,
    ) -> None:
        """Set columns of the rows that have the same `known_by`.

        It must not wait here already: of two writes of a statement to one row one would be lost.
        only_if: {column: values}, one of which a row must have; None is NULL. tells:
        what `send` returns of them; one change at a time can be told of, and it is made last.
        must: there must be one such row, else `send` raises Outdated: for rows that were not read.
        exactly: all that it changes must be these rows, of the same columns each, else Outdated.
        """
        key = [row[name] for name in known_by]
        waiting = [one for act, rows in self._waiting if act.table is table for one in rows]
        assert all([one.get(name) for name in known_by] != key for one in waiting), "twice"
        values = {name: [one for one in few if one is not None] for name, few in only_if.items()}
        conditions = tuple(
            [(name, bool(values[name]), None in few) for name, few in only_if.items()]
        )
        wanted = None if exactly is None else ((*exactly[0],) if exactly else (), len(exactly))
        act = _Act(
            table, tuple(row), known_by, only_if=conditions, tells=tells, must=must, exactly=wanted
        )
        given = {f"if_{name}": few for name, few in values.items() if few}
        for place, one in enumerate(exactly or ()):
            given |= {f"is_{place}_{name}": value for name, value in one.items()}
        self._waiting.append((act, [{**row, **given}]))

    def hand_to(self, other: Unsent) -> bool:
        """Let `other` store what waits, if it is new rows alone, which depend on no others.

        Returns whether it will; else nothing is handed.
        """
        if self._beliefs or any(act.known_by or act.counts_on for act, _ in self._waiting):
            return False
        for act, rows in self._waiting:
            other.add(act.table, *rows, unless_there=act.unless_there)
        self._waiting = []
        return True

    async def send(self, db: AsyncConnection, *, ends: bool = False) -> list[Any]:
        """Store what waits, if anything does; returns the rows of the change that is told of.

        ends: nothing follows in this transaction. Raises Outdated.
        """
        waiting, self._waiting = sorted(self._waiting, key=_is_told_of), []
        beliefs, self._beliefs = self._beliefs, []
        if waiting and db.dialect.name == "postgresql":
            return await _send_together(db, waiting, beliefs, ends=ends)
        for belief in beliefs:
            if not await belief.is_true(db):
                raise Outdated
        told: list[Any] = []
        for act, rows_of_it in waiting:
            counted = await _count_on(db, act.table, rows_of_it, *act.counts_on or ())
            given_each = [_as_parameters(act, row) for row in counted]
            done = await db.execute(_alone(act), given_each[0] if act.known_by else given_each)
            changed = list(done) if act.told else []
            told += changed if act.tells else ()
            if not _is_as_it_must_be(act, rows_of_it[0], done.rowcount, changed):
                raise Outdated(act.table.name)
        return told


def _is_as_it_must_be(act: _Act, row: Row, count: int, changed: Sequence[Any]) -> bool:
    if act.exactly is None:
        return not act.must or count == 1
    names, wanted = act.exactly
    if not names:
        return count == wanted
    rows = {tuple([row[f"is_{place}_{name}"] for name in names]) for place in range(wanted)}
    return len(changed) == wanted and {tuple(one) for one in changed} == rows


def _is_told_of(waiting: tuple[_Act, list[Row]]) -> bool:
    return bool(waiting[0].tells)


async def _send_together(
    db: AsyncConnection,
    waiting: Sequence[tuple[_Act, list[Row]]],
    beliefs: Sequence[Belief],
    *,
    ends: bool,
) -> list[Any]:
    acts = tuple([(act, _count_apart(rows)) for act, rows in waiting])
    given: dict[str, Any] = {}
    for place, (act, rows) in enumerate(waiting):
        given |= _given(act, f"act_{place}", rows)
    try:
        beside = [one.check() for one in beliefs]
        return await _together(acts, len(beliefs)).rows(db, given, beside=beside, ends=ends)
    except DBAPIError as error:
        if sqlstate_of(error) == DIVISION_BY_ZERO:
            raise Outdated from error
        raise


def _count_apart(rows: Sequence[Row]) -> int:
    """Return how many rows are given as parameters; 0: all of them in one document."""
    return len(rows) if len(rows) <= _FEW else 0


def _given(act: _Act, named: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the parameters of an act."""
    if not _count_apart(rows):
        return {named: msgspec.json.encode(rows).decode()}
    documents = _documents(act.table)
    return {
        f"{named}_{place}_{name}": msgspec.json.encode(value).decode()
        if name in documents and value is not None
        else value
        for place, row in enumerate(rows)
        for name, value in row.items()
    }


@lru_cache(256)
def _documents(table: Table) -> frozenset[str]:
    """Return the columns that PostgreSQL's driver takes as a text of JSON."""
    return frozenset(one.name for one in table.columns if isinstance(one.type, JSON))


@lru_cache(256)
def _together(acts: tuple[tuple[_Act, int], ...], beliefs: int) -> Prepared:
    """Return one statement for all acts, each of which sees what was there before all of them.

    Its foreign keys are checked at its end. acts: each, and how many rows it is given apart.
    beliefs: how many, which are named beside it.
    """
    parts = [
        _change(act, f":act_{place}") if act.known_by else _insert(act, f":act_{place}", count)
        for place, (act, count) in enumerate(acts)
    ]
    musts = [f"(SELECT is_so FROM beside_{place})" for place in range(beliefs)]  # noqa: S608  our own names
    musts += [_must(act, place) for place, (act, _) in enumerate(acts) if act.must or act.exactly]
    if musts:
        assert not acts[-1][0].tells, "it answers that all is as it must be, and nothing else"
        # An error, which takes back what the other acts did, and needs no second statement.
        parts.append(f"SELECT WHERE 1 / CAST({' AND '.join(musts)} AS integer) = 0")
    *first, last = parts
    named = ", ".join(f"act_{place} AS ({sql})" for place, sql in enumerate(first))
    statement = text(f"WITH {named} {last}" if named else last)
    table, tells = acts[-1][0].table, acts[-1][0].tells
    return Prepared(statement.columns(*(table.c[name] for name in tells)) if tells else statement)


def _must(act: _Act, place: int) -> str:
    """Return the condition that an act changed what it must."""
    names, count = act.exactly or ((), 1)
    fits = f"count(*) = {count}"
    if names:
        rows = [
            f"({', '.join(f':act_{place}_0_is_{nth}_{name}' for name in names)})"
            for nth in range(count)
        ]
        found = f"({', '.join(names)}) IN ({', '.join(rows)})"
        fits = f"{fits} AND count(*) FILTER (WHERE {found}) = {count}"
    return f"(SELECT {fits} FROM act_{place})"  # noqa: S608  our own names


def _change(act: _Act, parameter: str) -> str:
    """Return what changes a row for PostgreSQL. parameter: how its parameters' names begin."""
    changes = [f'"{name}" = {parameter}_0_{name}' for name in act.changed] + _counted(act)
    same = [f'"{name}" = {parameter}_0_{name}' for name in act.known_by]
    for name, has_values, may_be_null in act.only_if:
        # As parameters: by what is written out it would look the row up in a partial index, which
        # holds what all the others' rows have just been, until it is cleaned up.
        fits = [f'"{name}" = ANY({parameter}_0_if_{name})'] if has_values else []
        fits += [f'"{name}" IS NULL'] if may_be_null else []
        same.append(f"({' OR '.join(fits)})")
    told = f" RETURNING {', '.join(act.told)}" if act.told else ""
    told = told or (" RETURNING 1" if act.must or act.exactly else "")
    return f'UPDATE "{act.table.name}" SET {", ".join(changes)} WHERE {" AND ".join(same)}{told}'  # noqa: S608  our own names


def _counted(act: _Act) -> list[str]:
    """Return what a change sets by itself, as a row's version; SQLAlchemy does for SQLite."""
    return [
        f'"{one.name}" = {one.onupdate.arg}'
        for one in act.table.columns
        if isinstance(one.onupdate, ColumnElementColumnDefault) and one.name not in act.columns
    ]


def _insert(act: _Act, parameter: str, count: int) -> str:
    """Return what inserts rows for PostgreSQL: `count` of them, 0: all those of a document."""
    table, names = f'"{act.table.name}"', ", ".join(f'"{name}"' for name in act.columns)
    rows = [
        f"({_values(act, {name: f'{parameter}_{place}_{name}' for name in act.columns})})"
        for place in range(count)
    ]
    source = f"VALUES {', '.join(rows)}"
    if not rows:
        values = _values(act, {name: f'given."{name}"' for name in act.columns})
        document = f"json_populate_recordset(CAST(NULL AS {table}), CAST({parameter} AS json))"
        source = f"SELECT {values} FROM {document} AS given"  # noqa: S608  our own names
    clash = " ON CONFLICT DO NOTHING" if act.unless_there else ""
    return f"INSERT INTO {table} ({names}) {source}{clash}"


def _values(act: _Act, given: Mapping[str, str]) -> str:
    """Return what is stored in each column; a number that counts on, after the last there is."""
    values = dict(given)
    if act.counts_on is not None:
        number, of = act.counts_on
        last = f'SELECT max("{number}") FROM "{act.table.name}" AS t WHERE t."{of}" = {given[of]}'  # noqa: S608  our own names
        values[number] = f"CAST({given[number]} AS integer) + coalesce(({last}), 0)"
    return ", ".join(values.values())


@lru_cache(256)
def _alone(act: _Act) -> Any:
    """Return the statement of one act for SQLite, for each row's parameters."""
    if act.known_by:
        same = [act.table.c[name] == bindparam(f"known_{name}") for name in act.known_by]
        for name, has_values, may_be_null in act.only_if:
            column = act.table.c[name]
            few: Any = bindparam(f"if_{name}", expanding=True)
            fits = [column.in_(few)] if has_values else []
            same.append(or_(*fits, *([column.is_(None)] if may_be_null else [])))
        changes: dict[str, Any] = {name: bindparam(name) for name in act.changed}
        changing = act.table.update().where(*same).values(changes)
        return changing.returning(*(act.table.c[name] for name in act.told))
    new = sqlite.insert(act.table)
    return new.on_conflict_do_nothing() if act.unless_there else new


def _as_parameters(act: _Act, row: Row) -> Row:
    given = {f"known_{name}" if name in act.known_by else name: row[name] for name in act.columns}
    return given | {f"if_{name}": row[f"if_{name}"] for name, some, _ in act.only_if if some}


async def _count_on(
    db: AsyncConnection, table: Table, rows: Sequence[Row], number: str = "", of: str = ""
) -> Sequence[Row]:
    if not number:
        return rows
    column, key = table.c[number], table.c[of]
    wanted = select(key, func.max(column)).where(key.in_({row[of] for row in rows})).group_by(key)
    last = dict((await db.execute(wanted)).all())
    return [{**row, number: row[number] + last.get(row[of], 0)} for row in rows]
