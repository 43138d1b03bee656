"""Each crash point that the code names has a kill test, which dies there and is then repeated."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.faults import (
    test_imports_that_die,
    test_kill_points,
    test_order_life,
    test_workers_that_die,
)

ROOT = Path(__file__).parents[2]


def test_each_crash_point_of_the_code_is_died_at_by_a_kill_test() -> None:
    named = [name for file in _sources() for name in _crash_points(file)]
    assert len(named) > 30, "the sources are looked for in the wrong place"
    assert set(_died_at()) == set(named)


def _died_at() -> Iterator[str]:
    for acts in (test_kill_points.ACTS, test_order_life.ACTS):
        for end in acts.values():
            yield from end.places
    yield from test_workers_that_die.PLACES
    yield from test_imports_that_die.PLACES


def _sources() -> Iterator[Path]:
    for package in ("core", "sdk", "plugins/*"):
        yield from ROOT.glob(f"{package}/src/**/*.py")


def _crash_points(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8")
    if "crash_point" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("crash_point"):
            (name,) = node.args
            assert isinstance(name, ast.Constant), f"{file}: {ast.unparse(node)} names no place"
            yield str(name.value)
