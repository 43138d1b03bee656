"""200 buyers at once for 50 units, through HTTP: on PostgreSQL two server processes, on SQLite one.

The same race on a naive build must fail, else it shows nothing. It fails loudly: the table's own
CHECK refuses what the desk should have.
"""

import time
from contextlib import AsyncExitStack

import pytest
from tests.rig.auditing import count_events, count_orders, everything_holds, free_units, units
from tests.rig.buying import SANDBOX, all_at_once, outcomes
from tests.rig.servers import Servers

from koipond.kernel.ids import VariantId, encode
from koipond_sdk.testing import RunningShop

BUYERS = 200
UNITS = 50


def backend(shop: RunningShop) -> str:
    return shop.shop.database.url.get_backend_name()


async def sell_out(
    shop: RunningShop, servers: Servers, *, buyers: int = BUYERS, naive: str = ""
) -> None:
    """Let all buy at once; fails unless exactly what there is was sold, and the rest refused."""
    made = await shop.make_product(stock=UNITS)
    lines = [{"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}]
    processes = 2 if backend(shop) == "postgresql" else 1
    url = shop.settings.database_url
    async with AsyncExitStack() as stack:
        fronts = [
            (await stack.enter_async_context(servers.serving(url, naive=naive))).storefront
            for _ in range(processes)
        ]
        began = time.monotonic()
        replies = await all_at_once(
            fronts[place % processes].place(lines=lines, payment=SANDBOX) for place in range(buyers)
        )
        took = time.monotonic() - began
    print(f"{backend(shop)} {naive or 'real'}: {outcomes(replies)} in {took:.2f} s")
    assert outcomes(replies) == {"CONFIRMED": UNITS, "INSUFFICIENT_STOCK": buyers - UNITS}
    assert {reply.status for reply in replies} == {200}
    assert await count_orders(shop) == {"confirmed": UNITS}
    assert (await units(shop))["consumed"] == UNITS
    assert await free_units(shop) == 0
    assert set((await count_events(shop)).values()) == {UNITS}
    await everything_holds(shop)


async def test_200_buyers_of_50_units_make_50_orders(shop: RunningShop, servers: Servers) -> None:
    await sell_out(shop, servers)


async def test_a_naive_build_fails_the_same_sale(shop: RunningShop, servers: Servers) -> None:
    with pytest.raises(AssertionError):
        await sell_out(
            shop, servers, buyers=UNITS + 20, naive="the desk does not look at what is free"
        )
