"""GraphQL over HTTP, in full: one endpoint for each schema, and the query editor of development.

https://graphql.github.io/graphql-over-http/draft/
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from msgspec import Struct

from koipond.graphql.asking import Answer, GraphQLRequest, RequestRefused
from koipond.graphql.assets import graphiql_page
from koipond.graphql.crowd import Crowd
from koipond.graphql.documents import Prepared
from koipond.graphql.execute import Executor, mask
from koipond.graphql.protocol import SUBPROTOCOL
from koipond.graphql.request import (
    GRAPHQL_JSON,
    HTML,
    JSON,
    HttpRefused,
    check_body_headers,
    negotiate,
    read_body,
    read_query_string,
)
from koipond.graphql.scope import Scopes
from koipond.graphql.sockets import Sockets
from koipond.graphql.trusted import EDITOR_REFUSED, TrustedDocuments
from koipond.graphql.viewing import check_door, not_staff, read_viewer
from koipond.kernel.callers import read_caller
from koipond.kernel.context import Context, Shop
from koipond.kernel.errors import DomainError, shortened
from koipond.kernel.limiting import RateLimited
from koipond.kernel.schema.errors import error_extensions
from koipond.kernel.troubles import Trouble, find_trouble
from koipond.kernel.viewer import TokenInvalid, Viewer

ASSETS_PATH = "/assets"
METHOD = "METHOD_NOT_ALLOWED"
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# A query string that asks something; all others open the editor.
_ASKS = re.compile(rb"(^|&)(query|documentId|extensions)=")
_ALWAYS = {
    "Vary": "Accept, Accept-Language, Authorization, Koi-Channel, Koi-Currency, Koi-Locale",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
_BAD_TOKEN = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


# What is read of a request's headers.
_READ = frozenset(
    name.encode()
    for name in (
        "accept",
        "accept-language",
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "koi-channel",
        "koi-currency",
        "koi-locale",
        "user-agent",
    )
)


class Response(Struct, frozen=True):
    """What is sent back."""

    status: int
    body: bytes
    media_type: str
    headers: Mapping[str, str] = {}

    async def send(self, send: Send) -> None:
        """Send it."""
        lines = [*_always(self.media_type), (b"content-length", b"%d" % len(self.body))]
        for name, value in self.headers.items():
            lines.append((name.lower().encode(), value.encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": lines})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


@lru_cache(16)
def _always(media_type: str) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers that every answer of a media type has."""
    told = {**_ALWAYS, "Content-Type": f"{media_type}; charset=utf-8"}
    return tuple((name.lower().encode(), value.encode()) for name, value in told.items())


