"""What goes wrong while a plan runs: errors with their paths, and how far each makes null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, located_error

from koipond.graphql.private import VariableValues
from koipond.kernel.context import Context

if TYPE_CHECKING:
    from koipond.graphql.executor.plan import Plan, PlannedField


class Failed:
    """Stands where an error was: it becomes null there or, if null is no answer, further up."""

    def __repr__(self) -> str:
        return "FAILED"


FAILED = Failed()


class Run:
    """One execution of a plan."""

    __slots__ = ("context", "errors", "hides", "plan", "root_value", "variables")

    def __init__(
        self,
        plan: Plan,
        *,
        context: Context | None,
        root_value: Any,
        variables: VariableValues,
        hides: bool,
    ) -> None:
        """hides: no error suggests what the schema holds."""
        self.plan = plan
        self.context = context
        self.root_value = root_value
        self.variables = variables
        self.hides = hides
        self.errors: list[GraphQLError] = []

    def fail(self, error: Exception, field: PlannedField, path: Sequence[str | int]) -> Failed:
        """Note an error of a field at a path of the answer; returns what stands there now."""
        self.errors.append(located_error(error, field.nodes, list(path)))
        return FAILED


def keep_first(errors: Sequence[GraphQLError], data: Any) -> list[GraphQLError]:
    """Return one error per place that is null for its errors: the first in the document's order.

    An error inside of what has become null for another is not told. The specification (October
    2021, section 6.4.4, and the draft after it) asks for one error per such place, and leaves open
    which; graphql-core tells that which happened first.
    """
    told: dict[tuple[str | int, ...], GraphQLError] = {}
    for error in errors:
        told.setdefault(nulled_place(error.path or (), data), error)
    return list(told.values())


def nulled_place(path: Sequence[str | int], data: Any) -> tuple[str | int, ...]:
    """Return the place on a path where the answer ends in null."""
    at = data
    for depth, key in enumerate(path):
        if at is None:
            return tuple(path[:depth])
        at = at[key]
    return tuple(path)
