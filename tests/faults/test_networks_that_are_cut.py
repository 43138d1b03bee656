"""The network to PostgreSQL is cut both ways, and nobody is told: half-open connections."""

import asyncio
import time
from collections.abc import Callable

import pytest
from sqlalchemy import text
from tests.faults.load import make_lines
from tests.rig.auditing import everything_holds
from tests.rig.buying import all_at_once, outcomes
from tests.rig.proxy import proxying
from tests.rig.servers import Servers

from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.databases import Databases, Kind

ANSWER_S = 1.0


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_half_open_connections_for_30_s(
    databases: Databases, servers: Servers, tell: Callable[[str], None]
) -> None:
    tell(await cut(databases, servers, callers=60, again_for_s=30))


async def cut(databases: Databases, servers: Servers, *, callers: int, again_for_s: float) -> str:
    """Freeze the network under the callers, then thaw it; returns the figures."""
    url = await databases.emptied(Kind.POSTGRES)
    async with running_shop(url) as shop, proxying(databases.home) as proxy:
        lines = await make_lines(shop)
        name = shop.shop.database.url.database or ""
        limits = {"database_answer_s": ANSWER_S, "database_wait_s": ANSWER_S}
        async with servers.serving(proxy.url(name), **limits) as server:
            front = server.storefront
            warm = await all_at_once(front.place(lines=lines) for _ in range(callers))
            assert outcomes(warm) == {"PLACED": callers}
            began, longest, failed = time.monotonic(), 0.0, {}
            asked = [asyncio.create_task(front.place(lines=lines)) for _ in range(callers)]
            await asyncio.sleep(0.02)
            proxy.freeze()
            while True:
                at = time.monotonic()
                replies = await asyncio.gather(*asked)
                longest = max(longest, time.monotonic() - at)
                failed = outcomes(replies)
                assert failed.keys() <= {"DATABASE_UNAVAILABLE", "DATABASE_BUSY", "PLACED"}, failed
                if time.monotonic() > began + again_for_s:
                    break
                asked = [asyncio.create_task(front.place(lines=lines)) for _ in range(callers)]
            assert failed.keys() - {"PLACED"}
            proxy.thaw()
            await serves_again(server.storefront.place, lines)
            again = await all_at_once(front.place(lines=lines) for _ in range(callers))
            assert outcomes(again) == {"PLACED": callers}
            await nothing_is_open(shop)
        await everything_holds(shop)
    return f"cut: {failed}, the longest answer took {longest:.1f} s of {ANSWER_S} s a statement"


async def serves_again(place: Callable, lines: object) -> None:
    for _ in range(100):
        if (await place(lines=lines)).outcome == "PLACED":
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it does not serve again")


async def nothing_is_open(shop: RunningShop) -> None:
    """Fail unless every session of the database that is not asked anything is idle."""
    open_ones = text(
        "SELECT state, query FROM pg_stat_activity WHERE datname = current_database()"
        " AND state LIKE 'idle in transaction%'"
    )
    async with shop.shop.database.reading() as db:
        assert (await db.execute(open_ones)).all() == []
