"""Random operations that are valid for a schema."""

from __future__ import annotations

from random import Random
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

_DEPTH = 5
# After so many nothing more is written.
_FIELDS = 16
_VARIABLES = {"yes": "Boolean!", "no": "Boolean = true", "one": "Int!", "two": "Int = 5"}
_VALUES: dict[str, Any] = {"yes": True, "no": False, "one": 1, "two": 2}
_USES = "__typename @skip(if: $yes) used: __typename @include(if: $no)"


class Written:
    """An operation as text, and its variables."""

    def __init__(self, schema: GraphQLSchema, seed: int) -> None:
        self._schema = schema
        self._random = Random(f"operation {seed}")
        self._fragments: list[str] = []
        # Every field has a key of its own or always the same arguments: nothing conflicts.
        self._keys = 0
        is_mutation = schema.mutation_type is not None and self._random.random() < 0.3
        root = schema.mutation_type if is_mutation else schema.query_type
        assert root is not None
        body = "\n".join([f"{{ {_USES} {self._selected(root, _DEPTH)} }}", *self._fragments])
        used = {name: kind for name, kind in _VARIABLES.items() if f"${name}" in body}
        declared = ", ".join(f"${name}: {kind}" for name, kind in used.items())
        self.text = f"{'mutation' if is_mutation else 'query'} ({declared}) {body}"
        # The others are left to their defaults.
        given = ["yes", "one"] if self._random.random() < 0.3 else used
        self.variables = {name: value for name, value in _VALUES.items() if name in given}

    def _typename(self) -> str:
        return self._random.choice(["", "__typename", "name: __typename"])

    def _selected(self, kind: Any, depth: int) -> str:
        """Write fields and fragments on a type; at least one field that is always there."""
        parts = [self._typename(), f"t{self._key()}: __typename"]
        for _ in range(self._random.randint(1, 4)):
            if self._keys < _FIELDS:
                parts.append(self._one(kind, depth))
        return " ".join(parts)

    def _one(self, kind: Any, depth: int) -> str:
        draw = self._random.random()
        if draw < 0.15:
            return f"... {self._condition()} {{ {self._selected(kind, depth - 1)} }}"
        if draw < 0.3 or not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            return self._fragment(kind, depth)
        return self._field(kind, depth)

    def _fragment(self, kind: Any, depth: int) -> str:
        possible = [kind]
        if is_abstract_type(kind):
            possible += self._schema.get_possible_types(kind)
        on = self._random.choice(possible)
        if depth <= 0:
            return "__typename"
        body = self._selected(on, depth - 1)
        if self._random.random() < 0.5:
            return f"... on {on.name} {self._condition()} {{ {body} }}"
        name = f"F{len(self._fragments)}"
        self._fragments.append("")
        self._fragments[int(name[1:])] = f"fragment {name} on {on.name} {{ {body} }}"
        return f"...{name} {self._condition()}"

    def _field(self, kind: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
        name, field = self._random.choice(list(kind.fields.items()))
        named = get_named_type(field.type)
        if not is_leaf_type(named) and depth <= 0:
            return "__typename"
        inner = "" if is_leaf_type(named) else f" {{ {self._selected(named, depth - 1)} }}"
        return f"k{self._key()}: {name}{self._arguments(field)} {self._condition()}{inner}"

    def _arguments(self, field: GraphQLField) -> str:
        if not field.args or self._random.random() < 0.3:
            return ""
        return f"(n: {self._random.choice(['$one', '$two', '3'])})"

    def _condition(self) -> str:
        conditions = [
            "@skip(if: $no)",
            "@include(if: $yes)",
            "@include(if: $no)",
            "@skip(if: false)",
        ]
        return self._random.choice(["", "", "", *conditions])

    def _key(self) -> int:
        self._keys += 1
        return self._keys
