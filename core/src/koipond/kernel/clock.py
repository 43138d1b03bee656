"""The one source of "now", so that tests and replays can set it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from koipond.kernel.db import Database

# After this the offset to the database is measured anew.
_TRUSTED_S = 60.0
_MEASURES = 3


def dates_in_words(starts_at: datetime | None, ends_at: datetime | None) -> str:
    """Return when something holds, for a refusal: from 2026-11-22T09:00:00+00:00, for ever."""
    if starts_at is None:
        return "always" if ends_at is None else f"until {ends_at.isoformat()}"
    ends = "for ever" if ends_at is None else f"until {ends_at.isoformat()}"
    return f"from {starts_at.isoformat()}, {ends}"


class Clock(Protocol):
    """Tells the time; a fake one answers its own."""

    def now(self) -> datetime:
        """Return the present instant in UTC, aware, with microseconds."""
        ...

    async def database_now(self, database: Database) -> datetime:
        """Return the present instant by the database's clock, which several processes share."""
        ...


class SystemClock:
    """The clock of the machine, and what it is by the database's."""

    def __init__(self) -> None:
        self._measured = datetime.min.replace(tzinfo=UTC)
        self._measured_at: float | None = None

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)

    async def database_now(self, database: Database) -> datetime:
        """Return the database's present instant; it is asked once a minute, not each time.

        In between seconds are counted, by what no one can set: a machine whose clock is put forward
        two hours would take every job from who is at work on it.
        """
        at = self._measured_at
        if at is None or time.monotonic() - at > _TRUSTED_S:
            measured = [await self._measure(database) for _ in range(_MEASURES)]
            # The quickest answer says most: its time is known to within half of what it took.
            _, self._measured_at, self._measured = min(measured)
            at = self._measured_at
        return self._measured + timedelta(seconds=time.monotonic() - at)

    async def _measure(self, database: Database) -> tuple[float, float, datetime]:
        """Return how long the answer took, and at which second it was what by the database."""
        asked = time.monotonic()
        answer = await database.now()
        took = time.monotonic() - asked
        return took, asked + took / 2, answer
