"""Steps of one transaction, each of which can be undone by itself, and costs only what it does.

A savepoint and a statement for each of 50 small rows cost ten times as much as the rows. So a step
has its savepoint when it first runs a statement, and what steps only add is stored together.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from koipond.kernel.stepping import StepConnection
from koipond.kernel.unsent import Unsent

_SET = "SAVEPOINT step"
_RELEASE = "RELEASE SAVEPOINT step"
_UNDO = "ROLLBACK TO SAVEPOINT step"


class RowsClash(Exception):
    """Rows that several steps added together were not taken: nobody knows whose fault it is."""


class Steps:
    """The steps of a transaction that has begun: `begin`, then what is done on `connection`."""

    def __init__(self, db: AsyncConnection, *, apart: bool) -> None:
        """apart: each step stores its own rows, so that it is known which of them fails."""
        self.connection = StepConnection(db, reach=self.reach)
        # What steps that are over have added.
        self.added = Unsent()
        self.clash: RowsClash | None = None
        self._db = db
        self._apart = apart
        self._is_set = False
        # Whether the step has its savepoint.
        self.is_begun = False

    async def begin(self) -> None:
        """Keep all until now: `undo` takes back what follows."""
        self.is_begun = False
        if self._apart:
            await self.reach()

    async def reach(self) -> None:
        """Make sure that the step has its savepoint: it is about to run a statement."""
        if not self.is_begun:
            await self.store()
            await self._run(*([_RELEASE] if self._is_set else []), _SET)
            self._is_set = self.is_begun = True

    async def undo(self) -> None:
        """Take back what was written since `begin`."""
        if self.is_begun:
            await self._run(_UNDO)

    async def store(self) -> None:
        """Store what the steps have added. Raises RowsClash."""
        try:
            await self.added.send(self._db)
        except DBAPIError as error:
            self.clash = RowsClash()
            raise self.clash from error

    async def _run(self, *statements: str) -> None:
        connection = self._db.sync_connection
        assert connection is not None, "it is open"
        driver: Any = connection.connection.driver_connection
        try:
            if connection.dialect.name == "postgresql":
                await driver.execute("; ".join(statements))
            else:
                # Private to aiosqlite, which has no other way to do several things in one go.
                await driver._execute(_run_here, driver._conn, statements)
        except BaseException:
            # Cut, or lost: nobody knows where the transaction stands.
            await self._db.invalidate()
            raise


def _run_here(driver: sqlite3.Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        driver.execute(statement)
