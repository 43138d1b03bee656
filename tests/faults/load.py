"""Buyers who buy without end while a test breaks something, and what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.rig.auditing import count_orders, everything_holds
from tests.rig.buying import SANDBOX, Reply, buyer, key
from tests.rig.servers import Server

from koipond.kernel.ids import VariantId, encode
from koipond_sdk.testing import RunningShop

# A settled answer; anything else is repeated with the same key until there is one.
_SETTLED = {"CONFIRMED", "INSUFFICIENT_STOCK"}


class Load:
    """acknowledged: {order's number: its reply}; unknown: wishes whose reply told nothing."""

    def __init__(self, server: Server, lines: list[dict[str, Any]]) -> None:
        self.server = server
        self._lines = lines
        self.acknowledged: dict[str, Reply] = {}
        self.unknown: list[dict[str, Any]] = []
        self._stopping = False

    @asynccontextmanager
    async def running(self, buyers: int) -> AsyncIterator[None]:
        """Let so many buy, one order after the other, until the block ends."""
        self._stopping = False
        tasks = [asyncio.create_task(self._buy()) for _ in range(buyers)]
        try:
            yield
        finally:
            self._stopping = True
            await asyncio.gather(*tasks)

    async def settle(self) -> int:
        """Repeat what nobody knows the end of; returns how many that were."""
        unknown, self.unknown = self.unknown, []
        for reply in await asyncio.gather(*map(self._until_settled, unknown)):
            self.acknowledged[reply.made["number"]] = reply
        return len(unknown)

    async def check(self, shop: RunningShop) -> None:
        """Fail unless exactly what was acknowledged is there, and all of it holds."""
        numbers = {row["number"] for row in await shop.rows("order")}
        assert numbers == set(self.acknowledged)
        assert await count_orders(shop) == {"confirmed": len(numbers)}
        await everything_holds(shop)

    async def _buy(self) -> None:
        while not self._stopping:
            wish = {
                "lines": self._lines,
                "contact": buyer(),
                "payment": SANDBOX,
                "idempotencyKey": key(),
            }
            reply = await self.server.storefront.ask("placeOrder", **wish)
            if reply.outcome == "CONFIRMED":
                self.acknowledged[reply.made["number"]] = reply
            else:
                self.unknown.append(wish)
                await asyncio.sleep(0.05)

    async def _until_settled(self, wish: dict[str, Any]) -> Reply:
        for _ in range(20):
            reply = await self.server.storefront.ask("placeOrder", **wish)
            if reply.outcome in _SETTLED:
                return reply
            await asyncio.sleep(0.2)
        raise AssertionError(f"{reply} {self.server.log[-3_000:]}")


async def make_lines(shop: RunningShop, *, stock: int = 100_000) -> list[dict[str, Any]]:
    """Put goods on the shelf; returns the lines that everybody orders."""
    made = await shop.make_product(stock=stock)
    return [{"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}]