class Endpoint:
    """One schema at one path."""

    def __init__(
        self,
        shop: Shop,
        executor: Executor,
        scopes: Scopes,
        *,
        trusted: TrustedDocuments,
        crowd: Crowd,
        path: str,
        staff_only: bool,
        first_query: str,
    ) -> None:
        """staff_only: refuse everyone but staff and services. first_query: shown in the editor."""
        self._shop = shop
        self._executor = executor
        self._scopes = scopes
        self._staff_only = staff_only
        self._trusted = trusted
        self._sockets = Sockets(
            shop, executor, scopes, trusted=trusted, crowd=crowd, staff_only=staff_only
        )
        shown = first_query if trusted.answers(first_query) else EDITOR_REFUSED
        page = graphiql_page(query=shown, endpoint=path, assets=ASSETS_PATH)
        self._page = None if shop.settings.production else page

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or serve one socket until it is closed."""
        if scope["type"] != ScopeType.HTTP:
            await self._sockets.handle(scope, receive, send)
            return
        headers = {
            name.decode(): one.decode("latin-1") for name, one in scope["headers"] if name in _READ
        }
        response = await self._respond(scope, receive, headers)
        await response.send(send)

    async def _respond(
        self, scope: HTTPScope, receive: Receive, headers: Mapping[str, str]
    ) -> Response:
        media_type = JSON
        try:
            media_type = self._negotiate(scope, headers)
            if media_type == HTML:
                assert self._page is not None
                return Response(200, self._page.encode(), HTML, _page_headers(self._page))
            return _answered(await self._answer(scope, receive, headers), media_type)
        except HttpRefused as error:
            return _refusal(error.status, error, {"code": error.code}, media_type, error.headers)
        except TokenInvalid as error:
            return _refusal(401, error, error_extensions(error), media_type, _BAD_TOKEN)
        except DomainError as error:
            return _refusal(400, error, error_extensions(error), media_type)
        except Exception as error:  # the edge: nobody above could say it in GraphQL's form
            return _failed(error, media_type)

    def _negotiate(self, scope: HTTPScope, headers: Mapping[str, str]) -> str:
        method = scope["method"]
        if method not in {"GET", "POST"}:
            raise HttpRefused(
                405, f"{method} is not answered here.", code=METHOD, headers={"Allow": "GET, POST"}
            )
        offered: tuple[str, ...] = (JSON, GRAPHQL_JSON)
        accept = headers.get("accept")
        if method == "GET" and self._page is not None and not _ASKS.search(scope["query_string"]):
            offered = (*offered, HTML)
        chosen = negotiate(accept, offered)
        if chosen is None:
            problem = f"The answer is {JSON} or {GRAPHQL_JSON}; Accept wants neither."
            raise HttpRefused(406, problem, code="NOT_ACCEPTABLE")
        return chosen

    async def _answer(
        self, scope: HTTPScope, receive: Receive, headers: Mapping[str, str]
    ) -> Answer:
        """Run the request on behalf of its viewer. Raises HttpRefused, DomainError."""
        viewer = await read_viewer(
            self._shop,
            headers.get("authorization"),
            staff_only=self._staff_only,
            at_door=scope["method"] == "POST",
        )
        request = await self._read(scope, receive, headers)
        try:
            request = self._trusted.settle(request)
            prepared = self._prepare(request, viewer)
            if scope["method"] == "GET" and not prepared.is_query:
                raise HttpRefused(
                    405,
                    "GET only reads: send this as POST.",
                    code=METHOD,
                    headers={"Allow": "POST"},
                )
            if prepared.is_subscription:
                raise HttpRefused(
                    400, f"Subscribe over WebSocket, with the subprotocol {SUBPROTOCOL}."
                )
            place = await self._scopes.choose(headers)
            caller = read_caller(scope, self._shop.settings.trusted_proxies)
            async with self._shop.context(viewer=viewer, scope=place, caller=caller) as ctx:
                answer = await self._executor.run(prepared, request, ctx)
                return _limited(answer, ctx)
        except RequestRefused as error:
            return error.answer

    def _prepare(self, request: GraphQLRequest, viewer: Viewer) -> Prepared:
        """Return what is to be run. Raises RequestRefused, and HttpRefused at the door of staff."""
        if not self._staff_only or viewer.is_staff:
            return self._executor.prepare(request)
        check_door(request.query)
        try:
            return self._executor.prepare(request)
        except RequestRefused:
            # What is wrong with it would tell of the schema.
            raise not_staff(viewer) from None

    async def _read(
        self, scope: HTTPScope, receive: Receive, headers: Mapping[str, str]
    ) -> GraphQLRequest:
        if scope["method"] == "GET":
            return read_query_string(scope["query_string"])
        check_body_headers(headers)
        most = self._shop.settings.request_max_bytes
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > most:
            raise _too_large(most)
        return read_body(await _body(receive, most))


class Shortcut:
    """Hands requests to the endpoints at once; the router costs half as much as answering does."""

    def __init__(self, app: ASGIApp, endpoints: Mapping[str, Endpoint]) -> None:
        """app: for every other path, and for what is no request. endpoints: by their exact path."""
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let whoever is asked answer."""
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == ScopeType.HTTP else None
        if endpoint is None:
            await self._app(scope, receive, send)
        else:
            await endpoint.handle(scope, receive, send)


def _limited(answer: Answer, ctx: Context) -> Answer:
    """Return an answer that says when to come again, if anything in it was done too often."""
    limited: RateLimited | None = ctx.handed.get(RateLimited)
    if limited is None:
        return answer
    return msgspec.structs.replace(answer, limited_for_s=limited.retry_after_s)


async def _body(receive: Receive, most: int) -> bytes:
    chunks = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HttpRefused(400, "The request ended before its body did.")
        assert message["type"] == "http.request"
        chunks += message.get("body", b"")
        if len(chunks) > most:
            raise _too_large(most)
        more = message.get("more_body", False)
    return bytes(chunks)


def _answered(answer: Answer, media_type: str) -> Response:
    status = 400 if media_type == GRAPHQL_JSON and not answer.began else 200
    if answer.trouble is not None:
        return Response(503, _encode(answer), media_type, _later(answer.trouble))
    if answer.limited_for_s is not None:
        wait = {"Retry-After": str(answer.limited_for_s)}
        return Response(429, _encode(answer), media_type, wait)
    return Response(status, _encode(answer), media_type)


def _failed(error: Exception, media_type: str) -> Response:
    body = msgspec.json.encode({"errors": [mask(error)]})
    trouble = find_trouble(error)
    if trouble is not None:
        return Response(503, body, media_type, _later(trouble))
    return Response(500, body, media_type)


def _encode(answer: Answer) -> bytes:
    return msgspec.json.encode(answer.told())


def _refusal(
    status: int,
    error: Exception,
    extensions: Mapping[str, Any],
    media_type: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    told = {"errors": [{"message": shortened(str(error)), "extensions": extensions}]}
    return Response(status, msgspec.json.encode(told), media_type, headers or {})


def _later(trouble: Trouble) -> Mapping[str, str]:
    return {"Retry-After": str(trouble.retry_after_s)}


def _too_large(most: int) -> HttpRefused:
    return HttpRefused(
        413,
        f"The request is larger than {most} bytes (setting request_max_bytes).",
        code="REQUEST_TOO_LARGE",
    )


def _page_headers(page: str) -> dict[str, str]:
    """Allow the page's own scripts and addresses only; its editor writes styles as it runs."""
    hashes = [hashlib.sha256(one.encode()).digest() for one in _INLINE_SCRIPT.findall(page)]
    scripts = " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in hashes)
    policy = (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:"
    )
    return {"Content-Security-Policy": policy}
