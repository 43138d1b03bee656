"""A shop with nothing but a ledger, and short words for what tests do to it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from itertools import count
from typing import Any, cast

from sqlalchemy import Connection, select

from koipond.kernel.clock import Clock
from koipond.kernel.context import Context, Shop, transaction
from koipond.kernel.db import Database, metadata
from koipond.kernel.ids import MemberId, PendingTransferId, TransferId, new_id
from koipond.kernel.invariants import Finding, run_audits
from koipond.kernel.pages import Page
from koipond.kernel.viewer import GUEST
from koipond.ledger import service as ledger
from koipond.ledger import tables
from koipond.ledger.types import (
    AccountKey,
    Balance,
    PendingTransfer,
    Slip,
    StatementLine,
    Transfer,
)
from koipond.settings import Settings
from koipond_sdk.testing.clock import FakeClock

TABLES = [
    tables.ledger_account,
    tables.ledger_bucket,
    tables.ledger_transfer,
    tables.ledger_entry,
    tables.pending_transfer,
    tables.pending_transfer_part,
]
JAN, FEB, MAR = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)


def make_tables(connection: Connection) -> None:
    metadata.create_all(connection, tables=TABLES)


def make_shop(url: str, clock: Clock, *, database: Database | None = None) -> Shop:
    """Return a shop that nobody can buy from; it must be closed."""
    return Shop(
        settings=Settings(database_url=url),
        database=database or Database(url),
        clock=clock,
        hooks=cast(Any, None),
        providers={},
        reactions={},
    )


def member(unit: str = "points") -> AccountKey:
    """Name the account of a new member."""
    return AccountKey.of_member(MemberId(new_id()), unit)


class Book:
    """A ledger on `clock`, whose calendar is that of UTC."""

    def __init__(self, shop: Shop, clock: FakeClock) -> None:
        self.shop = shop
        self.clock = clock
        self.ctx: Context = shop.context(viewer=GUEST)
        self._sources = count(1)

    @property
    def today(self) -> date:
        return self.clock.now().date()

    def slip(self, source: str = "", note: str = "") -> Slip:
        """Say what a booking is for: something new, unless it is named."""
        return Slip(source=source or f"test:{next(self._sources)}", day=self.today, note=note)

    async def earn(
        self, key: AccountKey, units: int, until: date | None = None, source: str = ""
    ) -> Transfer:
        return await ledger.earn(self.ctx, key, units, self.slip(source), expires_on=until)

    async def burn(self, key: AccountKey, units: int, source: str = "") -> Transfer:
        return await ledger.burn(self.ctx, key, units, self.slip(source))

    async def adjust(self, key: AccountKey, units: int, source: str = "") -> Transfer:
        return await ledger.adjust(self.ctx, key, units, self.slip(source))

    async def move(
        self, source: AccountKey, target: AccountKey, units: int, named: str = ""
    ) -> Transfer:
        return await ledger.move(self.ctx, source, target, units, self.slip(named))

    async def set_aside(self, key: AccountKey, units: int, source: str = "") -> PendingTransfer:
        return await ledger.set_aside(self.ctx, key, units, self.slip(source))

    async def post(self, pending: PendingTransferId) -> Transfer:
        return await ledger.post(self.ctx, pending, day=self.today)

    async def void(self, pending: PendingTransferId) -> PendingTransfer:
        return await ledger.void(self.ctx, pending, day=self.today)

    async def restore(
        self, burned: TransferId, units: int | None = None, source: str = "", **more: int
    ) -> Transfer:
        return await ledger.restore(self.ctx, burned, self.slip(source), units=units, **more)

    async def reverse(
        self, earned: TransferId, units: int | None = None, source: str = ""
    ) -> Transfer:
        return await ledger.reverse(self.ctx, earned, self.slip(source), units=units)

    async def expire(self, last_day: date | None = None, unit: str = "points") -> int:
        """Take what was good up to `last_day`, or up to yesterday."""
        over = last_day or date.fromordinal(self.today.toordinal() - 1)
        return await ledger.expire(self.ctx, unit, over)

    async def balance(self, key: AccountKey) -> Balance:
        return (await ledger.find_balances(self.ctx, [key]))[key]

    async def stands(self, key: AccountKey) -> tuple[int, int, int]:
        """Return what is available, set aside and owed."""
        found = await self.balance(key)
        return found.available, found.set_aside, found.debt

    async def expiring(self, key: AccountKey) -> dict[date, int]:
        return {one.expires_on: one.units for one in (await self.balance(key)).expiring}

    async def statement(self, key: AccountKey, first: int = 100) -> Sequence[StatementLine]:
        return (await ledger.find_statement(self.ctx, key, Page(first=first))).rows

    async def system(self, name: str, unit: str = "points") -> int:
        return await ledger.find_system_balance(self.ctx, AccountKey.of_system(name, unit))

    async def audit(self) -> list[Finding]:
        return await run_audits(self.shop, [ledger.audit])

    async def everything(self) -> list[Sequence[Any]]:
        """Return all rows of all tables; equal ones mean that nothing changed.

        An empty account that was made and is not used says nothing.
        """
        async with self.shop.database.reading() as db:
            found = [await db.execute(select(table)) for table in TABLES]
            return [sorted(map(tuple, rows), key=repr) for rows in found]


@transaction
async def in_transaction(ctx: Context, work: Any, *given: Any, **more: Any) -> Any:
    """Call something in a transaction, as a plugin does."""
    return await work(ctx, *given, **more)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Book]:
    """Open a ledger on a blank database, and make its tables."""
    async with reopened(url) as book:
        async with book.shop.database.writer.begin() as connection:
            await connection.run_sync(make_tables)
        yield book


@asynccontextmanager
async def reopened(url: str, *, database: Database | None = None) -> AsyncIterator[Book]:
    """Open a ledger on a database that has the tables."""
    clock = FakeClock()
    shop = make_shop(url, clock, database=database)
    book = Book(shop, clock)
    try:
        yield book
    finally:
        await book.ctx.close()
        await shop.close()
