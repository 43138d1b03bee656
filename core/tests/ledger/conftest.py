from collections.abc import AsyncIterator

import pytest_asyncio
from core.tests.ledger.book import Book, opened, reopened

from koipond_sdk.testing.databases import Databases


@pytest_asyncio.fixture
async def book(database_url: str, databases: Databases) -> AsyncIterator[Book]:
    """A ledger on SQLite and on PostgreSQL. At the end of a test what must always hold does."""
    async with reopened(database_url, database=databases.kept(database_url)) as made:
        yield made
        assert await made.audit() == []


@pytest_asyncio.fixture
async def broken(blank_database_url: str) -> AsyncIterator[Book]:
    """A ledger that a test breaks by hand."""
    async with opened(blank_database_url) as made:
        yield made
