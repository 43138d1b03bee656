"""A worker in a process of its own, which KOI_CRASH_AT kills: python -m … DATABASE_URL NOW."""

import asyncio
import sys
from datetime import datetime

from core.tests.kernel.fishing import CatchFish, FishCaught, catch_once, sell_caught

from koipond.kernel.context import Shop
from koipond.kernel.db import Database
from koipond.kernel.deliveries import Consumer
from koipond.kernel.worker import Worker
from koipond.settings import Settings


class Standing:
    """The clock of the test that started this process."""

    def now(self) -> datetime:
        """Return what the test was given."""
        return datetime.fromisoformat(sys.argv[2])

    async def database_now(self, database: Database) -> datetime:
        """Return the same."""
        return self.now()


async def work(url: str) -> None:
    """Do what is due, if this process lives so long."""
    shop = Shop(
        settings=Settings(database_url=url),
        database=Database(url),
        clock=Standing(),
        hooks=None,  # type: ignore[arg-type]  # nothing here calls one
        providers={},
        reactions={},
        jobs={CatchFish: catch_once},
        consumers=[Consumer(name="seller", events=(FishCaught,), handle=sell_caught)],
    )
    await Worker(shop).run_once()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
