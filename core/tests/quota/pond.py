"""A shop with nothing but quotas, and short words for what tests do to them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Connection, select

from koipond.kernel.clock import Clock
from koipond.kernel.context import Context, Shop, transaction
from koipond.kernel.db import Database, metadata
from koipond.kernel.ids import OwnerId, QuotaId, SubjectId, new_id
from koipond.kernel.invariants import Finding, run_audits
from koipond.kernel.viewer import GUEST
from koipond.quota import service as quota
from koipond.quota import tables
from koipond.quota.service import Desk
from koipond.quota.types import Claim, Granted, Quota, QuotaSpec, Reservation, ReservationState
from koipond.settings import Settings
from koipond_sdk.testing.clock import FakeClock

HELD, PLACED, CONSUMED, RETURNING, RELEASED = ReservationState
TABLES = [tables.quota, tables.reservation, tables.quota_change, tables.quota_excess]


def make_tables(connection: Connection) -> None:
    metadata.create_all(connection, tables=TABLES)


def make_shop(url: str, clock: Clock, *, database: Database | None = None, **settings: Any) -> Shop:
    """Return a shop that nobody can buy from; it must be closed."""
    return Shop(
        settings=Settings(database_url=url, **settings),
        database=database or Database(url),
        clock=clock,
        hooks=cast(Any, None),
        providers={},
        reactions={},
    )


def owner() -> OwnerId:
    return OwnerId(new_id())


def subject() -> SubjectId:
    return SubjectId(new_id())


class Pond:
    """`clock` stands still until it is told to move."""

    def __init__(self, shop: Shop, clock: FakeClock) -> None:
        self.shop = shop
        self.clock = clock
        self.ctx: Context = shop.context(viewer=GUEST)

    @property
    def desk(self) -> Desk:
        return quota.find_desk(self.ctx)

    async def make(self, capacity: int | None = 10, **given: Any) -> QuotaId:
        """Make a quota; that of a parent gets its units moved from it."""
        key = QuotaId(new_id())
        parent = given.get("parent_id")
        spec = QuotaSpec(id=key, capacity=0 if parent else capacity, **given)
        assert await quota.create(self.ctx, [spec]) == 1
        if parent and capacity:
            await quota.move_units(self.ctx, parent, key, capacity)
        return key

    async def hold(self, *claims: Claim, of: OwnerId | None = None, part: int = 0) -> OwnerId:
        """Reserve; returns the owner."""
        of = of or owner()
        await self.reserve(of, *claims, part=part)
        return of

    async def reserve(self, of: OwnerId, *claims: Claim, part: int = 0) -> Granted:
        return await quota.reserve(self.ctx, of, claims, part=part)

    async def place(self, of: OwnerId, *claims: Claim, part: int = 0) -> None:
        await quota.place(self.ctx, of, claims, part=part)

    async def buy(self, *claims: Claim) -> OwnerId:
        """Reserve, place and pay; returns the owner."""
        of = await self.hold(*claims)
        await self.place(of, *claims)
        await quota.consume(self.ctx, of)
        return of

    async def lapse(self) -> int:
        """Let all that is held lapse, and give it back."""
        self.clock.advance(seconds=self.shop.settings.reservation_hold_s)
        return await quota.give_back(self.ctx)

    async def look(self, key: QuotaId) -> Quota:
        return (await quota.find_quotas(self.ctx, [key]))[key]

    async def taken(self, *keys: QuotaId) -> list[int]:
        found = await quota.find_quotas(self.ctx, keys)
        return [found[key].taken for key in keys]

    async def rows(self, of: OwnerId) -> list[Reservation]:
        return await quota.find_reservations(self.ctx, of)

    async def states(self, of: OwnerId) -> list[tuple[int, int, ReservationState]]:
        """Return (part, quantity, state) of all that an owner has."""
        return [(row.part, row.quantity, row.state) for row in await self.rows(of)]

    async def audit(self) -> list[Finding]:
        return await run_audits(self.shop, [quota.audit])

    async def everything(self) -> list[Sequence[Any]]:
        """Return all rows of all tables; equal ones mean that nothing changed."""
        async with self.shop.database.reading() as db:
            found = [await db.execute(select(table)) for table in TABLES]
            return [sorted(map(tuple, rows), key=repr) for rows in found]


def claim(key: QuotaId, quantity: int = 1, by: SubjectId | None = None, **given: Any) -> Claim:
    return Claim(quota_id=key, subject_id=by or subject(), quantity=quantity, **given)


@transaction
async def in_transaction(ctx: Context, work: Any, *given: Any) -> Any:
    """Call a use-case in a transaction, as an order does."""
    return await work(ctx, *given)


HOLD = timedelta(seconds=Settings().reservation_hold_s)


@asynccontextmanager
async def opened(url: str, **settings: Any) -> AsyncIterator[Pond]:
    """Open a pond on a blank database, and make its tables."""
    async with reopened(url, **settings) as pond:
        async with pond.shop.database.writer.begin() as connection:
            await connection.run_sync(make_tables)
        yield pond


@asynccontextmanager
async def reopened(
    url: str, *, database: Database | None = None, **settings: Any
) -> AsyncIterator[Pond]:
    """Open a pond on a database that has the tables."""
    clock = FakeClock()
    shop = make_shop(url, clock, database=database, **settings)
    pond = Pond(shop, clock)
    try:
        yield pond
    finally:
        await pond.ctx.close()
        await shop.close()
