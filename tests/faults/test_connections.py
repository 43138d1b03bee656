"""Connections and locks when there are too few, and when those who hold them are gone."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.rig.auditing import at_rest, count_orders, everything_holds
from tests.rig.buying import SANDBOX, Reply, Storefront, buyer, key, outcomes

from koipond.kernel.ids import VariantId, encode
from koipond.stock import service as stock
from koipond_sdk.testing import RunningShop, running_shop


@asynccontextmanager
async def writers_wait(url: str) -> AsyncIterator[None]:
    """Let every transaction that claims a key wait until the block ends."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        lock = "BEGIN IMMEDIATE" if sqlite else "LOCK TABLE idempotency IN EXCLUSIVE MODE"
        await connection.execute(text(lock))
        yield
        await connection.rollback()
    await engine.dispose()


@pytest.mark.slow
async def test_requests_that_get_no_connection_are_told_to_come_again(database_url: str) -> None:
    await crowd(database_url, requests=30, wait_s=0.3)


@pytest.mark.faults
async def test_100_requests_of_a_pool_of_5(database_url: str, tell: Callable[[str], None]) -> None:
    tell(await crowd(database_url, requests=100, wait_s=0.8))


async def crowd(url: str, *, requests: int, wait_s: float) -> str:
    """Ask while no transaction can end; who gets no connection is told so, and nothing is left."""
    async with running_shop(url, database_pool_size=5, database_wait_s=wait_s) as shop:
        made = await shop.make_product(stock=requests)
        lines = [{"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}]
        front = Storefront(shop.http)
        tasks = asyncio.all_tasks()
        wishes = [
            {"lines": lines, "contact": buyer(), "payment": SANDBOX, "idempotencyKey": key()}
            for _ in range(requests)
        ]
        told_after: list[float] = []

        async def ask(wish: dict[str, object]) -> Reply:
            began = time.monotonic()
            reply = await front.ask("placeOrder", **wish)
            if reply.outcome == "DATABASE_BUSY":
                told_after.append(time.monotonic() - began)
            return reply

        async with writers_wait(url):
            asked = asyncio.gather(*map(ask, wishes))
            await asyncio.wait([asked], timeout=3 * wait_s)
        replies = await asked
        busy = [reply for reply in replies if reply.outcome == "DATABASE_BUSY"]
        assert outcomes(replies).keys() == {"DATABASE_BUSY", "CONFIRMED"}
        assert {(reply.status, reply.headers["retry-after"]) for reply in busy} == {(503, "1")}
        await at_rest(shop.shop)
        assert asyncio.all_tasks() <= tasks | {asyncio.current_task()}
        # Some were told so half way: their key is free again after its lease.
        shop.clock.advance(seconds=shop.settings.idempotency_lease_s + 1)
        for wish, reply in zip(wishes, replies, strict=True):
            if reply in busy:
                assert (await front.ask("placeOrder", **wish)).outcome == "CONFIRMED"
        assert await count_orders(shop) == {"confirmed": requests}
        await everything_holds(shop)
    return f"{outcomes(replies)}, told after {max(told_after):.2f} s at most, of {wait_s} s"


@pytest.mark.slow
@pytest.mark.story
async def test_callers_who_leave_at_any_moment_leave_nothing_behind(shop: RunningShop) -> None:
    await leave(shop, callers=12, seed=secrets.randbits(32))


@pytest.mark.faults
@pytest.mark.timeout(1_200)
async def test_1000_callers_leave(shop: RunningShop, tell: Callable[[str], None]) -> None:
    seed = secrets.randbits(32)
    tell(f"seed {seed}: {await leave(shop, callers=1_000, seed=seed)}")


async def leave(shop: RunningShop, *, callers: int, seed: int) -> dict[str, int]:
    """Cancel as many purchases at a random step of the loop, four at a time, then repeat each."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    made = await shop.make_product(stock=callers + 2)
    lines = [{"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}]
    front = Storefront(shop.http)
    await _steps(front, lines)
    # Of the second: the first one of a process also makes its plans.
    longest = await _steps(front, lines)
    before = asyncio.all_tasks()
    wishes = [
        {"lines": lines, "contact": buyer(), "payment": SANDBOX, "idempotencyKey": key()}
        for _ in range(callers)
    ]
    left = {"cut": 0, "done": 0}
    for start in range(0, len(wishes), 4):
        some = [asyncio.create_task(_ask(front, wish)) for wish in wishes[start : start + 4]]
        steps = dict(zip(chance.sample(range(longest), len(some)), some, strict=True))
        for step in range(longest):
            if step in steps:
                left["done" if steps[step].done() else "cut"] += 1
                steps[step].cancel()
            await asyncio.sleep(0)
        await asyncio.wait(some)
    await at_rest(shop.shop)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before
    # Whatever each had come to: after the lease of its key the repeat finishes it.
    shop.clock.advance(seconds=shop.settings.idempotency_lease_s + 1)
    for wish in wishes:
        assert (await front.ask("placeOrder", **wish)).outcome == "CONFIRMED"
    assert sum(left.values()) == callers
    assert await count_orders(shop) == {"confirmed": callers + 2}
    shop.clock.advance(seconds=shop.settings.reservation_hold_s)
    async with shop.context() as ctx:
        await stock.give_back(ctx)
    await everything_holds(shop)
    return left


async def _ask(front: Storefront, wish: dict[str, object]) -> Reply:
    return await front.ask("placeOrder", **wish)


async def _steps(front: Storefront, lines: list[dict[str, object]]) -> int:
    """Return how many steps of the loop a purchase takes, by making one."""
    task = asyncio.create_task(
        _ask(
            front, {"lines": lines, "contact": buyer(), "payment": SANDBOX, "idempotencyKey": key()}
        )
    )
    steps = 0
    while not task.done():
        steps += 1
        await asyncio.sleep(0)
    assert task.result().outcome == "CONFIRMED"
    return steps
