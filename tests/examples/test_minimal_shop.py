"""The README's shop: started as it stands, asked and bought from over HTTP, stopped by Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
# One for all: each reads all certificates, 20 ms, and a shop is asked until it answers.
HTTP = httpx2.Client()
SHOP = ROOT / "examples" / "minimal_shop.py"
FIND = "{ products { nodes { variants { id sku price { amount } } } } }"
BUY = """mutation($input: PlaceOrderInput!) {
  placeOrder(input: $input) { order { state total { amount currency } } userErrors { code } }
}"""


def start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start the shop in `folder`; returns it and its address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(SHOP)],
            cwd=folder,
            env=os.environ | {"PORT": str(port)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            HTTP.get(f"{address}/ready")
        except httpx2.TransportError:
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        else:
            return process, address
    raise AssertionError((folder / "log").read_text())


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    process.wait(10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("minimal")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    process, address = start(folder)
    yield address
    stop(process)


def ask(address: str, query: str, **variables: Any) -> dict[str, Any]:
    body = {"query": query, "variables": variables}
    data: dict[str, Any] = HTTP.post(f"{address}/graphql", json=body).json()["data"]
    return data


@pytest.mark.slow
def test_its_tea_can_be_bought(address: str) -> None:
    (product,) = ask(address, FIND)["products"]["nodes"]
    (variant,) = product["variants"]
    assert (variant["sku"], variant["price"]) == ("LONGJING-50", {"amount": "12.50"})
    wish = {
        "lines": [{"variantId": variant["id"], "quantity": 2}],
        "contact": {"email": "lin@example.org"},
        "payment": {"provider": "sandbox"},
        "idempotencyKey": str(uuid.uuid4()),
    }
    bought = ask(address, BUY, input=wish)["placeOrder"]
    assert bought == {
        "order": {"state": "CONFIRMED", "total": {"amount": "25.00", "currency": "EUR"}},
        "userErrors": [],
    }


@pytest.mark.slow
def test_started_again_it_finds_everything_as_it_was(address: str, folder: Path) -> None:
    process, again = start(folder)
    try:
        assert ask(again, FIND) == ask(address, FIND)
    finally:
        stop(process)


def test_the_readme_shows_it_whole() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert SHOP.read_text(encoding="utf-8") in shown
