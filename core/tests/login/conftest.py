from collections.abc import AsyncIterator

import pytest_asyncio
from core.tests.login.gate import Gate, open_gate


@pytest_asyncio.fixture
async def gate(database_url: str) -> AsyncIterator[Gate]:
    """A shop that people log in to, on both databases."""
    async with open_gate(database_url) as made:
        yield made
