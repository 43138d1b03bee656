"""Statements of the purchase: compiled once, and sent to PostgreSQL by its driver alone.

Executing one costs SQLAlchemy 0.15 ms each time, the driver 0.03 ms. A purchase is a dozen and a
half of them, so this is most of what an order costs.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NoReturn

from msgspec import Struct
from sqlalchemy import ARRAY, BinaryExpression, BindParameter, Connection, any_, bindparam
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import await_only, greenlet_spawn

from koipond.kernel.engines import LentConnection
from koipond.kernel.stepping import StepConnection

# As many lengths of its lists as a statement is remembered for.
_SHAPES_MAX = 100
_NUMBER = re.compile(r"\$(\d+)")
_WITH = "WITH "

# A plugin's connection looks at each statement first; the last begins its transaction late.
_PLAIN = frozenset({AsyncConnection, LentConnection})
_OURS = _PLAIN | {StepConnection}

Convert = Callable[[Any], Any]
Read = Callable[[Mapping[str, Any]], Any]


class _Given(Struct, frozen=True):
    """Stands for a parameter while a statement is compiled; path: where in a list it is."""

    name: str
    path: tuple[int, ...] = ()


class _Compiled(Struct, frozen=True):
    """A statement as PostgreSQL gets it, for parameters of one shape."""

    sql: str
    # What reads each argument, in their order, from the parameters.
    reads: tuple[Read, ...]
    row: type[tuple[Any, ...]]
    # How many columns its rows have.
    width: int
    converted: tuple[tuple[int, Convert], ...]

    def read(self, records: Sequence[Sequence[Any]]) -> list[Any]:
        # As `_make` of a named tuple does, in a third of its time.
        make, row = tuple.__new__, self.row
        if not self.converted:
            return [make(row, record) for record in records]
        found = []
        for record in records:
            values = [*record]
            for place, convert in self.converted:
                values[place] = convert(values[place])
            found.append(make(row, values))
        return found


class Prepared:
    """A statement whose text stays the same, so that it need not be looked at each time.

    Make it once, as a constant of its module.
    """

    def __init__(self, statement: Any, *, by_arrays: bool = False, sent: Any = None) -> None:
        """by_arrays: PostgreSQL gets what is IN a list as one array, however long it is.

        For lists that are long, of plain values: there is one text to plan, and a hundred
        parameters are one. PostgreSQL guesses such a list to be of ten until it has seen it.
        sent: what PostgreSQL gets instead, which has more columns.
        """
        self.asked = statement
        self._sent = sent if sent is not None else statement
        if by_arrays:
            self._sent = _with_arrays(self._sent)
        # The parameters of each IN are as many as it is given; so many texts there are.
        self._lists = [
            one.key
            for one in visitors.iterate(self._sent)
            if isinstance(one, BindParameter) and one.expanding and one.required
        ]
        self._compiled: dict[tuple[int, ...], _Compiled] = {}

    async def rows(
        self,
        db: AsyncConnection,
        given: Mapping[str, Any] = MappingProxyType({}),
        *,
        beside: Sequence[Asked] = (),
        ends: bool = False,
    ) -> list[Any]:
        """Run it; returns its rows, if it has any. Raises what `db.execute` raises.

        beside: what it names beside_0, beside_1 and so on, for PostgreSQL. ends: nothing is sent
        after it in this transaction. If nothing was before either, PostgreSQL need not be told
        where that begins and ends: a statement is a transaction by itself.
        """
        connection = await _reach(db)
        if connection is None:
            found = await db.execute(self.asked, given)
            return list(found) if found.returns_rows else []
        is_all = ends and type(db) in _PLAIN
        return await self._send(connection, given, beside, is_all=is_all)

    def rows_here(
        self, connection: Connection, given: Mapping[str, Any], *, alone: bool = False
    ) -> list[Any]:
        """Run it as `rows` does, where SQLAlchemy runs what does not await: in `run_sync`.

        alone: it is a transaction of its own if nothing was sent before.
        """
        if connection.dialect.name != "postgresql":
            found = connection.execute(self.asked, given)
            return list(found) if found.returns_rows else []
        return await_only(self._send(connection, given, is_all=alone))

    async def _send(
        self,
        connection: Connection,
        given: Mapping[str, Any],
        beside: Sequence[Asked] = (),
        *,
        is_all: bool = False,
    ) -> list[Any]:
        compiled = self._compile(connection.dialect, given)
        every = [(compiled, given)]
        every += [(one._compile(connection.dialect, its), its) for one, its in beside]
        arguments = [read(its) for one, its in every for read in one.reads]
        sql = (
            _name(compiled.sql, tuple([one.sql for one, _ in every[1:]]))
            if beside
            else compiled.sql
        )
        records = await _run(connection, sql, arguments, is_all=is_all)
        return compiled.read(records)

    async def row(
        self, db: AsyncConnection, given: Mapping[str, Any] = MappingProxyType({})
    ) -> Any | None:
        """Run it; returns its only row, or None."""
        rows = await self.rows(db, given)
        assert len(rows) <= 1, "it is known to find one row at most"
        return rows[0] if rows else None

    def _compile(self, dialect: Dialect, given: Mapping[str, Any]) -> _Compiled:
        shape = tuple([len(given[name]) for name in self._lists])
        compiled = self._compiled.get(shape)
        if compiled is None:
            marks = {name: _Given(name) for name in given}
            lists = {name: _mark_each(name, given[name]) for name in self._lists}
            compiled = _compile(self._sent, dialect, {**marks, **lists})
            if len(self._compiled) >= _SHAPES_MAX:
                self._compiled.clear()
            self._compiled[shape] = compiled
        return compiled


# A statement and its parameters.
Asked = tuple[Prepared, Mapping[str, Any]]


async def rows_together(db: AsyncConnection, asked: Sequence[Asked]) -> list[list[Any]]:
    """Run statements that do not depend on each other; returns the rows of each.

    PostgreSQL gets them as one: none of them sees what another one of them writes.
    """
    connection = await _reach(db)
    if connection is None or len(asked) == 1:
        return [await statement.rows(db, given) for statement, given in asked]
    every = [(one._compile(connection.dialect, given), given) for one, given in asked]
    arguments = [read(given) for compiled, given in every for read in compiled.reads]
    records = await _run(connection, _join(tuple([one.sql for one, _ in every])), arguments)
    found = []
    begin = 0
    for compiled, _ in every:
        end = begin + 1 + compiled.width
        # Before the columns of each stands whether the row is one of its rows.
        found.append(compiled.read([one[begin + 1 : end] for one in records if one[begin]]))
        begin = end
    return found


@lru_cache(256)
def _join(statements: tuple[str, ...]) -> str:
    """Return one statement that has the columns of all beside, and their rows below each other."""
    named, sources = [], []
    count = 0
    for place, sql in enumerate(statements):
        named.append(f"part_{place} AS ({_number_from(sql, count)})")
        sources.append(f"(SELECT true AS is_{place}, * FROM part_{place}) AS of_{place}")  # noqa: S608  our own statements
        count += _count_numbers(sql)
    first, *others = sources
    joined = "".join(f" FULL JOIN {one} ON false" for one in others)
    return f"WITH {', '.join(named)} SELECT * FROM {first}{joined}"  # noqa: S608  our own statements


@lru_cache(256)
def _name(sql: str, beside: tuple[str, ...]) -> str:
    """Return a statement that begins with WITH, and others that it names."""
    named = []
    count = _count_numbers(sql)
    for place, other in enumerate(beside):
        named.append(f"beside_{place} AS ({_number_from(other, count)})")
        count += _count_numbers(other)
    assert sql.startswith(_WITH), "it names parts of its own"
    return f"{_WITH}{', '.join(named)}, {sql.removeprefix(_WITH)}"


def _count_numbers(sql: str) -> int:
    return max((int(number) for number in _NUMBER.findall(sql)), default=0)


def _number_from(sql: str, count: int) -> str:
    """Return a statement whose parameters are numbered behind `count` others."""
    return _NUMBER.sub(lambda mark: f"${int(mark[1]) + count}", sql)


async def _reach(db: AsyncConnection) -> Connection | None:
    """Return what PostgreSQL's driver is behind; None where SQLAlchemy must send all itself."""
    connection = db.sync_connection
    assert connection is not None, "it is open"
    if connection.dialect.name != "postgresql" or type(db) not in _OURS:
        return None
    if isinstance(db, StepConnection):
        await db.reach()
    return connection


