"""Editions: what staff set and purchases read is kept in the process until it is changed.

A table has a number for each thing that is kept so. Whoever changes the thing counts the number up
in the same transaction; who reads it asks for the number, and for the rest only if that is another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import Column, Integer, String, Table, bindparam, select

from koipond.kernel.db import insert, metadata
from koipond.kernel.fresh import Fresh
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Question
from koipond.kernel.sealing import Known, seal_of

if TYPE_CHECKING:
    from koipond.kernel.context import Context, Shop

T = TypeVar("T")

edition = Table(
    "edition",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("number", Integer, nullable=False),
)
_NUMBER = select(edition.c.number).where(edition.c.name == bindparam("name"))
_NUMBERS = Prepared(select(edition).where(edition.c.name.in_(bindparam("names", expanding=True))))


class _Copy(Struct, Generic[T], frozen=True):
    """A thing of one edition; number None: nobody ever set it."""

    number: int | None
    value: T


# All that were declared.
_declared: list[Fresh[Any]] = []


class Kept(Generic[T]):
    """One thing that processes keep: declared once, next to what reads and changes it.

    Things of one edition count as changed together, so that a transaction asks once for all.
    """

    def __init__(self, name: str, *, read: Callable[[Context], Awaitable[T]], empty: T) -> None:
        """name: the edition's. read: all of it. empty: what it is before anybody set anything."""
        self._name = name
        self._read = read
        self._empty = empty
        self._copy = Fresh(self._renew, first=_Copy(None, empty))
        _declared.append(self._copy)

    async def find(self, ctx: Context) -> T:
        """Return the thing: fresh enough, in a transaction that decides by it as it is stored.

        Costs nothing while it is fresh, and one statement to see that nothing was changed.
        """
        if ctx.is_exact:
            copy = await self._renew(ctx, self._copy.last(ctx.shop))
        else:
            copy = await self._copy.find(ctx)
            # The first of several: what was read by another is not all of one edition.
            ctx.editions.setdefault(self._name, copy.number)
        return copy.value

    async def _renew(self, ctx: Context, last: _Copy[T]) -> _Copy[T]:
        # The number first: what is read after it is never older than it says.
        number = await _find_number(ctx, self._name)
        if number == last.number:
            return last
        return _Copy(number, self._empty if number is None else await self._read(ctx))


async def count_up(ctx: Context, name: str) -> None:
    """Say in the transaction of a change that what is kept under this edition is another now."""
    made = insert(ctx.db, edition).values(name=name, number=1)
    await ctx.db.execute(
        made.on_conflict_do_update(index_elements=["name"], set_={"number": edition.c.number + 1})
    )
    ctx.editions.pop(name, None)
    forget_copies(ctx.shop)


def forget_copies(shop: Shop) -> None:
    """Look again at the next question: something turned out to be older than what is stored."""
    for one in _declared:
        one.forget(shop)


def expect_editions(ctx: Context, editions: Mapping[str, int | None]) -> None:
    """Store what the transaction has unsent only if nothing was changed since these were read.

    editions: `ctx.editions`, as whoever decided by what is kept was left with. Else it raises
    Outdated. What nobody had ever set is not looked for.
    """
    numbers = {name: number for name, number in editions.items() if number is not None}
    if not numbers:
        return
    rows = [seal_of(name, number) for name, number in numbers.items()]
    asked = Question(_NUMBERS, {"names": sorted(numbers)}, dict[str, int])
    ctx.unsent.expect(asked, Known(numbers, tuple(rows)))


async def _find_number(ctx: Context, name: str) -> int | None:
    """Return an edition's number; in a transaction as it was when it was first asked for there."""
    if name in ctx.editions:
        return ctx.editions[name]
    async with ctx.reading() as db:
        number: int | None = (await db.execute(_NUMBER, {"name": name})).scalar_one_or_none()
    if ctx.in_transaction:
        ctx.editions[name] = number
    return number
