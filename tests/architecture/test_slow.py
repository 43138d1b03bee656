"""What starts or kills processes is marked, so that `make test` stays quick without a stopwatch."""

import ast
from collections.abc import Iterator

from tests.architecture.workspace import sources

# Fixtures and names with which a test starts processes of ours.
STARTING = {"servers", "killing", "wheels", "environment", "Crew", "NURSERY"}
# One server, one kill on each database: of what is promised `make test` has something too.
QUICK = {
    "test_20_buyers_of_4_units_make_4_orders",
    "test_a_process_that_dies_in_its_batch_sells_nothing_twice",
    "test_exactly_as_many_are_granted_as_there_are",
    "test_units_held_by_a_process_that_died_come_free_after_their_time",
}
LEFT_OUT = {"pytest.mark.slow", "pytest.mark.faults"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def test_what_starts_processes_is_left_out_of_make_test() -> None:
    assert {name for name, is_left_out in starting() if not is_left_out} == QUICK


def starting() -> Iterator[tuple[str, bool]]:
    """Yield (name, whether it is left out) of each test that starts processes."""
    for source in sources():
        whole_file = {
            mark
            for node in source.tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
            for mark in marks_of([node.value])
        }
        for node in source.tree.body:
            if isinstance(node, FUNCTIONS) and node.name.startswith("test_"):
                named = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                if STARTING & (named | {one.arg for one in node.args.args}):
                    marks = whole_file | marks_of(node.decorator_list)
                    yield node.name, bool(marks & LEFT_OUT)


def marks_of(written: list[ast.expr]) -> set[str]:
    """Return the marks, as they are written, alone or in a list."""
    each = [part for one in written for part in (one.elts if isinstance(one, ast.List) else [one])]
    return {ast.unparse(one) for one in each}
