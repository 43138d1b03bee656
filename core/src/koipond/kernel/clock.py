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
    """The clock of the machine, and how far it is from the database's."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._measured_at: float | None = None

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)

    async def database_now(self, database: Database) -> datetime:
        """Return the database's present instant; it is asked once a minute, not each time."""
        at = self._measured_at
        if at is None or time.monotonic() - at > _TRUSTED_S:
            measured = [await self._measure(database) for _ in range(_MEASURES)]
            # The quickest answer says most: its time is known to within half of what it took.
            _, self._offset = min(measured)
            self._measured_at = time.monotonic()
        return self.now() + self._offset

    async def _measure(self, database: Database) -> tuple[timedelta, timedelta]:
        """Return how long the answer took, and by how much the database is ahead."""
        asked = self.now()
        answer = await database.now()
        took = self.now() - asked
        return took, answer - (asked + took / 2)
