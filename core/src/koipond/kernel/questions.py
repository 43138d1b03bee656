"""Questions to the database: made apart, asked together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from msgspec import Struct

from koipond.kernel.db import AsyncConnection
from koipond.kernel.prepared import Prepared, rows_together

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
T_co = TypeVar("T_co", covariant=True)


class Question(Struct, Generic[T_co], frozen=True):
    """A statement with its parameters, and what makes an answer of its rows."""

    statement: Prepared
    given: Mapping[str, Any]
    read: Callable[[Sequence[Any]], T_co]

    async def ask(self, db: AsyncConnection) -> T_co:
        """Return its answer."""
        return self.read(await self.statement.rows(db, self.given))


class Answered(Struct, Generic[T_co], frozen=True):
    """Stands for a question that need not be asked."""

    answer: T_co

    async def ask(self, db: AsyncConnection) -> T_co:
        """Return the answer."""
        return self.answer


class Several(Struct, Generic[T_co], frozen=True):
    """Questions whose answers are one thing together."""

    parts: tuple[Asked[Any], ...]
    make: Callable[..., T_co]

    async def ask(self, db: AsyncConnection) -> T_co:
        """Return what the answers make."""
        return (await ask_together(db, self))[0]


Asked = Question[T] | Answered[T] | Several[T]


def combine(
    make: Callable[[A, B, C, D, E], T],
    parts: tuple[Asked[A], Asked[B], Asked[C], Asked[D], Asked[E]],
) -> Several[T]:
    """Ask for what `make` makes one thing of."""
    return Several(parts, make)


@overload
async def ask_together(db: AsyncConnection, only: Asked[A], /) -> tuple[A]: ...
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
    asked = [part for one in questions for part in _find_parts(one)]
    statements = [(one.statement, one.given) for one in asked]
    rows = iter(await rows_together(db, statements) if asked else ())
    return tuple(_answer(one, rows) for one in questions)


def _find_parts(asked: Asked[Any]) -> list[Question[Any]]:
    if isinstance(asked, Several):
        return [part for one in asked.parts for part in _find_parts(one)]
    return [asked] if isinstance(asked, Question) else []


def _answer(asked: Asked[T], rows: Iterator[Sequence[Any]]) -> T:
    if isinstance(asked, Several):
        return asked.make(*[_answer(one, rows) for one in asked.parts])
    return asked.read(next(rows)) if isinstance(asked, Question) else asked.answer
