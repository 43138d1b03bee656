"""A race that a naive build survives shows nothing: each must fail in at least 9 of 10 seeds."""

from collections.abc import Awaitable, Callable

import pytest
from tests.races.test_carts import RACES, TRIES, Race, add_at_once
from tests.races.test_flash_sale import NAIVE, sell_out
from tests.races.test_order_life import LIFE
from tests.races.test_order_life import Race as LifeRace
from tests.rig.naive import built
from tests.rig.servers import Servers

from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.plugin import KINDS

SEEDS = 10
pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


async def fails(
    databases: Databases, kind: Kind, race: Callable[[RunningShop], Awaitable[object]]
) -> int:
    """Run a race on emptied databases; returns how often it failed."""
    failed = 0
    for _ in range(SEEDS):
        async with running_shop(await databases.emptied(kind)) as shop:
            try:
                await race(shop)
            except AssertionError:
                failed += 1
    return failed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("naive", "race"), RACES)
async def test_a_purchase_on_a_naive_build(
    databases: Databases, kind: Kind, naive: str, race: Race, tell: Callable[[str], None]
) -> None:
    with built(naive):
        failed = await fails(databases, kind, lambda shop: race(shop, TRIES))
    tell(f"{naive}: failed in {failed} of {SEEDS}")
    assert failed >= 9


async def test_adds_on_a_naive_build(databases: Databases, tell: Callable[[str], None]) -> None:
    naive = "a cart is changed without its lock"
    with built(naive):
        failed = await fails(databases, Kind.POSTGRES, add_at_once)
    tell(f"{naive}: failed in {failed} of {SEEDS}")
    assert failed >= 9


@pytest.mark.parametrize("kind", KINDS)
async def test_a_flash_sale_on_a_naive_build(
    databases: Databases, kind: Kind, servers: Servers, tell: Callable[[str], None]
) -> None:
    failed = await fails(
        databases, kind, lambda shop: sell_out(shop, servers, buyers=60, goods=20, naive=NAIVE)
    )
    tell(f"{NAIVE}: failed in {failed} of {SEEDS}")
    assert failed >= 9


@pytest.mark.parametrize(("naive", "race"), LIFE)
async def test_what_follows_a_sale_on_a_naive_build(
    databases: Databases, naive: str, race: LifeRace, tell: Callable[[str], None]
) -> None:
    """SQLite has one writer, who needs no lock."""
    with built(naive):
        failed = await fails(databases, Kind.POSTGRES, race)
    tell(f"{naive}: {race.__name__} failed in {failed} of {SEEDS}")
    assert failed >= 9
