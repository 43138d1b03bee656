"""The subscription, over a real socket: a member hears of their own messages and of no others."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from core.tests.graphql.test_sockets import calling
from core.tests.notify.postoffice import HERE, PostOffice, viewer

pytestmark = pytest.mark.story

NEWS = "subscription { messageNews { unreadMessages messages { body } } }"


@asynccontextmanager
async def listening(office: PostOffice) -> AsyncIterator[str]:
    """Run the office's shop on a port; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(office.shop.app, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.mark.slow
async def test_a_member_hears_of_their_messages_as_they_come(office: PostOffice) -> None:
    lin, ana = await office.member(), await office.member("ana@example.org")
    async with listening(office) as address, calling(address) as caller:
        await caller.init(Authorization=f"Bearer {office.shop.token(viewer(lin))}")
        await caller.ask(NEWS)
        assert told(await caller.receive()) == (0, [])
        await office.ask(HERE, ana, "hers")
        await office.ask(HERE, lin, "mine")
        await office.work()
        assert told(await caller.receive()) == (1, ["Here you said mine."])


async def test_a_guest_hears_nothing(office: PostOffice) -> None:
    async with listening(office) as address, calling(address) as caller:
        await caller.init()
        await caller.ask(NEWS)
        refused = await caller.receive()
        assert refused["type"] in {"error", "next"}
        assert "PERMISSION_MISSING" in str(refused)


def told(message: dict[str, Any]) -> tuple[int, list[str]]:
    news = message["payload"]["data"]["messageNews"]
    return news["unreadMessages"], [one["body"] for one in news["messages"]]
