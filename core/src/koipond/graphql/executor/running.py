"""Runs a plan: breadth first, each field of a level for all of its parents at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from graphql import ExecutionResult, is_non_null_type

from koipond.graphql.executor.completing import Completing
from koipond.graphql.executor.failing import FAILED, Run, keep_first
from koipond.graphql.executor.places import OfField, Places, Root
from koipond.graphql.executor.plan import Plan, PlannedField, Selection
from koipond.graphql.executor.settling import may_wait, settle
from koipond.graphql.private import VariableValues
from koipond.kernel.context import Context


async def run(
    plan: Plan,
    *,
    context: Context | None,
    variables: VariableValues,
    root_value: Any = None,
    hide_suggestions: bool = False,
) -> ExecutionResult:
    """Run a plan; whatever a resolver raises is an error of the result.

    variables: coerced; they must include the same fields as those that the plan was made with.
    """
    this = Run(
        plan, context=context, root_value=root_value, variables=variables, hides=hide_suggestions
    )
    (answer,) = await _level(this, plan.root, [root_value], Root())
    data = None if answer is FAILED else answer
    return ExecutionResult(data, keep_first(this.errors, data) or None)


async def _level(
    this: Run, selection: Selection, parents: Sequence[Any], places: Places
) -> list[Any]:
    """Answer a selection for each of its parents, in their order: a dict, or FAILED."""
    level = _Level(this, selection, parents, places)
    fields = level.shape()
    if this.plan.serial and selection is this.plan.root:
        for field in fields:
            started = level.start(field)
            if started is not None:
                await started
    else:
        await _all(list(filter(None, map(level.start, fields))))
    return level.answers()


async def _all(started: list[Awaitable[None]]) -> None:
    """Await one thing as it is, several at the same time."""
    if len(started) == 1:
        await started[0]
    elif started:
        await asyncio.gather(*started)


class _Level:
    """One selection, and the objects of its type that stand at one depth of the answer."""

    def __init__(
        self, this: Run, selection: Selection, parents: Sequence[Any], places: Places
    ) -> None:
        self._run = this
        self._selection = selection
        self._parents = parents
        self._places = places
        self._answers: list[dict[str, Any]] = []
        self._failed: set[int] = set()

    def shape(self) -> Sequence[PlannedField]:
        """Make the answers, each key at its place; returns the fields that are yet to be done."""
        selection = self._selection
        if selection.shape is not None:
            # Where an object is not as it should be, it is found out field by field.
            try:
                self._answers = selection.shape(self._parents)
            except Exception:  # noqa: S110  it is raised again there, for whoever asked
                pass
            else:
                return selection.rest
        self._answers = [dict(selection.blank) for _ in self._parents]
        return selection.fields

    def start(self, field: PlannedField) -> Awaitable[None] | None:
        """Resolve a field; what is at hand is put into the answers, the rest is to be awaited."""
        values = field.resolve(self._run, field, self._parents, self._places)
        if values.__class__ is not list or not field.is_leaf or may_wait(values):
            return self._finish(field, values)
        self._put(field, self._completing(field).leaves(field.kind, values, self._at(field)))
        return None

    async def _finish(self, field: PlannedField, values: Any) -> None:
        if values.__class__ is not list:
            values = await values
        await settle(values)
        self._put(field, await self._completing(field).any(field.kind, values, self._at(field)))

    def answers(self) -> list[Any]:
        """Return what the level came to."""
        if not self._failed:
            return self._answers
        return [
            FAILED if index in self._failed else answer
            for index, answer in enumerate(self._answers)
        ]

    def _put(self, field: PlannedField, values: Sequence[Any]) -> None:
        key = field.key
        if not self._run.errors:
            for answer, value in zip(self._answers, values, strict=True):
                answer[key] = value
            return
        passes_on = is_non_null_type(field.kind)
        for index, value in enumerate(values):
            if value is not FAILED:
                self._answers[index][key] = value
            elif passes_on:
                self._failed.add(index)

    def _completing(self, field: PlannedField) -> Completing:
        return Completing(self._run, field, _level)

    def _at(self, field: PlannedField) -> Places:
        return OfField(self._places, field.key)
