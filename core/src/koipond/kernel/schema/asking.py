"""What is asked of a field's answer, so that no more is read than that."""

from collections.abc import Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)

from koipond.kernel.schema.fields import Info

Fragments = Mapping[str, FragmentDefinitionNode]


def asked(info: Info, *path: str) -> frozenset[str]:
    """Return the names of the fields that are selected in a field's answer, at `path` below it.

    Whatever type they are of, and whether @skip and @include leave them in or not: it is no less
    than what will be asked.
    """
    raw = info._raw_info
    nodes = list(raw.field_nodes)
    for name in path:
        below = (one for node in nodes for one in _fields(node.selection_set, raw.fragments))
        nodes = [one for one in below if one.name.value == name]
    below = (one for node in nodes for one in _fields(node.selection_set, raw.fragments))
    return frozenset(one.name.value for one in below)


def _fields(selected: SelectionSetNode | None, fragments: Fragments) -> Iterator[FieldNode]:
    for one in selected.selections if selected is not None else ():
        if isinstance(one, FieldNode):
            yield one
        elif isinstance(one, InlineFragmentNode):
            yield from _fields(one.selection_set, fragments)
        elif isinstance(one, FragmentSpreadNode):
            yield from _fields(fragments[one.name.value].selection_set, fragments)
