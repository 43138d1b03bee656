"""What `koi dev` does, told step by step with its seconds."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import settings_file, typed_program

if TYPE_CHECKING:
    from koipond.settings import SeedSettings, Settings

# How long open requests may take after Ctrl-C.
_GRACE_S = 2


def develop(settings: Settings, listener: socket.socket, *, trace_hooks: bool = False) -> None:
    """Prepare the shop and serve it on `listener` until it is interrupted."""
    import uvicorn

    with _step("load the code"):
        from koipond.app import create_app, set_up
        from koipond.cli.draining import Draining
        from koipond.kernel.logs import configure

        configure(production=settings.production)
    with _step("migrate") as done:
        done.extend(asyncio.run(set_up(settings)))
    for seed in settings.seeds:
        if seed.file.endswith(".graphql"):
            with _step(f"ask {Path(seed.file).name}") as done:
                done.append(asyncio.run(ask_seed(settings, seed)))
        else:
            with _step(f"import {Path(seed.file).name}") as done:
                done.append(asyncio.run(_import(settings, seed)))
    started = time.perf_counter()
    app = create_app(settings, work=True)

    async def announce() -> None:
        _tell("start", time.perf_counter() - started, [])
        click.echo(_welcome(_address(listener), settings))

    app.on_startup += [Draining(app.state.crowd).begin, announce]
    if trace_hooks:
        from koipond.cli.tracing import HookTrace

        app.asgi_handler = HookTrace(app.asgi_handler, click.echo)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    uvicorn.Server(config).run(sockets=[listener])


async def ask_seed(settings: Settings, seed: SeedSettings) -> str:
    """Send a seed to the staff's schema unless that was done before; returns what it came to.

    One that asks for what a disabled plugin would have keeps nobody from looking at the rest.
    """
    from koipond.cli.asking import NotInSchema, send

    told = {"channel": seed.channel, "currency": seed.currency, "locale": seed.locale}
    try:
        return await send(settings, Path(seed.file), **told)
    except NotInSchema as error:
        return f"left out: {error.message}"


async def _import(settings: Settings, seed: SeedSettings) -> str:
    """Import a seed unless that was done before; returns what it came to."""
    from koipond.cli.importing import import_behind_bar, summarize
    from koipond.cli.opening import opened
    from koipond.imports.service import is_imported
    from koipond.imports.types import ImportOptions

    file = Path(seed.file)
    options = ImportOptions(
        channel=seed.channel,
        currency=seed.currency,
        locale=seed.locale,
        asset_base=seed.asset_base,
    )
    async with opened(settings) as ctx:
        if await is_imported(ctx, file, options):
            return "done before"
        return summarize((await import_behind_bar(ctx, file, options)).counts)


@contextmanager
def _step(name: str) -> Iterator[list[str]]:
    """Print a step when it is done, with its seconds and what the block noted."""
    noted: list[str] = []
    started = time.perf_counter()
    yield noted
    _tell(name, time.perf_counter() - started, noted)


def _tell(name: str, seconds: float, noted: list[str]) -> None:
    first, *others = noted or [""]
    click.echo(f"{name:<22} {seconds:5.1f} s  {first}".rstrip())
    for note in others:
        click.echo(" " * 32 + note)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104  not an address to listen on, but one to call
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _welcome(address: str, settings: Settings) -> str:
    from koipond.front import ADMIN_PATH, STOREFRONT_PATH

    named = settings_file()
    at = f" --settings {named}" if named else ""
    admin = f"{typed_program()} createadmin you@example.org{at}"
    token = f"{typed_program()} token staff you@example.org{at}"
    known_only = "answers known documents only"
    storefront = known_only if settings.trusted_documents.enforce else "in a browser: GraphiQL"
    staff = f"{known_only}; " if settings.trusted_admin_documents.enforce else ""
    return f"""
Storefront  {address}{STOREFRONT_PATH}   ({storefront})
Admin       {address}{ADMIN_PATH}   ({staff}needs a token: {admin}; {token})

{_hint(settings)}
Ctrl-C stops."""


def _hint(settings: Settings) -> str:
    """Return what to do first at the storefront's endpoint."""
    from koipond.front import FIRST_QUERY

    trusted = settings.trusted_documents
    if not trusted.enforce:
        return f"A first query to paste there:\n\n{FIRST_QUERY}"
    return (
        f"What is typed into GraphiQL there is refused, unless it is in {trusted.file}.\n"
        "While you write documents set enforce = false in [trusted_documents] and start again.\n"
    )
