"""The message centre: read in the shop, counted, followed; each member sees their own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from core.tests.notify.postoffice import BOTH, HERE, NOON, NOTE, PostOffice, outside

from koipond.kernel.ids import MemberId
from koipond.notify import service as notify
from koipond.notify.types import MessageNews

pytestmark = pytest.mark.story

MINE = """query($first: Int, $after: String, $unreadOnly: Boolean! = false) { me { unreadMessages
  messages(first: $first, after: $after, unreadOnly: $unreadOnly) {
    nodes { id kind subject body sentAt readAt } pageInfo { hasNextPage endCursor } } } }"""
READ = """mutation($ids: [ID!]) { markMessagesRead(input: { messageIds: $ids }) {
  unreadMessages userErrors { code message } } }"""


async def mine(office: PostOffice, key: MemberId, **given: Any) -> tuple[list[str], int]:
    """Return the bodies that a member reads, and how many of all they have not read."""
    me = (await office.graphql(MINE, key, given))["me"]
    return [one["body"] for one in me["messages"]["nodes"]], me["unreadMessages"]


async def read(office: PostOffice, key: MemberId, ids: list[str] | None) -> dict[str, Any]:
    done: dict[str, Any] = (await office.graphql(READ, key, {"ids": ids}))["markMessagesRead"]
    return done


@pytest.mark.slow
async def test_a_member_reads_what_was_sent_to_them_the_newest_first(office: PostOffice) -> None:
    lin, ana = await office.member(), await office.member("ana@example.org")
    for key, word in ((lin, "one"), (ana, "hers"), (lin, "two"), (lin, "three")):
        await office.ask(HERE, key, word)
        await office.work()
    told = [f"Here you said {word}." for word in ("three", "two", "one")]
    assert await mine(office, lin) == (told, 3)
    assert await mine(office, ana) == (["Here you said hers."], 1)
    first = (await office.graphql(MINE, lin, {"first": 2}))["me"]["messages"]
    assert [one["body"] for one in first["nodes"]] == told[:2]
    assert first["pageInfo"]["hasNextPage"]
    after = first["pageInfo"]["endCursor"]
    assert await mine(office, lin, first=2, after=after) == (told[2:], 3)


async def test_what_goes_elsewhere_or_is_not_sent_yet_is_not_in_the_centre(
    office: PostOffice,
) -> None:
    lin = await office.member()
    await office.ask(NOTE, lin, "mail")
    await office.ask(BOTH, lin, "both")
    assert await mine(office, lin) == ([], 0)
    await office.work()
    assert await mine(office, lin) == (["Here you said both."], 1)


async def test_reading_is_noted_once_and_counts(office: PostOffice) -> None:
    lin = await office.member()
    for word in ("one", "two", "three"):
        await office.ask(HERE, lin, word)
        await office.work()
    first, second, _ = [outside(one) for one in await office.messages()]
    assert await read(office, lin, [first, second]) == {"unreadMessages": 1, "userErrors": []}
    office.shop.clock.advance(hours=1)
    assert await read(office, lin, [first]) == {"unreadMessages": 1, "userErrors": []}
    assert (await office.messages())[0].read_at == NOON
    assert await mine(office, lin, unreadOnly=True) == (["Here you said three."], 1)
    assert await read(office, lin, None) == {"unreadMessages": 0, "userErrors": []}
    assert await mine(office, lin, unreadOnly=True) == ([], 0)


async def test_a_message_of_somebody_else_is_as_one_that_there_is_not(office: PostOffice) -> None:
    lin, ana = await office.member(), await office.member("ana@example.org")
    await office.ask(HERE, lin, "mine")
    await office.ask(HERE, ana, "hers")
    await office.ask(NOTE, lin, "mail")
    await office.work()
    own, hers, mail = [outside(one) for one in await office.messages()]
    before = await office.shop.snapshot()
    unknown = hers[:-4] + "0000"
    answers = [await read(office, lin, [own, one]) for one in (hers, unknown, mail)]
    assert [one["userErrors"][0]["code"] for one in answers] == ["MESSAGE_UNKNOWN"] * 3
    assert answers[0] == answers[1] == answers[2]
    assert await office.shop.snapshot() == before


async def test_a_guest_has_no_message_centre(office: PostOffice) -> None:
    answer = await office.shop.graphql(READ)
    assert answer["errors"][0]["extensions"]["code"] == "PERMISSION_MISSING"


async def test_news_are_told_as_they_come(office: PostOffice) -> None:
    lin, ana = await office.member(), await office.member("ana@example.org")
    await office.ask(HERE, lin, "before")
    await office.work()
    async with office.shop.context() as ctx:
        news = notify.follow(ctx, lin)
        assert await told(news) == (1, [])
        await office.ask(HERE, ana, "hers")
        await office.ask(HERE, lin, "now")
        await office.work()
        assert await told(news) == (2, ["Here you said now."])
        await read(office, lin, None)
        assert await told(news) == (0, [])
        await news.aclose()
    assert _followed(office) == 0


async def test_who_waits_for_news_holds_no_connection(office: PostOffice) -> None:
    lin = await office.member()
    async with office.shop.context() as ctx:
        news = notify.follow(ctx, lin)
        await told(news)
        waiting = asyncio.ensure_future(anext(news))
        await asyncio.sleep(0.05)
        assert ctx._reader._connection is None
        await office.ask(HERE, lin, "now")
        await office.work()
        assert (await asyncio.wait_for(waiting, 10)).unread == 1
        await news.aclose()


async def test_all_who_follow_one_member_are_told_the_same(office: PostOffice) -> None:
    lin = await office.member()
    async with office.shop.context() as one, office.shop.context() as two:
        both = [notify.follow(one, lin), notify.follow(two, lin)]
        assert [await told(news) for news in both] == [(0, []), (0, [])]
        for word in ("a", "b"):
            await office.ask(HERE, lin, word)
            await office.work()
            heard = [await told(news) for news in both]
            assert {unread for unread, _ in heard} == {1 if word == "a" else 2}
        for news in both:
            await news.aclose()


async def told(news: AsyncIterator[MessageNews]) -> tuple[int, list[str]]:
    found = await asyncio.wait_for(anext(news), 10)
    return found.unread, [one.body for one in found.messages]


def _followed(office: PostOffice) -> int:
    from koipond.notify.service.centre import _watch

    return len(_watch(office.shop.shop)._bells)


@pytest.mark.one_database
async def test_staff_see_every_message_and_how_it_stands(office: PostOffice) -> None:
    lin = await office.member()
    await office.ask(BOTH, lin, "hello")
    await office.work()
    document = """query($filter: MessageFilter) { messages(filter: $filter) { nodes {
      kind act memberId
      progress { state medium sender reference suppression tried { problem } } } } }"""
    found = (await office.staff(document, filter={"state": "SENT"}))["messages"]["nodes"]
    assert [one["progress"]["medium"] for one in found] == ["IN_APP", "EMAIL"]
    assert found[1]["progress"] == {
        "state": "SENT",
        "medium": "EMAIL",
        "sender": "pigeons",
        "reference": "ring 1",
        "suppression": None,
        "tried": [],
    }
    assert found[0]["memberId"].startswith("mem_")
    assert found[0]["act"] == "hello"
    assert (await office.staff(document, filter={"state": "FAILED"}))["messages"]["nodes"] == []
