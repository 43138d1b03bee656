"""Subscriptions over real sockets: uvicorn on one side, the client `websockets` on the other."""

# No `from __future__ import annotations`: strawberry reads the types as they are.
import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import strawberry
import uvicorn
from core.tests.graphql.toys import made_in, toy
from websockets import ConnectionClosed
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from koipond.graphql import protocol
from koipond.kernel.context import Context
from koipond.kernel.ids import StaffId, new_id
from koipond.kernel.schema import MEMBER, PUBLIC, Api, Info, Subscription, batch, subscription
from koipond.kernel.viewer import SYSTEM, Viewer, ViewerKind
from koipond.staff import service as staff
from koipond.staff.types import ServiceTokenDraft, StaffChange
from koipond_sdk import DomainError, domain_error
from koipond_sdk.testing import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.one_database

LIN = Viewer(kind=ViewerKind.MEMBER, id=uuid4())
Tick = made_in("toy_ticker", "TickerTick", number=int)
Halved = made_in("toy_ticker", "TickerHalved", number=int)
COUNTING = "subscription Count($n: Int!) { countTo(ticks: $n) { number } }"
COUNTS = " ".join(f"p{n}: products(first: 1) {{ totalCount }}" for n in range(9))
closed = asyncio.Event()
questions: list[int] = []


@domain_error
class TickerTooLong(DomainError):
    """More than is counted."""

    code = "TICKER_TOO_LONG"
    ticks: int

    def __str__(self) -> str:
        return f"{self.ticks} ticks are too many, at most 10 are told. Ask for fewer."


@strawberry.type
class Ticking:
    @subscription(PUBLIC)
    async def count_to(self, info: Info, ticks: int) -> AsyncGenerator[Tick, None]:
        """Count."""
        if ticks > 10:
            raise TickerTooLong(ticks=ticks)
        for number in range(1, ticks + 1):
            yield Tick(number=number)

    @subscription(PUBLIC)
    async def wait_for_ever(self, info: Info) -> AsyncGenerator[int, None]:
        """Tell once, then wait."""
        closed.clear()
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    @subscription(MEMBER)
    async def my_channel(self, info: Info) -> AsyncGenerator[str, None]:
        """Say who listens and where."""
        yield f"{info.context.viewer.member_id} {info.context.scope.currency}"

    @subscription(PUBLIC)
    async def break_down(self, info: Info, last: int = 1) -> AsyncGenerator[int, None]:
        """Raise what nobody expects, once so many are told."""
        for number in range(last):
            yield number + 1
        raise RuntimeError("secret")

    @subscription(PUBLIC)
    async def tell_halves(self, info: Info) -> AsyncGenerator[Halved, None]:
        """Tell of 1, of which there is no whole half, then of 2."""
        yield Halved(number=1)
        yield Halved(number=2)


@strawberry.type
class MoreOfTick:
    @batch
    @staticmethod
    async def double(parents: list[Tick], info: Info) -> list[int | None]:
        """Asked once per event."""
        questions.append(len(parents))
        return [2 * parent.number for parent in parents]