async def _run(
    connection: Connection, sql: str, arguments: Sequence[Any], *, is_all: bool = False
) -> Sequence[Any]:
    for hear in connection.dispatch.before_cursor_execute:
        hear(connection, None, sql, arguments, None, False)
    try:
        return await _fetch(connection, sql, arguments, is_all=is_all)
    except BaseException as error:
        await greenlet_spawn(_tell, connection, sql, error)
    raise AssertionError("it raises")


async def _fetch(
    connection: Connection, sql: str, arguments: Sequence[Any], *, is_all: bool
) -> Sequence[Any]:
    """Send a statement as SQLAlchemy's cursor would, in the transaction that it has begun."""
    # Private to SQLAlchemy, so that it knows what is begun and what is prepared.
    adapted: Any = connection.connection.dbapi_connection
    dialect: Any = connection.dialect
    if adapted._transaction is None and not adapted.autocommit and not is_all:
        # Else SQLAlchemy would not know that there is something to commit.
        if not connection.in_transaction():
            connection.begin()
        await adapted._start_transaction()
    prepared, _ = await adapted._prepare(sql, dialect._invalidate_schema_cache_asof)
    found: Sequence[Any] = await prepared.fetch(*arguments)
    return found


def _tell(connection: Connection, sql: str, error: BaseException) -> NoReturn:
    """Raise what SQLAlchemy's own execution raises, and give up the connection if it would."""
    adapted: Any = connection.connection.dbapi_connection
    dialect: Any = connection.dialect
    outdated = (dialect.dbapi.InvalidCachedStatementError, dialect.dbapi.InternalServerError)
    try:
        if isinstance(error, Exception):
            adapted._handle_exception(error)
        raise error
    except BaseException as told:
        if isinstance(told, outdated):
            dialect._invalidate_schema_cache()
        connection._handle_dbapi_exception(told, sql, None, None, None)
    raise AssertionError("it raises")


