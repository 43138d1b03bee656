"""`koi plugin`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings
from koipond.cli.problems import Problem

if TYPE_CHECKING:
    from koipond.kernel.context import Context
    from koipond.plugin.types import States
    from koipond.settings import Settings

_RESTART = (
    "It counts once koi serve, koi worker and koi dev are started again; "
    "until then they go on as they are."
)
_NEXT = """wrote {folder}, {count} files: a plugin that works. Try it:

  cd {folder}
  pip install -e '.[dev]'
  pytest
  pytest --koipond-conformance
  ruff check && ruff format --check && mypy

A shop that has it installed finds it by itself. In the shop's folder:

  koi migrate
  koi dev --reload"""
_channel = click.option(
    "--channel", default="", metavar="CODE", help="Only in this channel. Default: everywhere."
)


@click.group
def plugin() -> None:
    """Look after plugins."""


@plugin.command("list")
@with_settings
def list_all(settings: Settings) -> None:
    """Show every plugin that is installed, or whose tables are here, and how it is."""
    from koipond.cli.standing import find_standings

    found = asyncio.run(find_standings(settings))
    for one in found:
        click.echo("  ".join(filter(None, (one.name, one.version, one.state, one.about))))
    if not found:
        click.echo("no plugin is installed; `pip install koipond-checkin` installs one")


@plugin.command
@click.argument("name")
def new(name: str) -> None:
    """Write a plugin NAME that works, into the new folder koipond-NAME.

    It has one of each that a plugin may add, small, with tests: a table, fields, a filter, a
    mutation, a price, an event, a job, a setting, a permission. Keep what you need.
    """
    from koipond.cli.scaffolding import write_plugin

    folder = write_plugin(name, into=Path())
    count = sum(one.is_file() for one in folder.rglob("*"))
    click.echo(_NEXT.format(folder=folder, count=count))


@plugin.command
@click.argument("name")
@with_settings
def info(settings: Settings, name: str) -> None:
    """Show what the plugin NAME adds to the shop, and what it keeps in the database."""
    from koipond.cli.standing import describe

    for line in asyncio.run(describe(settings, name)):
        click.echo(line)


@plugin.command
@click.argument("name")
@_channel
@with_settings
def enable(settings: Settings, name: str, channel: str) -> None:
    """Turn the plugin NAME on again."""
    done = asyncio.run(_enable(settings, name, channel))
    click.echo(f"{name} is enabled. {_RESTART}" if done else f"{name} was enabled before")


@plugin.command
@click.argument("name")
@_channel
@with_settings
def disable(settings: Settings, name: str, channel: str) -> None:
    """Turn the plugin NAME off: its fields, hooks and jobs.

    Its tables and settings stay, and are kept up to date. It is refused while the plugin owes
    something to somebody, or another one requires it.
    """
    done = asyncio.run(_disable(settings, name, channel))
    click.echo(f"{name} is disabled. {_RESTART}" if done else f"{name} was disabled before")


@plugin.command
@click.argument("name")
@click.option(
    "--export",
    type=click.Path(path_type=Path),
    help="First write all rows there, a new file, one JSON document a line.",
)
@click.option("--yes", is_flag=True, help="Do it. Without, only what would be dropped is told.")
@with_settings
def purge(settings: Settings, name: str, export: Path | None, yes: bool) -> None:
    """Drop the tables of the plugin NAME, and what was set for it. It cannot be undone.

    It must be uninstalled or disabled. Its rows are gone; core's stay as they are.
    """
    from koipond.cli.standing import purge_tables

    dropped = asyncio.run(purge_tables(settings, name, export=export, sure=yes))
    for one in dropped:
        click.echo(f"dropped {one.table}, {one.rows:,} rows")
    click.echo(f"nothing of {name} is left")


@plugin.command
@click.argument("name")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    default="1970-01-01",
    help="Only of what happened from then on, in UTC. Default: of all that there is.",
)
@with_settings
def backfill(settings: Settings, name: str, since: datetime) -> None:
    """Let the plugin NAME hear of events from before it was installed, or was turned on.

    Each event that it has heard of, or is to hear of, is left out; so this may be run again, also
    after it was interrupted. Workers hand the events over; `koi dead list` shows what fails.
    """
    made = asyncio.run(_backfill(settings, name, since.replace(tzinfo=UTC)))
    click.echo(f"{name} is to hear of {made:,} events more")


@plugin.command
@click.argument("name")
@click.argument("message")
@with_settings
def migration(settings: Settings, name: str, message: str) -> None:
    """Draft the revision that brings the tables of the plugin NAME to what its tables.py says.

    It compares them with the database of the settings, which must be migrated. Read the draft, and
    mend it: what is renamed looks like dropped and added.
    """
    from koipond.cli.standing import draft_revision

    file = asyncio.run(draft_revision(settings, name, message))
    click.echo(f"wrote {file}" if file else f"the tables of {name} are as its tables.py says")


@plugin.command
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--token", default="", help="Whose request it is: `koi token member …` prints one.")
@click.option("--channel", default="", metavar="CODE", help="Default: the shop's default one.")
@with_settings
def trace(settings: Settings, file: Path | None, token: str, channel: str) -> None:
    """Show which hooks of which plugins a request calls, as a tree with milliseconds.

    FILE is a GraphQL document, or JSON with `query` and `variables`; it is run on the shop, and
    what it writes stays. Without FILE it is a purchase, in a shop that is made for it and thrown
    away. What hooks cost a running shop is told by GET /metrics (setting metrics).
    """
    import json

    from koipond.cli.tracing import read_request, trace_on, trace_purchase
    from koipond.kernel.logs import configure

    configure(production=settings.production)
    if file is None:
        answer = asyncio.run(trace_purchase(click.echo))
    else:
        headers = {"koi-channel": channel} if channel else {}
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        answer = asyncio.run(trace_on(settings, read_request(file), click.echo, headers))
    click.echo(json.dumps(answer, ensure_ascii=False))


async def _backfill(settings: Settings, name: str, since: datetime) -> int:
    from koipond.cli.opening import opened
    from koipond.delivery import service

    with click.progressbar(length=1, label="events", show_pos=True) as bar:

        def tell(looked: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(looked - bar.pos)

        async with opened(settings) as ctx:
            return await service.backfill(ctx, name, since=since, tell=tell)


async def _enable(settings: Settings, name: str, channel: str) -> bool:
    from koipond.kernel.plugins import survey
    from koipond.plugin.service import enable as enable_plugin

    async with _sound_shop(settings) as (ctx, states):
        off = states.everywhere - ({name} if not channel else set())
        # What cannot run would keep the shop from starting.
        _, before = survey(disabled=states.everywhere)
        found, after = survey(disabled=off)
        _check_known(name, [*(one.name for one in found), *(one.name for one in after)])
        new = {one.name: one.reason for one in after if one.required}
        for known in before:
            if known.name != name:
                new.pop(known.name, None)
        if new:
            raise Problem("\n".join(new.values()))
        return await enable_plugin(ctx, name, channel)


async def _disable(settings: Settings, name: str, channel: str) -> bool:
    from koipond.kernel.plugins import survey
    from koipond.plugin.service import disable as disable_plugin

    async with _sound_shop(settings) as (ctx, states):
        found, broken = survey(disabled=states.everywhere)
        _check_known(name, [*(one.name for one in found), *(one.name for one in broken)])
        return await disable_plugin(ctx, name, channel)


@asynccontextmanager
async def _sound_shop(settings: Settings) -> AsyncIterator[tuple[Context, States]]:
    """Open the shop with the plugins that can run, so that one that cannot may be turned off."""
    from koipond.app import open_shop
    from koipond.installing import find_states
    from koipond.kernel.plugins import survey
    from koipond.kernel.readiness import check_ready, check_there
    from koipond.kernel.revisions import units
    from koipond.kernel.viewer import GUEST

    check_there(settings.database_url)
    states = find_states(settings)
    sound, _ = survey(disabled=states.everywhere)
    async with open_shop(settings, sound) as shop:
        await check_ready(shop.database, units([]))
        async with shop.context(viewer=GUEST) as ctx:
            yield ctx, states


def _check_known(name: str, known: list[str]) -> None:
    if name not in known:
        raise Problem(
            f"There is no plugin {name!r} installed. There are: {', '.join(sorted(known))}."
        )
