"""How many may connect, for how long, and what a caller who reads nothing costs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from core.tests.graphql.test_sockets import LIN, TICKER, Caller, calling, closed
from tests.http.judging import listening

from koipond.graphql.asking import Answer
from koipond.graphql.protocol import Conversation
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond_sdk.testing import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.one_database

WAIT = "subscription { waitForEver }"


@asynccontextmanager
async def serving(url: str, **settings: Any) -> AsyncIterator[tuple[RunningShop, str]]:
    async with (
        running_shop(url, plugins=[TICKER], **settings) as shop,
        listening(shop.app) as where,
    ):
        yield shop, f"ws://{where}"


async def test_no_more_connect_than_the_process_takes(database_url: str) -> None:
    async with serving(database_url, sockets_max=2) as (shop, address):
        async with calling(address) as first, calling(address) as second:
            await first.init()
            await second.init()
            async with calling(address) as third:
                code, reason = await third.closed_with()
                assert (code, reason) == (1013, "There are 2 sockets already (sockets_max).")
            assert await first.answers("{ __typename }") == [{"data": {"__typename": "Query"}}]
            assert len(shop.app.state.crowd) == 2
        await nobody_is_left(shop)
        async with calling(address) as again:
            await again.init()


async def test_no_more_connect_from_one_address(database_url: str) -> None:
    async with serving(database_url, sockets_per_address_max=1) as (shop, address):
        async with calling(address) as first:
            await first.init()
            async with calling(address, "/admin/graphql") as second:
                code, reason = await second.closed_with()
                assert code == 1013
                assert "sockets_per_address_max" in reason
        await nobody_is_left(shop)


async def test_no_more_connect_as_one_member_and_guests_are_nobody(database_url: str) -> None:
    async with (
        serving(database_url, sockets_per_member_max=1) as (shop, address),
        AsyncExitStack() as stack,
    ):

        async def connect(viewer: Viewer | None, path: str = "/graphql") -> Caller:
            caller = await stack.enter_async_context(calling(address, path))
            payload = {"authorization": f"Bearer {shop.token(viewer)}"} if viewer else {}
            await caller.send(type="connection_init", payload=payload)
            return caller

        other = Viewer(kind=ViewerKind.MEMBER, id=uuid4())
        for viewer in (LIN, other, STAFF, None, None):
            assert (await (await connect(viewer)).receive())["type"] == "connection_ack"
        for viewer, path in ((LIN, "/graphql"), (STAFF, "/admin/graphql")):
            code, reason = await (await connect(viewer, path)).closed_with()
            assert code == 1013
            assert "sockets_per_member_max" in reason


async def test_no_more_operations_run_on_one_socket(database_url: str) -> None:
    async with (
        serving(database_url, socket_operations_max=2) as (_, address),
        calling(address) as caller,
    ):
        await caller.init()
        for key in ("1", "2"):
            await caller.ask(WAIT, id=key)
            assert (await caller.receive())["type"] == "next"
        await caller.ask(WAIT, id="3")
        refused = await caller.receive()
        assert (refused["type"], refused["id"]) == ("error", "3")
        (error,) = refused["payload"]
        assert error["extensions"] == {"code": "OPERATIONS_LIMIT"}
        assert error["message"] == "At most 2 operations run on one socket. End some."
        await caller.send(type="complete", id="1")
        await asyncio.wait_for(closed.wait(), 10)
        await caller.ask(WAIT, id="4")
        assert (await caller.receive())["type"] == "next"


@pytest.mark.slow
async def test_ten_thousand_subscriptions_run_twenty_at_once(database_url: str) -> None:
    async with serving(database_url) as (_, address), calling(address) as caller:
        await caller.init()
        counted = {"next": 0, "error": 0}
        for start in range(0, 10_000, 500):
            for number in range(start, start + 500):
                await caller.ask(WAIT, id=str(number))
            for _ in range(500):
                counted[(await caller.receive())["type"]] += 1
        assert counted == {"next": 20, "error": 9_980}


@pytest.mark.slow
async def test_who_does_not_answer_a_ping_is_gone(database_url: str) -> None:
    async with serving(database_url, socket_ping_s=0.1) as (shop, address):
        async with calling(address) as silent:
            await silent.init()
            assert await silent.receive() == {"type": "ping"}
            assert await silent.closed_with() == (4410, "No word within 0.1 s of a ping.")
        await nobody_is_left(shop)


@pytest.mark.slow
async def test_who_answers_pings_stays(database_url: str) -> None:
    async with serving(database_url, socket_ping_s=0.1) as (_, address), calling(address) as here:
        await here.init()
        for _ in range(5):
            assert await here.receive() == {"type": "ping"}
            await here.send(type="pong")
        await here.send(type="ping")
        assert await here.receive() == {"type": "pong"}


@pytest.mark.slow
async def test_the_stream_ends_with_its_token(database_url: str) -> None:
    async with serving(database_url, socket_ping_s=0.1) as (shop, address):
        async with calling(address) as caller:
            await caller.init(authorization=f"Bearer {shop.token(LIN)}")
            await caller.ask(WAIT)
            assert (await caller.receive())["type"] == "next"
            shop.clock.advance(hours=1)
            code, reason = await caller.closed_with()
            assert (code, reason) == (
                4403,
                "The token has expired. Connect again with a new one.",
            )
        await asyncio.wait_for(closed.wait(), 10)


async def test_nothing_begins_with_a_token_that_is_over(database_url: str) -> None:
    async with serving(database_url) as (shop, address), calling(address) as caller:
        await caller.init(authorization=f"Bearer {shop.token(LIN)}")
        shop.clock.advance(hours=1)
        await caller.ask("{ __typename }")
        assert (await caller.closed_with())[0] == 4403


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("http://evil.example", 1008),
        ("http://{host}.evil.example", 1008),
        ("null", 1008),
        ("https://shop.example.org", None),
        ("http://{host}", None),
        (None, None),
    ],
)
async def test_pages_of_foreign_sites_may_not_connect(
    database_url: str, origin: str | None, code: int | None
) -> None:
    async with serving(database_url, origins=("https://shop.example.org",)) as (_, address):
        host = address.removeprefix("ws://")
        headers = {"Origin": origin.format(host=host)} if origin else None
        async with calling(address, headers=headers) as caller:
            if code is None:
                await caller.init()
            else:
                assert (await caller.closed_with())[0] == code


async def test_the_first_message_comes_once_and_ids_are_used_once(database_url: str) -> None:
    async with serving(database_url) as (_, address):
        async with calling(address) as caller:
            await caller.init()
            await caller.send(type="connection_init")
            assert (await caller.closed_with())[0] == 4429
        async with calling(address) as caller:
            await caller.init()
            await caller.ask(WAIT)
            await caller.receive()
            await caller.ask(WAIT)
            assert await caller.closed_with() == (4409, "Subscriber for 1 already exists")


@pytest.mark.slow
async def test_messages_are_read_as_strictly_as_bodies(database_url: str) -> None:
    query = {"query": "query($s: String) { product(slug: $s) { id } }"}
    for bad in (
        '{"type": "ping", "type": "pong"}',
        '{"type": "ping", "payload": {"a": NaN}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": 1, "payload": {}}',
        json.dumps(
            {"type": "subscribe", "id": "1", "payload": {**query, "variables": {"s": "\0"}}}
        ),
        "[" * 5_000,
        "null",
    ):
        async with serving(database_url) as (_, address), calling(address) as caller:
            await caller.init()
            await caller.connection.send(bad)
            assert (await caller.closed_with())[0] == 4400


async def test_who_is_sent_away_hears_1001_and_nobody_comes_in(
    database_url: str,
) -> None:
    async with serving(database_url) as (shop, address):
        crowd = shop.app.state.crowd
        async with calling(address) as caller, calling(address) as waiting:
            await caller.init()
            await waiting.init()
            await waiting.ask(WAIT)
            assert (await waiting.receive())["type"] == "next"
            going = asyncio.create_task(crowd.disperse(within_s=10))
            farewell = (1001, "This server goes away. Connect again.")
            assert [await one.closed_with() for one in (caller, waiting)] == [farewell] * 2
            assert await waiting.left_unread() == []
            await going
        async with calling(address) as late:
            assert await late.closed_with() == farewell
        ready = await shop.http.get("/ready")
        assert (ready.status_code, ready.json()["reason"]) == (503, "it is about to end")
        # Requests that are under way to this process are answered still.
        assert await shop.graphql("{ __typename }") == {"data": {"__typename": "Query"}}


class FullPipe:
    """A caller's socket that takes so many messages, and then nothing until it is read."""

    def __init__(self, room: int) -> None:
        self.room = asyncio.Semaphore(room)
        self.sent: list[str] = []
        self.farewell: tuple[int, str] | None = None
        self.inbox: asyncio.Queue[str] = asyncio.Queue()

    async def texts(self) -> AsyncIterator[str]:
        while True:
            yield await self.inbox.get()

    async def send(self, text: str) -> None:
        await self.room.acquire()
        self.sent.append(text)

    async def close(self, code: int, reason: str) -> None:
        self.farewell = (code, reason)


