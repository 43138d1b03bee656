from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from plugins.promotions.tests.stall import Stall, make_member

from koipond_sdk import Viewer
from koipond_sdk.testing import RunningShop


@pytest.fixture
def plugins() -> list[str]:
    return ["promotions"]


@pytest_asyncio.fixture
async def stall(shop: RunningShop) -> AsyncIterator[Stall]:
    """A shop with tea and cups, on both databases. At the end of a test all that must hold does."""
    made = await Stall.open(shop)
    yield made
    assert await made.audit() == []


@pytest_asyncio.fixture
async def lin(shop: RunningShop) -> Viewer:
    """A member of the shop."""
    return await make_member(shop)
