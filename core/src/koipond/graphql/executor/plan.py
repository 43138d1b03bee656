"""What an operation comes to: which fields of which types are resolved, how, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
)
from msgspec import Struct

from koipond.graphql.executor.failing import Run
from koipond.graphql.executor.places import Places


class Resolve(Protocol):
    """Starts a field for all parents of a level at once."""

    def __call__(
        self, run: Run, field: PlannedField, parents: Sequence[Any], places: Places
    ) -> Any:
        """Return one value per parent, or an awaitable of that; an exception is a value too."""


class PlannedField(Struct, frozen=True, kw_only=True, eq=False):
    """One field of a selection, under its response key.

    nodes: where the document asks for it, at least once. kind: its type. is_leaf: a scalar or an
    enum, and no list. select: the selection of an object of a concrete type that it leads to.
    attribute: the parent's attribute that it is, if it is no more than that.
    """

    key: str
    name: str
    nodes: Sequence[FieldNode]
    parent: GraphQLObjectType
    definition: GraphQLField
    kind: GraphQLOutputType
    is_leaf: bool
    resolve: Resolve
    select: Callable[[GraphQLObjectType], Selection] | None
    attribute: str | None = None


class Selection(Struct, frozen=True, kw_only=True, eq=False):
    """What is asked of objects of one type. blank: the answer before a field is in it.

    known: classes whose objects are of the type, as was found once.

    shape: generated; makes the answers with the fields that are mere attributes, and nothing
    else in them. It raises where an object is not as the schema says. rest: the other fields.
    """

    type: GraphQLObjectType
    fields: Sequence[PlannedField]
    blank: Mapping[str, None]
    known: set[Any]
    shape: Callable[[Sequence[Any]], list[dict[str, Any]]] | None = None
    rest: Sequence[PlannedField] = ()


class Plan(Struct, frozen=True, kw_only=True, eq=False):
    """An operation, ready to be run with any variables that include the same fields."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    root: Selection
    serial: bool

    @property
    def is_at_hand(self) -> bool:
        """Tell whether nothing need be asked or awaited: all of it is known with its plan."""
        return self.root.shape is not None and not self.root.rest
