"""A database whose connections stay open from one test to the next.

What a test's own connections would cost: PostgreSQL learns of 80 tables again on each of them, and
SQLAlchemy compiles every statement again. That was a third of a test's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.pool import QueuePool

from koipond.kernel.db import Database

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


class KeptDatabase(Database):
    """One that a shop may close, and the next shop uses again."""

    async def close(self) -> None:
        """Keep the connections, unless one is still in use: it would be in the next test's way."""
        if any(_in_use(engine) for engine in self._engines()):
            await self.end()

    async def end(self) -> None:
        """Close every connection; with the next use others are opened."""
        await super().close()

    def _engines(self) -> list[AsyncEngine]:
        apart = () if self.is_sqlite else (self._apart, self._patient, self._behind)
        return [self._writer, self._reader, *apart]


def _in_use(engine: AsyncEngine) -> int:
    pool = engine.sync_engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()
