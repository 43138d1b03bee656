"""`koi reindex`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.settings import Settings


@click.command
@click.option("--all", "every", is_flag=True, help="All products, also those that are up to date.")
@with_settings
def reindex(settings: Settings, *, every: bool) -> None:
    """Make again what products are searched by, where it is missing or out of date.

    What writes products keeps this up to date by itself: it is for a new edition of the dictionary
    of Chinese words, and for what `koi doctor --audit` finds. After a stop, it goes on where it
    was.
    """
    click.echo(f"{asyncio.run(_reindex(settings, every=every))} products reindexed")


async def _reindex(settings: Settings, *, every: bool) -> int:
    from koipond.catalog.service import reindex as run
    from koipond.cli.opening import opened
    from koipond.cli.showing import bar_of

    async with opened(settings) as ctx:
        with bar_of("reindex") as show:
            return await run(ctx, every=every, show=show)
