"""A database whose connections stay open from one test to the next.

What a test's own connections would cost: PostgreSQL learns of 80 tables again on each of them, and
SQLAlchemy compiles every statement again. That was a third of a test's time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from koipond.kernel.db import Database

if TYPE_CHECKING:
    pass


class KeptDatabase(Database):
    """One that a shop may close, and the next shop uses again."""

    is_lent = False

    async def close(self) -> None:
        """Keep the connections, unless one is still in use: it would be in the next test's way."""
        if self.lent:
            await self.end()

    async def end(self) -> None:
        """Close every connection; with the next use others are opened."""
        await super().close()


_KEPT: dict[tuple[asyncio.AbstractEventLoop, str], KeptDatabase] = {}


def keep(url: str) -> KeptDatabase:
    """Return the database at `url` with the connections that were opened in this loop."""
    here = (asyncio.get_running_loop(), url)
    if here not in _KEPT:
        _KEPT[here] = KeptDatabase(url)
    return _KEPT[here]


@contextmanager
def lend(url: str) -> Iterator[KeptDatabase | None]:
    """Lend the database at `url`, if it is kept and nobody has it: two shops are two processes."""
    found = _KEPT.get((asyncio.get_running_loop(), url))
    if found is None or found.is_lent:
        yield None
        return
    found.is_lent = True
    try:
        yield found
    finally:
        found.is_lent = False


async def end_all() -> None:
    """Close the connections of all databases that are kept in this loop."""
    for here in [key for key in _KEPT if key[0] is asyncio.get_running_loop()]:
        await _KEPT.pop(here).end()
