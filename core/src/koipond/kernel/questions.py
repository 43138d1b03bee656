"""Questions to the database: made apart, asked together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from msgspec import Struct

from koipond.kernel.db import AsyncConnection
from koipond.kernel.prepared import Prepared, rows_together

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


class Question(Struct, Generic[T], frozen=True):
    """A statement with its parameters, and what makes an answer of its rows."""

    statement: Prepared
    given: Mapping[str, Any]
    read: Callable[[Sequence[Any]], T]

    async def ask(self, db: AsyncConnection) -> T:
        """Return its answer."""
        return self.read(await self.statement.rows(db, self.given))


class Answered(Struct, Generic[T], frozen=True):
    """Stands for a question that need not be asked."""

    answer: T

    async def ask(self, db: AsyncConnection) -> T:
        """Return the answer."""
        return self.answer


Asked = Question[T] | Answered[T]


@overload
async def ask_together(
    db: AsyncConnection, first: Asked[A], second: Asked[B], /
) -> tuple[A, B]: ...
@overload
async def ask_together(
    db: AsyncConnection, first: Asked[A], second: Asked[B], third: Asked[C], /
) -> tuple[A, B, C]: ...
@overload
async def ask_together(
    db: AsyncConnection,
    first: Asked[A],
    second: Asked[B],
    third: Asked[C],
    fourth: Asked[D],
    /,
) -> tuple[A, B, C, D]: ...
async def ask_together(db: AsyncConnection, /, *questions: Asked[Any]) -> tuple[Any, ...]:
    """Return the answers to questions that do not depend on each other.

    PostgreSQL is asked all of them at once: what one of them waits for, the others do not see.
    """
    asked = [one for one in questions if isinstance(one, Question)]
    statements = [(one.statement, one.given) for one in asked]
    rows = iter(await rows_together(db, statements) if asked else ())
    return tuple(
        one.read(next(rows)) if isinstance(one, Question) else one.answer for one in questions
    )
