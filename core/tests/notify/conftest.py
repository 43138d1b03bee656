from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from core.tests.notify.postoffice import PostOffice, post_office

from koipond.notify.service import centre


@pytest_asyncio.fixture
async def office(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostOffice]:
    """A post office, on both databases; who waits for news is told of them at once."""
    monkeypatch.setattr(centre, "_POLL_S", 0.02)
    async with post_office(database_url) as made:
        yield made
