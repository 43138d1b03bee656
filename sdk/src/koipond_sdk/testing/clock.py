"""A clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from koipond.kernel.db import Database

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, at: datetime = START) -> None:
        self._at = at

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._at

    async def database_now(self, database: Database) -> datetime:
        """Return the time that was set: the database has no other."""
        return self._at

    def set(self, at: datetime) -> None:
        """Make it `at`, which may be earlier."""
        assert at.tzinfo is not None
        self._at = at

    def advance(self, **parts: float) -> None:
        """Move on by what timedelta takes: `clock.advance(minutes=15)`."""
        self._at += timedelta(**parts)
