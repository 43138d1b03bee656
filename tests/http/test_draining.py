"""Battery 36: at SIGTERM every client of every worker hears 1001, and none waits in vain."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from core.tests.cli.folder import free_port, write_shop
from core.tests.cli.test_serving import SECRET, Process, wait_until_it_answers
from core.tests.graphql.test_sockets import Caller, calling
from core.tests.plugin.workshop import Workshop

from koipond.app import set_up
from koipond.settings import load

# Fields that say which process answers: one takes its time, one waits for ever. What has begun
# leaves a file, so that nobody has to guess when.
SLOW = '''
import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import strawberry

from koipond.kernel.schema import PUBLIC, Api, Info, Mutation, Query, Subscription
from koipond.kernel.schema import mutation, query, subscription
from koipond_sdk import implement

HERE = Path(__file__).parent


async def slowly(key: str) -> int:
    (HERE / f"begun-{key}").touch()
    await asyncio.sleep(1)
    return os.getpid()


@strawberry.type
class Slow:
    @query(PUBLIC)
    async def slow_answer(self, info: Info, key: str) -> int:
        """Answer after a while."""
        return await slowly(key)


@strawberry.type
class SlowChange:
    @mutation(PUBLIC)
    async def slow_change(self, info: Info, key: str) -> int:
        """Answer after a while."""
        return await slowly(key)


@strawberry.type
class Waiting:
    @subscription(PUBLIC)
    async def slow_news(self, info: Info) -> AsyncGenerator[int, None]:
        """Tell once, then wait."""
        yield os.getpid()
        await asyncio.Event().wait()


@implement()
def register_graphql(api: Api) -> None:
    api.storefront(Query, Slow)
    api.storefront(Mutation, SlowChange)
    api.storefront(Subscription, Waiting)
'''
MANIFEST = """\
graphql_prefix = "Slow"
queries = ["slowAnswer"]
mutations = ["slowChange"]
subscriptions = ["slowNews"]
"""
WORKERS = 2
SOCKETS_EACH = 3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Process, str]]:
    """A shop of two worker processes, and where it listens."""
    write_shop(tmp_path)
    asyncio.run(set_up(load(tmp_path / "koi.toml")))
    Workshop(tmp_path).install_small("slow", manifest=MANIFEST, hooks=SLOW)
    port = free_port()
    arguments = ("serve", "--port", str(port), "--workers", str(WORKERS))
    process = Process(
        tmp_path,
        *("--settings", "koi.toml", *arguments),
        KOI_SECRET=SECRET,
        PYTHONPATH=str(tmp_path),
    )
    try:
        wait_until_it_answers(process, f"http://127.0.0.1:{port}/ready")
        yield process, f"127.0.0.1:{port}"
    finally:
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait()


@pytest.mark.slow
async def test_at_sigterm_every_socket_hears_1001_and_every_request_is_answered(
    server: tuple[Process, str], tmp_path: Path
) -> None:
    process, where = server
    async with AsyncExitStack() as open_sockets, httpx2.AsyncClient() as http:
        of_worker = await connect_to_all(where, open_sockets)
        callers = [one for some in of_worker.values() for one in some]
        asked = [
            asyncio.create_task(ask(http, where, f"http{number}", kind))
            for number, kind in enumerate(["query", "mutation"] * 4)
        ]
        for pid, (first, second, *_) in of_worker.items():
            await first.ask(document("query"), id="2", key=f"query{pid}")
            await second.ask(document("mutation"), id="2", key=f"mutation{pid}")
        await begun(tmp_path / "koipond_slow", len(asked) + 2 * WORKERS)
        process.process.send_signal(signal.SIGTERM)

        answers = [await one for one in asked]
        assert [sorted(one["data"]) for one in answers] == [["slow"]] * 8
        assert {one["data"]["slow"] for one in answers} <= set(of_worker)
        for pid, (first, second, *others) in of_worker.items():
            for caller in (first, second):
                # The server's word that it is done comes before its farewell.
                assert await caller.receive() == {
                    "type": "next",
                    "id": "2",
                    "payload": {"data": {"slow": pid}},
                }
                assert await caller.receive() == {"type": "complete", "id": "2"}
            assert len(others) == SOCKETS_EACH - 2
        farewells = {await caller.closed_with() for caller in callers}
        # No subscription was said to be complete: a client then asks for it again, elsewhere.
        assert farewells == {(1001, "This server goes away. Connect again.")}
        assert [await caller.left_unread() for caller in callers] == [[] for _ in callers]
    assert process.process.wait(20) == 0
    assert "Traceback" not in process.text


async def connect_to_all(where: str, stack: AsyncExitStack) -> dict[int, list[Caller]]:
    """Return {process: clients that have a subscription there}, as many of each."""
    found: dict[int, list[Caller]] = {}
    for _ in range(200):
        caller = await stack.enter_async_context(calling(f"ws://{where}"))
        await caller.init()
        await caller.ask("subscription { slowNews }")
        pid = (await caller.receive())["payload"]["data"]["slowNews"]
        if len(found.setdefault(pid, [])) < SOCKETS_EACH:
            found[pid].append(caller)
        else:
            await caller.connection.close()
        if [len(some) for some in found.values()] == [SOCKETS_EACH] * WORKERS:
            return found
    raise AssertionError(f"one worker takes all: {found}")


def document(kind: str) -> str:
    field = {"query": "slowAnswer", "mutation": "slowChange"}[kind]
    return f"{kind}($key: String!) {{ slow: {field}(key: $key) }}"


async def ask(http: httpx2.AsyncClient, where: str, key: str, kind: str) -> Any:
    body = {"query": document(kind), "variables": {"key": key}}
    response = await http.post(f"http://{where}/graphql", json=body, timeout=20)
    assert response.status_code == 200, response.text
    return response.json()


async def begun(folder: Path, wanted: int) -> None:
    """Wait until so many have begun."""
    deadline = time.monotonic() + 15
    while len(list(folder.glob("begun-*"))) < wanted:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
