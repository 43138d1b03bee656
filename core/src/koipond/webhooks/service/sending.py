"""The way out: one request to an address that was looked at first, and to no other."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult

from koipond.webhooks import rules
from koipond.webhooks.errors import WebhookUrlInvalid
from koipond.webhooks.rules import Network
from koipond.webhooks.types import Answer

# The client takes 10 MB of memory, and only those processes send that work off jobs: it is imported
# with the first request.
if TYPE_CHECKING:
    import httpx2

# Of what a receiver says, so much is read, and so much kept.
_READ_BYTES = 4_096
_KEPT = 500
_USER_AGENT = "koipond-webhooks"

# {host, port: its addresses}.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class _Refused(Exception):
    """An address that nothing is sent to; the message says why."""


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, however it is written (0x7f.1). Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Post:
    """Sends webhooks. A name is resolved once for each, and the address that was looked at is used.

    So no name can say one thing when it is looked at and another when it is connected to.
    Redirects are not followed, and no proxy of the environment is asked.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        networks: Sequence[Network] = (),
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """networks: of the shop's own, that may be told of things. trust: else the system's."""
        self._timeout_s = timeout_s
        self._networks = networks
        self._resolve = resolve
        self._trust = trust

    async def send(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one request; whatever goes wrong is in the answer."""
        import httpx2

        loop = asyncio.get_running_loop()
        # Reads the system's certificates once, which takes a while.
        trust = self._trust if self._trust is not None else await asyncio.to_thread(_trusted)
        begun, later = loop.time(), ""
        try:
            async with asyncio.timeout(self._timeout_s):
                status, said, later = await self._send(url, headers, body, trust)
            problem = rules.judge(status)
        except TimeoutError:
            status, said, problem = None, "", f"no answer within {self._timeout_s:g} s"
        except (_Refused, WebhookUrlInvalid) as error:
            status, said, problem = None, "", str(error)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError, ssl.SSLError) as error:
            status, said, problem = None, "", f"{type(error).__name__}: {error}"
        taken = round((loop.time() - begun) * 1_000)
        return Answer(
            status=status,
            problem=_clean(problem),
            body=said,
            duration_ms=taken,
            retry_after=later,
        )

    async def _send(
        self, url: str, headers: Mapping[str, str], body: bytes, trust: ssl.SSLContext
    ) -> tuple[int, str, str]:
        import httpx2

        parts = rules.check_url(url, self._networks)
        address = await self._find_address(parts)
        host = parts.hostname or ""
        pinned = httpx2.URL(url).copy_with(host=address)
        told = {
            **headers,
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
        }
        # A client for each: a connection is never used for another name at the same address.
        async with (
            httpx2.AsyncClient(
                verify=trust,
                trust_env=False,
                follow_redirects=False,
                timeout=self._timeout_s,
            ) as client,
            client.stream(
                "POST", pinned, content=body, headers=told, extensions={"sni_hostname": host}
            ) as answer,
        ):
            later = answer.headers.get("retry-after", "")
            return answer.status_code, await _beginning(answer), later

    async def _find_address(self, parts: SplitResult) -> str:
        """Return the address to connect to. Raises _Refused, OSError."""
        port = rules.port_of(parts)
        found = await self._resolve(parts.hostname or "", port)
        for one in found:
            reason = rules.address_problem(
                one, scheme=parts.scheme, port=port, networks=self._networks
            )
            # One that is not public among several is refused as well: it was put there by somebody.
            if reason:
                raise _Refused(f"{parts.hostname} is refused: {reason}")
        if not found:
            raise _Refused(f"{parts.hostname} has no address")
        return found[0]


async def _beginning(answer: httpx2.Response) -> str:
    read = b""
    # As it comes: what is packed small is not unpacked.
    async for chunk in answer.aiter_raw():
        read += chunk
        if len(read) >= _READ_BYTES:
            break
    return _clean(read[:_READ_BYTES].decode("utf-8", "replace")) or ""


def _clean(text: str | None) -> str | None:
    """Return a text that any column and log line holds."""
    if text is None:
        return None
    return "".join(one if one.isprintable() else " " for one in text)[:_KEPT]


@lru_cache(1)
def _trusted() -> ssl.SSLContext:
    import httpx2

    return httpx2.create_ssl_context()
