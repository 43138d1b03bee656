"""Completes values: what resolvers gave becomes what the answer holds, a whole level at a time.

The specification's CompleteValue (section 6.4.3) for many values at once. A completed value is
what the answer holds, None, or FAILED where an error was noted.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from inspect import isawaitable
from typing import Any, cast

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLLeafType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    default_type_resolver,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.pyutils import Undefined, inspect, is_iterable

from koipond.graphql.executor.failing import FAILED, Failed, Run
from koipond.graphql.executor.places import OfItems, Places, Some
from koipond.graphql.executor.plan import PlannedField, Selection
from koipond.graphql.executor.resolving import raw_info
from koipond.graphql.executor.settling import may_have_raised, settle
from koipond.graphql.private import is_told_by_class

Level = Callable[[Run, Selection, Sequence[Any], Places], Awaitable[list[Any]]]

_NOTHING = frozenset({type(None), Failed})


class Completing:
    """Completes the values of one field in one run."""

    __slots__ = ("_field", "_level", "_run")

    def __init__(self, run: Run, field: PlannedField, level: Level) -> None:
        """level: answers the selection of objects."""
        self._run = run
        self._field = field
        self._level = level

    def leaves(self, kind: GraphQLOutputType, values: list[Any], places: Places) -> list[Any]:
        """Complete scalars and enums."""
        if is_non_null_type(kind):
            return self._without_null(self.leaves(kind.of_type, values, places), places)
        self._note_raised(values, places)
        coerce = cast("GraphQLLeafType", kind).coerce_output_value
        for index, value in enumerate(values):
            if value is None or value is FAILED:
                continue
            try:
                made = coerce(value)
                if made is None or made is Undefined:
                    raise TypeError(
                        f"Expected `{inspect(kind)}.coerce_output_value({inspect(value)})` to "
                        f"return non-nullable value, returned: {inspect(made)}"
                    )
            except Exception as error:
                made = self._fail(error, places, index)
            values[index] = made
        return values

    async def any(self, kind: GraphQLOutputType, values: list[Any], places: Places) -> list[Any]:
        """Complete values of any type."""
        if is_non_null_type(kind):
            return self._without_null(await self.any(kind.of_type, values, places), places)
        if is_leaf_type(kind):
            return self.leaves(kind, values, places)
        self._note_raised(values, places)
        if is_list_type(kind):
            return await self._lists(kind, values, places)
        if is_abstract_type(kind):
            return await self._abstract(kind, values, places)
        return await self._objects(cast("GraphQLObjectType", kind), values, places)

    def _without_null(self, values: list[Any], places: Places) -> list[Any]:
        for index, value in enumerate(values):
            if value is None:
                field = self._field
                problem = f"Cannot return null for non-nullable field {field.parent}.{field.name}."
                values[index] = self._fail(TypeError(problem), places, index)
        return values

    def _note_raised(self, values: list[Any], places: Places) -> None:
        """Note the exceptions among values that resolvers gave."""
        if not may_have_raised(values):
            return
        for index, value in enumerate(values):
            if isinstance(value, Exception):
                values[index] = self._fail(value, places, index)
            elif value is Undefined:
                values[index] = None

    async def _lists(self, kind: GraphQLList[Any], values: list[Any], places: Places) -> list[Any]:
        lists: list[Any] = [
            list(value) if isinstance(value, list | tuple) else await self._items(value, places, at)
            for at, value in enumerate(values)
        ]
        lengths = [len(one) if isinstance(one, list) else 0 for one in lists]
        items = [item for one in lists if isinstance(one, list) for item in one]
        await settle(items)
        completed = await self.any(kind.of_type, items, OfItems(places, lengths))
        may_be_null = not is_non_null_type(kind.of_type)
        start = 0
        for at, one in enumerate(lists):
            if isinstance(one, list):
                end = start + lengths[at]
                lists[at] = _closed(completed[start:end], may_be_null=may_be_null)
                start = end
        return lists

    async def _items(self, value: Any, places: Places, at: int) -> Any:
        """Return a value's items as a list of our own, None, or FAILED."""
        if value is None or value is FAILED:
            return value
        try:
            if isinstance(value, AsyncIterable):
                return [item async for item in value]
            if is_iterable(value):
                return list(value)
            field = self._field
            raise GraphQLError(
                f"Expected Iterable, but did not find one for field '{field.parent}.{field.name}'."
            )
        except Exception as error:
            return self._fail(error, places, at)

    async def _objects(
        self, kind: GraphQLObjectType, values: list[Any], places: Places
    ) -> list[Any]:
        if kind.is_type_of is not None:
            await self._check_types(kind, values, places)
        return await self._select(kind, values, places, _present(values))

    async def _check_types(
        self, kind: GraphQLObjectType, values: list[Any], places: Places
    ) -> None:
        """Note the values that are not of the type that the schema says."""
        assert kind.is_type_of is not None
        known = self._selection(kind).known
        # Of a class that is known nothing need be asked, and most lists have objects of one class.
        if known.issuperset(map(type, values)):
            return
        info = raw_info(self._run, self._field)
        for index in _present(values):
            try:
                fits: Any = kind.is_type_of(values[index], info)
                if isawaitable(fits):
                    fits = await fits
                if not fits:
                    raise GraphQLError(
                        f"Expected value of type '{kind}' but got: {inspect(values[index])}.",
                        self._field.nodes,
                    )
                if is_told_by_class(kind, values[index]):
                    known.add(type(values[index]))
            except Exception as error:
                values[index] = self._fail(error, places, index)

    async def _abstract(
        self, kind: GraphQLAbstractType, values: list[Any], places: Places
    ) -> list[Any]:
        groups: dict[GraphQLObjectType, list[int]] = {}
        info = raw_info(self._run, self._field)
        resolve_type = kind.resolve_type or default_type_resolver
        for index in _present(values):
            try:
                name: Any = resolve_type(values[index], info, kind)
                if isawaitable(name):
                    name = await name
                found = self._runtime_type(kind, name, values[index])
                groups.setdefault(found, []).append(index)
            except Exception as error:
                values[index] = self._fail(error, places, index)
        for found, chosen in groups.items():
            some = [values[index] for index in chosen]
            made = await self._objects(found, some, Some(places, chosen))
            for index, one in zip(chosen, made, strict=True):
                values[index] = one
        return values

    def _runtime_type(self, kind: GraphQLAbstractType, name: Any, value: Any) -> GraphQLObjectType:
        """Return the object type that a value of an abstract type is. Raises GraphQLError."""
        schema, field = self._run.plan.schema, self._field
        found = schema.get_type(name) if isinstance(name, str) else None
        if is_object_type(found) and schema.is_sub_type(kind, found):
            return found
        must = (
            f"Abstract type '{kind}' must resolve to an Object type at runtime"
            f" for field '{field.parent}.{field.name}'"
        )
        if name is None:
            problem = (
                f"{must}. Either the '{kind}' type should provide a 'resolve_type' function or each"
                " possible type should provide an 'is_type_of' function."
            )
        elif not isinstance(name, str):
            problem = (
                f"{must} with value {inspect(value)}, received '{inspect(name)}', which is not a"
                " valid Object type name."
            )
        elif found is None:
            problem = (
                f"Abstract type '{kind}' was resolved to a type '{name}' that does not exist inside"
                " the schema."
            )
        elif not is_object_type(found):
            problem = f"Abstract type '{kind}' was resolved to a non-object type '{name}'."
        else:
            problem = f"Runtime Object type '{name}' is not a possible type for '{kind}'."
        raise GraphQLError(problem, field.nodes)

    async def _select(
        self, kind: GraphQLObjectType, values: list[Any], places: Places, present: Sequence[int]
    ) -> list[Any]:
        """Answer what is selected of the objects among the values."""
        if not present:
            return values
        selection = self._selection(kind)
        if len(present) == len(values):
            return await self._level(self._run, selection, values, places)
        objects = [values[index] for index in present]
        made = await self._level(self._run, selection, objects, Some(places, present))
        for index, one in zip(present, made, strict=True):
            values[index] = one
        return values

    def _selection(self, kind: GraphQLObjectType) -> Selection:
        assert self._field.select is not None, "a field of an object type has a selection"
        return self._field.select(kind)

    def _fail(self, error: Exception, places: Places, index: int) -> Any:
        return self._run.fail(error, self._field, places.path(index))


def _present(values: Sequence[Any]) -> Sequence[int]:
    if _NOTHING.isdisjoint(map(type, values)):
        return range(len(values))
    return [
        index for index, value in enumerate(values) if value is not None and value is not FAILED
    ]


def _closed(items: list[Any], *, may_be_null: bool) -> Any:
    """Return a list of completed items, or what an item that failed makes of the whole list."""
    if Failed not in map(type, items):
        return items
    if not may_be_null:
        return FAILED
    return [None if item is FAILED else item for item in items]
