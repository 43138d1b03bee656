"""`koi privacy`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings
from koipond.cli.tokens import find_member_of

if TYPE_CHECKING:
    from koipond.settings import Settings


@click.group
def privacy() -> None:
    """Hand out what is kept of a member, or forget them."""


@privacy.command("export")
@click.argument("member")
@with_settings
def export(settings: Settings, member: str) -> None:
    """Print all that is kept of MEMBER, by id or address, as JSON."""
    click.echo(asyncio.run(_export(settings, member)))


@privacy.command("erase")
@click.argument("member")
@click.confirmation_option(prompt="This cannot be undone. Go on?")
@with_settings
def erase(settings: Settings, member: str) -> None:
    """Forget MEMBER, by id or address: orders and bookings stay, for nobody."""
    asyncio.run(_erase(settings, member))
    click.echo("forgotten")


async def _export(settings: Settings, who: str) -> str:
    import msgspec

    from koipond.cli.opening import opened
    from koipond.privacy.service import export

    key = await find_member_of(settings, who)
    async with opened(settings) as ctx:
        found = msgspec.json.encode(await export(ctx, key))
    return msgspec.json.format(found).decode()


async def _erase(settings: Settings, who: str) -> None:
    from koipond.cli.opening import opened
    from koipond.privacy.service import erase

    key = await find_member_of(settings, who)
    async with opened(settings) as ctx:
        await erase(ctx, key)
