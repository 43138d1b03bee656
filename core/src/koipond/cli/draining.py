"""At the signal to stop: first a notice, then the sockets, in order, then the server's own end."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from koipond.graphql.crowd import Crowd

# How long sockets may take; requests have uvicorn's time after it.
WITHIN_S = 10.0


class Draining:
    """Puts itself before the server's own handlers of SIGTERM and SIGINT.

    uvicorn closes every socket with 1012 at once, in the middle of what it answers. Begun on
    startup, when it has set its handlers, in each worker process.
    """

    def __init__(self, crowd: Crowd, *, notice_s: float = 0.0) -> None:
        """notice_s: for how long to stay while `/ready` says that this process goes."""
        self._crowd = crowd
        self._notice_s = notice_s
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Wait for a signal."""
        loop = asyncio.get_running_loop()
        self._theirs = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
        for number in self._theirs:
            loop.add_signal_handler(number, self._stop, number)

    def _stop(self, number: signal.Signals) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain(number))
        elif number is signal.SIGINT:
            # Who presses Ctrl-C twice does not wait. That of a worker is followed by the SIGTERM of
            # the process that watches over it, which is no second wish.
            self._hand_over(number)

    async def _drain(self, number: signal.Signals) -> None:
        self._crowd.is_leaving = True
        await asyncio.sleep(self._notice_s)
        try:
            await self._crowd.disperse(within_s=WITHIN_S)
        except TimeoutError:
            from koipond.kernel.logs import log

            log.warning("sockets are still open", sockets=len(self._crowd))
        finally:
            self._hand_over(number)

    def _hand_over(self, number: signal.Signals) -> None:
        loop = asyncio.get_running_loop()
        for one, theirs in self._theirs.items():
            loop.remove_signal_handler(one)
            signal.signal(one, theirs)
        signal.raise_signal(number)
