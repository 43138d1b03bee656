"""`koi worker`, as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def koi(folder: Path, *arguments: str, **told: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command on the database of `folder`. told: more variables."""
    program = "from koipond.cli import main; main()"
    outside = {name: value for name, value in os.environ.items() if "KOI" not in name}
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=outside | {"COLUMNS": "200", "KOI_DATABASE_URL": "sqlite:///shop.db", **told},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=40)
    return process.returncode, output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_worker_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with koi(tmp_path, "migrate") as process:
        assert finish(process)[0] == 0
    with koi(tmp_path, "worker", KOI_SECRET="x" * 32) as process:
        assert process.stdout is not None
        assert "worker started" in process.stdout.readline()
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(number)
        code, output = finish(process)
    assert code == 0
    assert "worker stopped" in output
    assert "Traceback" not in output


def test_the_worker_refuses_a_database_that_is_not_migrated(tmp_path: Path) -> None:
    with koi(tmp_path, "worker", KOI_PRODUCTION="false") as process:
        code, output = finish(process)
    assert code == 2
    assert "koi migrate" in output
    assert "Traceback" not in output


def test_the_worker_is_production_as_serve_is(tmp_path: Path) -> None:
    with koi(tmp_path, "worker") as process:
        code, output = finish(process)
    assert code == 2
    assert "production refuses the built-in one" in output


def test_a_strategy_that_there_is_none_of_is_refused_at_the_start(tmp_path: Path) -> None:
    with koi(tmp_path, "migrate", KOI_ALLOCATION_STRATEGY="whole-first") as process:
        code, output = finish(process)
    assert code == 2
    assert "no 'whole-first'. There are: priority, whole_first" in output
    assert list(tmp_path.iterdir()) == []
    with koi(tmp_path, "doctor", KOI_ALLOCATION_STRATEGY="whole-first") as process:
        code, output = finish(process)
    assert code == 1
    assert "There are: priority, whole_first" in output
    assert "Traceback" not in output


def test_sandbox_books_without_a_folder_are_refused_at_the_start(tmp_path: Path) -> None:
    with koi(tmp_path, "migrate", KOI_SANDBOX_FILE="nowhere/books.db") as process:
        code, output = finish(process)
    assert code == 2
    assert "there is no folder nowhere" in output
    assert list(tmp_path.iterdir()) == []
