"""`koi worker`, as a process of its own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import pytest

from koipond.app import set_up
from koipond.settings import Settings


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


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_worker_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    asyncio.run(set_up(Settings(database_url=f"sqlite:///{tmp_path}/shop.db")))
    with koi(tmp_path, "worker", KOI_SECRET=token_hex(32)) as process:
        assert process.stdout is not None
        assert "worker started" in process.stdout.readline()
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(number)
        code, output = finish(process)
    assert code == 0
    assert "worker stopped" in output
    assert "Traceback" not in output
