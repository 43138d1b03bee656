"""Answers that are believed to be the same still, known again by hashes of their rows.

Who reads something, and decides by it what to store, would have to read it again beside what it
stores. Instead it keeps the seals of the answer, and what stores asks whether they still fit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import md5
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import ARRAY, Select, String, Text, bindparam, cast, column, func, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Answered, Asked, Question

T = TypeVar("T")

# The table alias that stands for a whole row of what is asked.
_ROW = "asked_row"
_SEALS = "seals"
_TO_QUOTE = re.compile(r'[\s",()\\]')


class Known(Struct, Generic[T], frozen=True):
    """What a question was answered. seals: of its rows, on PostgreSQL."""

    answer: T
    seals: tuple[str, ...]


def sealed(question: Asked[T]) -> Asked[Known[T]]:
    """Ask the same so that `Unsent.expect` knows the answer again."""
    if not isinstance(question, Question):
        assert isinstance(question, Answered), "each of several is sealed by itself"
        return Answered(Known(question.answer, ()))

    def read(rows: Sequence[Any]) -> Known[T]:
        return Known(asked.read(rows), tuple([getattr(row, "seal", "") for row in rows]))

    asked: Question[T] = question
    return Question(_sealed(asked.statement), asked.given, read)


def seal_of(*values: str | int) -> str:
    """Return the seal of a row that was not asked for: of texts and whole numbers."""
    told = ",".join(_as_field(str(one)) for one in values)
    return md5(f"({told})".encode(), usedforsecurity=False).hexdigest()


def _as_field(text: str) -> str:
    """Return a value as PostgreSQL writes it into the text of a row."""
    if text and not _TO_QUOTE.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'


class Belief(Struct, frozen=True):
    """That a question is answered as it was."""

    question: Question[Any]
    known: Known[Any]

    async def is_true(self, db: AsyncConnection) -> bool:
        """Ask, and compare."""
        return bool(await self.question.ask(db) == self.known.answer)

    def check(self) -> tuple[Prepared, Mapping[str, Any]]:
        """Return what asks PostgreSQL whether it is true, `is_so`, and its parameters."""
        given = {**self.question.given, _SEALS: list(self.known.seals)}
        return _check(self.question.statement), given


@lru_cache(64)
def _sealed(statement: Prepared) -> Prepared:
    return Prepared(statement.asked, sent=_with_seals(statement.asked))


@lru_cache(64)
def _check(statement: Prepared) -> Prepared:
    rows, seals = _with_seals(statement.asked).subquery(), bindparam(_SEALS, type_=ARRAY(String))
    fitting = func.count().filter(rows.c.seal == func.any(seals))
    count = func.cardinality(seals)
    return Prepared(
        select(((func.count() == count) & (fitting == count)).label("is_so")).select_from(rows)
    )


def _with_seals(statement: Select[Any]) -> Select[Any]:
    rows = statement.subquery(_ROW)
    return select(rows, func.md5(cast(column(_ROW), Text)).label("seal"))
