"""How a command comes to a shop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from koipond.kernel.context import Context
    from koipond.settings import Settings


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Context]:
    """Lend a request of nobody in particular, without a channel. Raises NotReady."""
    from koipond.app import open_shop
    from koipond.kernel.migrate import units
    from koipond.kernel.readiness import check_ready, check_there
    from koipond.kernel.viewer import GUEST

    # First of all: opening would make the file's folder.
    check_there(settings.database_url)
    async with open_shop(settings) as shop:
        await check_ready(shop.database, units(shop.installation.plugins))
        async with shop.context(viewer=GUEST) as ctx:
            yield ctx
