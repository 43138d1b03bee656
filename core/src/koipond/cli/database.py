"""`koi migrate`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings
from koipond.cli.problems import Problem

if TYPE_CHECKING:
    from koipond.settings import Settings


@click.command
@click.option("--plugin", "name", metavar="NAME", help="Only the tables of this plugin.")
@click.option(
    "--to",
    "revision",
    metavar="REVISION",
    help="With --plugin: up or down to this revision of it; base is before its first. Going down "
    "may drop rows.",
)
@with_settings
def migrate(settings: Settings, name: str | None, revision: str | None) -> None:
    """Bring the tables of core and of every installed plugin up to date.

    Running it again changes nothing. Channels and shipping methods
    of the settings that are missing are made.
    """
    from koipond.app import set_up

    if name is None and revision is not None:
        raise Problem("--to is the revision of one plugin: name it with --plugin.")
    if name is None:
        done = asyncio.run(set_up(settings))
    else:
        done = asyncio.run(_move(settings, name, revision or "heads"))
    for line in done or ["nothing to migrate"]:
        click.echo(line)


async def _move(settings: Settings, name: str, revision: str) -> list[str]:
    """Bring one plugin's tables to a revision; returns a line for each step."""
    from alembic.util.exc import CommandError

    from koipond.app import open_shop
    from koipond.kernel.migrate import move
    from koipond.kernel.readiness import check_ready, check_there
    from koipond.kernel.revisions import head, unit_of, units
    from koipond.kernel.viewer import GUEST
    from koipond.plugin.service import note_tables

    check_there(settings.database_url)
    async with open_shop(settings) as shop:
        await check_ready(shop.database, units([]))
        plugin = next((one for one in shop.installation.plugins if one.name == name), None)
        if plugin is None:
            raise Problem(f"There is no plugin {name!r} that can run. See: koi plugin list")
        unit = unit_of(plugin)
        if head(unit) is None:
            raise Problem(f"{name} has no migrations.")
        async with shop.context(viewer=GUEST) as ctx:
            await note_tables(ctx, {name: unit.prefix})
        try:
            ran = await move(shop.database, unit, revision)
        except CommandError as error:
            raise Problem(f"{name} cannot be brought to {revision}: {error}.") from error
    return [f"migrated {one}" for one in ran]
