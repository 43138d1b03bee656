"""The plans of one document, kept with it: made on first use, one for each set of fields."""

from __future__ import annotations

from collections.abc import Hashable

from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode

from koipond.graphql.executor.plan import Plan
from koipond.graphql.executor.planning import Unsupported, find_conditions, plan_operation
from koipond.graphql.private import VariableValues

# What @skip and @include leave of a document: with six of their variables 64 sets of fields.
_PLANS_MAX = 64


class Plans:
    """Finds the plan for an operation of a valid document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._document = document
        self._known: dict[Hashable, Plan | None] = {}
        try:
            self._conditions: tuple[str, ...] | None = find_conditions(document)
        except Unsupported:
            self._conditions = None

    def find(self, operation: OperationDefinitionNode, variables: VariableValues) -> Plan | None:
        """Return the plan; None: graphql-core has to execute it."""
        if self._conditions is None:
            return None
        # Those of the document's other operations have no value here.
        told = [variables.coerced.get(one, False) for one in self._conditions]
        if None in told:
            # `Boolean = true` may be given as null: graphql-core tells of it where it stands.
            return None
        name = operation.name.value if operation.name else None
        key = (name, *told)
        if key not in self._known:
            if len(self._known) >= _PLANS_MAX:
                self._known.clear()
            self._known[key] = self._make(operation, variables)
        return self._known[key]

    def _make(self, operation: OperationDefinitionNode, variables: VariableValues) -> Plan | None:
        try:
            return plan_operation(self._schema, self._document, operation, variables)
        except Unsupported:
            return None
