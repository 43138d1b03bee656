from collections.abc import AsyncIterator

import pytest_asyncio
from core.tests.notify.postoffice import PostOffice, post_office


@pytest_asyncio.fixture
async def office(database_url: str) -> AsyncIterator[PostOffice]:
    """A post office, on both databases."""
    async with post_office(database_url) as made:
        yield made
