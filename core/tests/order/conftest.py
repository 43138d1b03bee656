from collections.abc import AsyncIterator

import pytest_asyncio
from core.tests.order.counter import Counter
from core.tests.order.pricing_office import SETTINGS, Office
from core.tests.payment.till import Till

from koipond_sdk.testing import RunningShop, running_shop


@pytest_asyncio.fixture
async def till(shop: RunningShop) -> AsyncIterator[Till]:
    """A shop at its till, on both databases. At the end of a test what must always hold does."""
    made = Till(shop)
    yield made
    assert await made.audit() == []


@pytest_asyncio.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    """A shop in four channels that sells tea in Europe, for 10.00, on both databases."""
    async with running_shop(database_url, channels=SETTINGS) as shop:
        made = Office(shop)
        await made.sell("TEA", {"eu": "10.00"})
        yield made
        assert await made.till.audit() == []


@pytest_asyncio.fixture
async def counter(till: Till) -> Counter:
    """The counter of that shop."""
    return Counter(till)
