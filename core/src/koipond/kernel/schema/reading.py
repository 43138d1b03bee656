"""How inputs are made of what callers give: worked out once for each class of a schema.

Strawberry works it out for each value, which is a tenth of what a purchase costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct
from strawberry.relay import GlobalID
from strawberry.types.arguments import InputContext
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryObjectDefinition,
    StrawberryOptional,
    get_object_definition,
)
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType

# (value, where it is converted) -> what the input gets; None: the value itself.
Convert = Callable[[Any, InputContext], Any]


class _Part(Struct, frozen=True):
    """One field of an input. name: the API's. attribute: Python's."""

    name: str
    attribute: str
    convert: Convert | None


class Reader:
    """Makes inputs of one class, as one schema has it."""

    def __init__(self, cls: type, context: InputContext) -> None:
        """context: of any value in that schema."""
        definition = get_object_definition(cls, strict=True)
        fields = _fields(definition, context)
        self._cls = cls
        # Left out and without a default: it may be null.
        self._missing = {one.python_name: None for one in fields if not _has_default(one)}
        self._parts = [_part(one, definition, context) for one in fields]

    def read(self, value: Mapping[str, Any], context: InputContext) -> Any:
        """Return the input that a caller gave."""
        given: dict[str, Any] = dict(self._missing)
        for part in self._parts:
            if part.name in value:
                one = value[part.name]
                convert = part.convert
                given[part.attribute] = one if convert is None else convert(one, context)
        return self._cls(**given)


def read_input(cls: type, value: Mapping[str, Any], context: InputContext) -> Any:
    """Make an input as strawberry does, but of the fields that it has in the asked schema."""
    return _reader(cls, context).read(value, context)


# {schema: {class: what makes it}}; None where there is no schema yet.
_readers: WeakKeyDictionary[Any, dict[type, Reader]] = WeakKeyDictionary()


def _reader(cls: type, context: InputContext) -> Reader:
    if context.info is None:
        return Reader(cls, context)
    known = _readers.setdefault(context.info.schema, {})
    found = known.get(cls)
    if found is None:
        found = known[cls] = Reader(cls, context)
    return found


def _part(
    field: StrawberryField, definition: StrawberryObjectDefinition, context: InputContext
) -> _Part:
    name = context.config.name_converter.get_graphql_name(field)
    kind = field.resolve_type(type_definition=definition)
    return _Part(name, field.python_name, _converting(kind, name))


def _converting(kind: Any, name: str) -> Convert | None:
    """Return what makes a value of a type what it is in Python."""
    while isinstance(kind, StrawberryOptional) and not isinstance(kind, StrawberryMaybe):
        kind = kind.of_type
    if isinstance(kind, StrawberryList):
        return partial(_each, _converting(kind.of_type, name))
    if isinstance(kind, LazyType):
        return _converting(kind.resolve_type(), name)
    definition = get_object_definition(kind)
    if definition is not None and definition.from_input in {None, read_input}:
        return partial(_nested, kind)
    is_plain = definition is None and kind is not GlobalID and not isinstance(kind, StrawberryMaybe)
    return None if is_plain else partial(_as_strawberry, kind, name)


def _nested(cls: type, value: Any, context: InputContext) -> Any:
    return None if value is None else read_input(cls, value, context)


def _each(convert: Convert | None, value: Any, context: InputContext) -> Any:
    if value is None:
        return None
    # Also where nothing is to be converted: a default is the same list for all requests.
    return [*value] if convert is None else [convert(one, context) for one in value]


def _as_strawberry(kind: Any, name: str, value: Any, context: InputContext) -> Any:
    return context.convert(value, kind, name)


def _has_default(field: StrawberryField) -> bool:
    return field.default_value is not MISSING or field.default_factory is not MISSING


def _fields(
    definition: StrawberryObjectDefinition, context: InputContext
) -> Sequence[StrawberryField]:
    if context.info is None:
        return definition.fields
    return context.info.schema.get_fields(definition)
