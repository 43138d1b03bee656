"""`koi worker`."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.settings import Settings


@click.command
@partial(with_settings, production=True)
def worker(settings: Settings) -> None:
    """Do what the shop has to do later: jobs, and the events that others wait for.

    Any number of them may run side by side. Ctrl-C and SIGTERM: nothing new is begun, what runs has
    10 seconds, and what is not done by then is done by another worker or at the next start.

    It is for production as `koi serve` is: it wants a secret (KOI_SECRET), unless the setting
    `production = false` says otherwise.
    """
    from koipond.kernel.logs import configure

    configure(production=settings.production)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    from koipond.cli.opening import opened
    from koipond.kernel.logs import log
    from koipond.kernel.worker import Worker

    async with opened(settings) as ctx:
        working = Worker(ctx.shop)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, working.stop)
        log.info("worker started", worker=working.name)
        await working.run_until_stopped()
        log.info("worker stopped", worker=working.name)
