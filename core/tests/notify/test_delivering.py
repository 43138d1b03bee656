"""What becomes of a message: sent once for each act, or kept with the reason why it was not."""

import asyncio
from datetime import timedelta
from secrets import token_hex

import pytest
from core.tests.notify.postoffice import (
    ALARM,
    BOTH,
    CAMPAIGN,
    CHAIN,
    HERE,
    MAIL,
    NOON,
    NOTE,
    SMS,
    PostOffice,
    kind,
    outside,
    post_office,
)

from koipond.kernel.faults import planned
from koipond.kernel.worker import JOBS_AT_ONCE, Worker
from koipond.notify.errors import (
    MessageActInvalid,
    MessageKindUnknown,
    MessageNotSent,
    MessageValueInvalid,
)
from koipond.notify.types import MessageState, OutgoingMessage, Sent, Tried
from koipond.settings import CapSettings

pytestmark = pytest.mark.story

RETRY = """mutation($id: ID!) { retryMessage(input: { messageId: $id }) {
  message { progress { state } } userErrors { code } } }"""
NIGHT = NOON + timedelta(hours=11)


async def test_a_message_is_sent_once_for_each_act(office: PostOffice) -> None:
    lin = await office.member()
    assert await office.ask(NOTE, lin, "hello")
    assert not await office.ask(NOTE, lin, "hello")
    await office.work()
    assert not await office.ask(NOTE, lin, "hello")
    assert await office.ask(NOTE, lin, "again")
    await office.work()
    assert office.pigeons.told == ["You said hello.", "You said again."]
    first, _ = await office.messages()
    assert (first.state, first.sender, first.reference) == (MessageState.SENT, "pigeons", "ring 1")
    assert (first.subject, first.body, first.sent_at) == ("hello", "You said hello.", NOON)


async def test_what_is_asked_for_in_a_transaction_that_fails_is_not_sent(
    office: PostOffice,
) -> None:
    lin = await office.member()
    before = await office.shop.snapshot()
    with pytest.raises(MessageValueInvalid) as refused:
        await office.ask(NOTE, lin, "hello", values={"word": "hello", "name": "Lin"})
    assert str(refused.value) == "post.note: name is nothing that it tells. There are: word."
    with pytest.raises(MessageValueInvalid, match="word is missing: what they said"):
        await office.ask(NOTE, lin, "hello", values={})
    with pytest.raises(MessageValueInvalid, match="word must be one line of 1 to 500 characters"):
        await office.ask(NOTE, lin, "hello", values={"word": "two\nlines"})
    with pytest.raises(MessageActInvalid):
        await office.ask(NOTE, lin, "", values={"word": "hello"})
    with pytest.raises(MessageKindUnknown, match=r"There are: login\.address_wanted, "):
        await office.ask(kind("post.unknown"), lin, "hello")
    assert await office.shop.snapshot() == before


async def test_marketing_needs_a_consent_that_holds_when_it_is_sent(office: PostOffice) -> None:
    lin = await office.member()
    await office.ask(CAMPAIGN, lin, "one")
    await office.work()
    await office.agree(lin)
    await office.ask(CAMPAIGN, lin, "two")
    await office.work()
    await office.ask(CAMPAIGN, lin, "three")
    await office.agree(lin, given=False)
    await office.work()
    assert await office.states() == ["suppressed: no_consent", "sent", "suppressed: no_consent"]
    assert office.pigeons.told == ["You said two."]


async def test_what_has_changed_since_is_not_told(office: PostOffice) -> None:
    lin = await office.member()
    await office.ask(NOTE, lin, "soon", due_at=NOON + timedelta(hours=1))
    await office.work()
    assert await office.states() == ["queued"]
    office.due["soon"] = False
    await office.pass_time(hours=1)
    assert await office.states() == ["suppressed: stale"]
    assert office.pigeons.told == []


async def test_what_comes_too_late_to_be_of_use_is_not_sent(office: PostOffice) -> None:
    lin = await office.member()
    await office.ask(NOTE, lin, "old")
    await office.pass_time(days=2)
    assert await office.states() == ["suppressed: expired"]
    assert office.pigeons.told == []


@pytest.mark.slow
async def test_nobody_is_disturbed_at_night_where_they_live(office: PostOffice) -> None:
    lin, ana = await office.member(), await office.member("ana@example.org")
    await office.live_in(ana, "America/New_York")
    office.shop.clock.set(NIGHT)
    for key, name in ((lin, "lin"), (ana, "ana")):
        await office.ask(NOTE, key, name)
    await office.ask(ALARM, lin, "fire")
    await office.work()
    assert sorted(office.pigeons.told) == ["You said ana.", "You said fire."]
    assert await office.states() == ["queued", "sent", "sent"]
    office.shop.clock.set(NOON + timedelta(hours=19, minutes=59))
    await office.work()
    assert await office.states() == ["queued", "sent", "sent"]
    await office.pass_time(minutes=1)
    assert office.pigeons.told[2:] == ["You said lin."]


