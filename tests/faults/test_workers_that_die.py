"""kill -9 of the process that does what comes later, at every named place of an expiry.

The next one finishes it: the order expires once, and its units can be sold again.
"""

import asyncio
import time
from pathlib import Path

import pytest
from tests.rig.auditing import count_events, count_orders, everything_holds, free_units
from tests.rig.buying import Storefront
from tests.rig.servers import Servers

from koipond.kernel.ids import VariantId, encode
from koipond.kernel.jobs import job, schedule
from koipond_sdk.testing import RunningShop

PLACES = [
    "outbox.after_relay",
    "jobs.after_claim",
    "jobs.after_run.before_done",
    "order.closing",
    "order.closed_at_providers",
    "order.expired.before_commit",
    "quota.give_back.before_commit",
    "database.apart.after_commit",
]


@pytest.mark.faults
@pytest.mark.timeout(180)
@pytest.mark.parametrize("place", PLACES)
async def test_an_expiry_cut_by_kill_9_is_finished_once(
    shop: RunningShop, servers: Servers, tmp_path: Path, place: str
) -> None:
    made = await shop.make_product(stock=3)
    line = {"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 2}
    # By the shop's clock months ago, so that it is due for the server, which has the real one.
    assert (await Storefront(shop.http).place(lines=[line])).outcome == "PLACED"
    armed = tmp_path / "armed"
    given = {"work": True, "crash_at": place, "armed_by": str(armed)}
    async with servers.serving(shop.settings.database_url, **given) as server:
        armed.touch()
        while not server.is_dead:
            await make_due(shop)
        await server.start(crash_at="")
        until = time.monotonic() + 60
        while await free_units(shop) < 3:
            assert time.monotonic() < until, server.log[-3_000:]
            await make_due(shop)
    assert await count_orders(shop) == {"expired": 1}
    assert await count_events(shop) == {"OrderPlaced": 1, "OrderExpired": 1}
    await everything_holds(shop)


async def make_due(shop: RunningShop) -> None:
    """Let everything recurring be due, and no lease of a job keep it from who looks next."""
    now = shop.clock.now()
    async with shop.shop.database.writer.begin() as db:
        await db.execute(schedule.update().values(next_at=now))
        await db.execute(job.update().values(run_at=now))
        await db.execute(job.update().where(job.c.state == "running").values(leased_until=now))
    await asyncio.sleep(0.5)
