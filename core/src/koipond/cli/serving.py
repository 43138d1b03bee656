"""`koi dev` and `koi serve`."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import SETTINGS_VARIABLE, settings_file, with_settings
from koipond.cli.problems import Problem

if TYPE_CHECKING:
    from litestar import Litestar

    from koipond.settings import Settings

# How long open requests may take after the signal to stop.
_GRACE_S = 10

_host = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
_port = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0: any free one.",
)


@click.command
@_host
@_port
@with_settings
def dev(settings: Settings, host: str, port: int) -> None:
    """Run the shop for development: migrate, import the seeds of the settings once, serve."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with listening(host, port) as listener:
            from koipond.cli.developing import develop

            develop(settings, listener)
    except KeyboardInterrupt:
        click.echo("Stopped.")


@click.command
@_host
@_port
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes."
)
@with_settings
def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Run the shop for production; refuses to start while there is something to migrate."""
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
        timeout_graceful_shutdown=_GRACE_S,
    )


def worker_app() -> Litestar:
    """Make the app of one worker process, which knows only the environment."""
    from koipond.app import create_app
    from koipond.kernel.logs import configure
    from koipond.settings import load

    named = os.environ.get(SETTINGS_VARIABLE)
    settings = load(Path(named) if named else None)
    configure(production=settings.production)
    return create_app(settings)


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
            f"  make demo PORT={port + 1}\n  koi dev --port {port + 1}"
        )
    return (
        f"{host}:{port} cannot be listened on: {error.strerror}. Name others: koi dev --host --port"
    )


async def _check(settings: Settings) -> None:
    from koipond.cli.opening import opened

    async with opened(settings):
        pass


def _interrupt(number: int, frame: object) -> None:
    """End as with Ctrl-C, so that what is open is closed and the exit code is 0."""
    raise KeyboardInterrupt
