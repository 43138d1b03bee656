"""Somebody who does something between two steps of a request."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from koipond.kernel.faults import planned
from koipond_sdk.testing import RunningShop, running_shop

Act = Callable[[RunningShop], Awaitable[Any]]


def meanwhile(place: str, url: str, acts: list[Act], *, plugins: Sequence[str] = ()) -> Any:
    """Let somebody else, in a shop of their own, do one of `acts` each time `place` is passed.

    place: a crash point. plugins: of that shop.
    """

    async def act() -> None:
        async with running_shop(url, plugins=plugins) as other:
            await acts.pop(0)(other)

    def fault(here: str) -> None:
        if here == place and acts:
            there = threading.Thread(target=lambda: asyncio.run(act()))
            there.start()
            there.join()

    return planned(fault)
