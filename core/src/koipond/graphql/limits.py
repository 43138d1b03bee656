"""How large a document may be: checked before anything that takes longer than reading it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
)
from msgspec import Struct

SOURCE_MAX = 100_000
TOKENS_MAX = 4_000
COMMENTS_MAX = 500
ERRORS_MAX = 20
DEPTH_MAX = 15
# Fields of one operation with every fragment written out where it is used.
FIELDS_MAX = 1_000
ROOT_FIELDS_MAX = 100
MUTATIONS_MAX = 10
ALIASES_MAX = 200
DIRECTIVES_MAX = 100
# Of a list that is given, in the document or in a variable.
ITEMS_MAX = 1_000


class Size(Struct, frozen=True):
    """What a selection set comes to with its fragments written out."""

    depth: int = 0
    fields: int = 0
    root_fields: int = 0
    aliases: int = 0
    directives: int = 0
    items: int = 0


def find_excess(document: DocumentNode) -> str | None:
    """Return what is too large about the largest operation of `document`, or None.

    Each fragment is measured once, however often it is used, so that the time is that of reading
    the document. Fragments in a circle count as empty: validation refuses them.
    """
    try:
        ruler = _Ruler(document)
        sizes = [(one, ruler.measure(one.selection_set)) for one in _operations(document)]
    except RecursionError:
        return "its fragments are nested too deeply"
    excesses = (one for operation, size in sizes for one in _excesses(operation, size))
    return next(excesses, None)


def find_long_list(variables: Mapping[str, Any]) -> str | None:
    """Return what is too long about the variables of a request, their objects included, or None."""
    waiting: list[Any] = [dict(variables)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if len(value) > ITEMS_MAX:
                return f"an object of {len(value):,} fields, at most {ITEMS_MAX:,} are read"
            waiting.extend(value.values())
        elif isinstance(value, list):
            if len(value) > ITEMS_MAX:
                return _items(len(value))
            waiting.extend(value)
    return None


def _excesses(operation: OperationDefinitionNode, size: Size) -> Iterator[str]:
    if size.depth > DEPTH_MAX:
        yield f"{size.depth} levels deep, at most {DEPTH_MAX} are read"
    if size.root_fields > ROOT_FIELDS_MAX:
        yield f"{size.root_fields} fields at its root, at most {ROOT_FIELDS_MAX} are answered"
    if operation.operation is OperationType.MUTATION and size.root_fields > MUTATIONS_MAX:
        yield f"{size.root_fields} mutations, at most {MUTATIONS_MAX} are run, one by one"
    if size.fields > FIELDS_MAX:
        yield f"{size.fields} fields in all, at most {FIELDS_MAX} are answered"
    if size.aliases > ALIASES_MAX:
        yield f"{size.aliases} aliases, at most {ALIASES_MAX} are read"
    directives = size.directives + _directives(operation)
    if directives > DIRECTIVES_MAX:
        yield f"{directives} directives, at most {DIRECTIVES_MAX} are obeyed"
    items = max([size.items, *map(_longest, _defaults(operation))])
    if items > ITEMS_MAX:
        yield _items(items)


def _items(found: int) -> str:
    return f"a list of {found:,}, at most {ITEMS_MAX:,} are read"


def _defaults(operation: OperationDefinitionNode) -> list[ValueNode]:
    """Return what variables are that nobody gives."""
    declared = operation.variable_definitions or ()
    return [one.default_value for one in declared if one.default_value is not None]


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]


class _Ruler:
    """Measures selection sets of one document."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}

    def measure(self, selected: SelectionSetNode) -> Size:
        """Return the size of a selection set."""
        depth = fields = root_fields = aliases = directives = items = 0
        for selection in selected.selections:
            if isinstance(selection, FieldNode):
                size = self._field(selection)
            elif isinstance(selection, FragmentSpreadNode):
                size = self._fragment(selection.name.value)
            else:
                assert isinstance(selection, InlineFragmentNode)
                size = self.measure(selection.selection_set)
            depth = max(depth, size.depth)
            fields += size.fields
            root_fields += size.root_fields
            aliases += size.aliases
            directives += size.directives + _directives(selection)
            items = max(items, size.items)
        return Size(depth, fields, root_fields, aliases, directives, items)

    def _field(self, field: FieldNode) -> Size:
        inner = self.measure(field.selection_set) if field.selection_set else Size()
        return Size(
            depth=inner.depth + 1,
            fields=inner.fields + 1,
            root_fields=1,
            aliases=inner.aliases + (field.alias is not None),
            directives=inner.directives,
            items=max([inner.items, *(_longest(one.value) for one in field.arguments or ())]),
        )

    def _fragment(self, name: str) -> Size:
        if name not in self._known and name in self._fragments:
            fragment = self._fragments[name]
            self._known[name] = Size()
            self._known[name] = self.measure(fragment.selection_set)
        return self._known.get(name, Size())


def _directives(node: Node) -> int:
    """Return how many directives stand at a node itself."""
    found: tuple[DirectiveNode, ...] = getattr(node, "directives", None) or ()
    return len(found)


def _longest(value: ValueNode) -> int:
    """Return how many items the longest list of an argument has."""
    if isinstance(value, ListValueNode):
        return max([len(value.values), *map(_longest, value.values)])
    if isinstance(value, ObjectValueNode):
        return max([0, *(_longest(one.value) for one in value.fields)])
    return 0
