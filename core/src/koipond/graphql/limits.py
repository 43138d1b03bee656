"""How large a document may be: checked before anything that takes longer than reading it once."""

from __future__ import annotations

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
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


class Size(Struct, frozen=True):
    """What a selection set comes to with its fragments written out."""

    depth: int = 0
    fields: int = 0
    root_fields: int = 0


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
    for operation, size in sizes:
        if size.depth > DEPTH_MAX:
            return f"{size.depth} levels deep, at most {DEPTH_MAX} are read"
        if size.root_fields > ROOT_FIELDS_MAX:
            return f"{size.root_fields} fields at its root, at most {ROOT_FIELDS_MAX} are answered"
        if operation.operation is OperationType.MUTATION and size.root_fields > MUTATIONS_MAX:
            return f"{size.root_fields} mutations, at most {MUTATIONS_MAX} are run, one by one"
        if size.fields > FIELDS_MAX:
            return f"{size.fields} fields in all, at most {FIELDS_MAX} are answered"
    return None


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
        depth = fields = root_fields = 0
        for selection in selected.selections:
            if isinstance(selection, FieldNode):
                inner = self.measure(selection.selection_set) if selection.selection_set else Size()
                size = Size(inner.depth + 1, inner.fields + 1, 1)
            elif isinstance(selection, FragmentSpreadNode):
                size = self._fragment(selection.name.value)
            else:
                assert isinstance(selection, InlineFragmentNode)
                size = self.measure(selection.selection_set)
            depth = max(depth, size.depth)
            fields += size.fields
            root_fields += size.root_fields
        return Size(depth, fields, root_fields)

    def _fragment(self, name: str) -> Size:
        if name not in self._known and name in self._fragments:
            self._known[name] = Size()
            self._known[name] = self.measure(self._fragments[name].selection_set)
        return self._known.get(name, Size())
