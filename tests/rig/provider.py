"""A login provider's server on this machine: answers by routes, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any, status: int = 200) -> Answer:
        return cls(json.dumps(document).encode(), status)


Route = Callable[[Asked], Answer]


class Provider:
    """routes: {path: what answers it}. delay_s: how long each answer takes."""

    def __init__(self) -> None:
        self.url = ""
        self.routes: dict[str, Route] = {}
        self.asked: list[Asked] = []
        self.delay_s = 0.0

    def paths(self) -> list[str]:
        """Return what was asked for, in its order."""
        return [one.path for one in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await _read(reader)
            self.asked.append(asked)
            await asyncio.sleep(self.delay_s)
            route = self.routes.get(asked.path, lambda _: Answer.of({}, 404))
            given = route(asked)
            headers = {"Content-Length": str(len(given.body)), "Connection": "close"}
            lines = [f"{name}: {value}" for name, value in (headers | given.headers).items()]
            head = "\r\n".join([f"HTTP/1.1 {given.status} Told", *lines, "", ""])
            writer.write(head.encode() + given.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = head[0].split(" ")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    return Asked(method, parts.path, dict(parse_qsl(parts.query)), headers, body)


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[None]:
    """Let it listen on a port of this machine."""
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    provider.url = f"http://127.0.0.1:{port}"
    try:
        yield
    finally:
        server.close()


def differences(recorded: dict[str, Any], answered: Any) -> list[str]:
    """Say where an answer is not of the shape that was recorded; it may leave some of it out.

    recorded: {"needs": fields that must be there, "answer": the documented answer}.
    """
    shape = recorded["answer"]
    found = [f"{name} is missing" for name in recorded["needs"] if name not in answered]
    for name in sorted(set(shape) & set(answered)):
        wanted, given = type(shape[name]).__name__, type(answered[name]).__name__
        if wanted != given:
            found.append(f"{name} is a {given}, and was recorded as a {wanted}")
    return found