async def test_what_would_be_too_late_by_the_morning_is_not_kept_for_it(database_url: str) -> None:
    brief = kind("post.brief", keep=timedelta(hours=2))
    async with post_office(database_url, kinds=(brief,)) as office:
        office.shop.clock.set(NIGHT)
        await office.ask(brief, await office.member(), "now")
        await office.work()
        assert await office.states() == ["suppressed: expired"]


@pytest.mark.slow
async def test_a_member_gets_so_many_of_a_category_within_a_rolling_window(
    database_url: str,
) -> None:
    cap = CapSettings(category="post", medium="email", messages=2, hours=24)
    async with post_office(database_url, message_caps=(cap,), quiet_from="") as office:
        lin, ana = await office.member(), await office.member("ana@example.org")
        for act, hours in (("one", 0), ("two", 10), ("three", 13), ("four", 1), ("five", 1)):
            office.shop.clock.advance(hours=hours)
            await office.ask(NOTE, lin, act)
            await office.work()
        # What others get, and what is of another category, does not count.
        await office.ask(NOTE, ana, "hers")
        await office.agree(lin)
        await office.ask(CAMPAIGN, lin, "six")
        await office.work()
        # 23 h after the first one; 24 h after it; then the second and the fourth are in the window.
        capped = "suppressed: capped"
        assert await office.states() == ["sent", "sent", capped, "sent", capped, "sent", "sent"]


@pytest.mark.slow
async def test_of_messages_that_wait_together_the_urgent_one_goes_first(
    database_url: str,
) -> None:
    async with post_office(database_url, message_caps=()) as office:
        await _campaign(office)


async def _campaign(office: PostOffice) -> None:
    lin = await office.member()
    await office.agree(lin)
    for number in range(JOBS_AT_ONCE + 10):
        await office.ask(CAMPAIGN, lin, f"buy-{number}")
    office.shop.clock.advance(minutes=1)
    await office.ask(NOTE, lin, "note")
    office.shop.clock.advance(minutes=1)
    await office.ask(ALARM, lin, "fire")
    await office.work()
    first = office.pigeons.told[:JOBS_AT_ONCE]
    assert {"You said fire.", "You said note."} <= set(first)


async def test_a_medium_that_refuses_is_followed_by_the_next_one(office: PostOffice) -> None:
    def fly(message: OutgoingMessage) -> Sent:
        if message.medium is MAIL:
            raise MessageNotSent(reason="no such mailbox", permanent=True)
        return Sent(reference="flew")

    office.pigeons.fly = fly
    await office.ask(CHAIN, await office.member(phone="+4930123456"), "hello")
    await office.work()
    sent = await office.message()
    assert (sent.state, sent.medium, sent.body) == (MessageState.SENT, SMS, "hello!")
    assert sent.tried == (Tried(medium=MAIL, at=NOON, problem="no such mailbox"),)
    assert [one.address for one in office.pigeons.carried] == ["lin@example.org", "+4930123456"]


async def test_a_medium_without_an_address_is_passed_over(office: PostOffice) -> None:
    await office.ask(CHAIN, await office.member(email=None, phone="+4930123456"), "hello")
    await office.ask(NOTE, await office.member(email=None, phone="+4930123456"), "mail")
    await office.work()
    assert await office.states() == ["sent", "suppressed: no_way"]
    assert office.pigeons.told == ["hello!"]


async def test_without_a_sender_nothing_is_sent_and_that_is_kept(database_url: str) -> None:
    production = {"production": True, "secret": token_hex(32), "mail_sender": "", "sms_sender": ""}
    async with post_office(database_url, **production) as office:
        await office.ask(BOTH, await office.member(), "hello")
        await office.work()
        assert sorted(await office.states()) == ["sent", "suppressed: no_way"]
        assert office.pigeons.told == []


@pytest.mark.slow
async def test_what_was_surely_not_sent_is_tried_again_and_fails_in_the_end(
    office: PostOffice,
) -> None:
    def fall(message: OutgoingMessage) -> Sent:
        raise MessageNotSent(reason="fog", permanent=False)

    office.pigeons.fly = fall
    await office.ask(NOTE, await office.member(), "hello")
    for _ in range(12):
        await office.pass_time(minutes=5)
    failed = await office.message()
    assert (failed.state, failed.problem, failed.doubtful) == (MessageState.FAILED, "fog", False)
    assert len(office.pigeons.carried) == len(failed.tried) == 6
    assert [
        row["state"] for row in await office.shop.rows("job") if row["kind"] == "SendMessage"
    ] == []


