"""`koi createadmin`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.settings import Settings
    from koipond.staff.types import Staff


@click.command
@click.argument("email")
@click.option("--name", default="", help="What others call them.")
@with_settings
def createadmin(settings: Settings, email: str, name: str) -> None:
    """Make EMAIL one of the staff who may do everything; again, it changes nothing.

    Also the way back in, for who is disabled or has lost the role.
    """

    async def run() -> Staff:
        from koipond.cli.opening import opened
        from koipond.staff.service import create_admin

        async with opened(settings) as ctx:
            return await create_admin(ctx, email, name=name)

    click.echo(f"{asyncio.run(run()).email} may do everything")
