"""`koi dev` and `koi serve`."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from koipond.cli.options import (
    SETTINGS_VARIABLE,
    read_settings,
    settings_file,
    typed_program,
    with_settings,
)
from koipond.cli.problems import Problem

if TYPE_CHECKING:
    from litestar import Litestar

    from koipond.settings import Settings

# How long open requests may take after the signal to stop.
_GRACE_S = 10

# What was typed to start this, if it was not `koi`; the Makefile sets it.
TYPED_VARIABLE = "KOI_TYPED"


class _Port(click.IntRange):
    """The number of a port, refused in words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"{value!r} is no port. Give a whole number from 0 to 65535, such as 8001.")


_host = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
_port = click.option(
    "--port",
    type=_Port(0, 65535),
    default=8000,
    show_default=True,
    help="0: any free one.",
)


@click.command
@_host
@_port
@click.option(
    "--trace-hooks",
    is_flag=True,
    help="Print for each request which hooks of plugins it called, as a tree with milliseconds.",
)
@click.option(
    "--reload",
    is_flag=True,
    help="Begin again when Python or TOML of the shop's folder, koipond or an editable plugin "
    "changes. Open requests are answered before, and who asks meanwhile waits.",
)
@with_settings
def dev(settings: Settings, host: str, port: int, trace_hooks: bool, reload: bool) -> None:
    """Run the shop for development: migrate, import the seeds of the settings once, serve."""
    signal.signal(signal.SIGTERM, _interrupt)
    # Where Ctrl-C is ignored, as in a script's background, a signal that stops it raises nothing.
    with suppress(KeyboardInterrupt), listening(host, port) as listener:
        if reload:
            from koipond.cli.reloading import run_reloading

            run_reloading(partial(_develop_anew, listener, trace_hooks), shop=_shop_folder())
        else:
            from koipond.cli.developing import develop

            develop(settings, listener, trace_hooks=trace_hooks)
    click.echo("Stopped.")


def _develop_anew(listener: socket.socket, trace_hooks: bool) -> None:
    """Do as `koi dev`, by the settings and the code as they are now."""
    from koipond.cli.developing import develop
    from koipond.cli.options import read_settings, settings_file

    settings = read_settings(settings_file(), production=False)
    develop(settings, listener, trace_hooks=trace_hooks)


def _shop_folder() -> Path:
    """Return the folder of the settings file, or the working folder."""
    named = settings_file()
    return Path(named).parent if named else Path()


@click.command
@_host
@_port
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes."
)
@partial(with_settings, production=True)
def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Run the shop for production: no query editor, no introspection, logs as JSON.

    It wants a secret (KOI_SECRET), and refuses to start while there is something to migrate. The
    setting `production = false` makes it as open as `koi dev`.
    """
    import uvicorn

    from koipond.kernel.logs import configure

    configure(production=settings.production)
    asyncio.run(_check(settings))
    with listening(host, port):
        pass
    named = settings_file()
    if named:
        os.environ[SETTINGS_VARIABLE] = named
    signal.signal(signal.SIGTERM, _interrupt)
    uvicorn.run(
        f"{__name__}:worker_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        # Ours, which `trusted_proxies` tells: a test shows what it believes.
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


def worker_app() -> Litestar:
    """Make the app of one worker process, which knows only the environment."""
    from koipond.app import create_app
    from koipond.cli.collecting import collect_seldom
    from koipond.cli.draining import Draining
    from koipond.kernel.logs import configure

    settings = read_settings(os.environ.get(SETTINGS_VARIABLE), production=True)
    configure(production=settings.production)
    app = create_app(settings)
    draining = Draining(app.state.crowd, notice_s=settings.leave_notice_s)
    app.on_startup += [draining.begin, collect_seldom]
    return app


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Hold an address. Raises Problem, before anything else was done, if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            # At once: two sockets can be bound to one address, but only one can listen.
            listener.listen()
        except OSError as error:
            raise Problem(_way_out(error, host, port)) from error
        yield listener


def _way_out(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{host}:{port} is in use by another program. Stop that one, or take another port:\n"
            f"  {_with_port(sys.argv[1:], port + 1)}"
        )
    return f"{host}:{port} cannot be listened on: {error.strerror}. Name others: --host, --port"


def _with_port(arguments: list[str], port: int) -> str:
    """Return the command that was typed, with another port."""
    typed = os.environ.get(TYPED_VARIABLE)
    if typed:
        return f"{typed} PORT={port}"
    kept = []
    rest = iter(arguments)
    for one in rest:
        if one == "--port":
            next(rest, None)
        elif not one.startswith("--port="):
            kept.append(one)
    return f"{typed_program()} {shlex.join(kept)} --port {port}"


async def _check(settings: Settings) -> None:
    from koipond.cli.opening import opened

    async with opened(settings):
        pass


def _interrupt(number: int, frame: object) -> None:
    """End as with Ctrl-C, so that what is open is closed and the exit code is 0."""
    raise KeyboardInterrupt
