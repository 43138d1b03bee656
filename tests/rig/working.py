"""A worker for a process of its own, at work until it is killed.

It catches fish by jobs and sells what was caught by deliveries, each seller telling of it by an
event, and goes by the machine's clock.
"""

import asyncio
from typing import Any, ClassVar
from uuid import UUID, uuid5

from core.tests.kernel.fishing import CatchFish, FishCaught, catch_once, sell
from tests.rig.naive import built

from koipond.kernel.clock import SystemClock
from koipond.kernel.context import Context, Shop
from koipond.kernel.db import Database
from koipond.kernel.deliveries import Consumer
from koipond.kernel.worker import Worker
from koipond.settings import Settings


class CatchPatiently(CatchFish, frozen=True, kw_only=True):
    """A job that is not given up however often its worker is killed."""

    attempts_max: ClassVar[int] = 1_000


SELLERS = ("seller", "smoker")


def make_shop(url: str) -> Shop:
    """Return a shop that has nothing but this work to do; it must be closed."""
    hooks: Any = None
    return Shop(
        settings=Settings(database_url=url),
        database=Database(url),
        clock=SystemClock(),
        hooks=hooks,
        providers={},
        reactions={},
        jobs={CatchPatiently: catch_once},
        consumers=[_seller(one) for one in SELLERS],
    )


def shelf_of(seller: str, water_id: UUID) -> UUID:
    """Return what a seller's events are of: in one aggregate two sellers would wait in turns."""
    return uuid5(water_id, seller)


def _seller(name: str) -> Consumer:
    async def sell_caught(ctx: Context, event: FishCaught) -> None:
        await sell(ctx, event.fish, water_id=shelf_of(name, event.water_id))

    return Consumer(name=name, events=(FishCaught,), handle=sell_caught)


def work_until_killed(url: str, naive: str) -> None:
    """Do what is due when it is. naive: a build of naive.py, or nothing."""
    with built(naive):
        asyncio.run(Worker(make_shop(url)).run_until_stopped())
