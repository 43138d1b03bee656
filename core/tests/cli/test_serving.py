"""`koi dev` and `koi serve`, each as a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from koipond.app import FIRST_QUERY

CATALOG = """\
Handle,Title,Variant SKU,Variant Price,Variant Inventory Qty,Image Src
green-tea,Green tea,TEA-1,12.50,5,tea.svg
white-tea,White tea,TEA-2,20.00,7,tea.svg
"""
SETTINGS = """\
database_url = "sqlite:///shop.db"
media_folder = "media"

[[channels]]
code = "main"
name = "Main"
currencies = ["EUR"]
locales = ["en"]

[[seeds]]
file = "catalog.csv"
channel = "main"
currency = "EUR"
locale = "en"
asset_base = "/media/"
"""

SECRET = "a secret of thirty-two characters"

Koi = Callable[..., "Process"]


class Process:
    """One `koi`, whose output is read from a file."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.output = folder / f"output-{time.monotonic_ns()}.txt"
        program = "from koipond.cli import main; main()"
        outside = {name: value for name, value in os.environ.items() if "KOI" not in name}
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                cwd=folder,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=outside | {"COLUMNS": "200"} | variables,
            )

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, pattern: str) -> "re.Match[str]":
        """Wait until the output has `pattern`, at most 30 s."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = re.search(pattern, self.text)
            if found:
                return found
            assert self.process.poll() is None, self.text
            time.sleep(0.05)
        raise AssertionError(f"no {pattern} within 30 s: {self.text}")

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)

    def code(self) -> int:
        """Return the exit code of one that ends by itself."""
        return self.process.wait(30)


@pytest.fixture
def koi(tmp_path: Path) -> Iterator[Koi]:
    """Run `koi` in a folder with settings, a catalogue of two teas and a picture."""
    (tmp_path / "koi.toml").write_text(SETTINGS)
    (tmp_path / "catalog.csv").write_text(CATALOG)
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "tea.svg").write_text("<svg/>")
    running: list[Process] = []

    def run(*arguments: str, **variables: str) -> Process:
        running.append(Process(tmp_path, *arguments, **variables))
        return running[-1]

    yield run
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def names(address: str) -> list[str]:
    answer = httpx2.post(address, json={"query": FIRST_QUERY}).json()
    return sorted(node["name"] for node in answer["data"]["products"]["nodes"])


def test_dev_migrates_imports_serves_and_stops_cleanly(koi: Koi) -> None:
    first = koi("dev", "--port", "0")
    first.wait_for("Ctrl-C stops")
    address = first.wait_for(r"Storefront +(http://127\.0\.0\.1:\d+/graphql) ")[1]
    assert re.search(r"migrate +\d+\.\d s  migrated core 0001", first.text)
    assert re.search(r"import catalog.csv +\d+\.\d s  2 created, .* 0 skipped", first.text)
    assert re.search(r"start +\d+\.\d s", first.text)
    assert FIRST_QUERY in first.text
    assert "koi token staff" in first.text or "token staff" in first.text
    assert names(address) == ["Green tea", "White tea"]
    picture = httpx2.get(address.replace("/graphql", "/media/tea.svg"))
    assert picture.text == "<svg/>"
    assert first.end() == 0
    assert first.text.endswith("Stopped.\n")
    assert "Traceback" not in first.text

    second = koi("--settings", "koi.toml", "dev", "--port", "0")
    address = second.wait_for(r"Storefront +(\S+)")[1]
    second.wait_for("Ctrl-C stops")
    assert re.search(r"import catalog.csv +\d+\.\d s  done before", second.text)
    assert names(address) == ["Green tea", "White tea"]
    assert second.end(signal.SIGTERM) == 0
    assert "Traceback" not in second.text


def test_dev_refuses_a_taken_port_before_it_does_anything(koi: Koi, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = koi("dev", "--port", str(port))
        assert refused.code() == 2
    assert f"127.0.0.1:{port} is in use by another program" in refused.text
    assert f"dev --port {port + 1}" in refused.text
    assert "Traceback" not in refused.text
    assert not (tmp_path / "shop.db").exists()


def test_a_taken_port_is_answered_with_the_command_that_was_typed(koi: Koi) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        typed = koi("dev", f"--port={port}", "--settings", "koi.toml")
        made = koi("dev", "--port", str(port), KOI_TYPED="make demo")
        assert (typed.code(), made.code()) == (2, 2)
    assert f"dev --settings koi.toml --port {port + 1}" in typed.text
    assert "make demo" not in typed.text
    assert f"make demo PORT={port + 1}" in made.text


def test_a_port_that_is_none_is_refused_in_words(koi: Koi) -> None:
    refused = koi("dev", "--port", "abc")
    assert refused.code() == 2
    assert "'abc' is no port. Give a whole number from 0 to 65535" in refused.text


def test_dev_refuses_an_address_of_another_machine(koi: Koi) -> None:
    refused = koi("dev", "--host", "192.0.2.1", "--port", "0")
    assert refused.code() == 2
    assert "192.0.2.1:0 cannot be listened on" in refused.text


def test_dev_refuses_a_broken_database_and_names_the_way_out(koi: Koi, tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_text("a letter " * 1000)
    refused = koi("dev", "--port", "0")
    assert refused.code() == 2
    assert "file is not a database" in refused.text
    assert "mv shop.db shop.db.broken" in refused.text
    assert "Traceback" not in refused.text
    assert (tmp_path / "shop.db").read_text() == "a letter " * 1000


def test_dev_refuses_a_seed_that_is_not_there(koi: Koi, tmp_path: Path) -> None:
    (tmp_path / "catalog.csv").unlink()
    refused = koi("dev", "--port", "0")
    assert refused.code() == 2
    assert "catalog.csv" in refused.text
    assert "Traceback" not in refused.text


def test_serve_refuses_to_start_before_it_was_migrated(koi: Koi) -> None:
    refused = koi("serve", "--port", str(free_port()), KOI_SECRET=SECRET)
    assert refused.code() == 2
    assert "Run: koi migrate" in refused.text
    assert "Traceback" not in refused.text


def test_serve_is_production_and_refuses_the_built_in_secret(koi: Koi, tmp_path: Path) -> None:
    assert koi("migrate").code() == 0
    refused = koi("serve", "--port", str(free_port()))
    assert refused.code() == 2
    assert "Set the variable KOI_SECRET" in refused.text
    assert "openssl rand -hex 32" in refused.text
    (tmp_path / "koi.toml").write_text("production = false\n" + SETTINGS)
    port = free_port()
    server = koi("serve", "--port", str(port))
    wait_until_it_answers(server, f"http://127.0.0.1:{port}/ready")
    assert server.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_answers_with_any_number_of_workers_and_ends_at_sigterm(
    koi: Koi, workers: int
) -> None:
    assert koi("migrate").code() == 0
    port = free_port()
    arguments = ("serve", "--port", str(port), "--workers", str(workers))
    server = koi("--settings", "koi.toml", *arguments, KOI_SECRET=SECRET)
    ready = f"http://127.0.0.1:{port}/ready"
    wait_until_it_answers(server, ready)
    address = f"http://127.0.0.1:{port}/graphql"
    assert names(address) == []
    asked = httpx2.post(address, json={"query": "{ __schema { queryType { name } } }"}).json()
    assert "errors" in asked
    page = httpx2.get(address, headers={"Accept": "text/html"})
    assert "text/html" not in page.headers["Content-Type"]
    assert '"path": "/graphql"' in server.text
    assert server.end(signal.SIGTERM) == 0
    assert "Traceback" not in server.text
    assert not _answers(ready)


def wait_until_it_answers(server: Process, address: str) -> None:
    deadline = time.monotonic() + 30
    while not _answers(address):
        assert server.process.poll() is None, server.text
        assert time.monotonic() < deadline, server.text
        time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        return httpx2.get(address).status_code == 200
    except httpx2.TransportError:
        return False
