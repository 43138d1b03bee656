"""What makes acts race that are begun at the same time."""

import asyncio

from koipond.kernel.context import Shop


async def open_connections(shop: Shop) -> None:
    """Open all connections of a shop: who waits until there is one goes after the others."""

    async def hold() -> None:
        async with shop.database.reading():
            await asyncio.sleep(0.05)

    await asyncio.gather(*(hold() for _ in range(shop.settings.database_pool_size)))
