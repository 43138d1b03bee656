"""Somebody who is told of events: a real server on this machine, which does as it is told."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from core.tests.kernel.fishing import worker_of
from sqlalchemy import select

from koipond.kernel.audience import carried
from koipond.kernel.ids import WebhookEndpointId, encode
from koipond.kernel.outbox import delivery
from koipond.kernel.pages import Page
from koipond.kernel.viewer import GUEST
from koipond.kernel.worker import Drained
from koipond.webhooks import service
from koipond.webhooks.types import Attempt, Endpoint, EndpointDraft
from koipond_sdk.testing import RunningShop

LOCAL = ("127.0.0.0/8", "::1/128")
HANG = 0


@dataclass
class Heard:
    """A request as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """What it says."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """Answers `status` to everything, or what `answers` says of one event; HANG: nothing."""

    port: int = 0
    status: int = 200
    extra: str = ""
    body: bytes = b"ok"
    answers: dict[str, int] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    choose: Callable[[Heard], int] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    @property
    def types(self) -> list[str]:
        """The events that it heard of, each as often as it did."""
        return [one.told["type"] for one in self.heard]

    def _status(self, one: Heard) -> int:
        if self.choose is not None:
            return self.choose(one)
        return self.answers.get(one.told["type"], self.status)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")[1:]
            told = dict(line.split(": ", 1) for line in lines if ": " in line)
            headers = {name.lower(): value for name, value in told.items()}
            body = await reader.readexactly(int(headers["content-length"]))
            one = Heard(headers, body)
            self.heard.append(one)
            status = self._status(one)
            if status == HANG:
                await reader.read()
                return
            answer = f"HTTP/1.1 {status} X\r\n{self.extra}Content-Length: {len(self.body)}\r\n\r\n"
            writer.write(answer.encode() + self.body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(
    host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None, **told: Any
) -> AsyncIterator[Receiver]:
    """Lend a receiver on a free port."""
    made = Receiver(**told)
    server = await asyncio.start_server(made._serve, host, 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


async def listen(
    shop: RunningShop, url: str, *events: str, description: str = ""
) -> tuple[Endpoint, str]:
    """Let an address hear of events."""
    async with shop.shop.context(viewer=GUEST) as ctx:
        draft = EndpointDraft(url=url, events=events, description=description)
        return await service.create_endpoint(ctx, draft)


async def work(shop: RunningShop) -> Drained:
    """Let a worker do all that is due."""
    return await worker_of(shop.shop).run_once()


async def attempts_of(shop: RunningShop, endpoint: Endpoint) -> Sequence[Attempt]:
    """Return the tries to tell an endpoint, the first first."""
    async with shop.shop.context(viewer=GUEST) as ctx:
        found = await service.find_attempts(ctx, endpoint.id, Page(first=100))
    return list(reversed(found.rows))


async def endpoint_now(shop: RunningShop, endpoint: Endpoint) -> Endpoint:
    """Return an endpoint as it stands."""
    async with shop.shop.context(viewer=GUEST) as ctx:
        found = await service.find_endpoint(ctx, endpoint.id)
    assert found is not None
    return found


def consumer_of(endpoint: Endpoint) -> str:
    """Return what an endpoint is called as a consumer."""
    return f"webhook:{encode(WebhookEndpointId, endpoint.id)}"


async def states(shop: RunningShop, endpoint: Endpoint) -> list[tuple[str, str, int]]:
    """Return (event, state, attempts) of each delivery to an endpoint, in their order."""
    mine = delivery.c.consumer == consumer_of(endpoint)
    chosen = select(delivery.c.event_name, delivery.c.state, delivery.c.attempts).where(mine)
    async with shop.shop.database.reading() as db:
        rows = await db.execute(chosen.order_by(delivery.c.aggregate_id, delivery.c.seq))
        return [(row.event_name, row.state, row.attempts) for row in rows]


async def health(shop: RunningShop, endpoint: Endpoint) -> dict[str, Any]:
    """Return the row of an endpoint as a consumer."""
    rows = await shop.rows(carried)
    return next(row for row in rows if row["consumer"] == consumer_of(endpoint))
