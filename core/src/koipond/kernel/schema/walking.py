"""Every type that fields lead to, before a schema is built of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import (
    StrawberryContainer,
    StrawberryObjectDefinition,
    get_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import UNRESOLVED, StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.types.union import StrawberryUnion

NAMES = NameConverter()
# {a class: fields that others add to it}
MoreFields = Callable[[type], Iterable[StrawberryField]]


def walk(fields: Iterable[StrawberryField], kinds: Iterable[Any], more: MoreFields) -> list[Any]:
    """Return every object, input, interface and enum that `fields` and `kinds` lead to, once.

    Each is a StrawberryObjectDefinition or a StrawberryEnumDefinition.
    """
    found: dict[type, Any] = {}
    queue = [*kinds, *(kind for field in fields for kind in _kinds(field))]
    while queue:
        for definition in _definitions(queue.pop()):
            cls = _origin(definition)
            if cls in found:
                continue
            found[cls] = definition
            if isinstance(definition, StrawberryObjectDefinition):
                queue += definition.interfaces
                for field in (*definition.fields, *more(cls)):
                    queue += _kinds(field)
    return list(found.values())


def name_of(definition: Any) -> str:
    """Return the name that a type has in a schema."""
    return NAMES.from_type(definition)


def origin_of(definition: Any) -> type:
    """Return the class that a type was written as; a generic one that was filled in is one of its.

    `Connection[Fish]` was written as `Connection`.
    """
    filled = getattr(definition, "concrete_of", None)
    return origin_of(filled) if filled is not None else _origin(definition)


def _origin(definition: Any) -> type:
    cls: type = (
        definition.wrapped_cls
        if isinstance(definition, StrawberryEnumDefinition)
        else definition.origin
    )
    return cls


def _kinds(field: StrawberryField) -> Iterator[Any]:
    yield field.type
    for argument in field.arguments:
        yield argument.type


def _definitions(kind: Any) -> Iterator[Any]:
    """Yield the named types that an annotation holds."""
    if isinstance(kind, StrawberryContainer):
        yield from _definitions(kind.of_type)
    elif isinstance(kind, LazyType):
        yield from _definitions(kind.resolve_type())
    elif isinstance(kind, StrawberryUnion):
        for one in kind.types:
            yield from _definitions(one)
    elif isinstance(kind, StrawberryObjectDefinition | StrawberryEnumDefinition):
        yield kind
    elif kind is not UNRESOLVED and has_enum_definition(kind):
        yield kind.__strawberry_definition__
    elif isinstance(kind, type):
        definition = get_object_definition(kind)
        if definition is not None:
            yield definition
