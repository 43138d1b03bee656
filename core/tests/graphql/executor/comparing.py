"""Runs one operation by a plan and by graphql-core, and tells where the results differ.

The one rule by which errors may differ: of the errors that made one place null, each executor
tells one, and of those inside of such a place any. The specification leaves open which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    execute,
    get_operation_ast,
    get_variable_values,
)

from koipond.graphql.executor import Plans, run
from koipond.graphql.executor.failing import nulled_place
from koipond.kernel.context import Context


async def run_by_plan(
    schema: GraphQLSchema,
    document: DocumentNode,
    variables: Mapping[str, Any],
    context: Context,
) -> ExecutionResult:
    """Execute as koipond does; there must be a plan."""
    operation = get_operation_ast(document)
    assert operation is not None
    coerced = get_variable_values(schema, operation.variable_definitions or (), dict(variables))
    assert not isinstance(coerced, list), coerced
    plan = Plans(schema, document).find(operation, coerced)
    assert plan is not None
    return await run(plan, context=context, variables=coerced)


async def run_by_core(
    schema: GraphQLSchema,
    document: DocumentNode,
    variables: Mapping[str, Any],
    context: Context,
) -> ExecutionResult:
    """Execute as graphql-core does.

    It leaves coroutines that were never awaited, as pytest tells: when one of several fails it
    cancels the others (`gather_with_cancel`), and one that had not begun drops those it was to
    await. It is nothing of ours: running by a plan leaves none.
    """
    outcome = execute(schema, document, context_value=context, variable_values=dict(variables))
    return outcome if isinstance(outcome, ExecutionResult) else await outcome


def difference(ours: ExecutionResult, theirs: ExecutionResult) -> str | None:
    """Return what differs, beyond what the one rule allows; None: nothing."""
    if _shown(ours.data) != _shown(theirs.data):
        return f"data\n{ours.data}\n{theirs.data}"
    mine, others = _by_place(ours), _by_place(theirs)
    if mine.keys() != others.keys():
        return f"places\n{_told(ours)}\n{_told(theirs)}"
    for place, errors in mine.items():
        if len(errors) != 1:
            return f"{place} has {len(errors)} errors\n{_told(ours)}"
        (error,) = errors
        there = {_full(one) for one in others[place]}
        # Where the field itself failed, and nothing inside of it, there is one error to tell.
        certain = all(one.path == list(place) for one in (error, *others[place]))
        if certain and _full(error) not in there:
            return f"at {place}\n{_full(error)}\n{there}"
    return None


def _shown(data: Any) -> str:
    """Return data with the order of its keys, and with NaN equal to itself."""
    return repr(data)


def _by_place(result: ExecutionResult) -> dict[tuple[Any, ...], list[GraphQLError]]:
    found: dict[tuple[Any, ...], list[GraphQLError]] = {}
    for error in result.errors or ():
        found.setdefault(nulled_place(error.path or (), result.data), []).append(error)
    return found


def _full(error: GraphQLError) -> str:
    return repr((error.message, error.path, error.locations))


def _told(result: ExecutionResult) -> str:
    return "\n".join(map(_full, result.errors or ()))
