import inspect

import pytest
import strawberry
from graphql import GraphQLSchema

from koipond.graphql.private import (
    ConnectionRejectionError,
    ExecutionResult,
    NonJsonMessageReceived,
    NonTextMessageReceived,
    PreExecutionError,
    SocketHandler,
    WebSocketDisconnected,
    core_schema,
)

pytestmark = pytest.mark.story


def test_strawberry_still_keeps_its_schema_where_we_look() -> None:
    @strawberry.type
    class Query:
        name: str

    made = core_schema(strawberry.Schema(query=Query))
    assert isinstance(made, GraphQLSchema)
    assert made.query_type is not None
    assert list(made.query_type.fields) == ["name"]


def test_strawberry_s_handler_of_sockets_still_takes_what_we_give_it() -> None:
    assert list(inspect.signature(SocketHandler.__init__).parameters)[1:] == [
        "view",
        "websocket",
        "context",
        "root_value",
        "schema",
        "connection_init_wait_timeout",
        "max_subscriptions_per_connection",
    ]
    assert inspect.iscoroutinefunction(SocketHandler.handle)
    assert inspect.iscoroutinefunction(SocketHandler.handle_task_exception)


def test_strawberry_still_knows_the_answers_and_errors_of_a_socket() -> None:
    assert isinstance(PreExecutionError(data=None, errors=[]), ExecutionResult)
    for kind in (
        ConnectionRejectionError,
        NonJsonMessageReceived,
        NonTextMessageReceived,
        WebSocketDisconnected,
    ):
        assert isinstance(kind(), Exception)
