from collections.abc import AsyncIterator

import pytest_asyncio
from core.tests.order.counter import Counter
from core.tests.payment.till import Till

from koipond_sdk.testing import RunningShop


@pytest_asyncio.fixture
async def till(shop: RunningShop) -> AsyncIterator[Till]:
    """A shop at its till, on both databases. At the end of a test what must always hold does."""
    made = Till(shop)
    yield made
    assert await made.audit() == []


@pytest_asyncio.fixture
async def counter(till: Till) -> Counter:
    """The counter of that shop."""
    return Counter(till)
