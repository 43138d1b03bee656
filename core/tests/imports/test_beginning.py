"""Two imports of one stock file that begin at the same instant book once."""

import asyncio

import pytest
from core.tests.imports.test_asking import send, start, work
from tests.rig.naive import built

from koipond_sdk.testing.databases import Kind
from koipond_sdk.testing.shop import RunningShop

ROUNDS = 8
AT_ONCE = 4


async def booked(shop: RunningShop) -> int:
    """Have one file per round imported by several workers at once; returns the units booked."""
    await shop.make_product("TEA-1", stock=0)
    for nth in range(ROUNDS):
        content = b"sku,delta\nTEA-1,1\n" + b"\n" * nth
        sent = [(await send(shop, content, name=f"{nth}.csv")).json() for _ in range(AT_ONCE)]
        begun = [
            (await start(shop, fileId=one["id"], kind="STOCK"))["started"]["id"] for one in sent
        ]
        await asyncio.gather(*(work(shop, key) for key in begun))
    return sum(row["delta"] for row in await shop.rows("stock_movement"))


@pytest.mark.slow
async def test_a_stock_file_that_many_begin_at_once_is_booked_once(shop: RunningShop) -> None:
    assert await booked(shop) == ROUNDS


# On SQLite whoever writes is alone from the first statement on.
@pytest.mark.slow
@pytest.mark.parametrize("database_url", [Kind.POSTGRES], indirect=True)
async def test_a_build_that_does_not_wait_books_it_again(shop: RunningShop) -> None:
    with built("imports of one file begin side by side"):
        assert await booked(shop) > ROUNDS
