"""What `koi dev`, `koi serve` and `koi worker` refuse before they begin, in the test's process."""

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from core.tests.cli.folder import free_port, write_shop

from koipond.cli import koi as program

SECRET = sha256(b"drawn").hexdigest()

Koi = Callable[..., Result]


@pytest.fixture
def koi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Koi]:
    """Run `koi` in the folder of a shop; it must be refused, in words."""
    write_shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str) -> Result:
        # What was typed is told again, with the way out in it.
        monkeypatch.setattr(sys, "argv", ["koi", *arguments])
        refused = CliRunner().invoke(program, arguments, prog_name="koi")
        assert refused.exit_code == 2, refused.output
        assert "Traceback" not in refused.output
        return refused

    yield run
    signal.signal(signal.SIGTERM, before)


@contextmanager
def listening() -> Iterator[int]:
    """Lend a port that another program has."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port: int = other.getsockname()[1]
        yield port


def test_dev_refuses_a_taken_port_before_it_does_anything(koi: Koi, tmp_path: Path) -> None:
    with listening() as port:
        refused = koi("dev", "--port", str(port))
    assert f"127.0.0.1:{port} is in use by another program" in refused.output
    assert f"dev --port {port + 1}" in refused.output
    assert not (tmp_path / "shop.db").exists()


def test_a_taken_port_is_answered_with_the_command_that_was_typed(
    koi: Koi, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as port:
        typed = koi("dev", f"--port={port}", "--settings", "koi.toml")
        monkeypatch.setenv("KOI_TYPED", "make demo")
        made = koi("dev", "--port", str(port))
    assert f"dev --settings koi.toml --port {port + 1}" in typed.output
    assert "make demo" not in typed.output
    assert f"make demo PORT={port + 1}" in made.output


def test_a_port_that_is_none_is_refused_in_words(koi: Koi) -> None:
    refused = koi("dev", "--port", "abc")
    assert "'abc' is no port. Give a whole number from 0 to 65535" in refused.output


def test_dev_refuses_an_address_of_another_machine(koi: Koi) -> None:
    refused = koi("dev", "--host", "192.0.2.1", "--port", "0")
    assert "192.0.2.1:0 cannot be listened on" in refused.output


def test_dev_refuses_a_broken_database_and_names_the_way_out(koi: Koi, tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_text("a letter " * 1000)
    refused = koi("dev", "--port", "0")
    assert "file is not a database" in refused.output
    assert "mv shop.db shop.db.broken" in refused.output
    assert (tmp_path / "shop.db").read_text() == "a letter " * 1000


@pytest.mark.slow
def test_dev_refuses_a_seed_that_is_not_there(koi: Koi, tmp_path: Path) -> None:
    (tmp_path / "catalog.csv").unlink()
    assert "catalog.csv" in koi("dev", "--port", "0").output


def test_serve_refuses_to_start_before_it_was_migrated(
    koi: Koi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOI_SECRET", SECRET)
    assert "Run: koi migrate" in koi("serve", "--port", str(free_port())).output


def test_the_worker_refuses_a_database_that_is_not_migrated(
    koi: Koi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOI_PRODUCTION", "false")
    assert "koi migrate" in koi("worker").output


def test_the_worker_is_production_as_serve_is(koi: Koi) -> None:
    assert "production refuses the built-in one" in koi("worker").output


def test_a_strategy_that_there_is_none_of_is_refused_at_the_start(
    koi: Koi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOI_ALLOCATION_STRATEGY", "whole-first")
    assert "no 'whole-first'. There are: priority, whole_first" in koi("migrate").output
    assert not (tmp_path / "shop.db").exists()
    found = CliRunner().invoke(program, ["doctor"], prog_name="koi")
    assert found.exit_code == 1
    assert "There are: priority, whole_first" in found.output


def test_sandbox_books_that_cannot_be_opened_are_refused_at_the_start(
    koi: Koi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOI_SANDBOX_FILE", "/proc/nowhere/books.db")
    assert "sandbox_file: /proc/nowhere/books.db cannot be opened" in koi("migrate").output
