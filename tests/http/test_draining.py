"""Battery 36: at SIGTERM every client of every worker hears 1001, and none waits in vain."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest
from core.tests.cli.test_serving import Process
from core.tests.graphql.test_sockets import Caller, calling
from tests.http.slowly import ask, document, serving

TURNS = 10
WORKERS = 2
SOCKETS_EACH = 3


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_at_sigterm_every_socket_hears_1001_and_every_request_is_answered(
    slow_shop: Path,
) -> None:
    with serving(slow_shop, "serve", "--workers", str(WORKERS)) as (process, port):
        await end_under_load(process, port, slow_shop, workers=WORKERS)


@pytest.mark.faults
@pytest.mark.timeout(600)
async def test_at_sigterm_it_is_so_ten_times_in_a_row(
    slow_shop: Path, tell: Callable[[str], None]
) -> None:
    for _ in range(TURNS):
        with serving(slow_shop, "serve", "--workers", str(WORKERS)) as (process, port):
            await end_under_load(process, port, slow_shop, workers=WORKERS)
        for begun in (slow_shop / "koipond_slow").glob("begun-*"):
            begun.unlink()
    tell(f"{TURNS} times: {WORKERS * SOCKETS_EACH} sockets heard 1001, 12 requests were answered")


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_koi_dev_ends_like_koi_serve(slow_shop: Path, number: signal.Signals) -> None:
    with serving(slow_shop, "dev") as (process, port):
        await end_under_load(process, port, slow_shop, workers=1, number=number)
        assert process.text.endswith("Stopped.\n")


async def end_under_load(
    process: Process,
    port: int,
    shop: Path,
    *,
    workers: int,
    number: signal.Signals = signal.SIGTERM,
) -> None:
    """Ask of every worker by HTTP and by sockets, end it meanwhile, and see what comes."""
    where = f"127.0.0.1:{port}"
    async with AsyncExitStack() as open_sockets, httpx2.AsyncClient() as http:
        of_worker = await connect_to_all(where, open_sockets, workers)
        callers = [one for some in of_worker.values() for one in some]
        asked = [
            asyncio.create_task(ask(http, where, f"http{place}", kind))
            for place, kind in enumerate(["query", "mutation"] * 4)
        ]
        for pid, (first, second, *_) in of_worker.items():
            await first.ask(document("query"), id="2", key=f"query{pid}")
            await second.ask(document("mutation"), id="2", key=f"mutation{pid}")
        await begun(shop / "koipond_slow", len(asked) + 2 * workers)
        process.process.send_signal(number)

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


async def connect_to_all(
    where: str, stack: AsyncExitStack, workers: int
) -> dict[int, list[Caller]]:
    """Return {process: clients that have a subscription there}, as many of each."""
    found: dict[int, list[Caller]] = {}
    # They are not ready all at the same time.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        caller = await stack.enter_async_context(calling(f"ws://{where}"))
        await caller.init()
        await caller.ask("subscription { slowNews }")
        pid = (await caller.receive())["payload"]["data"]["slowNews"]
        if len(found.setdefault(pid, [])) < SOCKETS_EACH:
            found[pid].append(caller)
        else:
            await caller.connection.close()
        if [len(some) for some in found.values()] == [SOCKETS_EACH] * workers:
            return found
    raise AssertionError(f"one worker takes all: {found}")


async def begun(folder: Path, wanted: int) -> None:
    """Wait until so many have begun."""
    deadline = time.monotonic() + 30
    while len(list(folder.glob("begun-*"))) < wanted:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
