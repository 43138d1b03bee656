"""Places where a test lets the process die; what is left must be right, and a repeat must work.

Core passes through some forty, `order.placed.before_commit` among them; a plugin may name its own
with `koipond_sdk.crash_point`, which costs nothing where no test asks.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from koipond.kernel.faults import deadly, planned
from koipond_sdk.testing.shop import RunningShop, running_shop

Act = Callable[[RunningShop], Awaitable[object]]
# A new process imports a shop, which takes seconds where the machine is busy.
_PATIENCE_S = 50.0


class Died(BaseException):
    """The work ended here, as if the process had died: no code but `finally` runs behind it."""


@contextmanager
def crash_at(name: str, *, nth: int = 1) -> Iterator[None]:
    """Raise Died where the crash point `name` is passed for the `nth` time while the block runs.

    The block ends with it quietly; a block that never comes there fails. It is this process that
    goes on, so locks and memory are given back tidily: `dies_at` really kills one.
    """
    passed: Counter[str] = Counter()

    def die(here: str) -> None:
        passed[here] += 1
        if here == name and passed[here] == nth:
            raise Died(name)

    try:
        with planned(die):
            yield
    except Died:
        return
    raise AssertionError(
        f"the crash point {name} was passed {passed[name]} times, and {nth} were waited for. "
        f"Passed were: {', '.join(sorted(passed)) or 'none'}."
    )


@contextmanager
def passing() -> Iterator[list[str]]:
    """Collect the names of the crash points that are passed while the block runs, in order."""
    passed: list[str] = []
    with planned(passed.append):
        yield passed


async def dies_at(
    name: str, act: Act, url: str, *, nth: int = 1, plugins: Sequence[str] = ()
) -> None:
    """Run `act(shop)` in a process of its own, which is killed (-9) at a crash point.

    act: a function of a module, because the process imports it. url: `database_url`; what the
    process committed is there. Fails if the process ends in another way.
    """
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_run, args=(f"{name}:{nth}", act, url, tuple(plugins)))
    process.start()
    try:
        await asyncio.to_thread(process.join, _PATIENCE_S)
        assert process.exitcode == -signal.SIGKILL, (
            f"the process was to die at {name}, and ended with {process.exitcode}: 0 is that it "
            "never came there, 1 that it raised, None that it still ran"
        )
    finally:
        process.kill()
        process.join()


def _run(place: str, act: Act, url: str, plugins: Sequence[str]) -> None:
    async def work() -> None:
        async with running_shop(url, plugins=plugins) as shop:
            with planned(deadly(place)):
                await act(shop)

    asyncio.run(work())
