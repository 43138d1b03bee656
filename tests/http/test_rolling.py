"""Battery 36: a new process takes over from an old one under load, and no request is lost."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest
from core.tests.cli.test_serving import Process
from core.tests.graphql.test_sockets import calling
from tests.http.slowly import ask, serving
from tests.rig.balancer import Balancer, balancing
from websockets import ConnectionClosed

NOTICE_S = "0.5"
CALLERS = 6
WATCHERS = 4


class Crowd:
    """Callers who ask without a pause, and some who watch, until they are told to go."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._goes = asyncio.Event()
        self.answered: list[str] = []
        # {process: requests that it answered}
        self.by: Counter[int] = Counter()
        self.farewells: Counter[int] = Counter()

    async def come(self) -> None:
        """Ask and watch until `go`. Raises what goes wrong for any of them."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(CALLERS):
                tasks.create_task(self._ask(number))
            for _ in range(WATCHERS):
                tasks.create_task(self._watch())

    def go(self) -> None:
        """Let everybody end what they have begun."""
        self._goes.set()

    async def _ask(self, number: int) -> None:
        # Each request by a connection of its own, as balancers send them.
        limits = httpx2.Limits(max_keepalive_connections=0)
        async with httpx2.AsyncClient(limits=limits) as http:
            while not self._goes.is_set():
                key = f"{number}-{len(self.answered)}"
                kind = "mutation" if number % 2 else "query"
                self.by[(await ask(http, self._where, key, kind))["data"]["slow"]] += 1
                self.answered.append(key)

    async def _watch(self) -> None:
        while not self._goes.is_set():
            async with calling(f"ws://{self._where}") as caller:
                try:
                    await caller.init()
                    await caller.ask("subscription { slowNews }")
                    assert (await caller.receive())["type"] == "next"
                except ConnectionClosed as error:
                    # It came to a process that was just leaving, which says so as it does later.
                    self.farewells[error.rcvd.code if error.rcvd else 0] += 1
                    continue
                ended = asyncio.create_task(caller.connection.wait_closed())
                going = asyncio.create_task(self._goes.wait())
                await asyncio.wait({ended, going}, return_when=asyncio.FIRST_COMPLETED)
                going.cancel()
                if not ended.done():
                    ended.cancel()
                    return
                self.farewells[caller.connection.close_code or 0] += 1


@pytest.mark.parametrize(
    "turns",
    [
        pytest.param(1, marks=pytest.mark.slow),
        pytest.param(10, marks=pytest.mark.faults),
    ],
)
@pytest.mark.timeout(600)
async def test_no_request_is_lost_while_processes_take_turns(
    slow_shop: Path,
    turns: int,
    tell: Callable[[str], None],
) -> None:
    async with AsyncExitStack() as stack:
        balancer = await stack.enter_async_context(balancing())
        old = await begin(stack, slow_shop, balancer)
        crowd = Crowd(f"127.0.0.1:{balancer.port}")
        loaded = asyncio.create_task(crowd.come())
        for _ in range(turns):
            new = await begin(stack, slow_shop, balancer)
            await answered_more(crowd, loaded)
            process, port = old
            process.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.process.wait, 30) == 0
            assert "Traceback" not in process.text
            del balancer.servers[port]
            await answered_more(crowd, loaded)
            old = new
        crowd.go()
        await loaded
    begun = {one.name for one in (slow_shop / "koipond_slow").glob("begun-*")}
    # Nothing that was begun was left without an answer; a lost request would have raised.
    assert begun == {f"begun-{key}" for key in crowd.answered}
    assert len(crowd.by) == turns + 1
    assert set(crowd.farewells) == {1001}
    assert crowd.farewells[1001] >= WATCHERS * turns // 2
    tell(f"{turns} restarts: {len(crowd.answered)} requests answered, {dict(crowd.farewells)}")


async def begin(
    stack: AsyncExitStack,
    shop: Path,
    balancer: Balancer,
) -> tuple[Process, int]:
    """Start a server, and let the balancer send it requests when it is ready."""
    made = serving(shop, KOI_LEAVE_NOTICE_S=NOTICE_S)
    process, port = await asyncio.to_thread(made.__enter__)
    stack.push(made)
    await balancer.sees(port)
    return process, port


async def answered_more(crowd: Crowd, loaded: "asyncio.Task[None]") -> None:
    """Wait until every caller was answered again."""
    wanted = len(crowd.answered) + 2 * CALLERS
    while len(crowd.answered) < wanted:
        assert not loaded.done(), loaded.result()
        await asyncio.sleep(0.01)
