"""`koi sandbox` plays the buyer and the provider, on the books of a shop that runs."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2
import pytest
import uvicorn
from click.testing import CliRunner, Result
from core.tests.payment.till import PLACE, tender

from koipond.app import create_app, set_up
from koipond.cli import koi
from koipond.cli.serving import listening
from koipond.kernel.ids import PaymentId, VariantId, encode, new_id
from koipond.settings import Settings, load
from koipond_sdk.testing import running_shop

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `koi sandbox` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(koi, ["sandbox", *arguments], prog_name="koi")

    return run


@pytest.fixture
def books(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Settings of a shop whose books are in a file of the working folder."""
    monkeypatch.setenv("KOI_SANDBOX_FILE", "books/sandbox.db")
    monkeypatch.setenv("KOI_DATABASE_URL", f"sqlite:///{tmp_path}/shop.db")
    return load()


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Serve a shop in a thread of its own; returns its address."""
    with listening("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(settings, ()), log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


async def stocked(settings: Settings) -> str:
    """Put a product on the shelf; returns its variant's outside id."""
    async with running_shop(
        settings.database_url, channels=settings.channels, secret=settings.secret
    ) as shop:
        made = await shop.make_product("TEA-1", stock=9)
    return encode(VariantId, made.variants["TEA-1"])


def buy(address: str, variant: str, **data: str) -> dict[str, Any]:
    wish = {
        "lines": [{"variantId": variant, "quantity": 1}],
        "contact": {"email": "lin@example.org"},
        "payment": [tender(**data)],
        "idempotencyKey": str(new_id()),
    }
    body = {"query": PLACE, "variables": {"input": wish}}
    answer = httpx2.post(f"{address}/graphql", json=body, timeout=20).json()
    done: dict[str, Any] = answer["data"]["done"]
    return done


def state(address: str, done: dict[str, Any]) -> str:
    query = f'{{ order(id: "{done["order"]["id"]}", token: "{done["token"]}") {{ state }} }}'
    answer = httpx2.post(f"{address}/graphql", json={"query": query}, timeout=20).json()
    found: str = answer["data"]["order"]["state"]
    return found


@pytest.mark.slow
def test_a_pending_payment_is_finished_and_told_of(run: Run, books: Settings) -> None:
    asyncio.run(set_up(books, ()))
    tea = asyncio.run(stocked(books))
    with served(books) as address:
        paid, left = (buy(address, tea, outcome="pending") for _ in range(2))
        assert state(address, paid) == "PLACED"
        first, second = (one["order"]["payments"][0]["id"] for one in (paid, left))
        assert run("finish", first).output == f"{first} is paid\n"
        assert run("finish", second, "--declined").output == f"{second} is declined\n"
        sent = run("notify", "--to", address, "--times", "2", "--reverse")
        assert (sent.exit_code, sent.output) == (0, "sent 8 notices, 8 were taken\n")
        assert (state(address, paid), state(address, left)) == ("CONFIRMED", "PLACED")
    listed = run("list").output
    assert f"{first}  captured  10.00 EUR  taken 10.00 EUR  given back 0.00 EUR" in listed
    assert re.findall(r"notices (\d)", listed) == ["2", "2"]
    again = run("finish", first)
    assert (again.exit_code, "only a pending one" in again.stderr) == (2, True)


def refused(result: Result, words: str) -> None:
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_what_cannot_be_played_is_refused(
    run: Run, books: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no charge" in run("list").output
    refused(run("finish", encode(PaymentId, PaymentId(new_id()))), "never heard of this payment")
    refused(run("finish", "ord_1"), "is not the id of a payment")
    refused(run("notify", "--to", "file:///etc"), "write it like http://")
    monkeypatch.setenv("KOI_PRODUCTION", "true")
    monkeypatch.setenv("KOI_SECRET", token_hex(32))
    refused(run("list"), "no sandbox to pay with")
    monkeypatch.delenv("KOI_PRODUCTION")
    monkeypatch.delenv("KOI_SANDBOX_FILE")
    refused(run("list"), "Name a file for them in sandbox_file")


@pytest.mark.slow
def test_a_shop_that_cannot_be_told_is_named(run: Run, books: Settings) -> None:
    asyncio.run(set_up(books, ()))
    tea = asyncio.run(stocked(books))
    with served(books) as address:
        buy(address, tea)
        wrong = run("notify", "--to", f"{address}/moon")
        assert (wrong.exit_code, "answered 404" in wrong.stderr) == (2, True)
    gone = run("notify", "--to", address)
    assert (gone.exit_code, "Is the shop running?" in gone.stderr) == (2, True)
