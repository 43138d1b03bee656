"""`koi dev --reload`: the shop as a process of its own, begun again when its source changes.

this process    holds the address, so that who asks meanwhile waits; has imported what is not ours
  a fork of it  has imported core; a new one is begun when core changes
    a fork      imports the plugins and serves; a new one is begun when they or the shop change

So of the seconds that a start takes only those are spent again whose code has changed.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import rich_click as click

from koipond.cli.problems import Problem, explain

# How often files are looked at, which takes 7 ms.
_LOOK_EVERY_S = 0.25
# Of a shop's own folder: what is not its source.
_LEFT_OUT = {"__pycache__", "build", "dist", "node_modules", "site-packages", "venv"}
_SOURCES = (".py", ".toml")
_OTHERS = (
    "alembic.config",
    "alembic.runtime.migration",
    "alembic.script",
    "asyncpg",
    "babel.dates",
    "babel.numbers",
    "httpx2",
    "jinja2.sandbox",
    "joserfc.jwt",
    "litestar",
    "litestar.openapi",
    "prometheus_client",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.ext.asyncio",
    "strawberry.schema",
    "structlog",
    "uvicorn",
    "uvloop",
    "websockets",
)
_CORE = ("koipond.app", "koipond.cli.developing", "koipond.cli.draining")
_SDK = ("koipond_sdk.db", "koipond_sdk.hooks", "koipond_sdk.schema", "koipond_sdk.views")

# {file: when it was written, and its size}; texts, for a Path costs more than to look at its file.
Stamps = Mapping[str, tuple[int, int]]


def run_reloading(run: Callable[[], None], *, shop: Path) -> None:
    """Call `run` in a child until it is interrupted, and anew when a file of ours changes.

    shop: the folder of the shop, whose source counts too. A child that ends by itself, such as one
    whose source has a mistake, is begun again at the next change. Raises Problem.
    """
    if not hasattr(os, "fork"):
        raise Problem("--reload needs a system on which processes fork: Linux, macOS.")

    def run_with_core() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0].startswith("koipond")]:
            del sys.modules[name]
        _import(_CORE)
        with suppress(ModuleNotFoundError):
            _import(_SDK)
        _repeat(run, lambda: find_folders(shop), shop)

    _import(_OTHERS)
    _repeat(run_with_core, find_core_folders, shop)


def _import(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)


def _repeat(run: Callable[[], None], find: Callable[[], list[Path]], shop: Path) -> None:
    """Run in a child, and in another one each time that a source in one of the folders changes."""
    # What is here is not looked at by the collector of a child, and so not copied for it.
    gc.freeze()
    is_first = True
    is_asked = _listen()
    while True:
        folders = find()
        before = look(folders)
        child = _Child(run, is_first=is_first, is_asked=is_asked)
        try:
            changed = _wait_for_change(before, folders, child, is_asked)
        finally:
            child.end()
        click.echo(f"\n{_told(changed, shop)} changed: begin again")
        is_first = False


def _listen() -> Callable[[], bool]:
    """Return what tells whether this process was asked to end.

    By handlers that raise nothing: Python loses what is raised while it collects garbage.
    """
    asked: list[int] = []
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda number, _: asked.append(number))
    return lambda: bool(asked)


def find_core_folders() -> list[Path]:
    """Return the folders of core and the sdk."""
    return sorted(_folders_of({"koipond", "koipond_sdk"}))


def find_folders(shop: Path) -> list[Path]:
    """Return the folders whose source is not core's: the shop's, and those of editable plugins."""
    importlib.invalidate_caches()
    points = entry_points(group="koipond.plugins")
    plugins = _folders_of({point.module.partition(".")[0] for point in points})
    return sorted({shop.resolve(), *plugins} - {*find_core_folders()})


def _folders_of(packages: set[str]) -> Iterator[Path]:
    for package in packages:
        with suppress(ImportError, ValueError):
            spec = find_spec(package)
            # What is installed for good changes by an installation only.
            if spec is not None and spec.origin and "site-packages" not in spec.origin:
                yield Path(spec.origin).resolve().parent


def look(folders: list[Path]) -> Stamps:
    """Return {file: when it was written, and its size} of all sources."""
    return {path: stamp for folder in folders for path, stamp in _walk(str(folder))}


def _walk(folder: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield each source; one that vanishes meanwhile is none."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _LEFT_OUT and not entry.name.startswith("."):
                    yield from _walk(entry.path)
            elif entry.name.endswith(_SOURCES):
                with suppress(OSError):
                    seen = entry.stat()
                    yield entry.path, (seen.st_mtime_ns, seen.st_size)


class _Child:
    """A fork of this process that runs."""

    def __init__(
        self, run: Callable[[], None], *, is_first: bool, is_asked: Callable[[], bool]
    ) -> None:
        self.is_alive = True
        sys.stdout.flush()
        sys.stderr.flush()
        self._id = os.fork()
        if self._id == 0:
            code = 1
            try:
                code = _run(run, is_first=is_first, is_asked=is_asked)
            finally:
                # Never back into the parent's frames, whatever was raised.
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)

    def look(self) -> bool:
        """Tell whether it has just ended by itself."""
        has_ended = self.is_alive and os.waitpid(self._id, os.WNOHANG)[0] != 0
        self.is_alive = self.is_alive and not has_ended
        return has_ended

    def end(self) -> None:
        """Let it answer what it was asked, as at Ctrl-C, and wait for it.

        Not by SIGINT: the terminal has sent that to both, and twice means not to wait.
        """
        if self.is_alive:
            os.kill(self._id, signal.SIGTERM)
            os.waitpid(self._id, 0)
            self.is_alive = False


def _run(run: Callable[[], None], *, is_first: bool, is_asked: Callable[[], bool]) -> int:
    """Run, and show what a user can mend as `koi` shows it; returns the exit code."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.default_int_handler)
    if is_asked():
        # Between the fork and here: the parent's handlers took it.
        return 0
    # Bytecode is known by a second and a size: of two saves within one second the first would be
    # run for ever. At the first start all of it is written, to be read by the others.
    sys.dont_write_bytecode = sys.dont_write_bytecode or not is_first
    try:
        run()
    except KeyboardInterrupt:
        return 0
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except Exception as error:
        # The code that would explain it may be what has the mistake.
        with suppress(Exception):
            explained = explain(error)
            if explained is not None:
                explained.show()
                return explained.exit_code
        traceback.print_exc()
        return 1
    return 0


def _wait_for_change(
    before: Stamps, folders: list[Path], child: _Child, is_asked: Callable[[], bool]
) -> list[str]:
    """Return the files that changed; says so if the child ends meanwhile.

    Raises KeyboardInterrupt once this process was asked to end.
    """
    while True:
        time.sleep(_LOOK_EVERY_S)
        if is_asked():
            raise KeyboardInterrupt
        now = look(folders)
        changed = [path for path in {*before, *now} if before.get(path) != now.get(path)]
        if changed:
            return sorted(changed)
        if child.look():
            click.echo("It ended. The next change of a file begins it again; Ctrl-C stops.")


def _told(changed: list[str], shop: Path) -> str:
    names = [os.path.relpath(path, shop) for path in changed]
    others = len(names) - 1
    return names[0] + (f" and {others} more" if others else "")
