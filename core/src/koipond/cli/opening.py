"""How a command comes to a shop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich_click as click

    from koipond.kernel.context import Context
    from koipond.settings import Settings


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Context]:
    """Lend a request of the shop itself, without a channel. Raises NotReady.

    What it changes is in the audit as an act of the command that runs, at the console.
    """
    import rich_click as click

    from koipond.app import open_shop
    from koipond.kernel.audit import Act
    from koipond.kernel.readiness import check_ready, check_there
    from koipond.kernel.revisions import units
    from koipond.kernel.viewer import SYSTEM

    # First of all: opening would make the file's folder.
    check_there(settings.database_url)
    async with open_shop(settings) as shop:
        await check_ready(shop.database, units(shop.installation.plugins))
        async with shop.context(viewer=SYSTEM) as ctx:
            command = click.get_current_context(silent=True)
            if command is not None:
                ctx.act = Act(_name(command))
            yield ctx


def _name(command: click.Context) -> str:
    """Return what a command is called, however the program was: koi token service."""
    names = []
    while command.parent is not None:
        names.append(command.info_name or "")
        command = command.parent
    return " ".join(["koi", *names[::-1]])
