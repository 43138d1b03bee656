"""How a field of each kind is resolved for all parents of a level."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo, get_argument_values
from graphql.pyutils import Path

from koipond.graphql.executor.failing import Run
from koipond.graphql.executor.places import Places
from koipond.graphql.executor.plan import PlannedField
from koipond.graphql.private import StrawberryField, convert_arguments, info_of, resolve_info
from koipond.kernel.schema.fields import is_open

Arguments = dict[str, Any]


class Attribute:
    """The field is an attribute of its parent."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(
        self, run: Run, field: PlannedField, parents: Sequence[Any], places: Places
    ) -> Any:
        """Return the attribute of each parent."""
        return [_attribute(parent, self._name) for parent in parents]


class Constant:
    """The field is the same whatever its parent: the name of the type."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(
        self, run: Run, field: PlannedField, parents: Sequence[Any], places: Places
    ) -> Any:
        """Return it for each parent."""
        return [self._value] * len(parents)


class Call:
    """The field is whatever a resolver of graphql-core's kind makes of one parent."""

    def __init__(self, resolver: Callable[..., Any]) -> None:
        self._resolver = resolver

    def __call__(
        self, run: Run, field: PlannedField, parents: Sequence[Any], places: Places
    ) -> Any:
        """Call the resolver for each parent; what is awaitable in the answer is not awaited."""
        try:
            arguments = arguments_of(run, field)
        except GraphQLError as error:
            return [error] * len(parents)
        return [
            self._call(parent, raw_info(run, field, places, index), arguments)
            for index, parent in enumerate(parents)
        ]

    def _call(self, parent: Any, info: GraphQLResolveInfo[Any], arguments: Arguments) -> Any:
        try:
            return self._resolver(parent, info, **arguments)
        except Exception as error:
            return error


class Batch:
    """The field is answered for all parents by one call, see kernel/schema/batch.py."""

    def __init__(
        self, answer_all: Callable[..., Awaitable[Sequence[Any]]], field: StrawberryField
    ) -> None:
        self._answer_all = answer_all
        self._declared = field

    async def __call__(
        self, run: Run, field: PlannedField, parents: Sequence[Any], places: Places
    ) -> Any:
        """Return the answer for each parent; what the call raises is the answer for all."""
        try:
            return await self._answer(run, field, parents)
        except Exception as error:
            return [error] * len(parents)

    async def _answer(self, run: Run, field: PlannedField, parents: Sequence[Any]) -> list[Any]:
        arguments = arguments_of(run, field)
        assert run.context is not None
        if not is_open(run.context, self._answer_all):
            # Of a plugin that is off in this channel; what plugins add is nullable.
            return [None] * len(parents)
        info = info_of(self._declared, raw_info(run, field))
        converted = convert_arguments(self._declared, arguments, info)
        answers = await self._answer_all(list(parents), info, **converted)
        assert len(answers) == len(parents), (
            f"{self._answer_all.__qualname__} answered {len(answers)} for {len(parents)} parents"
        )
        return list(answers)


def arguments_of(run: Run, field: PlannedField) -> Arguments:
    """Return a field's arguments as the document and the variables give them.

    Raises GraphQLError where they do not fit.
    """
    if not field.definition.args:
        return {}
    return get_argument_values(
        field.definition, field.nodes[0], run.variables, hide_suggestions=run.hides
    )


def raw_info(
    run: Run, field: PlannedField, places: Places | None = None, index: int = 0
) -> GraphQLResolveInfo[Any]:
    """Return what a resolver is told. Without places its path is the field's alone."""
    path = None if places is None else places.path(index)
    return resolve_info(run, field, _path(path or [], field))


def _path(above: Sequence[str | int], field: PlannedField) -> Path:
    path: Path | None = None
    for key in above:
        path = Path(path, key, None)
    return Path(path, field.key, field.parent.name)


def _attribute(parent: Any, name: str) -> Any:
    try:
        return getattr(parent, name)
    except Exception as error:
        return error
