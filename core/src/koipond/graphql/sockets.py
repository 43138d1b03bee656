"""Sockets: who may connect to a schema, and what runs there for them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from litestar.types import Receive, Send, WebSocketScope
from msgspec import Struct

from koipond.graphql.asking import Answer, GraphQLRequest
from koipond.graphql.crowd import Crowd
from koipond.graphql.documents import Prepared
from koipond.graphql.execute import Executor
from koipond.graphql.protocol import (
    BAD_REQUEST,
    FORBIDDEN,
    POLICY,
    SUBPROTOCOL,
    TOO_LARGE,
    WRONG_SUBPROTOCOL,
    Conversation,
    Ending,
    Gone,
)
from koipond.graphql.request import HttpRefused
from koipond.graphql.scope import Scopes
from koipond.graphql.trusted import TrustedDocuments
from koipond.graphql.viewing import read_viewer
from koipond.kernel.callers import Caller as From
from koipond.kernel.callers import read_caller
from koipond.kernel.context import Context, Shop
from koipond.kernel.context import Scope as Place
from koipond.kernel.errors import DomainError
from koipond.kernel.viewer import GUEST, TokenInvalid
from koipond.login.service import check_login

# What fits into the frame that closes a socket.
_REASON_BYTES_MAX = 123
# What the first message may say: a browser can send no headers with a socket.
_TOLD = frozenset({"accept-language", "authorization", "koi-channel", "koi-currency", "koi-locale"})


class Sockets:
    """One schema for callers who stay connected."""

    def __init__(
        self,
        shop: Shop,
        executor: Executor,
        scopes: Scopes,
        *,
        trusted: TrustedDocuments,
        crowd: Crowd,
        staff_only: bool,
    ) -> None:
        self.shop = shop
        self.executor = executor
        self.scopes = scopes
        self.trusted = trusted
        self.crowd = crowd
        self.staff_only = staff_only

    async def handle(self, scope: WebSocketScope, receive: Receive, send: Send) -> None:
        """Serve one connection until either side ends it."""
        settings = self.shop.settings
        socket = _Socket(receive, send, message_max=settings.request_max_bytes)
        await receive()
        headers = {name.decode("latin-1"): one.decode("latin-1") for name, one in scope["headers"]}
        come_from = read_caller(scope, settings.trusted_proxies)
        caller = _Caller(self, headers, come_from)
        conversation = caller.conversation = Conversation(
            socket,
            caller,
            operations_max=settings.socket_operations_max,
            ping_s=settings.socket_ping_s,
        )
        try:
            # Before it is accepted a socket cannot be closed with a code.
            offered = SUBPROTOCOL in scope["subprotocols"]
            await socket.accept(SUBPROTOCOL if offered else None)
            if not offered:
                raise Ending(WRONG_SUBPROTOCOL, f"Speak the subprotocol {SUBPROTOCOL}.")
            _check_origin(headers, settings.origins)
            self.crowd.enter(conversation, address=come_from.address or None)
            await conversation.hold()
        except Ending as ending:
            await conversation.close(ending.code, str(ending))
        finally:
            self.crowd.leave(conversation)


def _check_origin(headers: Mapping[str, str], others: tuple[str, ...]) -> None:
    """Raise Ending for a page of a foreign site. What is no browser says nothing of an origin."""
    origin = headers.get("origin")
    if origin is None or origin in others:
        return
    if urlsplit(origin).netloc != headers.get("host"):
        raise Ending(POLICY, "Pages of this origin may not connect (setting origins).")


class _Socket:
    """A connection as the server hands it over."""

    def __init__(self, receive: Receive, send: Send, *, message_max: int) -> None:
        self._receive = receive
        self._send = send
        self._message_max = message_max

    async def accept(self, subprotocol: str | None) -> None:
        """Complete the handshake."""
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})

    async def texts(self) -> AsyncGenerator[str, None]:
        """Yield each message until the other side goes. Raises Ending."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            assert message["type"] == "websocket.receive"
            text = message.get("text")
            if text is None:
                raise Ending(BAD_REQUEST, "WebSocket message type must be text")
            if len(text) > self._message_max or len(text.encode()) > self._message_max:
                raise Ending(TOO_LARGE, f"A message has at most {self._message_max} bytes.")
            yield text

    async def send(self, text: str) -> None:
        """Send a message, once there is room for it. Raises Gone."""
        try:
            await self._send({"type": "websocket.send", "text": text, "bytes": None})
        except (OSError, RuntimeError) as error:  # it is closed, or we have just closed it
            raise Gone from error

    async def close(self, code: int, reason: str) -> None:
        """End the connection."""
        told = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": told})
        except (OSError, RuntimeError) as error:
            raise Gone from error


