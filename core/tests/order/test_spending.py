"""A plugin spends from the ledger as an order is placed: in that transaction, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from core.tests.hooks.toys import toy
from core.tests.payment.till import Till
from tests.rig.auditing import everything_holds, free_units

from koipond.kernel.context import Context
from koipond.ledger import service as ledger
from koipond.ledger.tables import ledger_account, ledger_transfer
from koipond.ledger.types import AccountKey, Balance, Slip
from koipond.order.types import Checkout, Order
from koipond_sdk.testing import running_shop

FUND = AccountKey.of_payee(UUID(int=7), "shells")
EACH = 30


def slip(ctx: Context, source: str) -> Slip:
    return Slip(source=source, day=ctx.clock.now().date())


async def spend(ctx: Context, order: Order, checkout: Checkout) -> None:
    """Pay each order with shells of one fund."""
    await ledger.burn(ctx, FUND, EACH, slip(ctx, f"shells:{order.id}"))


async def promise(ctx: Context, order: Order, checkout: Checkout) -> None:
    """Set shells aside for each order."""
    await ledger.set_aside(ctx, FUND, EACH, slip(ctx, f"shells:{order.id}"))


async def write(ctx: Context, order: Order, checkout: Checkout) -> None:
    """Help oneself."""
    await ctx.db.execute(ledger_account.update().values(balance=1_000))


@pytest_asyncio.fixture
async def till(database_url: str) -> AsyncIterator[Till]:
    """A fund of 70 shells, and orders of 30 each."""
    async with running_shop(database_url, plugins=[toy("order_creating", spend)]) as shop:
        yield await funded(Till(shop))
        await everything_holds(shop)


async def funded(till: Till) -> Till:
    async with till.shop.context() as ctx:
        await ledger.earn(ctx, FUND, 70, slip(ctx, "shells:fund"))
    return till


async def fund(till: Till) -> Balance:
    async with till.shop.context() as ctx:
        return (await ledger.find_balances(ctx, [FUND]))[FUND]


async def test_what_is_spent_is_booked_with_the_order(till: Till) -> None:
    placed = await till.place(await till.stock())
    assert placed["userErrors"] == []
    assert (await fund(till)).available == 40


@pytest.mark.slow
async def test_who_has_too_little_gets_no_order_and_loses_nothing(till: Till) -> None:
    tea = await till.stock()
    for _ in range(2):
        await till.place(tea)
    refused = await till.place(tea)
    assert [one["code"] for one in refused["userErrors"]] == ["LEDGER_SHORT"]
    assert (await fund(till)).available == 10
    assert len(await till.shop.rows("order")) == 2
    await till.work()
    till.shop.clock.advance(minutes=3)
    await till.work()
    assert await free_units(till.shop) == 8


async def test_of_many_orders_at_once_as_many_are_placed_as_can_be_paid(till: Till) -> None:
    tea = await till.stock(units=20)
    found = await asyncio.gather(*(till.place(tea) for _ in range(8)))
    assert sum(one["userErrors"] == [] for one in found) == 2
    assert (await fund(till)).available == 10
    # The fund was filled once, and emptied by those that there are.
    assert len(await till.shop.rows(ledger_transfer)) == 3


async def test_an_order_that_is_asked_for_again_spends_once(till: Till) -> None:
    tea, key = await till.stock(), str(uuid4())
    first = await till.place(tea, idempotencyKey=key)
    again = await till.place(tea, idempotencyKey=key)
    assert first["order"] == again["order"]
    assert (await fund(till)).available == 40


async def test_what_is_set_aside_is_promised_to_the_order(database_url: str) -> None:
    async with running_shop(database_url, plugins=[toy("order_creating", promise)]) as shop:
        till = await funded(Till(shop))
        await till.place(await till.stock())
        assert ((await fund(till)).available, (await fund(till)).set_aside) == (40, 30)
        await everything_holds(shop)


async def test_the_ledgers_own_tables_are_still_closed_to_plugins(database_url: str) -> None:
    async with running_shop(database_url, plugins=[toy("order_creating", write)]) as shop:
        till = await funded(Till(shop))
        refused = await till.place(await till.stock())
        assert [one["code"] for one in refused["userErrors"]] == ["PLUGIN_ERROR"]
        assert (await fund(till)).available == 70
        assert await shop.rows("order") == []
