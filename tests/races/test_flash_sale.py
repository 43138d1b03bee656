"""Buyers at once for fewer units, through HTTP: on PostgreSQL two server processes, on SQLite one.

The same race on a naive build must fail, else it shows nothing. It fails loudly: the table's own
CHECK refuses what the desk should have.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from tests.rig.auditing import count_events, count_orders, everything_holds, free_units, units
from tests.rig.buying import LOST, SANDBOX, Reply, all_at_once, outcomes
from tests.rig.servers import Servers

from koipond.kernel.ids import VariantId, encode
from koipond_sdk.testing import RunningShop

NAIVE = "the desk does not look at what is free"


def backend(shop: RunningShop) -> str:
    return shop.shop.database.url.get_backend_name()


async def sell_out(
    shop: RunningShop,
    servers: Servers,
    *,
    buyers: int,
    goods: int,
    at_once: int = 500,
    naive: str = "",
) -> str:
    """Let all buy; fails unless exactly what there is was sold, and the rest refused in words."""
    made = await shop.make_product(stock=goods)
    lines = [{"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}]
    processes = 2 if backend(shop) == "postgresql" else 1
    url = shop.settings.database_url
    turn = asyncio.Semaphore(at_once)
    # However slow the machine is: being told to come again is another test's matter.
    patient = {"database_wait_s": 120, "naive": naive}
    async with AsyncExitStack() as stack:
        fronts = [
            (await stack.enter_async_context(servers.serving(url, **patient))).storefront
            for _ in range(processes)
        ]

        for front in fronts:
            front.http.timeout = 600

        async def buy(place: int) -> Reply:
            async with turn:
                return await fronts[place % processes].place(lines=lines, payment=SANDBOX)

        began = time.monotonic()
        replies = await all_at_once(buy(place) for place in range(buyers))
        took = time.monotonic() - began
    assert not [reply.said for reply in replies if reply.outcome == LOST]
    told = f"{buyers} buyers of {goods} units: {outcomes(replies)} in {took:.1f} s"
    print(told)
    assert outcomes(replies) == {"CONFIRMED": goods, "INSUFFICIENT_STOCK": buyers - goods}
    assert {reply.status for reply in replies} == {200}
    assert await count_orders(shop) == {"confirmed": goods}
    assert (await units(shop))["consumed"] == goods
    assert await free_units(shop) == 0
    assert set((await count_events(shop)).values()) == {goods}
    await everything_holds(shop)
    return told


async def test_20_buyers_of_4_units_make_4_orders(shop: RunningShop, servers: Servers) -> None:
    await sell_out(shop, servers, buyers=20, goods=4)


@pytest.mark.slow
async def test_200_buyers_of_50_units_make_50_orders(shop: RunningShop, servers: Servers) -> None:
    await sell_out(shop, servers, buyers=200, goods=50)


@pytest.mark.slow
async def test_a_naive_build_fails_the_same_sale(shop: RunningShop, servers: Servers) -> None:
    with pytest.raises(AssertionError):
        await sell_out(shop, servers, buyers=20, goods=4, naive=NAIVE)


@pytest.mark.faults
@pytest.mark.timeout(1_200)
async def test_10000_buyers_of_100_units_make_100_orders(
    shop: RunningShop, servers: Servers, tell: Callable[[str], None]
) -> None:
    tell(await sell_out(shop, servers, buyers=10_000, goods=100))