class _Caller:
    """Who is connected, and where they shop: said once, by the first message."""

    conversation: Conversation

    def __init__(self, at: Sockets, headers: Mapping[str, str], come_from: From) -> None:
        self._at = at
        self._headers = headers
        self._from = come_from
        self._viewer = GUEST
        self._authorization: str | None = None
        self._place: Place | None = None

    async def greet(self, payload: Mapping[str, Any]) -> None:
        """Read the token and the headers, which a browser can only send as the payload.

        Raises Ending for whoever may not connect.
        """
        headers = {**self._headers, **_said(payload)}
        self._authorization = headers.get("authorization")
        try:
            self._viewer = await read_viewer(
                self._at.shop, self._authorization, staff_only=self._at.staff_only
            )
            self._place = await self._at.scopes.choose(headers)
        except (HttpRefused, TokenInvalid) as error:
            raise Ending(FORBIDDEN, "Forbidden") from error
        except DomainError as error:
            raise Ending(BAD_REQUEST, str(error)) from error
        self._at.crowd.recognise(self.conversation, self._viewer)

    def begin(self, request: GraphQLRequest) -> _Operation:
        """Begin an operation. Raises RequestRefused."""
        settled = self._at.trusted.settle(request)
        context = self._at.shop.context(viewer=self._viewer, scope=self._place, caller=self._from)
        prepared = self._at.executor.prepare(settled)
        return _Operation(self._at.executor, prepared, settled, context)

    async def check_login(self) -> None:
        """Raise Ending once the login is over that the token was given in.

        Of staff and programs also once they may do something else than when they connected: what
        is followed was allowed then.
        """
        known = self._viewer
        try:
            await check_login(self._at.shop, known)
            if known.is_staff:
                now = await read_viewer(self._at.shop, self._authorization, staff_only=False)
                if (now.permissions, now.limited) != (known.permissions, known.limited):
                    raise Ending(FORBIDDEN, "What you may do has changed. Connect again.")
        except TokenInvalid as error:
            raise Ending(FORBIDDEN, "The login has ended. Log in again.") from error

    def time_left(self) -> timedelta | None:
        """Return how long the caller's token still holds; None: for ever."""
        until = self._viewer.expires_at
        return None if until is None else until - self._at.shop.clock.now()


def _said(payload: Mapping[str, Any]) -> dict[str, str]:
    """Return what the first message says of what HTTP says in headers; null says nothing.

    Raises Ending: whoever sends a token in another shape shall not be taken for a guest.
    """
    said = {
        name: one
        for key, one in payload.items()
        if (name := key.lower()) in _TOLD and one is not None
    }
    wrong = next((name for name, one in said.items() if not isinstance(one, str)), None)
    if wrong is not None:
        raise Ending(BAD_REQUEST, f"{wrong} is no text.")
    return said


class _Operation(Struct, frozen=True):
    """What a caller asked for."""

    executor: Executor
    prepared: Prepared
    request: GraphQLRequest
    context: Context

    @property
    def is_subscription(self) -> bool:
        """Tell whether it has many answers."""
        return self.prepared.is_subscription

    async def answers(self) -> AsyncGenerator[Answer, None]:
        """Yield one after the other. Raises RequestRefused."""
        async with self.context as ctx:
            if not self.is_subscription:
                yield await self.executor.run(self.prepared, self.request, ctx)
                return
            async with aclosing(self.executor.follow(self.prepared, self.request, ctx)) as answers:
                async for answer in answers:
                    yield answer
