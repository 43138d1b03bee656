"""Battery 37: plugins are installed, taken back and installed again beside 100,000 rows, while a
shop writes. What an earlier release would say on the newer tables is tried once there is one."""

import asyncio
import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from koipond.kernel.db import AsyncConnection, Database
from koipond.kernel.ids import new_id
from koipond.kernel.migrate import move, upgrade
from koipond.kernel.plugins import discover
from koipond.kernel.revisions import units

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

ROWS = 100_000
# What plugins' keys point at.
FILL = """INSERT INTO member (id, state, name, locale, created_at, version)
  VALUES (:id, 'guest', 'Lin', 'en', '2026-11-22 09:00:00+00:00', 1)"""
WRITERS = 4


class Writer:
    """Writes members as a shop does, one transaction each, and notes how long the longest took."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.written = 0
        self.longest = 0.0
        self.stopped = False

    async def write(self) -> None:
        while not self.stopped:
            began = time.perf_counter()
            await self._database.transact(self._add)
            self.longest = max(self.longest, time.perf_counter() - began)
            self.written += 1
            await asyncio.sleep(0.002)

    async def _add(self, db: AsyncConnection) -> None:
        await db.execute(text(FILL), {"id": _id(self._database)})


def _id(database: Database) -> str:
    key = new_id()
    return key.hex if database.is_sqlite else str(key)


async def test_plugins_come_and_go_while_a_full_shop_writes(
    blank_database_url: str, tell: Callable[[str], None]
) -> None:
    core, *plugins = units(discover())
    database = Database(blank_database_url)
    shop = Database(blank_database_url)
    try:
        await upgrade(database, [core])

        async def fill(db: AsyncConnection) -> None:
            await db.execute(text(FILL), [{"id": _id(database)} for _ in range(ROWS)])

        await database.transact(fill)
        writers = [Writer(shop) for _ in range(WRITERS)]
        async with asyncio.TaskGroup() as tasks:
            for one in writers:
                tasks.create_task(one.write())
            for _ in range(2):
                assert len(await upgrade(database, plugins)) == len(plugins)
                for unit in reversed(plugins):
                    await move(database, unit, "base")
            for one in writers:
                one.stopped = True
        written = sum(one.written for one in writers)
        async with database.reading() as db:
            assert await db.scalar(text("SELECT count(*) FROM member")) == ROWS + written
        assert min(one.written for one in writers) > 0
        longest = max(one.longest for one in writers)
        tell(f"{written} written meanwhile, none failed; the longest waited {longest:.2f} s")
    finally:
        await shop.close()
        await database.close()
