"""Parts of a thing in a column of its row: one statement reads an order with its lines."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import JSON, ColumnElement, FromClause, Text, cast, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

T = TypeVar("T")


class _Json(FunctionElement[Any]):
    """A function that each database calls otherwise."""

    inherit_cache = True
    names: tuple[str, str]


class _Object(_Json):
    name = "json_object_of"
    inherit_cache = True
    names = ("json_build_object", "json_object")


class _Pair(_Json):
    name = "json_array_of"
    inherit_cache = True
    names = ("json_build_array", "json_array")


class _All(_Json):
    name = "json_array_of_all"
    inherit_cache = True
    names = ("json_agg", "json_group_array")


class _Within(_Json):
    """A document in a column, as what it is: SQLite keeps documents as text."""

    name = "json_within"
    inherit_cache = True
    names = ("", "json")


@compiles(_Json, "postgresql")
def _for_postgresql(element: _Json, compiler: SQLCompiler, **options: Any) -> str:
    return f"{element.names[0]}({compiler.process(element.clauses, **options)})"


@compiles(_Json, "sqlite")
def _for_sqlite(element: _Json, compiler: SQLCompiler, **options: Any) -> str:
    return f"{element.names[1]}({compiler.process(element.clauses, **options)})"


class Parts(Generic[T]):
    """Rows of a table as Structs of `kind`, whose fields are columns of it, in their order.

    by: the whole number that they are sorted by.
    """

    def __init__(self, table: FromClause, kind: type[T], *, by: str = "position") -> None:
        names = [field.name for field in msgspec.structs.fields(kind)]  # type: ignore[arg-type]  # it is a Struct
        told: list[ColumnElement[Any]] = []
        for name in names:
            column = table.c[name]
            is_document = isinstance(column.type, JSON)
            told += literal_column(f"'{name}'"), _Within(column) if is_document else column
        self._row = _Pair(table.c[by], _Object(*told))
        # SQLite has 0 and 1 for false and true.
        self._decoder = msgspec.json.Decoder(list[tuple[int, kind]], strict=False)  # type: ignore[valid-type]  # known when it runs

    def of(self, belongs: ColumnElement[bool]) -> ColumnElement[str | None]:
        """Return the column. belongs: which rows are parts of the row that is selected."""
        found = select(_All(self._row)).where(belongs).scalar_subquery()
        return cast(found, Text)

    def read(self, text: str | None) -> tuple[T, ...]:
        """Return the parts that such a column holds, in their order."""
        placed: list[tuple[int, T]] = self._decoder.decode(text) if text else []
        return tuple(part for _, part in sorted(placed, key=lambda one: one[0]))
