"""What a document may cost: its fields, each as often as its lists may have it."""

from __future__ import annotations

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from msgspec import Struct

from koipond.graphql.sizes import PageSize, SizedBy, is_paged, read_size

# Fields that may be answered, each as often as its lists have it: about half a second.
COST_MAX = 30_000
# How many rows a list without pages is taken to have, such as a product's variants.
_UNPAGED = 5
# Finding a page reads more than its rows, and counting reads all that there is: with 100,000
# products 30 ms and 65 ms.
_PAGE = 500
_COUNT = 3_000
_COUNTS = "totalCount"
# Each field of a type of this name counts what all pages have in common, in a statement of its own.
# Five of them fit beside a page of a hundred whole products.
_FACET = 1_000
_FACETS = "Facets"


class Reckoning(Struct, frozen=True):
    """What a part of a document may cost, and which variables say how large its pages are."""

    cost: int = 0
    sized_by: frozenset[SizedBy] = frozenset()

    def __add__(self, other: Reckoning) -> Reckoning:
        return Reckoning(self.cost + other.cost, self.sized_by | other.sized_by)


class DocumentReckoning(Struct, frozen=True, kw_only=True):
    """What the most expensive operation of a document may cost.

    sized_by: {name of an operation, or None: the variables that say how large its pages are}.
    """

    cost: int
    sized_by: Mapping[str | None, frozenset[SizedBy]]


def reckon(document: DocumentNode, schema: GraphQLSchema) -> DocumentReckoning:
    """Return what a valid document may cost. Raises GraphQLError for a page that cannot be.

    Each fragment is reckoned once, however often it is used. A page whose size is a variable is
    taken to be as large as a page can be.
    """
    teller = _Teller(document, schema)
    found = {
        (one.name.value if one.name else None): teller.reckon(
            one.selection_set, schema.get_root_type(one.operation), None
        )
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode)
    }
    return DocumentReckoning(
        cost=max((one.cost for one in found.values()), default=0),
        sized_by={name: one.sized_by for name, one in found.items()},
    )


class _Teller:
    """Reckons the selection sets of one document."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        # {(fragment, rows of the page that it is in): what it comes to}
        self._known: dict[tuple[str, int | None], Reckoning] = {}

    def reckon(
        self, selected: SelectionSetNode, parent: GraphQLNamedType | None, page: int | None
    ) -> Reckoning:
        """Return what a selection set comes to, once.

        page: rows of the lists right in it, if it is that of a page.
        """
        total = Reckoning()
        for selection in selected.selections:
            if isinstance(selection, FieldNode):
                total += self._field(selection, parent, page)
            elif isinstance(selection, FragmentSpreadNode):
                total += self._fragment(selection.name.value, page)
            else:
                assert isinstance(selection, InlineFragmentNode)
                wanted = selection.type_condition
                inside = self._schema.get_type(wanted.name.value) if wanted else parent
                total += self.reckon(selection.selection_set, inside, page)
        return total

    def _fragment(self, name: str, page: int | None) -> Reckoning:
        key = (name, page)
        if key not in self._known:
            fragment = self._fragments[name]
            parent = self._schema.get_type(fragment.type_condition.name.value)
            self._known[key] = self.reckon(fragment.selection_set, parent, page)
        return self._known[key]

    def _field(
        self, field: FieldNode, parent: GraphQLNamedType | None, page: int | None
    ) -> Reckoning:
        assert isinstance(parent, GraphQLObjectType | GraphQLInterfaceType), "a valid document"
        found = parent.fields.get(field.name.value)
        facet = _FACET if found is not None and parent.name.endswith(_FACETS) else 1
        if found is None or field.selection_set is None:
            return Reckoning(_COUNT if field.name.value == _COUNTS else facet)
        size = read_size(field, found) if is_paged(found) else None
        within = None if size is None else size.most
        inner = self.reckon(field.selection_set, get_named_type(found.type), within)
        # Pages further down are found for all their parents together.
        itself = _PAGE if size is not None and parent is self._schema.query_type else facet
        return Reckoning(
            itself + _rows_of(found.type, page) * inner.cost, inner.sized_by | _sized_by(size)
        )


def _sized_by(size: PageSize | None) -> frozenset[SizedBy]:
    return frozenset() if size is None or size.sized_by is None else frozenset({size.sized_by})


def _rows_of(kind: GraphQLOutputType, page: int | None) -> int:
    """Return how many rows a field may have: a page's are known, those of other lists are not."""
    if not is_list_type(get_nullable_type(kind)):
        return 1
    return _UNPAGED if page is None else page