@strawberry.type
class MoreOfHalved:
    @batch
    @staticmethod
    async def half(parents: list[Halved], info: Info) -> list[int | None]:
        """Refuse odd numbers."""
        if any(parent.number % 2 for parent in parents):
            raise TickerTooLong(ticks=1)
        return [parent.number // 2 for parent in parents]


def add(api: Api) -> None:
    api.both(Subscription, Ticking)
    api.storefront(Tick, MoreOfTick)
    api.storefront(Halved, MoreOfHalved)


TICKER = toy(
    "ticker",
    add,
    subscriptions=("countTo", "waitForEver", "myChannel", "breakDown", "tellHalves"),
)


class Caller:
    """A client of the protocol."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.connection.recv(), 10))
        return message

    async def init(self, **payload: Any) -> None:
        await self.send(type="connection_init", payload=payload)
        assert await self.receive() == {"type": "connection_ack"}

    async def ask(self, query: str, id: str = "1", **variables: Any) -> None:
        await self.send(type="subscribe", id=id, payload={"query": query, "variables": variables})

    async def answers(self, query: str, **variables: Any) -> list[Any]:
        """Return the payloads of all messages up to the end of an operation."""
        await self.ask(query, **variables)
        found = []
        while (message := await self.receive())["type"] != "complete":
            assert message["id"] == "1"
            found.append(message["payload"])
            if message["type"] == "error":
                break
        return found

    async def left_unread(self) -> list[Any]:
        """Return what was sent before the end, and nobody has read."""
        left = []
        with suppress(ConnectionClosed):
            while True:
                left.append(json.loads(await self.connection.recv()))
        return left

    async def closed_with(self) -> tuple[int, str]:
        """Return code and reason with which the other side closes."""
        await asyncio.wait_for(self.connection.wait_closed(), 10)
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""


@pytest_asyncio.fixture
async def shop(database_url: str) -> AsyncIterator[RunningShop]:
    async with running_shop(database_url, plugins=[TICKER]) as running:
        yield running


@pytest_asyncio.fixture
async def address(shop: RunningShop) -> AsyncIterator[str]:
    """Where the shop listens."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(shop.app, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await task


@asynccontextmanager
async def calling(
    address: str,
    path: str = "/graphql",
    *,
    subprotocol: str = "graphql-transport-ws",
    headers: dict[str, str] | None = None,
) -> AsyncIterator[Caller]:
    async with connect(
        f"{address}{path}",
        subprotocols=[Subprotocol(subprotocol)],
        additional_headers=headers,
        proxy=None,
    ) as connection:
        yield Caller(connection)


async def test_a_subscription_is_told_what_happens_until_it_ends(address: str) -> None:
    questions.clear()
    async with calling(address) as caller:
        await caller.init()
        told = await caller.answers(
            "subscription($n: Int!) { countTo(ticks: $n) { number double } }", n=3
        )
    assert told == [
        {"data": {"countTo": {"number": number, "double": 2 * number}}} for number in (1, 2, 3)
    ]
    assert questions == [1, 1, 1]


async def test_queries_and_mutations_are_answered_once(address: str) -> None:
    async with calling(address) as caller:
        await caller.init()
        assert await caller.answers("{ channels { code } }") == [
            {"data": {"channels": [{"code": "main"}]}}
        ]
        (answer,) = await caller.answers(
            'mutation { addToCart(input: {variantId: "x"}) { userErrors { code } } }'
        )
    assert answer == {"data": {"addToCart": {"userErrors": [{"code": "ID_INVALID"}]}}}


async def test_what_is_wrong_with_a_document_is_an_error_and_the_socket_stays(
    address: str,
) -> None:
    async with calling(address) as caller:
        await caller.init()
        for document, code in (
            ("subscription {", "GRAPHQL_PARSE_FAILED"),
            ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ('subscription { countTo(ticks: "x") { number } }', "GRAPHQL_VALIDATION_FAILED"),
        ):
            ((error,),) = await caller.answers(document)
            assert error["extensions"]["code"] == code
        assert len(await caller.answers("subscription { countTo(ticks: 1) { number } }")) == 1


async def test_a_refusal_is_told_with_its_numbers_and_a_bug_is_masked(address: str) -> None:
    async with calling(address) as caller:
        await caller.init()
        ((refused,),) = await caller.answers("subscription { countTo(ticks: 11) { number } }")
        told, (broken,) = await caller.answers("subscription { breakDown }")
    assert refused["message"] == "11 ticks are too many, at most 10 are told. Ask for fewer."
    assert refused["extensions"] == {"code": "TICKER_TOO_LONG", "ticks": 11}
    assert told == {"data": {"breakDown": 1}}
    assert broken["extensions"]["code"] == "INTERNAL"
    assert "secret" not in json.dumps(broken)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"query": "subscription {"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "subscription { nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": f"{{ {COUNTS} }}"}, "COST_LIMIT"),
        ({"query": COUNTING, "operationName": "Other"}, "BAD_USER_INPUT"),
        ({"query": COUNTING, "variables": {"n": "x"}}, "BAD_USER_INPUT"),
        ({"documentId": "0" * 64}, "PERSISTED_QUERY_NOT_SUPPORTED"),
        ({"query": 5}, "BAD_USER_INPUT"),
        ({"query": "subscription { myChannel }"}, "PERMISSION_MISSING"),
        ({"query": COUNTING, "variables": {"n": 11}}, "TICKER_TOO_LONG"),
        ({"query": "subscription { breakDown(last: 0) }"}, "INTERNAL"),
    ],
)
async def test_what_is_refused_at_its_start_is_one_message_error(
    address: str, asked: dict[str, Any], code: str
) -> None:
    async with calling(address) as caller:
        await caller.init()
        await caller.send(type="subscribe", id="1", payload=asked)
        message = await caller.receive()
        assert (message["type"], message["id"]) == ("error", "1")
        assert [one["extensions"]["code"] for one in message["payload"]] == [code]
        # Nothing comes after it, and the id is free.
        assert await caller.answers("{ __typename }") == [{"data": {"__typename": "Query"}}]


