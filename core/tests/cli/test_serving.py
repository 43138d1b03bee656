"""`koi dev` and `koi serve`, each as a process of its own."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest
from core.tests.cli.folder import SETTINGS, free_port, write_shop

from koipond.app import set_up
from koipond.front import FIRST_QUERY
from koipond.graphql.trusted import document_id
from koipond.settings import load

SECRET = sha256(b"drawn").hexdigest()

Koi = Callable[..., "Process"]

# One for all: to make a client reads the certificates of the system, 50 ms.
HTTP = httpx2.Client()


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
        """Wait until the output has `pattern`, at most 90 s: machines are busy."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            found = re.search(pattern, self.text)
            if found:
                return found
            assert self.process.poll() is None, self.text
            time.sleep(0.05)
        raise AssertionError(f"no {pattern} within 90 s: {self.text}")

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)

    def code(self) -> int:
        """Return the exit code of one that ends by itself."""
        return self.process.wait(30)


@pytest.fixture
def koi(tmp_path: Path) -> Iterator[Koi]:
    """Run `koi` in the folder of a shop."""
    write_shop(tmp_path)
    running: list[Process] = []

    def run(*arguments: str, **variables: str) -> Process:
        running.append(Process(tmp_path, *arguments, **variables))
        return running[-1]

    yield run
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def names(address: str) -> list[str]:
    answer = HTTP.post(address, json={"query": FIRST_QUERY}).json()
    return sorted(node["name"] for node in answer["data"]["products"]["nodes"])


@pytest.mark.slow
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
    picture = HTTP.get(address.replace("/graphql", "/media/tea.svg"))
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


@pytest.mark.slow
def test_dev_shows_no_first_query_where_it_would_be_refused(koi: Koi, tmp_path: Path) -> None:
    known = "{ channels { code } }"
    (tmp_path / "persisted.json").write_text(json.dumps({document_id(known): known}))
    with (tmp_path / "koi.toml").open("a") as settings:
        settings.write('[trusted_documents]\nfile = "persisted.json"\nenforce = true\n')
    shop = koi("dev", "--port", "0")
    shop.wait_for("Ctrl-C stops")
    address = shop.wait_for(r"Storefront +(\S+)   \(answers known documents only\)")[1]
    assert re.search(r"Admin +\S+   \(needs a token: ", shop.text)
    assert "set enforce = false in [trusted_documents]" in shop.text
    assert FIRST_QUERY not in shop.text
    answer = HTTP.post(address, json={"query": FIRST_QUERY}).json()
    assert answer["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
    assert "data" in HTTP.post(address, json={"query": known}).json()
    assert shop.end() == 0


@pytest.mark.slow
def test_serve_is_production_and_refuses_the_built_in_secret(koi: Koi, tmp_path: Path) -> None:
    asyncio.run(set_up(load(tmp_path / "koi.toml")))
    refused = koi("serve", "--port", str(free_port()))
    assert refused.code() == 2
    assert "Set the variable KOI_SECRET" in refused.text
    assert "openssl rand -hex 32" in refused.text
    (tmp_path / "koi.toml").write_text("production = false\n" + SETTINGS)
    port = free_port()
    server = koi("serve", "--port", str(port))
    wait_until_it_answers(server, f"http://127.0.0.1:{port}/ready")
    assert server.end(signal.SIGTERM) == 0


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_serve_answers_with_any_number_of_workers_and_ends_at_sigterm(
    koi: Koi, tmp_path: Path, workers: int
) -> None:
    asyncio.run(set_up(load(tmp_path / "koi.toml")))
    port = free_port()
    arguments = ("serve", "--port", str(port), "--workers", str(workers))
    server = koi("--settings", "koi.toml", *arguments, KOI_SECRET=SECRET)
    ready = f"http://127.0.0.1:{port}/ready"
    wait_until_it_answers(server, ready)
    address = f"http://127.0.0.1:{port}/graphql"
    assert names(address) == []
    asked = HTTP.post(address, json={"query": "{ __schema { queryType { name } } }"}).json()
    assert "errors" in asked
    page = HTTP.get(address, headers={"Accept": "text/html"})
    assert "text/html" not in page.headers["Content-Type"]
    assert '"path":"/graphql"' in server.text
    assert server.end(signal.SIGTERM) == 0
    assert "Traceback" not in server.text
    assert not _answers(ready)


def wait_until_it_answers(server: Process, address: str) -> None:
    deadline = time.monotonic() + 90
    while not _answers(address):
        assert server.process.poll() is None, server.text
        assert time.monotonic() < deadline, server.text
        time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        return HTTP.get(address).status_code == 200
    except httpx2.TransportError:
        return False