class Fountain:
    """A caller whose every operation has endless answers, each counted when it is asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_subscription = True

    async def greet(self, payload: object) -> None:
        return None

    def begin(self, request: object) -> "Fountain":
        return self

    def time_left(self) -> timedelta | None:
        return None

    async def check_login(self) -> None:
        return None

    async def answers(self) -> AsyncIterator[Any]:
        while True:
            self.asked += 1
            yield Answer(data={"n": self.asked})


async def test_a_slow_reader_is_answered_slowly_and_nothing_piles_up() -> None:
    pipe, fountain = FullPipe(room=10), Fountain()
    conversation = Conversation(pipe, fountain, operations_max=20, ping_s=60)  # type: ignore[arg-type]  # of a socket and a caller only what is asked
    holding = asyncio.create_task(conversation.hold())
    for message in (
        {"type": "connection_init"},
        *({"type": "subscribe", "id": str(n), "payload": {"query": "x"}} for n in range(3)),
    ):
        pipe.inbox.put_nowait(json.dumps(message))
    for _ in range(100):
        await asyncio.sleep(0)
    # The greeting and nine answers; then each of three operations holds one that has no room.
    assert (len(pipe.sent), fountain.asked) == (10, 9 + 3)
    for _ in range(5):
        pipe.room.release()
    for _ in range(100):
        await asyncio.sleep(0)
    assert (len(pipe.sent), fountain.asked) == (15, 14 + 3)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding


async def test_who_reads_nothing_at_all_is_gone_after_a_ping() -> None:
    pipe, fountain = FullPipe(room=2), Fountain()
    conversation = Conversation(pipe, fountain, operations_max=20, ping_s=0.05)  # type: ignore[arg-type]  # of both only what is asked
    for message in (
        {"type": "connection_init"},
        {"type": "subscribe", "id": "1", "payload": {"query": "x"}},
    ):
        pipe.inbox.put_nowait(json.dumps(message))
    await asyncio.wait_for(conversation.hold(), 10)
    assert pipe.farewell == (4410, "Nothing that was sent is read.")
    assert fountain.asked == 2


async def nobody_is_left(shop: RunningShop) -> None:
    """Wait until the process has seen everybody go."""
    async with asyncio.timeout(10):
        await shop.app.state.crowd.is_empty()