async def test_what_is_wrong_with_one_event_does_not_end_the_subscription(address: str) -> None:
    async with calling(address) as caller:
        await caller.init()
        one, two = await caller.answers("subscription { tellHalves { half } }")
    assert one["data"] == {"tellHalves": {"half": None}}
    assert [error["extensions"]["code"] for error in one["errors"]] == ["TICKER_TOO_LONG"]
    assert two == {"data": {"tellHalves": {"half": 1}}}


async def test_who_unsubscribes_or_goes_closes_the_plugin_s_generator(address: str) -> None:
    async with calling(address) as caller:
        await caller.init()
        await caller.ask("subscription { waitForEver }")
        assert (await caller.receive())["payload"] == {"data": {"waitForEver": 1}}
        await caller.send(type="complete", id="1")
        await asyncio.wait_for(closed.wait(), 10)
        await caller.ask("subscription { waitForEver }")
        assert (await caller.receive())["payload"] == {"data": {"waitForEver": 1}}
        assert not closed.is_set()
    await asyncio.wait_for(closed.wait(), 10)


async def test_a_subscription_that_waits_holds_no_connection_to_the_database(
    shop: RunningShop, address: str
) -> None:
    async with calling(address) as caller:
        await caller.init()
        for number in range(20):
            await caller.ask("subscription { waitForEver }", id=str(number))
            assert (await caller.receive())["type"] == "next"
        answer = await asyncio.wait_for(shop.graphql("{ channels { code } }"), 10)
    assert answer == {"data": {"channels": [{"code": "main"}]}}


async def test_the_token_comes_with_the_first_message_or_as_a_header(
    shop: RunningShop, address: str
) -> None:
    bearer = f"Bearer {shop.token(LIN)}"
    for headers, payload in (
        ({}, {"Authorization": bearer, "Koi-Currency": "CNY"}),
        ({"Authorization": bearer, "Koi-Currency": "CNY"}, {}),
        ({"Authorization": "Bearer x"}, {"authorization": bearer, "koi-currency": "CNY"}),
    ):
        async with calling(address, headers=headers) as caller:
            await caller.init(**payload)
            assert await caller.answers("subscription { myChannel }") == [
                {"data": {"myChannel": f"{LIN.id} CNY"}}
            ]


async def test_a_field_for_members_is_refused_to_guests(address: str) -> None:
    async with calling(address) as caller:
        await caller.init()
        ((refused,),) = await caller.answers("subscription { myChannel }")
    assert refused["extensions"]["code"] == "PERMISSION_MISSING"


async def test_who_may_not_connect_is_told_so(shop: RunningShop, address: str) -> None:
    for path, payload in (
        ("/graphql", {"authorization": "Bearer x"}),
        ("/graphql", {"authorization": "Basic x"}),
        ("/admin/graphql", {}),
        ("/admin/graphql", {"authorization": f"Bearer {shop.token(LIN)}"}),
    ):
        async with calling(address, path) as caller:
            await caller.send(type="connection_init", payload=payload)
            assert await caller.closed_with() == (4403, "Forbidden")
    async with calling(address, "/admin/graphql") as caller:
        await caller.init(authorization=f"Bearer {shop.token(STAFF)}")
        assert await caller.answers("subscription { countTo(ticks: 1) { number } }") == [
            {"data": {"countTo": {"number": 1}}}
        ]


