"""Money is whole minor units: no float comes near it, and its currency is never guessed."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest
from sqlalchemy import BigInteger, Column, DateTime, Float, MetaData, Numeric
from tests.architecture.workspace import exceptions, sources

MONEY = {"pricing", "payment", "order", "stock", "catalog", "fulfilment"}
MONEY_FILES = {"core/src/koipond/kernel/money.py"}


def money_code(path: str) -> bool:
    return path in MONEY_FILES or (
        path.startswith("core/src/koipond/") and PurePosixPath(path).parts[3] in MONEY
    )


def test_code_about_money_has_no_float() -> None:
    floats = [
        f"{source.path}:{line} {what}"
        for source in sources()
        if money_code(source.path)
        for line, what in find_floats(source.tree)
    ]
    assert floats == []


def test_a_float_would_be_found() -> None:
    tree = ast.parse("a = 0.5\nb = float(c)\nd = e / f\ng: float = h\ni /= j\nk // l\nm = 'n / o'")
    assert sorted(find_floats(tree)) == [
        (1, "0.5"),
        (2, "float"),
        (3, "e / f"),
        (4, "float"),
        (5, "i /= j"),
    ]


def find_floats(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float()) | ast.Name(id="float"):
                yield node.lineno, ast.unparse(node)
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield node.lineno, ast.unparse(node)


@pytest.fixture(scope="module")
def columns() -> list[tuple[str, str, Column[object]]]:
    """Every (table, column name, column) of core and of the plugins of this workspace."""
    found: dict[int, MetaData] = {}
    for source in sources():
        path = PurePosixPath(source.path)
        if source.is_product and "tables" in path.with_suffix("").parts:
            parts = path.with_suffix("").parts
            module = importlib.import_module(".".join(parts[parts.index("src") + 1 :]))
            for value in vars(module).values():
                if isinstance(value, MetaData):
                    found[id(value)] = value
                elif isinstance(getattr(value, "metadata", None), MetaData):
                    found[id(value.metadata)] = value.metadata
    return [
        (table.name, column.name, column)
        for metadata in found.values()
        for table in metadata.tables.values()
        for column in table.columns
    ]


def test_an_amount_is_a_bigint_beside_a_currency(
    columns: list[tuple[str, str, Column[object]]],
) -> None:
    names = {(table, name) for table, name, _ in columns}
    amounts = [(table, name, column) for table, name, column in columns if name.endswith("_minor")]
    assert amounts
    assert [name for _, name, column in amounts if not isinstance(column.type, BigInteger)] == []
    alone = {table for table, _, _ in amounts if (table, "currency") not in names}
    listed = exceptions()["currency"]
    assert alone == set(listed)
    stands = {tuple(place.split(".")) for place in listed.values()}
    assert stands <= names, "exceptions.toml names a currency that there is none of"


def test_no_column_holds_a_fraction_or_a_local_time(
    columns: list[tuple[str, str, Column[object]]],
) -> None:
    wrong = [
        f"{table}.{name}"
        for table, name, column in columns
        # An Instant is no DateTime: it wraps one.
        if isinstance(column.type, Float | Numeric | DateTime)
    ]
    assert wrong == []


def test_names_of_tables_and_columns_are_snake_case(
    columns: list[tuple[str, str, Column[object]]],
) -> None:
    names = {table for table, _, _ in columns} | {name for _, name, _ in columns}
    odd = [name for name in names if not name.isidentifier() or name != name.lower()]
    assert odd == []
    assert "amount" not in names, "an amount says its unit: amount_minor"
