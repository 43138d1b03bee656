"""The one file with names that strawberry and graphql-core do not promise to keep.

core/tests/graphql/test_private.py fails when one of them moves.
"""

import strawberry
from graphql import GraphQLSchema
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler as SocketHandler,
)
from strawberry.types.execution import ExecutionResult, PreExecutionError

__all__ = [
    "ConnectionRejectionError",
    "ExecutionResult",
    "NonJsonMessageReceived",
    "NonTextMessageReceived",
    "PreExecutionError",
    "SocketHandler",
    "WebSocketDisconnected",
    "core_schema",
]


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return the graphql-core schema that a strawberry schema was turned into."""
    return schema._schema
