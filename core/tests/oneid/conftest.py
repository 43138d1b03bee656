from collections.abc import AsyncIterator

import pytest_asyncio
from core.tests.oneid.people import People
from core.tests.payment.till import Till

from koipond_sdk.testing import RunningShop


@pytest_asyncio.fixture
async def people(shop: RunningShop) -> AsyncIterator[People]:
    """A shop's members, on both databases. At the end of a test what must always hold does."""
    made = People(Till(shop))
    yield made
    assert await made.till.audit() == []
