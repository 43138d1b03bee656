"""Messages go once they were kept long enough, and nothing that is to come of one is lost."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from core.tests.notify.postoffice import NOTE, PostOffice, post_office

from koipond.kernel.viewer import SYSTEM
from koipond.notify.service import prune_messages
from koipond.notify.types import PruneMessages


@pytest_asyncio.fixture
async def office(database_url: str) -> AsyncIterator[PostOffice]:
    """A post office that keeps messages for 30 days."""
    async with post_office(database_url, messages_keep_days=30) as made:
        yield made


async def prune(office: PostOffice) -> None:
    async with office.shop.shop.context(viewer=SYSTEM) as ctx:
        await prune_messages(ctx, PruneMessages())


async def acts(office: PostOffice) -> list[str]:
    return sorted(row["act"] for row in await office.shop.rows("message"))


@pytest.mark.slow
async def test_what_is_over_goes_and_what_came_later_stays(office: PostOffice) -> None:
    lin = await office.member()
    for act in ("one", "two"):
        await office.ask(NOTE, lin, act)
        await office.work()
    office.shop.clock.advance(days=20)
    await office.ask(NOTE, lin, "three")
    await office.work()
    office.shop.clock.advance(days=10)
    await prune(office)
    assert set(await acts(office)) == {"one", "two", "three"}
    office.shop.clock.advance(seconds=1)
    await prune(office)
    assert set(await acts(office)) == {"three"}


async def test_what_is_still_to_be_sent_stays(office: PostOffice) -> None:
    lin = await office.member()
    await office.ask(NOTE, lin, "one")
    office.shop.clock.advance(days=31)
    await prune(office)
    assert set(await acts(office)) == {"one"}
