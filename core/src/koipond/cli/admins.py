"""`koi createadmin`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.settings import Settings
    from koipond.staff.types import Staff


@click.command
@click.argument("email")
@click.option("--name", default="", help="What others call them.")
@click.option(
    "--password",
    "asks",
    is_flag=True,
    help="Set their password: asked for, or the first line of what is piped in.",
)
@with_settings
def createadmin(settings: Settings, email: str, name: str, asks: bool) -> None:
    """Make EMAIL one of the staff who may do everything; again, it changes nothing.

    Also the way back in, for who is disabled, has lost the role or forgot the password.
    """
    password = _read_password() if asks else None

    async def run() -> Staff:
        from koipond.cli.opening import opened
        from koipond.login.service import set_staff_password
        from koipond.staff.service import create_admin

        async with opened(settings) as ctx:
            made = await create_admin(ctx, email, name=name)
            if password is not None:
                await set_staff_password(ctx, made.id, password)
            return made

    click.echo(f"{asyncio.run(run()).email} may do everything")


def _read_password() -> str:
    """Return a password that nobody sees, neither on the screen nor in the list of processes."""
    if sys.stdin.isatty():
        told: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return told
    return sys.stdin.readline().rstrip("\r\n")
