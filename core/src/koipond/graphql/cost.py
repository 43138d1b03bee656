"""What a document may cost: its fields, each as often as its lists may have it."""

from __future__ import annotations

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
    IntValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from koipond.kernel.pages import FIRST_DEFAULT, FIRST_MAX

# Fields that may be answered, each as often as its lists have it: about half a second.
COST_MAX = 30_000
# How many rows a list without pages is taken to have, such as a product's variants.
_UNPAGED = 5
_PAGED_BY = "first"
# Finding a page reads more than its rows, and counting reads all that there is: with 100,000
# products 30 ms and 65 ms.
_PAGE = 500
_COUNT = 3_000
_COUNTS = "totalCount"


def find_cost(document: DocumentNode, schema: GraphQLSchema) -> int:
    """Return what the most expensive operation of a valid document may cost.

    Each fragment is reckoned once, however often it is used. A page whose size is a variable is
    taken to be as large as a page can be.
    """
    teller = _Teller(document, schema)
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    roots = [(one, schema.get_root_type(one.operation)) for one in operations]
    return max((teller.reckon(one.selection_set, root, None) for one, root in roots), default=0)


class _Teller:
    """Reckons the selection sets of one document."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        # {(fragment, rows of the page that it is in): cost}
        self._known: dict[tuple[str, int | None], int] = {}

    def reckon(
        self, selected: SelectionSetNode, parent: GraphQLNamedType | None, page: int | None
    ) -> int:
        """Return what a selection set costs, once.

        page: rows of the lists right in it, if it is that of a page.
        """
        total = 0
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

    def _fragment(self, name: str, page: int | None) -> int:
        key = (name, page)
        if key not in self._known:
            fragment = self._fragments[name]
            parent = self._schema.get_type(fragment.type_condition.name.value)
            self._known[key] = self.reckon(fragment.selection_set, parent, page)
        return self._known[key]

    def _field(self, field: FieldNode, parent: GraphQLNamedType | None, page: int | None) -> int:
        assert isinstance(parent, GraphQLObjectType | GraphQLInterfaceType), "a valid document"
        found = parent.fields.get(field.name.value)
        if found is None or field.selection_set is None:
            return _COUNT if field.name.value == _COUNTS else 1
        rows = _rows_of(found.type, page)
        paged = _PAGED_BY in found.args
        within = _page_of(field) if paged else None
        inner = self.reckon(field.selection_set, get_named_type(found.type), within)
        # Pages further down are found for all their parents together.
        return (_PAGE if paged and parent is self._schema.query_type else 1) + rows * inner


def _rows_of(kind: GraphQLOutputType, page: int | None) -> int:
    """Return how many rows a field may have: a page's are known, those of other lists are not."""
    if not is_list_type(get_nullable_type(kind)):
        return 1
    return _UNPAGED if page is None else page


def _page_of(field: FieldNode) -> int:
    """Return how many rows a field with pages is asked for."""
    given = next((one.value for one in field.arguments or () if one.name.value == _PAGED_BY), None)
    if given is None or isinstance(given, NullValueNode):
        return FIRST_DEFAULT
    if isinstance(given, IntValueNode):
        return min(max(int(given.value[:10]), 1), FIRST_MAX)
    return FIRST_MAX
