"""The connection that the steps of a transaction share; see kernel/steps.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncTransaction

T = TypeVar("T")
Reach = Callable[[], Awaitable[object]]


class StepConnection(AsyncConnection):
    """A transaction's connection that something must be done with before each statement."""

    __slots__ = ("reach",)

    def __init__(self, lent: AsyncConnection, *, reach: Reach) -> None:
        """reach: to be awaited before anything is asked of the database."""
        self.engine = lent.engine
        self.sync_engine = lent.sync_engine
        # Not registered as the proxy of that connection, which it is itself.
        self.sync_connection = lent.sync_connection
        self.reach = reach

    async def execute(self, statement: Executable, *given: Any, **named: Any) -> Any:
        """See AsyncConnection."""
        await self.reach()
        return await super().execute(statement, *given, **named)

    def stream(self, *given: Any, **named: Any) -> NoReturn:
        """Refuse."""
        raise TypeError("a stream may outlive its step: read with execute")

    async def exec_driver_sql(self, *given: Any, **named: Any) -> Any:
        """See AsyncConnection."""
        await self.reach()
        return await super().exec_driver_sql(*given, **named)

    async def run_sync(self, fn: Callable[..., T], *given: Any, **named: Any) -> T:
        """See AsyncConnection."""
        await self.reach()
        return await super().run_sync(fn, *given, **named)

    def begin_nested(self) -> AsyncTransaction:
        """See AsyncConnection."""
        return _Nested(self, nested=True)


class _Nested(AsyncTransaction):
    __slots__ = ()

    async def start(self, is_ctxmanager: bool = False) -> Any:
        """See AsyncTransaction."""
        connection: Any = self.connection
        await connection.reach()
        return await super().start(is_ctxmanager)