def _compile(statement: Any, dialect: Dialect, marks: Mapping[str, Any]) -> _Compiled:
    """Return a statement as it is sent. marks: what stands for its parameters."""
    compiled = statement.compile(dialect=dialect, column_keys=list(marks))
    state = compiled.construct_expanded_state(marks)
    convert = {**compiled._bind_processors, **state.processors}
    reads = [_reader(state.parameters[name], convert.get(name)) for name in state.positiontup or ()]
    columns = _columns(compiled)
    # Its names are known by now only.
    make_type: Any = namedtuple
    row = make_type("Row", [name for name, _ in columns], rename=True)
    return _Compiled(
        sql=state.statement,
        reads=tuple(reads),
        row=row,
        width=len(columns),
        converted=tuple(
            (place, convert) for place, (_, convert) in enumerate(columns) if convert is not None
        ),
    )


def _with_arrays(statement: Any) -> Any:
    """Return a statement that asks for `= ANY(array)` where it asked for IN."""

    def replace(element: Any, **_: Any) -> Any:
        if not isinstance(element, BinaryExpression) or element.operator is not operators.in_op:
            return None
        given = element.right
        if not (isinstance(given, BindParameter) and given.expanding and given.required):
            return None
        return element.left == any_(bindparam(given.key, type_=ARRAY(element.left.type)))

    return visitors.replacement_traverse(statement, {}, replace)


def _mark_each(name: str, values: Sequence[Any]) -> list[Any]:
    """Return what stands for each value of a list, or for each part of each."""
    return [
        tuple(_Given(name, (place, part)) for part in range(len(one)))
        if isinstance(one, tuple)
        else _Given(name, (place,))
        for place, one in enumerate(values)
    ]


def _reader(told: Any, convert: Convert | None) -> Read:
    """Return what reads one argument. told: where it stands, or what it always is."""
    if not isinstance(told, _Given):
        always = told if convert is None else convert(told)
        return lambda _: always
    name, path = told.name, told.path
    if convert is None and not path:
        return itemgetter(name)

    def read(given: Mapping[str, Any]) -> Any:
        value = given[name]
        for place in path:
            value = value[place]
        return value if convert is None else convert(value)

    return read


def _columns(compiled: SQLCompiler) -> list[tuple[str, Convert | None]]:
    """Return the columns of a statement's rows, and what makes each value what it is in Python."""
    columns: Any = compiled._result_columns
    return [
        (one.keyname, one.type.dialect_impl(compiled.dialect).result_processor(compiled.dialect, 0))
        for one in columns
    ]
