"""Makes the plan of an operation. What graphql-core's own collecting says is what is planned."""

from __future__ import annotations

from collections.abc import Sequence

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    default_field_resolver,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_object_type,
)

from koipond.graphql.executor.generating import generate_shape
from koipond.graphql.executor.plan import Plan, PlannedField, Resolve, Selection
from koipond.graphql.executor.resolving import Attribute, Batch, Call, Constant
from koipond.graphql.private import (
    FieldDetails,
    FragmentDetails,
    GroupedFieldSet,
    VariableValues,
    collect_fields,
    collect_subfields,
    declared_field,
    is_attribute,
)
from koipond.graphql.visiting import directives_of

_CONDITIONS = {"skip", "include"}


class Unsupported(Exception):
    """An operation that graphql-core has to execute."""


def find_conditions(document: DocumentNode) -> tuple[str, ...]:
    """Return the variables that say which fields are included; their values choose the plan.

    Raises Unsupported.
    """
    names: set[str] = set()
    for directive in directives_of(document):
        if directive.name.value not in _CONDITIONS:
            raise Unsupported(f"the directive @{directive.name.value}")
        names.update(
            argument.value.name.value
            for argument in directive.arguments or ()
            if isinstance(argument.value, VariableNode)
        )
    return tuple(sorted(names))


def plan_operation(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: VariableValues,
) -> Plan:
    """Return the plan of a valid operation. Raises Unsupported.

    variables: of which only those of `find_conditions` count.
    """
    if operation.operation is OperationType.SUBSCRIPTION:
        raise Unsupported("a subscription")
    return _Planner(schema, document, operation, variables).plan()


class _Planner:
    """Plans the selections of one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._variables = variables
        self._fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        if any(one.variable_definitions for one in self._fragments.values()):
            raise Unsupported("a fragment with variables")
        self._details = {name: FragmentDetails(one) for name, one in self._fragments.items()}

    def plan(self) -> Plan:
        root = self._schema.get_root_type(self._operation.operation)
        assert root is not None, "a valid operation"
        collected = collect_fields(
            self._schema, self._details, self._variables, root, self._operation
        )
        return Plan(
            schema=self._schema,
            operation=self._operation,
            fragments=self._fragments,
            root=self._selection(root, collected.grouped_field_set),
            serial=self._operation.operation is OperationType.MUTATION,
        )

    def _selection(self, kind: GraphQLObjectType, grouped: GroupedFieldSet) -> Selection:
        found = (
            (key, details, self._schema.get_field(kind, details[0].node.name.value))
            for key, details in grouped.items()
        )
        fields = [
            self._field(kind, key, details, definition)
            for key, details, definition in found
            if definition is not None
        ]
        shape, rest = generate_shape(kind, fields)
        return Selection(
            type=kind,
            fields=fields,
            blank=dict.fromkeys(field.key for field in fields),
            known=set(),
            shape=shape,
            rest=rest,
        )

    def _field(
        self,
        parent: GraphQLObjectType,
        key: str,
        details: Sequence[FieldDetails],
        definition: GraphQLField,
    ) -> PlannedField:
        name = details[0].node.name.value
        declared = declared_field(definition)
        attribute = (
            declared.python_name if declared is not None and is_attribute(definition) else None
        )
        return PlannedField(
            key=key,
            name=name,
            nodes=[one.node for one in details],
            parent=parent,
            definition=definition,
            kind=definition.type,
            is_leaf=is_leaf_type(get_nullable_type(definition.type)),
            resolve=_resolve(name, parent, definition),
            select=self._select(definition, list(details)),
            attribute=attribute,
        )

    def _select(self, definition: GraphQLField, details: list[FieldDetails]) -> _Select | None:
        named = get_named_type(definition.type)
        if is_leaf_type(named):
            return None
        select = _Select(self, details)
        if is_object_type(named):
            # Planned now and not while the first request waits for it.
            select(named)
        return select

    def subselection(self, kind: GraphQLObjectType, details: list[FieldDetails]) -> Selection:
        """Plan what is selected of an object of a type."""
        collected = collect_subfields(
            self._schema, self._details, self._variables, self._operation, kind, details
        )
        return self._selection(kind, collected.grouped_field_set)


class _Select:
    """The selections that a field leads to, one for each type that its objects turn out to have.

    There may be hundreds of types behind an interface: a selection is planned when it is needed.
    """

    def __init__(self, planner: _Planner, details: list[FieldDetails]) -> None:
        self._planner = planner
        self._details = details
        self._planned: dict[str, Selection] = {}

    def __call__(self, kind: GraphQLObjectType) -> Selection:
        """Return what is selected of an object of this type."""
        found = self._planned.get(kind.name)
        if found is None:
            found = self._planned[kind.name] = self._planner.subselection(kind, self._details)
        return found


def _resolve(name: str, parent: GraphQLObjectType, definition: GraphQLField) -> Resolve:
    if name == "__typename":
        return Constant(parent.name)
    declared = declared_field(definition)
    if declared is None:
        return Call(definition.resolve or default_field_resolver)
    if is_attribute(definition):
        return Attribute(declared.python_name)
    answer_all = declared.metadata.get("batch")
    if answer_all is not None:
        return Batch(answer_all, declared)
    assert definition.resolve is not None
    return Call(definition.resolve)
