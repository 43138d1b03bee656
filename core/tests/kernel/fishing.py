"""Work for workers: fish that are caught by jobs, and told of by events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from sqlalchemy import select

from koipond.kernel import deliveries, handling
from koipond.kernel.context import Context, Shop, transaction
from koipond.kernel.db import Database
from koipond.kernel.deliveries import Consumer
from koipond.kernel.events import Event
from koipond.kernel.handling import Handled
from koipond.kernel.ids import new_id
from koipond.kernel.jobs import Job, Jobs, enqueue
from koipond.kernel.outbox import delivery, outbox_event
from koipond.kernel.schedules import Recurring
from koipond.kernel.viewer import GUEST
from koipond.kernel.worker import Worker

# Not imported: the whole app would come with it, into processes that live for a moment.
if TYPE_CHECKING:
    from koipond_sdk.testing import RunningShop

POND, RIVER = new_id(), new_id()
Handle = Callable[[Context, Any], Awaitable[None]]


class FishCaught(Event, frozen=True, kw_only=True):
    """What a job or a test tells of."""

    aggregate: ClassVar[str] = "water_id"
    water_id: UUID
    fish: str


class FishSold(Event, frozen=True, kw_only=True):
    """What another consumer may want."""

    aggregate: ClassVar[str] = "water_id"
    water_id: UUID
    fish: str


class CatchFish(Job, frozen=True, kw_only=True):
    """Tell that a fish was caught."""

    attempts_max: ClassVar[int] = 4
    deadline_s: ClassVar[float] = 60
    fish: str
    water_id: UUID = POND


@transaction
async def catch(ctx: Context, *fish: str, water_id: UUID = POND) -> None:
    """Tell of each fish."""
    for one in fish:
        ctx.emit(FishCaught(water_id=water_id, fish=one))


@transaction
async def sell(ctx: Context, fish: str, water_id: UUID = POND) -> None:
    """Tell that a fish was sold."""
    ctx.emit(FishSold(water_id=water_id, fish=fish))


@transaction
async def want(ctx: Context, *tasks: Job, **options: Any) -> list[bool]:
    """Enqueue jobs in one transaction."""
    return [await enqueue(ctx, task, **options) for task in tasks]


async def do_catch(ctx: Context, task: CatchFish) -> None:
    """Do the job CatchFish."""
    await catch(ctx, task.fish, water_id=task.water_id)


@transaction
async def catch_once(ctx: Context, task: CatchFish) -> None:
    """Do the job CatchFish, unless an earlier attempt has."""
    told = select(outbox_event.c.payload).where(outbox_event.c.aggregate_id == task.water_id)
    if task.fish not in {row.payload["fish"] for row in await ctx.db.execute(told)}:
        await catch(ctx, task.fish, water_id=task.water_id)


async def sell_caught(ctx: Context, event: FishCaught) -> None:
    """Tell that a fish was sold: what a consumer wrote, and can be counted."""
    await sell(ctx, event.fish, water_id=event.water_id)


def no_chance() -> float:
    """Let waits have their full length."""
    return 0.0


def staffed(
    running: RunningShop,
    *,
    jobs: Jobs | None = None,
    recurring: Sequence[Recurring] = (),
    consumers: Sequence[Consumer] = (),
    database: Database | None = None,
) -> Shop:
    """Return the shop with work to do; with a database of its own it is like another process."""
    shop = running.shop
    return Shop(
        settings=shop.settings,
        database=database or shop.database,
        clock=shop.clock,
        hooks=shop.hooks,
        providers=shop.providers,
        reactions=shop.reactions,
        jobs={CatchFish: do_catch} if jobs is None else jobs,
        recurring=recurring,
        consumers=consumers,
    )


def worker_of(shop: Shop, **options: Any) -> Worker:
    """Return a worker whose waits are known."""
    return Worker(shop, chance=no_chance, **options)


@asynccontextmanager
async def other_process(running: RunningShop) -> AsyncIterator[Database]:
    """Lend connections that nobody else uses, as another process has them."""
    database = Database(running.settings.database_url)
    try:
        yield database
    finally:
        await database.close()


async def caught(running: RunningShop, water_id: UUID = POND) -> list[str]:
    """Return the fish that were caught, in the order in which it happened."""
    return await told_of(running, "FishCaught", water_id)


async def told_of(running: RunningShop, name: str, water_id: UUID) -> list[str]:
    """Return the fish that events called `name` tell of, in their order."""
    chosen = (
        select(outbox_event.c.payload)
        .where(outbox_event.c.name == name, outbox_event.c.aggregate_id == water_id)
        .order_by(outbox_event.c.seq)
    )
    async with running.shop.database.reading() as db:
        return [row.payload["fish"] for row in await db.execute(chosen)]


async def only_row(running: RunningShop, table: str) -> dict[str, Any]:
    """Return the one row that a table has."""
    (row,) = await running.rows(table)
    return row


async def deliveries_of(running: RunningShop, consumer: str) -> dict[str, tuple[str, int]]:
    """Return {fish: (state, attempts)} of what a consumer was or is to be told."""
    chosen = (
        select(outbox_event.c.payload, delivery.c.state, delivery.c.attempts)
        .join_from(delivery, outbox_event, outbox_event.c.id == delivery.c.event_id)
        .where(delivery.c.consumer == consumer)
        .order_by(delivery.c.seq)
    )
    async with running.shop.database.reading() as db:
        rows = (await db.execute(chosen)).all()
    return {row.payload["fish"]: (row.state, row.attempts) for row in rows}


def lent(running: RunningShop) -> int:
    """Return how many connections are in use."""
    return running.shop.database.lent


def seconds_from(start: datetime, at: datetime) -> float:
    """Return how many seconds there are between two instants."""
    return (at - start) / timedelta(seconds=1)


class Angler:
    """A consumer that notes what it is told, and fails when it is told to."""

    def __init__(self, *failing: str) -> None:
        self.told: list[str] = []
        self.failing = set(failing)

    async def handle(self, ctx: Context, event: FishCaught) -> None:
        assert ctx.in_transaction
        self.told.append(event.fish)
        # A write, to be undone by what follows.
        ctx.emit(FishSold(water_id=event.water_id, fish=event.fish))
        if event.fish in self.failing:
            raise ValueError(f"{event.fish} is poisonous; token=abc")


def consumer(handle: Handle, name: str = "angler", **options: Any) -> Consumer:
    given: dict[str, Any] = {"attempts_max": 3, "events": (FishCaught,), **options}
    return Consumer(name=name, handle=handle, **given)


async def tell(shop: RunningShop, *fish: str, water_id: UUID = POND) -> None:
    """Tell of each fish in a transaction of its own."""
    async with shop.shop.context(viewer=GUEST) as ctx:
        for one in fish:
            await catch(ctx, one, water_id=water_id)


async def enrol(shop: Shop) -> None:
    """Store what consumers want, as a worker's first act."""
    # Core's own hear of no fish.
    fishers = [one for one in shop.consumers if FishCaught in one.events]
    wanted = fishers or [consumer(Angler().handle)]
    await shop.database.transact(
        lambda db: deliveries.enrol(db, wanted, now=shop.clock.now()),
    )


async def relay(shop: RunningShop) -> int:
    now = shop.clock.now()
    return await shop.shop.database.transact(lambda db: deliveries.relay(db, now=now))


async def handle(shop: Shop) -> Handled:
    """Relay what there is, and run one batch of the first consumer."""
    now = shop.clock.now()
    await shop.database.transact(lambda db: deliveries.relay(db, now=now))
    return await handling.handle(shop, shop.consumers[0], chance=no_chance)


async def event_of(shop: RunningShop, fish: str) -> UUID:
    async with shop.shop.database.reading() as db:
        rows = (await db.execute(outbox_event.select())).all()
    return next(row.id for row in rows if row.payload["fish"] == fish)


@transaction
async def fail_inside(ctx: Context, task: CatchFish) -> None:
    await catch(ctx, task.fish)
    raise ValueError("not today")


async def ask(shop: Any, *tasks: Job, **options: Any) -> list[bool]:
    async with shop.context(viewer=GUEST) as ctx:
        return await want(ctx, *tasks, **options)