async def test_row_18_a_socket_of_staff_ends_with_what_they_may_do(
    shop: RunningShop, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_LOGIN_LOOK_S", 0.05)
    clerk, other = (
        Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"order.read"}))
        for _ in range(2)
    )
    await shop.employ(STAFF)
    for one in (clerk, other):
        await shop.employ(one)
    async with shop.context(viewer=SYSTEM) as ctx:
        draft = ServiceTokenDraft(name="robot", permissions=["order.read"])
        robot, text = await staff.create_token(ctx, draft)

    async def disable(ctx: Context) -> None:
        await staff.disable_staff(ctx, StaffId(clerk.id))

    async def retire(ctx: Context) -> None:
        await staff.change_staff(ctx, StaffId(other.id), StaffChange(grants=()))

    async def revoke(ctx: Context) -> None:
        await staff.revoke_token(ctx, robot.id)

    over = (4403, "The login has ended. Log in again.")
    changed = (4403, "What you may do has changed. Connect again.")
    for token, end, told in (
        (shop.token(clerk), disable, over),
        (shop.token(other), retire, changed),
        (text, revoke, over),
    ):
        async with calling(address, "/admin/graphql") as caller:
            await caller.init(authorization=f"Bearer {token}")
            await caller.ask("subscription { waitForEver }")
            assert (await caller.receive())["payload"] == {"data": {"waitForEver": 1}}
            async with shop.context(viewer=SYSTEM) as ctx:
                await end(ctx)
            assert await caller.closed_with() == told
            await asyncio.wait_for(closed.wait(), 10)


async def test_a_channel_that_there_is_not_is_named(address: str) -> None:
    async with calling(address) as caller:
        await caller.send(type="connection_init", payload={"koi-channel": "moon"})
        code, reason = await caller.closed_with()
    assert code == 4400
    assert "moon" in reason


@pytest.mark.parametrize("said", [["Bearer x"], 5, {"token": "x"}, True])
@pytest.mark.parametrize("name", ["Authorization", "koi-channel"])
async def test_a_header_that_is_no_text_is_not_taken_for_none(
    address: str, name: str, said: object
) -> None:
    async with calling(address) as caller:
        await caller.send(type="connection_init", payload={name: said, "more": {"a": 1}})
        assert await caller.closed_with() == (4400, f"{name.lower()} is no text.")


async def test_a_header_that_is_null_says_nothing(address: str) -> None:
    async with calling(address) as caller:
        await caller.init(Authorization=None, more=5)


@pytest.mark.parametrize("subprotocol", ["graphql-ws", "chat"])
async def test_another_subprotocol_is_refused(address: str, subprotocol: str) -> None:
    async with calling(address, subprotocol=subprotocol) as caller:
        assert await caller.closed_with() == (4406, "Speak the subprotocol graphql-transport-ws.")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not json", 4400),
        (b"bytes", 4400),
        ('{"type": "dance"}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{ channels { code } }"}}', 4401),
        (" " * 1_100_000, 1009),
        ("茶" * 400_000, 1009),
    ],
    ids=["no JSON", "bytes", "no type", "before the first message", "too large", "large in UTF-8"],
)
async def test_a_message_that_cannot_be_read_closes_the_socket(
    address: str, message: str | bytes, code: int
) -> None:
    async with calling(address) as caller:
        await caller.connection.send(message)
        assert (await caller.closed_with())[0] == code


async def test_over_http_a_subscription_is_refused_with_the_way_out(shop: RunningShop) -> None:
    answer = await shop.graphql("subscription { countTo(ticks: 1) { number } }")
    (error,) = answer["errors"]
    assert (
        error["message"] == "Subscribe over WebSocket, with the subprotocol graphql-transport-ws."
    )
    assert "data" not in answer
