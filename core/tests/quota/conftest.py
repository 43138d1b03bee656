from collections.abc import AsyncIterator

import pytest_asyncio
from core.tests.quota.pond import Pond, opened, reopened

from koipond_sdk.testing.databases import Databases, Kind


@pytest_asyncio.fixture
async def pond(database_url: str, databases: Databases) -> AsyncIterator[Pond]:
    """Quotas on SQLite and on PostgreSQL. At the end of a test what must always hold does."""
    async with reopened(database_url, database=databases.kept(database_url)) as made:
        yield made
        assert await made.audit() == []


@pytest_asyncio.fixture
async def postgres_pond(databases: Databases) -> AsyncIterator[Pond]:
    """The same, for what SQLite with its one writer does not have: locks."""
    async with databases.blank(Kind.POSTGRES) as url, opened(url) as made:
        yield made
        assert await made.audit() == []
