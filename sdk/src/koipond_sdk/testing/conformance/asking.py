"""Makes up queries that list what a field is on, out of nothing but the schema."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
)

# So deep a list of something is looked for, and so deep what a field gives is asked for.
_FAR, _DEEP = 5, 2
# At most as many as any list gives in one answer.
_FIRST = 50


def asking(schema: GraphQLSchema, owner: str, name: str) -> str | None:
    """Return a query of `name` on all of a list of `owner`; None if nothing lists them.

    Fields that want arguments which only a caller knows are left out.
    """
    path = _find_list(schema, owner)
    kind = schema.type_map[owner]
    assert isinstance(kind, GraphQLObjectType)
    field = kind.fields[name]
    if path is None or any(map(is_required_argument, field.args.values())):
        return None
    text = f"{name}{_select(field.type, _DEEP)}"
    for one in reversed(path):
        text = f"{one} {{ {text} }}"
    return f"{{ {text} }}"


def _find_list(schema: GraphQLSchema, owner: str) -> list[str] | None:
    """Return the shortest way from the root to several of a type: its fields, with arguments."""
    assert schema.query_type is not None
    waiting: deque[tuple[GraphQLObjectType, list[str], bool]] = deque(
        [(schema.query_type, [], False)]
    )
    seen = set()
    while waiting:
        kind, path, several = waiting.popleft()
        if kind.name == owner and several:
            return path
        if len(path) == _FAR or (kind.name, several) in seen:
            continue
        seen.add((kind.name, several))
        for name, field, target in _ways(kind):
            if kind is schema.query_type and field.args and "first" not in field.args:
                continue  # it wants to be told of which one, by one of several arguments
            many = several or _is_list(field.type)
            waiting.append((target, [*path, f"{name}{_first(field)}"], many))
    return None


def _ways(kind: GraphQLObjectType) -> Iterator[tuple[str, GraphQLField, GraphQLObjectType]]:
    for name, field in kind.fields.items():
        target = get_named_type(field.type)
        if isinstance(target, GraphQLObjectType) and not _wants(field):
            yield name, field, target


def _wants(field: GraphQLField) -> bool:
    return any(is_required_argument(one) for one in field.args.values())


def _first(field: GraphQLField) -> str:
    return f"(first: {_FIRST})" if "first" in field.args else ""


def _is_list(kind: GraphQLOutputType) -> bool:
    return is_list_type(kind.of_type if is_non_null_type(kind) else kind)


def _select(kind: GraphQLOutputType, depth: int) -> str:
    """Return what of a value is asked for: all that is plain, and below that as deep as told."""
    target = get_named_type(kind)
    if not isinstance(target, GraphQLObjectType):
        return "" if is_leaf_type(target) else " { __typename }"
    parts = ["__typename"]
    for name, field in target.fields.items():
        if _wants(field):
            continue
        if is_leaf_type(get_named_type(field.type)):
            parts.append(name)
        elif depth > 0 and isinstance(get_named_type(field.type), GraphQLObjectType):
            parts.append(f"{name}{_first(field)}{_select(field.type, depth - 1)}")
    return f" {{ {' '.join(parts)} }}"