async def test_a_message_that_failed_is_sent_again_when_staff_say_so(office: PostOffice) -> None:
    def fall(message: OutgoingMessage) -> Sent:
        raise MessageNotSent(reason="no such mailbox", permanent=True)

    well = office.pigeons.fly
    office.pigeons.fly = fall
    await office.ask(NOTE, await office.member(), "hello")
    await office.work()
    assert await office.states() == ["failed"]
    office.pigeons.fly = well
    office.shop.clock.advance(days=3)
    key = outside(await office.message())
    done = (await office.staff(RETRY, id=key))["retryMessage"]
    assert done == {"message": {"progress": {"state": "QUEUED"}}, "userErrors": []}
    await office.work()
    assert await office.states() == ["sent"]
    refused = (await office.staff(RETRY, id=key))["retryMessage"]
    assert refused["userErrors"] == [{"code": "MESSAGE_NOT_RETRYABLE"}]


@pytest.mark.parametrize(("once", "doubtful"), [(True, False), (False, True)])
async def test_an_answer_that_got_lost_is_asked_for_again_by_the_same_id(
    office: PostOffice, once: bool, doubtful: bool
) -> None:
    flights = iter([None, Sent(once=once)])

    def fly(message: OutgoingMessage) -> Sent:
        answer = next(flights)
        if answer is None:
            raise ConnectionResetError("it flew, and nobody heard of it")
        return answer

    office.pigeons.fly = fly
    await office.ask(NOTE, await office.member(), "hello")
    await office.work()
    assert await office.states() == ["sending"]
    await office.pass_time(seconds=10)
    sent = await office.message()
    assert (sent.state, sent.doubtful) == (MessageState.SENT, doubtful)
    first, second = office.pigeons.carried
    assert first == second


@pytest.mark.slow
async def test_a_sender_that_never_answers_is_given_up(office: PostOffice) -> None:
    def lose(message: OutgoingMessage) -> Sent:
        raise ConnectionResetError

    office.pigeons.fly = lose
    await office.ask(NOTE, await office.member(), "hello")
    for _ in range(12):
        await office.pass_time(minutes=5)
    failed = await office.message()
    assert (failed.state, failed.problem) == (MessageState.FAILED, "its sender never answered")
    assert len(office.pigeons.carried) == 6


@pytest.mark.slow
async def test_messages_of_a_plugin_that_is_gone_are_kept_with_that(
    office: PostOffice, database_url: str
) -> None:
    await office.ask(NOTE, await office.member(), "hello")
    async with post_office(database_url, kinds=(ALARM,)) as other:
        await other.work()
        assert await other.states() == ["suppressed: kind_unknown"]
        assert other.pigeons.told == []


@pytest.mark.slow
async def test_of_two_workers_that_have_one_message_one_sends_it(office: PostOffice) -> None:
    lin = await office.member()
    for number in range(10):
        await office.ask(NOTE, lin, f"{number}")
    others = [Worker(office.shop.shop, chance=lambda: 0.0) for _ in range(3)]
    await asyncio.gather(*(one.run_once() for one in [office.worker, *others]))
    assert sorted(office.pigeons.told) == [f"You said {number}." for number in range(10)]
    assert await office.states() == ["sent"] * 10


async def test_a_message_comes_by_each_of_its_ways(office: PostOffice) -> None:
    await office.ask(BOTH, await office.member(), "hello")
    await office.ask(HERE, await office.member(), "here")
    await office.work()
    assert office.pigeons.told == ["You said hello."]
    told = sorted((one.kind, one.medium.value, one.body) for one in await office.messages())
    assert told == [
        ("post.both", "email", "You said hello."),
        ("post.both", "in_app", "Here you said hello."),
        ("post.here", "in_app", "Here you said here."),
    ]


class Died(BaseException):
    """The worker's process ended here."""


@pytest.mark.parametrize(
    ("place", "flights"), [("message.admitted", 1), ("message.sent.before_noted", 2)]
)
async def test_a_message_outlives_the_worker_that_had_it(
    office: PostOffice, place: str, flights: int
) -> None:
    def die(here: str) -> None:
        if here == place:
            raise Died

    await office.ask(NOTE, await office.member(), "hello")
    with planned(die), pytest.raises(Died):
        await office.work()
    assert await office.states() == ["sending"]
    office.shop.clock.advance(minutes=3)
    await Worker(office.shop.shop, chance=lambda: 0.0).run_once()
    sent = await office.message()
    # Whether the first one flew is known to nobody, so staff are told that it may have.
    assert (sent.state, sent.doubtful, sent.attempts) == (MessageState.SENT, True, 2)
    assert len(office.pigeons.carried) == flights
    assert len({one.id for one in office.pigeons.carried}) == 1
