"""What a process keeps of the database for a moment, and reads again when it is too old."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar, cast

if TYPE_CHECKING:
    from koipond.kernel.context import Context, Shop

T = TypeVar("T")
Read = Callable[["Context", T], Awaitable[T]]

# How old what a process keeps may be, unless it says otherwise.
AGE_MAX = timedelta(seconds=1)


class Fresh(Generic[T]):
    """A value that each process keeps for a shop: declared once, next to what reads it.

    Of those who ask when it is too old, one reads and the others wait for that. Where a reading
    fails, who read is told why, and each who waited reads for itself. What was read is not
    changed any more: all who ask share it.
    """

    def __init__(self, read: Read[T], *, first: T, age_max: timedelta = AGE_MAX) -> None:
        """read: returns the value; it gets the last one, which may still be what is stored.

        first: what `read` gets the first time.
        """
        self._read = read
        self._first = first
        self._age_max = age_max

    async def find(self, ctx: Context) -> T:
        """Return the value as it was stored at most `age_max` ago."""
        kept = self._of(ctx.shop)
        if self._is_fresh(kept, ctx.clock.now()):
            return kept.value
        reading = kept.reading
        if reading is not None and reading.is_to_be_waited_for(ctx):
            await asyncio.wait([reading.found])
            if not reading.found.cancelled():
                return reading.found.result()
        return await self.renew(ctx)

    async def renew(self, ctx: Context, *, read: Read[T] | None = None) -> T:
        """Read the value now, however fresh it is. read: instead of its own reader."""
        kept = self._of(ctx.shop)
        now, forgotten = ctx.clock.now(), kept.forgotten
        reading = kept.reading = _Reading(ctx)
        try:
            value = await (read or self._read)(ctx, kept.value)
            if kept.forgotten == forgotten:
                kept.value, kept.read_at = value, now
            reading.found.set_result(value)
        finally:
            # Does nothing to one that has its result.
            reading.found.cancel()
            if kept.reading is reading:
                kept.reading = None
        return value

    def at_hand(self, shop: Shop) -> T | None:
        """Return the value if it is fresh, without a context to read it in."""
        kept = self._of(shop)
        return kept.value if self._is_fresh(kept, shop.clock.now()) else None

    def last(self, shop: Shop) -> T:
        """Return the value as it was last read, however long ago."""
        return self._of(shop).value

    def forget(self, shop: Shop) -> None:
        """Read it again at the next question, and believe no reading that is under way."""
        kept = self._of(shop)
        kept.read_at = None
        kept.reading = None
        kept.forgotten += 1

    def _is_fresh(self, kept: _Kept[T], now: datetime) -> bool:
        # A clock that was set back makes what was read too young, not forever fresh.
        return kept.read_at is not None and timedelta() <= now - kept.read_at < self._age_max

    def _of(self, shop: Shop) -> _Kept[T]:
        found = shop.kept.get(self)
        if found is None:
            found = shop.kept[self] = _Kept(self._first)
        return cast("_Kept[T]", found)


class _Reading(Generic[T]):
    """A reading under way. found: what it reads, cancelled if it fails."""

    def __init__(self, reader: Context) -> None:
        self._reader = reader
        self.found: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def is_to_be_waited_for(self, ctx: Context) -> bool:
        # In a transaction, which holds locks, nobody is waited for.
        if ctx.in_transaction:
            return False
        # Who reads may still be waiting for the very connection that who asks holds.
        return self._reader.holds_connection or not ctx.holds_connection


class _Kept(Generic[T]):
    """What one process keeps. reading: the one under way, of several the last."""

    def __init__(self, value: T) -> None:
        self.value = value
        self.read_at: datetime | None = None
        self.reading: _Reading[T] | None = None
        # How often it was.
        self.forgotten = 0
