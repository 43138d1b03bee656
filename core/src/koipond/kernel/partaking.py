"""What a plugin is lent while it takes part in core's transaction: to write to its own tables."""

from __future__ import annotations

from typing import Any, NoReturn

from sqlalchemy import ClauseElement, Executable, Table, TextClause, UpdateBase
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import visitors

from koipond.kernel.dispatch.guarding import HookMisuse, inside
from koipond.kernel.stepping import Reach, StepConnection
from koipond.kernel.unsent import Row, Unsent

_SEEN = "Write it with SQLAlchemy Core, so that it can be looked at"


class PluginConnection(StepConnection):
    """Reads what it likes and writes to its plugin's own tables; the transaction stays core's."""

    __slots__ = ("_prefix",)

    def __init__(self, lent: AsyncConnection, *, prefix: str, reach: Reach) -> None:
        """prefix: with which the names of the plugin's tables begin. reach: to be awaited before
        anything is asked of the database."""

        async def reach_both() -> None:
            await reach()
            if isinstance(lent, StepConnection):
                await lent.reach()

        super().__init__(lent, reach=reach_both)
        self._prefix = prefix

    async def execute(self, statement: Executable, *given: Any, **named: Any) -> Any:
        """Run a statement that writes to nothing but the plugin's tables. Raises HookMisuse."""
        self._check(statement)
        return await super().execute(statement, *given, **named)

    async def scalar(self, statement: Executable, *given: Any, **named: Any) -> Any:
        """See `execute`."""
        self._check(statement)
        return await super().scalar(statement, *given, **named)

    async def scalars(self, statement: Executable, *given: Any, **named: Any) -> Any:
        """See `execute`."""
        self._check(statement)
        return await super().scalars(statement, *given, **named)

    def _check(self, statement: Executable) -> None:
        assert isinstance(statement, ClauseElement), "statements are made by SQLAlchemy Core"
        for part in visitors.iterate(statement):
            if isinstance(part, TextClause):
                _refuse("runs a text of SQL", _SEEN)
            if isinstance(part, UpdateBase):
                _check_table(getattr(part.table, "name", "?"), self._prefix)

    def begin(self) -> NoReturn:
        """Refuse."""
        _refuse("begins a transaction", "It is in core's; a savepoint is made by begin_nested()")

    async def commit(self) -> NoReturn:
        """Refuse."""
        _refuse("commits", "Core commits when all have taken part: take the call out")

    async def rollback(self) -> NoReturn:
        """Refuse."""
        _refuse("rolls back", "Raise a refusal instead: core then undoes all of it")

    async def close(self) -> NoReturn:
        """Refuse."""
        _refuse("closes core's connection", "Take the call out")

    async def invalidate(self, exception: BaseException | None = None) -> NoReturn:
        """Refuse."""
        _refuse("gives up core's connection", "Take the call out")

    async def exec_driver_sql(self, *given: Any, **named: Any) -> NoReturn:
        """Refuse."""
        _refuse("speaks to the driver", _SEEN)

    async def get_raw_connection(self) -> NoReturn:
        """Refuse."""
        _refuse(
            "takes the driver's connection", "Write it with SQLAlchemy Core, so that it is seen"
        )

    async def run_sync(self, *given: Any, **named: Any) -> NoReturn:
        """Refuse."""
        _refuse("takes the synchronous connection", "Use `await db.execute(…)`")


class PluginUnsent(Unsent):
    """Rows of a plugin that wait with core's, and are stored together with them."""

    def __init__(self, lent: Unsent, *, prefix: str) -> None:
        """prefix: with which the names of the plugin's tables begin."""
        super().__init__()
        self._lent = lent
        self._prefix = prefix

    def add(self, table: Table, *rows: Row, **how: Any) -> None:
        """Insert rows of the plugin's own tables. Raises HookMisuse."""
        _check_table(table.name, self._prefix)
        self._lent.add(table, *rows, **how)

    def change(self, table: Table, row: Row, **how: Any) -> None:
        """Set columns of rows of the plugin's own tables. Raises HookMisuse."""
        _check_table(table.name, self._prefix)
        self._lent.change(table, row, **how)


def _check_table(name: str, prefix: str) -> None:
    if not name.startswith(f"{prefix}_"):
        _refuse(
            f"writes to the table {name}",
            f"Its own tables begin with {prefix}_; of all others a service or an event hook takes "
            "care, after the commit",
        )


def _refuse(act: str, fix: str) -> NoReturn:
    raise HookMisuse(f"{inside.get() or 'a plugin'} {act}. {fix}.")
