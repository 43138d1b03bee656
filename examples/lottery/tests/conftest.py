"""A shop with lotteries. The workspace's own databases are made without: it is not installed."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from koipond_sdk.testing.databases import Databases, empty, migrate
from koipond_sdk.testing.plugin import KINDS


@pytest.fixture
def plugins() -> list[str]:
    return ["lottery", "points"]


@pytest.fixture
def audited(request: pytest.FixtureRequest) -> bool:
    """The workspace has audits off for its own tests; here they are on, as for any plugin."""
    return request.node.get_closest_marker("breaks_invariants") is None


@pytest_asyncio.fixture(params=KINDS, scope="module", loop_scope="session")
async def migrated(
    request: pytest.FixtureRequest, databases: Databases, installed: None
) -> AsyncIterator[str]:
    """A database with the lottery's tables."""
    async with databases.own(request.param) as url:
        await migrate(url)
        yield url


@pytest.fixture
async def database_url(migrated: str) -> str:
    """The same, without any row."""
    await empty(migrated)
    return migrated
