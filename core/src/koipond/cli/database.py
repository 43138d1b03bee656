"""`koi migrate`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.settings import Settings


@click.command
@with_settings
def migrate(settings: Settings) -> None:
    """Bring the tables of core and of every installed plugin up to date.

    Running it again changes nothing. Channels and shipping methods
    of the settings that are missing are made.
    """
    from koipond.app import set_up

    done = asyncio.run(set_up(settings))
    for line in done or ["nothing to migrate"]:
        click.echo(line)
