"""Subscriptions over WebSocket, by the protocol graphql-transport-ws and no other.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import msgspec
from graphql import GraphQLError
from litestar.types import Receive, Send, WebSocketScope
from strawberry.types.unset import UNSET

from koipond.graphql.execute import Answer, Executor, GraphQLRequest, RequestRefused, mask
from koipond.graphql.private import (
    ConnectionRejectionError,
    ExecutionResult,
    NonJsonMessageReceived,
    NonTextMessageReceived,
    PreExecutionError,
    SocketHandler,
    WebSocketDisconnected,
)
from koipond.graphql.request import HttpRefused
from koipond.graphql.scope import Scopes
from koipond.graphql.viewing import read_viewer
from koipond.kernel.context import Context, Shop
from koipond.kernel.errors import DomainError
from koipond.kernel.viewer import TokenInvalid

SUBPROTOCOL = "graphql-transport-ws"
_WRONG_SUBPROTOCOL, _BAD_REQUEST, _TOO_LARGE = 4406, 4400, 1009
_INIT_WITHIN = timedelta(seconds=10)
_OPERATIONS_MAX = 20
# What fits into the frame that closes a socket.
_REASON_BYTES_MAX = 123


class Sockets:
    """One schema for callers who stay connected."""

    def __init__(self, shop: Shop, executor: Executor, scopes: Scopes, *, staff_only: bool) -> None:
        self._shop = shop
        self._executor = executor
        self._scopes = scopes
        self._staff_only = staff_only

    async def handle(self, scope: WebSocketScope, receive: Receive, send: Send) -> None:
        """Serve one connection until either side ends it."""
        socket = _Socket(receive, send, message_max=self._shop.settings.request_max_bytes)
        await receive()
        if SUBPROTOCOL not in scope["subprotocols"]:
            # Before it is accepted a socket cannot be closed with a code.
            await socket.accept(None)
            await socket.close(_WRONG_SUBPROTOCOL, f"Speak the subprotocol {SUBPROTOCOL}.")
            return
        await socket.accept(SUBPROTOCOL)
        headers = {name.decode("latin-1"): one.decode("latin-1") for name, one in scope["headers"]}
        caller = _Caller(self._shop, self._scopes, socket, headers, staff_only=self._staff_only)
        await _Connection(
            view=caller,  # type: ignore[arg-type]  # of which it asks on_ws_connect only
            websocket=socket,  # type: ignore[arg-type]  # the three methods that it calls
            context={},
            root_value=None,
            schema=_Operations(self._executor, caller),  # type: ignore[arg-type]  # it streams
            connection_init_wait_timeout=_INIT_WITHIN,
            max_subscriptions_per_connection=_OPERATIONS_MAX,
        ).handle()


class _Connection(SocketHandler[Any, None]):
    async def handle_task_exception(self, error: Exception) -> None:
        """Log what an operation failed at, unless the caller has merely gone."""
        if not isinstance(error, WebSocketDisconnected):
            mask(error)


class _Socket:
    """A connection as the server hands it over."""

    def __init__(self, receive: Receive, send: Send, *, message_max: int) -> None:
        self._receive = receive
        self._send = send
        self._message_max = message_max

    async def accept(self, subprotocol: str | None) -> None:
        """Complete the handshake."""
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[Any, None]:
        """Yield each message of the caller. Raises what the handler closes the socket for."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            assert message["type"] == "websocket.receive"
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            if len(text) > self._message_max:
                await self.close(
                    _TOO_LARGE, f"A message has at most {self._message_max} characters."
                )
                return
            try:
                yield msgspec.json.decode(text)
            except msgspec.DecodeError as error:
                raise NonJsonMessageReceived from error

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message. Raises WebSocketDisconnected."""
        text = msgspec.json.encode(message).decode()
        try:
            await self._send({"type": "websocket.send", "text": text, "bytes": None})
        except OSError as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """End the connection."""
        told = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
        await self._send({"type": "websocket.close", "code": code, "reason": told})


class _Caller:
    """Who is connected, and where they shop: said once, by the first message."""

    def __init__(
        self,
        shop: Shop,
        scopes: Scopes,
        socket: _Socket,
        headers: Mapping[str, str],
        *,
        staff_only: bool,
    ) -> None:
        self._shop = shop
        self._scopes = scopes
        self._socket = socket
        self._headers = headers
        self._staff_only = staff_only

    async def on_ws_connect(self, context: dict[str, Any]) -> Any:
        """Read the token and the headers, which a browser can only send as the payload.

        Raises ConnectionRejectionError for whoever may not connect.
        """
        payload = context["connection_params"]
        given = {key.lower(): one for key, one in payload.items() if isinstance(one, str)}
        headers = {**self._headers, **given}
        try:
            self._viewer = read_viewer(
                self._shop, headers.get("authorization"), staff_only=self._staff_only
            )
            self._scope = await self._scopes.choose(headers)
        except (HttpRefused, TokenInvalid) as error:
            raise ConnectionRejectionError from error
        except DomainError as error:
            await self._socket.close(_BAD_REQUEST, str(error))
            raise WebSocketDisconnected from error
        return UNSET

    def context(self) -> Context:
        """Begin a request of this caller."""
        return self._shop.context(viewer=self._viewer, scope=self._scope)


class _Operations:
    """What the handler calls a schema: it only lets documents run."""

    def __init__(self, executor: Executor, caller: _Caller) -> None:
        self._executor = executor
        self._caller = caller

    async def stream(
        self,
        query: str,
        variable_values: Mapping[str, Any] | None = None,
        context_value: object = None,
        root_value: object = None,
        operation_name: str | None = None,
    ) -> AsyncIterator[ExecutionResult]:
        """Return the answers to one operation, one after the other."""
        request = GraphQLRequest(
            query=query, operation_name=operation_name, variables=variable_values or {}
        )
        return self._answers(request)

    async def _answers(self, request: GraphQLRequest) -> AsyncGenerator[ExecutionResult, None]:
        try:
            prepared = self._executor.prepare(request)
            async with self._caller.context() as ctx:
                if not prepared.is_subscription:
                    yield _result(await self._executor.run(prepared, request, ctx))
                    return
                async with aclosing(self._executor.follow(prepared, request, ctx)) as answers:
                    async for answer in answers:
                        yield _result(answer)
        except RequestRefused as error:
            yield PreExecutionError(data=None, errors=_errors(error.answer.errors))


class _Told(GraphQLError):
    """An error that is sent as it was told."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(told["message"])
        self._told = told

    @property
    def formatted(self) -> Any:
        """What the caller is told."""
        return self._told


def _result(answer: Answer) -> ExecutionResult:
    return ExecutionResult(data=answer.data, errors=_errors(answer.errors) or None)


def _errors(told: Sequence[Mapping[str, Any]]) -> list[GraphQLError]:
    return [_Told(one) for one in told]
