"""Editions: what staff set and purchases read is kept in the process until it is changed.

A table has a number for each thing that is kept so. Whoever changes the thing counts the number up
in the same transaction; who reads it asks for the number, and for the rest only if that is another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from sqlalchemy import Column, Integer, String, Table, bindparam, select

from koipond.kernel.db import insert, metadata

if TYPE_CHECKING:
    from koipond.kernel.context import Context, Shop

T = TypeVar("T")

# How old what a process keeps may be; in a transaction it is as it is stored.
AGE_MAX = timedelta(seconds=1)

edition = Table(
    "edition",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("number", Integer, nullable=False),
)
_NUMBER = select(edition.c.number).where(edition.c.name == bindparam("name"))


class Kept(Generic[T]):
    """One thing that processes keep: declared once, next to what reads and changes it.

    Things of one edition count as changed together, so that a transaction asks once for all.
    """

    def __init__(self, name: str, *, read: Callable[[Context], Awaitable[T]], empty: T) -> None:
        """name: the edition's. read: all of it. empty: what it is before anybody set anything."""
        self._name = name
        self._read = read
        self._empty = empty

    async def find(self, ctx: Context) -> T:
        """Return the thing: at most AGE_MAX old, in a transaction as it is stored.

        Costs nothing while it is fresh, and one statement to see that nothing was changed.
        """
        copy = _copies(ctx.shop).of(self)
        if ctx.in_transaction:
            number = await _find_number(ctx, self._name)
            return copy.value if number == copy.number else await self.load(ctx, number)
        if not copy.is_fresh(ctx.clock.now()):
            async with copy.reading:
                now = ctx.clock.now()
                if not copy.is_fresh(now):
                    await self._renew(ctx, copy, now)
        return copy.value

    async def load(self, ctx: Context, number: int | None) -> T:
        """Return the thing as it is stored; `number` None means that nobody ever set it."""
        return self._empty if number is None else await self._read(ctx)

    async def _renew(self, ctx: Context, copy: _Copy[T], now: datetime) -> None:
        # The number first: what is read after it is never older than it says.
        number = await _find_number(ctx, self._name)
        if number != copy.number:
            copy.value = await self.load(ctx, number)
            copy.number = number
        copy.read_at = now

    def copy(self) -> _Copy[T]:
        """Return what a process begins with."""
        return _Copy(self._empty)


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
    _copies(shop).forget()


class _Copy(Generic[T]):
    """What one process keeps of one thing. number: the edition that it is of, None: of none."""

    def __init__(self, value: T) -> None:
        self.value = value
        self.number: int | None = None
        self.read_at: datetime | None = None
        self.reading = asyncio.Lock()

    def is_fresh(self, now: datetime) -> bool:
        # A clock that was set back makes what was read too young, not forever fresh.
        return self.read_at is not None and timedelta() <= now - self.read_at < AGE_MAX


class _Copies:
    """What one process keeps, by what it is a copy of."""

    def __init__(self) -> None:
        self._copies: dict[object, _Copy[object]] = {}

    def of(self, kept: Kept[T]) -> _Copy[T]:
        found = self._copies.get(kept)
        if found is None:
            found = self._copies[kept] = kept.copy()  # type: ignore[assignment]  # of this very kind
        return found  # type: ignore[return-value]  # of this very kind

    def forget(self) -> None:
        for one in self._copies.values():
            one.read_at = None


async def _find_number(ctx: Context, name: str) -> int | None:
    """Return an edition's number; in a transaction as it was when it was first asked for there."""
    if name in ctx.editions:
        return ctx.editions[name]
    async with ctx.reading() as db:
        number: int | None = (await db.execute(_NUMBER, {"name": name})).scalar_one_or_none()
    if ctx.in_transaction:
        ctx.editions[name] = number
    return number


def _copies(shop: Shop) -> _Copies:
    known = shop.kept.get(_Copies)
    if known is None:
        known = shop.kept[_Copies] = _Copies()
    assert isinstance(known, _Copies)
    return known
