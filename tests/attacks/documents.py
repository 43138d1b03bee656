"""Documents of every root field of a schema, made from the schema itself.

A field that is added tomorrow is asked tomorrow: nothing here names one. What an argument cannot be
told from its type stands in `sayings.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLSchema,
    OperationType,
    Undefined,
    get_named_type,
    is_composite_type,
    is_leaf_type,
    is_required_argument,
)
from msgspec import Struct

# How deep an answer is read, and an input without need is written.
_DEPTH = 2
# The value of a leaf, by its path; None: nothing is said of it.
Say = Callable[[str], Any]
# A value of each scalar that passes for one.
_SOME: Mapping[str, Any] = {
    "String": "some",
    "ID": "some",
    "Int": 1,
    "Float": 1.0,
    "Boolean": True,
    "DateTime": "2026-03-01T00:00:00Z",
    "Date": "2026-03-01",
    "Decimal": "1.00",
    "Quantity": 1,
    "JSON": {},
}


class Asked(Struct, frozen=True, kw_only=True):
    """A root field. holes: where its arguments take an id or another key of a thing."""

    operation: str
    name: str
    field: GraphQLField
    holes: tuple[str, ...]

    @property
    def document(self) -> str:
        """The document, with each argument as a variable."""
        declared = ", ".join(f"${name}: {arg.type}" for name, arg in self.field.args.items())
        given = ", ".join(f"{name}: ${name}" for name in self.field.args)
        return (
            f"{self.operation}{f'({declared})' if declared else ''} "
            f"{{ done: {self.name}{f'({given})' if given else ''} {select(self.field.type)} }}"
        )

    def variables(self, fill: Say, needed: Say) -> dict[str, Any]:
        """Return its arguments, each leaf as `fill` says; `needed` says what must be said else."""
        made = {
            name: _value(arg.type, f"{self.name}.{name}", (fill, needed), wanted=_wants(arg))
            for name, arg in self.field.args.items()
        }
        return {name: value for name, value in made.items() if value is not None}


def every_field(schema: GraphQLSchema, is_hole: Callable[[str, str], bool]) -> list[Asked]:
    """Return the queries, then the mutations of a schema."""
    found = []
    for kind in (OperationType.QUERY, OperationType.MUTATION):
        root = schema.get_root_type(kind)
        for name, field in (root.fields if root else {}).items():
            leaves = [
                leaf
                for argument, told in field.args.items()
                for leaf in _leaves(told.type, f"{name}.{argument}")
            ]
            holes = tuple(path for path, leaf in leaves if is_hole(path, leaf))
            found.append(Asked(operation=kind.value, name=name, field=field, holes=holes))
    return found


def select(kind: GraphQLOutputType, depth: int = _DEPTH) -> str:
    """Return what can be read of a type without arguments, some levels deep."""
    named = get_named_type(kind)
    if not is_composite_type(named):
        return ""
    fields: Mapping[str, GraphQLField] = getattr(named, "fields", {})
    read = ["__typename"]
    for name, field in fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(get_named_type(field.type)):
            read.append(name)
        elif depth:
            read.append(f"{name} {select(field.type, depth - 1)}")
    return f"{{ {' '.join(read)} }}"


def _leaves(
    kind: GraphQLInputType, path: str, above: tuple[str, ...] = ()
) -> Iterator[tuple[str, str]]:
    """Yield (path, type name) of every leaf of an argument; a type within itself is left."""
    named = get_named_type(kind)
    if not isinstance(named, GraphQLInputObjectType):
        yield path, named.name
    elif named.name not in above:
        for name, field in named.fields.items():
            yield from _leaves(field.type, f"{path}.{name}", (*above, named.name))


def _wants(told: GraphQLArgument | GraphQLInputField) -> bool:
    """Tell whether a value must be said."""
    return isinstance(told.type, GraphQLNonNull) and told.default_value is Undefined


def _value(kind: GraphQLInputType, path: str, say: tuple[Say, Say], *, wanted: bool) -> Any:
    """Return a value of a type, or None to leave out what is neither said nor wanted."""
    fill, needed = say
    if isinstance(kind, GraphQLNonNull):
        return _value(kind.of_type, path, say, wanted=wanted)
    if isinstance(kind, GraphQLList):
        one = _value(kind.of_type, path, say, wanted=wanted)
        return None if one is None else one if isinstance(one, list) else [one]
    if not isinstance(kind, GraphQLInputObjectType):
        told = fill(path)
        if told is None and wanted:
            told = needed(path)
        return _anything(kind) if told is None and wanted else told
    if not wanted and all(fill(leaf) is None for leaf, _ in _leaves(kind, path)):
        return None
    made = {
        name: _value(field.type, f"{path}.{name}", say, wanted=_wants(field))
        for name, field in kind.fields.items()
    }
    return {name: value for name, value in made.items() if value is not None}


def _anything(kind: Any) -> Any:
    """Return some value of a leaf's type."""
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    return _SOME[kind.name]
