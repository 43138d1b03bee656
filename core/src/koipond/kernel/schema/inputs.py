"""The generated `plugins` inputs: one nullable field per plugin that has an input at that level.

What core's input classes look like differs from schema to schema, so they build their own values:
`from_input` and `get_fields` are strawberry's hooks for that, which it does not promise to keep
(core/tests/kernel/test_schema_inputs.py fails when one of them moves).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, get_type_hints

import strawberry
from msgspec import Struct
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import (
    StrawberryOptional,
    get_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField

from koipond.kernel.errors import DomainError
from koipond.kernel.inputs import ChosenInputs, Level, PluginInput
from koipond.kernel.schema.reading import read_input

T = TypeVar("T", bound=type)

FIELD = "plugins"
_NAMES = {Level.LINE: "LinePluginsInput", Level.ORDER: "OrderPluginsInput"}
_DESCRIPTIONS = {
    Level.LINE: "What the plugins of this shop are told about a line.",
    Level.ORDER: "What the plugins of this shop are told about an order.",
}
# {core's input class: what it is about}
_levels: dict[type, Level] = {}


class AddedInput(Struct, frozen=True, kw_only=True):
    """A plugin's input. name: its field in `plugins`; kind: its class, as it was given."""

    owner: str
    level: Level
    name: str
    kind: type

    @property
    def reads(self) -> type[PluginInput]:
        """What its `read` returns."""
        found = read_type(self.kind)
        assert found is not None, "input_conflicts has refused others"
        return found


class Choices:
    """What a caller gave in `plugins`. The classes that strawberry sees are made per schema."""

    parts: ClassVar[Mapping[str, AddedInput]] = {}

    def read(self) -> ChosenInputs:
        """Return {plugin: its input}. Raises what plugins refuse, located at their field."""
        chosen: dict[str, PluginInput] = {}
        for attribute, part in self.parts.items():
            given = getattr(self, attribute)
            if given is None:
                continue
            try:
                found = given.read()
            except DomainError as error:
                inside = f".{error.at}" if error.at else ""
                raise error.located(f"{FIELD}.{part.name}{inside}") from None
            assert isinstance(found, part.reads), (
                f"plugin {part.owner}: {part.kind.__name__}.read must return {part.reads.__name__}"
            )
            chosen[part.owner] = found
        return chosen


def takes_plugins(level: Level) -> Callable[[T], T]:
    """Give an input class of core a field `plugins` in schemas that have something to put there.

    The class declares it as `plugins: strawberry.Private[Choices | None] = None`.
    """

    def mark(cls: T) -> T:
        _levels[cls] = level
        return grows(cls)

    return mark


def grows(cls: T) -> T:
    """Let an input class of core have fields in one schema that it has not in another.

    What the schema adds, the class takes as a `strawberry.Private`.
    """
    get_object_definition(cls, strict=True).from_input = read_input
    return cls


def make_field(name: str, kind: type) -> StrawberryField:
    """Return a field of an input, of the input class `kind`; it may be left out."""
    namespace = {"__annotations__": {name: kind | None}, name: None, "__module__": __name__}
    holder = strawberry.input(type("Holder", (), namespace))
    (field,) = get_object_definition(holder, strict=True).fields
    return field


def with_enums(field: StrawberryField, enums: Mapping[type, type]) -> StrawberryField:
    """Return a field whose arguments have the enums of one schema in place of core's.

    enums: {core's: the schema's}.
    """
    swapped = [_with_enum(one, enums) for one in field.arguments] if enums else field.arguments
    if swapped == field.arguments:
        return field
    changed = copy.copy(field)
    changed.arguments = swapped
    return changed


def _with_enum(argument: StrawberryArgument, enums: Mapping[type, type]) -> StrawberryArgument:
    """Return an argument that is an enum, or null, with another enum."""
    kind = argument.type
    inner = kind.of_type if isinstance(kind, StrawberryOptional) else kind
    made = enums.get(inner.wrapped_cls) if isinstance(inner, StrawberryEnumDefinition) else None
    if made is None:
        return argument
    changed = copy.copy(argument)
    annotation: Any = made | None if inner is not kind else made
    changed.type_annotation = StrawberryAnnotation(annotation)
    return changed


def plugins_field(cls: type, made: Mapping[Level, StrawberryField]) -> list[StrawberryField]:
    """Return the field that a schema adds to an input class of core, if it adds one.

    made: {level: the field}, from `make_fields`.
    """
    level = _levels.get(cls)
    return [made[level]] if level is not None and level in made else []


def make_fields(added: Sequence[AddedInput]) -> dict[Level, StrawberryField]:
    """Make the fields `plugins` of one schema, only of those levels that have an input."""
    levels = sorted({one.level for one in added})
    return {
        level: _make_field(level, [one for one in added if one.level is level]) for level in levels
    }


def read_type(kind: type) -> type[PluginInput] | None:
    """Return what an input class's `read` says that it returns; None if that will not do."""
    read = getattr(kind, "read", None)
    reads = get_type_hints(read).get("return") if callable(read) else None
    return reads if isinstance(reads, type) and issubclass(reads, PluginInput) else None


def _make_field(level: Level, added: Sequence[AddedInput]) -> StrawberryField:
    parts = {f"plugin_{place}": one for place, one in enumerate(sorted(added, key=_by_name))}
    fields = {
        attribute: strawberry.field(name=one.name, default=None) for attribute, one in parts.items()
    }
    namespace = {
        "__annotations__": {attribute: one.kind | None for attribute, one in parts.items()},
        "__module__": __name__,
        "parts": parts,
        **fields,
    }
    choices = strawberry.input(
        type(_NAMES[level], (Choices,), namespace), description=_DESCRIPTIONS[level]
    )
    return make_field(FIELD, choices)


def _by_name(added: AddedInput) -> str:
    return added.name
