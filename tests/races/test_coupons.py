"""A coupon that can be used once, and a crowd: battery 9, short. It fails on its naive build."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from plugins.promotions.tests.stall import Stall, outcome, percent
from tests.rig.naive import raced

from koipond_sdk.testing import RunningShop, running_shop

UNCOUNTED = "the uses of a code are not counted"
USES, SHORT_ROUNDS = 100, 2


@pytest.fixture
def plugins() -> list[str]:
    return ["promotions"]


async def use_up(shop: RunningShop, *, rounds: int, uses: int = USES) -> str:
    """Let a crowd use one coupon with limit 1, round by round; fails unless one order has it.

    On PostgreSQL by two shops at once, each with a desk of its own, as two processes have.
    """
    stall = await Stall.open(shop, stock=rounds * uses)
    got: Counter[str] = Counter()
    async with _fronts(stall) as fronts:
        for number in range(rounds):
            code = f"ROUND-{number}"
            await stall.coupon(code, percent("10"), usesOfCode=1)
            # What another process has just published is known a second later.
            shop.clock.advance(seconds=2)
            for front in fronts:
                front.shop.clock.set(shop.clock.now())
            asked = (_use(fronts[place % len(fronts)], code) for place in range(uses))
            outcomes = Counter(await asyncio.gather(*asked))
            assert outcomes == {"PLACED 9.00": 1, "COUPON_EXHAUSTED": uses - 1}, outcomes
            got += outcomes
            carried = [row["off_minor"] for row in await stall.uses()]
            assert carried == [1_00] * (number + 1)
    assert await stall.audit() == []
    told = f"{rounds} rounds of {uses} parallel uses of a coupon with limit 1: {dict(got)}"
    print(told)
    return told


async def _use(front: Stall, code: str) -> str:
    while True:
        placed: dict[str, Any] = await front.order_of(couponCodes=[code])
        # In a crowd on a busy machine a hook may have no time, which changes nothing: ask again.
        if outcome(placed) != "PLUGIN_ERROR":
            return outcome(placed)


@asynccontextmanager
async def _fronts(stall: Stall) -> AsyncIterator[list[Stall]]:
    """Open another shop on the same database, where that has more than one writer."""
    async with AsyncExitStack() as stack:
        fronts = [stall]
        if not stall.shop.shop.database.is_sqlite:
            url = stall.shop.settings.database_url
            other = await stack.enter_async_context(running_shop(url, plugins=["promotions"]))
            fronts.append(stall.beside(other))
        yield fronts


@pytest.mark.slow
async def test_of_100_parallel_uses_of_a_coupon_with_limit_1_one_counts(
    shop: RunningShop,
) -> None:
    await use_up(shop, rounds=SHORT_ROUNDS)


@pytest.mark.slow
async def test_a_naive_build_fails_the_same_uses(shop: RunningShop) -> None:
    with raced(UNCOUNTED):
        await use_up(shop, rounds=1, uses=20)
