"""Other people's servers: one request with a deadline and a most to read; answers kept a while."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from koipond.kernel.context import Context

# The client takes 10 MB of memory: it is imported with the first request.
if TYPE_CHECKING:
    import httpx2

__all__ = ["Remembered", "WebAnswer", "WebUnreachable", "ask", "web_address_problem"]

V = TypeVar("V")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class WebUnreachable(Exception):
    """A server that gave no answer that can be used; the message says why, without the address."""


class WebAnswer(Struct, frozen=True, kw_only=True):
    """What a server answered, whatever its status: a redirect is an answer, and not followed."""

    status: int
    body: bytes


def web_address_problem(url: str) -> str | None:
    """Say why nothing is asked at an address: only https is, and http on this very machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no address"
    if not host or parts.username is not None or parts.fragment:
        return "it must name a host, and neither a user nor a part of a page"
    if parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK):
        return None
    return "it must begin with https://"


async def ask(
    url: str,
    *,
    query: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    document: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 3.0,
    bytes_max: int = 262_144,
) -> WebAnswer:
    """Ask a server once; in no transaction. form, document: POST these, a document as JSON.

    No redirect is followed, no proxy of the environment asked, no cookie kept, and nothing is
    logged: secrets stand in addresses. Raises WebUnreachable, also of an answer that takes longer
    than `timeout_s` altogether or is longer than `bytes_max`.
    """
    import httpx2

    problem = web_address_problem(url)
    if problem is not None:
        raise WebUnreachable(problem)
    # It writes whole addresses, with the secret and the code in them, at the level INFO.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    told = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
    if document is not None:
        told["Content-Type"] = "application/json"
    trust = await asyncio.to_thread(_trusted)
    method = "GET" if form is None and document is None else "POST"
    client = httpx2.AsyncClient(
        verify=trust, trust_env=False, follow_redirects=False, timeout=timeout_s
    )
    try:
        async with (
            asyncio.timeout(timeout_s),
            client,
            client.stream(
                method, url, params=query, data=form, content=document, headers=told
            ) as answer,
        ):
            return WebAnswer(status=answer.status_code, body=await _read(answer, bytes_max))
    except TimeoutError:
        raise WebUnreachable(f"no answer within {timeout_s:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
        raise WebUnreachable(type(error).__name__) from None


async def _read(answer: httpx2.Response, bytes_max: int) -> bytes:
    # What comes packed was not asked for, and a small one may be gigabytes.
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise WebUnreachable("the answer is packed")
    read = bytearray()
    async for chunk in answer.aiter_raw():
        read += chunk
        if len(read) > bytes_max:
            raise WebUnreachable(f"the answer is longer than {bytes_max:,} bytes")
    return bytes(read)


@lru_cache(1)
def _trusted() -> ssl.SSLContext:
    import httpx2

    return httpx2.create_ssl_context()


class Remembered(Generic[V]):
    """Answers of others that each process keeps for a shop, by key: declared once.

    Of those who want a new one at once, one asks, and the others take what it found. Keys come
    from settings, so that there are few.
    """

    async def find(
        self, ctx: Context, key: str, ask: Callable[[V | None], Awaitable[V]], *, is_good: IsGood[V]
    ) -> V:
        """Return what is kept if `is_good` says so, or else what `ask` finds, which is then kept.

        ask: gets what was kept. Whatever it raises is raised here, and nothing is kept.
        """
        drawers: dict[str, _Drawer[V]] = ctx.shop.kept.setdefault(self, {})
        drawer = drawers.setdefault(key, _Drawer())
        kept = drawer.kept
        if kept is not None and is_good(kept):
            return kept
        async with drawer.asking:
            # Somebody else may have asked meanwhile.
            kept = drawer.kept
            if kept is None or not is_good(kept):
                kept = drawer.kept = await ask(kept)
            return kept


IsGood = Callable[[V], bool]


@dataclass
class _Drawer(Generic[V]):
    kept: V | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
