"""All that can be done with a ledger, in any order, against a model of a few lines.

A Hypothesis state machine: it looks for a sequence of acts after which the ledger is not what the
model says, and prints the shortest one that it finds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import date, timedelta
from typing import Any, TypeVar

import pytest
from core.tests.ledger.book import Book, member, reopened
from hypothesis import strategies as some
from hypothesis.stateful import initialize, invariant, rule
from msgspec import Struct
from tests.rig.playing import Machine

from koipond.kernel.errors import DomainError
from koipond.kernel.ids import PendingTransferId, TransferId

T = TypeVar("T")
MEMBERS = 3
GRACE_DAYS = 4
NEVER = date.max

members = some.integers(0, MEMBERS - 1)
units = some.integers(1, 40)
parts = some.one_of(some.none(), some.integers(1, 30))


class Purse(Struct):
    """What a member has, as the model knows it: every single unit, by its last good day."""

    free: list[date] = []
    aside: list[date] = []
    debt: int = 0

    def take(self, count: int) -> list[date]:
        """Take the units that expire first."""
        self.free.sort()
        taken, self.free = self.free[:count], self.free[count:]
        return taken

    def put(self, days: list[date]) -> None:
        """Give units; those that expire first pay the debt."""
        days = sorted(days)
        paid = min(self.debt, len(days))
        self.debt -= paid
        self.free += days[paid:]


class Burned(Struct):
    """What was spent and has not come back, earliest days first."""

    id: TransferId
    whose: int
    days: list[date]


class Earned(Struct):
    """What was earned. left: how much was not taken back. day: None if all of it paid a debt."""

    id: TransferId
    whose: int
    day: date | None
    left: int


class Waiting(Struct):
    """What is set aside."""

    id: PendingTransferId
    whose: int
    days: list[date]


class Ledgers(Machine):
    """Made anew for each sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = AsyncExitStack()
        self.purses = [Purse() for _ in range(MEMBERS)]
        self.earned: list[Earned] = []
        self.burned: list[Burned] = []
        self.waiting: list[Waiting] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        async def begin() -> Book:
            return await self.opened.enter_async_context(reopened(await self.open_database()))

        self.book = self.run(begin())
        self.keys = [member() for _ in range(MEMBERS)]
        # Of several days from the start: most of what can go wrong is about which of them is taken.
        for whose in range(MEMBERS):
            for count, days in ((6, 2), (8, 6), (4, None)):
                self.give(whose, count, days)

    def attempt(self, work: Coroutine[Any, Any, T], *, goes: bool) -> T | None:
        """Do what the model says goes, or is refused."""
        if goes:
            return self.run(work)
        with pytest.raises(DomainError):
            self.run(work)
        return None

    @rule(whose=members, count=units, days=some.one_of(some.none(), some.integers(0, 12)))
    def earn(self, whose: int, count: int, days: int | None) -> None:
        self.give(whose, count, days)

    def give(self, whose: int, count: int, days: int | None) -> None:
        """Earn what is good for so many days, or for ever."""
        until = None if days is None else self.book.today + timedelta(days=days)
        made = self.run(self.book.earn(self.keys[whose], count, until))
        day, purse = until or NEVER, self.purses[whose]
        own = day if count > purse.debt else None
        purse.put([day] * count)
        self.earned.append(Earned(made.id, whose, own, count))

    @rule(whose=members, count=units)
    def burn(self, whose: int, count: int) -> None:
        goes = count <= len(self.purses[whose].free)
        made = self.attempt(self.book.burn(self.keys[whose], count), goes=goes)
        if made is not None:
            self.burned.append(Burned(made.id, whose, self.purses[whose].take(count)))

    @rule(whose=members, to=members, count=units)
    def move(self, whose: int, to: int, count: int) -> None:
        if whose == to:
            return
        goes = count <= len(self.purses[whose].free)
        if self.attempt(self.book.move(self.keys[whose], self.keys[to], count), goes=goes):
            self.purses[to].put(self.purses[whose].take(count))

    @rule(whose=members, count=units)
    def set_aside(self, whose: int, count: int) -> None:
        goes = count <= len(self.purses[whose].free)
        made = self.attempt(self.book.set_aside(self.keys[whose], count), goes=goes)
        if made is not None:
            taken = self.purses[whose].take(count)
            self.purses[whose].aside += taken
            self.waiting.append(Waiting(made.id, whose, taken))

    @rule(which=some.integers(0, 100), spends=some.booleans())
    def close(self, which: int, spends: bool) -> None:
        if not self.waiting:
            return
        one = self.waiting.pop(which % len(self.waiting))
        purse = self.purses[one.whose]
        for day in one.days:
            purse.aside.remove(day)
        if spends:
            made = self.run(self.book.post(one.id))
            self.burned.append(Burned(made.id, one.whose, sorted(one.days)))
        else:
            self.run(self.book.void(one.id))
            purse.put(one.days)

    @rule(which=some.integers(0, 100), part=parts)
    def restore(self, which: int, part: int | None) -> None:
        if not self.burned:
            return
        one = self.burned[which % len(self.burned)]
        count = len(one.days) if part is None else part
        goes = 1 <= count <= len(one.days)
        work = self.book.restore(one.id, part, grace_days=GRACE_DAYS)
        if self.attempt(work, goes=goes):
            grace = self.book.today + timedelta(days=GRACE_DAYS)
            back, one.days = one.days[-count:], one.days[:-count]
            self.purses[one.whose].put([day if day >= self.book.today else grace for day in back])

    @rule(which=some.integers(0, 100), part=parts)
    def reverse(self, which: int, part: int | None) -> None:
        if not self.earned:
            return
        one = self.earned[which % len(self.earned)]
        count = one.left if part is None else part
        if self.attempt(self.book.reverse(one.id, part), goes=1 <= count <= one.left):
            one.left -= count
            purse = self.purses[one.whose]
            # Its own day first, then from the latest to the earliest.
            purse.free.sort(key=lambda day: (day != one.day, -day.toordinal()))
            purse.debt += max(0, count - len(purse.free))
            purse.free = purse.free[count:]

    @rule(
        days=some.sampled_from([0, 1, 3, 8]),
        minutes=some.sampled_from([-5, 0, 120]),
        expires=some.booleans(),
    )
    def wait(self, days: int, minutes: int, expires: bool) -> None:
        """Let time pass, and mostly the job too that runs again and again."""
        self.book.clock.advance(days=days, minutes=minutes)
        if expires:
            self.let_expire()

    @rule()
    def expire(self) -> None:
        self.let_expire()

    def let_expire(self) -> None:
        """Take what was good up to yesterday."""
        self.run(self.book.expire())
        for purse in self.purses:
            purse.free = [day for day in purse.free if day >= self.book.today]

    @invariant()
    def each_has_what_the_model_says(self) -> None:
        if not hasattr(self, "book"):
            return
        for key, purse in zip(self.keys, self.purses, strict=True):
            found = self.run(self.book.balance(key))
            assert found.available == len(purse.free)
            assert (found.set_aside, found.debt) == (len(purse.aside), purse.debt)
            expiring = {one.expires_on: one.units for one in found.expiring}
            assert expiring == Counter(day for day in purse.free if day != NEVER)

    @invariant()
    def all_of_it_adds_up(self) -> None:
        if hasattr(self, "book"):
            assert self.run(self.book.audit()) == []

    def teardown(self) -> None:
        if hasattr(self, "book"):
            for key in self.keys:
                lines = [*self.run(self.book.statement(key))][::-1]
                assert [one.nth for one in lines] == list(range(1, len(lines) + 1))
        self.run(self.opened.aclose())
