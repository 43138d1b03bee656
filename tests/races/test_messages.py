"""A member who may have one message a day, and ten at once. It fails on its naive build."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from core.tests.notify.postoffice import NOTE, PostOffice, post_office
from tests.rig.naive import builds, raced

from koipond.kernel.worker import Worker
from koipond.settings import CapSettings

ALONE = "messages of one member are admitted side by side"
CAP = CapSettings(category="post", medium="email", messages=1, hours=24)
AT_ONCE, ROUNDS = 10, 2


@asynccontextmanager
async def capped_office(database_url: str) -> AsyncIterator[PostOffice]:
    async with post_office(database_url, message_caps=(CAP,), quiet_from="") as office:
        yield office


async def send_together(office: PostOffice) -> str:
    """Send ten messages to each of some members at once; each member gets one of them."""
    for number in range(ROUNDS):
        lin = await office.member(f"lin-{number}@example.org")
        for act in range(AT_ONCE):
            await office.ask(NOTE, lin, f"{number}-{act}")
        workers = [Worker(office.shop.shop, chance=lambda: 0.0) for _ in range(2)]
        await asyncio.gather(*(one.run_once() for one in workers))
        sent = Counter(await office.states())
        due = {"sent": number + 1, "suppressed: capped": (number + 1) * (AT_ONCE - 1)}
        assert sent == due, sent
        assert len(office.pigeons.carried) == number + 1
    told = f"{ROUNDS} members, {AT_ONCE} messages at once each: {dict(sent)}"
    print(told)
    return told


# SQLite has one writer, which is lock enough.
on_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@pytest.mark.slow
async def test_of_messages_at_once_no_more_than_the_cap_are_sent(database_url: str) -> None:
    async with capped_office(database_url) as office:
        await send_together(office)


@pytest.mark.slow
@on_postgres
@builds(ALONE)
async def test_a_naive_build_fails_the_same_messages(build: str, database_url: str) -> None:
    async with capped_office(database_url) as office:
        with raced(build):
            await send_together(office)
