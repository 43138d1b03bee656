"""`koi channel`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.channel.types import Channel
    from koipond.settings import Settings


@click.group
def channel() -> None:
    """Where the shop sells."""


@channel.command
@click.argument("code")
@click.option("--name", default="", help="What staff call it. Default: the code.")
@click.option("--currency", "currencies", multiple=True, required=True, help="The default first.")
@click.option("--locale", "locales", multiple=True, required=True, help="The default first.")
@click.option("--time-zone", default="UTC", show_default=True, help="Such as Europe/Berlin.")
@with_settings
def add(
    settings: Settings,
    *,
    code: str,
    name: str,
    currencies: tuple[str, ...],
    locales: tuple[str, ...],
    time_zone: str,
) -> None:
    """Make the channel CODE: koi channel add eu --currency EUR --locale en --locale de."""

    async def run() -> Channel:
        from koipond.channel.service import add_channel
        from koipond.cli.opening import opened

        async with opened(settings) as ctx:
            return await add_channel(
                ctx,
                code=code,
                name=name or code,
                currencies=currencies,
                locales=locales,
                time_zone=time_zone,
            )

    click.echo(f"made channel {asyncio.run(run()).code}")


@channel.command("list")
@with_settings
def list_all(settings: Settings) -> None:
    """Show every channel, the default first."""

    async def run() -> list[Channel]:
        from koipond.channel.service import find_channels
        from koipond.cli.opening import opened

        async with opened(settings) as ctx:
            return await find_channels(ctx)

    found = asyncio.run(run())
    for one in found:
        currencies, locales = ", ".join(one.currencies), ", ".join(one.locales)
        click.echo(f"{one.code}  {one.name}  {currencies}  {locales}  {one.time_zone}")
    if not found:
        click.echo("no channel; `koi channel add` makes one")
