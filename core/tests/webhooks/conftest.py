from collections.abc import AsyncIterator

import pytest_asyncio
from core.tests.webhooks.receiver import LOCAL, Receiver, receiving

from koipond_sdk.testing import RunningShop, running_shop


@pytest_asyncio.fixture
async def shop(database_url: str) -> AsyncIterator[RunningShop]:
    """A shop whose webhooks may go to this machine."""
    async with running_shop(database_url, webhook_networks=LOCAL) as made:
        yield made


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody who takes everything."""
    async with receiving() as made:
        yield made
