import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from koipond.channel import service as channels
from koipond.kernel.troubles import OUTBOX_PLACE
from koipond.kernel.viewer import GUEST
from koipond_checkin.tables import checkin_day, checkin_member
from koipond_sdk import MemberId, Viewer, encode, new_id
from koipond_sdk.testing.databases import Databases, Kind, migrate
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.story

CHECK_IN = """
mutation {
  checkIn {
    checkIn { day streak serverNow }
    userErrors { __typename code message field ... on AlreadyCheckedIn { day streak nextAt } }
  }
}
"""
STATUS = "{ checkInStatus { checkedInToday streak nextAt serverNow } }"


MakeMember = Callable[[RunningShop, str], Awaitable[Viewer]]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def check_in(shop: RunningShop, viewer: Viewer, channel: str = "main") -> dict[str, Any]:
    answer = await shop.graphql(CHECK_IN, viewer=viewer, headers={"Koi-Channel": channel})
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["checkIn"]
    return payload


async def streak_on(shop: RunningShop, viewer: Viewer, moment: str) -> int:
    shop.clock.set(utc(moment))
    made = (await check_in(shop, viewer))["checkIn"]
    assert made is not None
    return int(made["streak"])


async def status(shop: RunningShop, viewer: Viewer) -> dict[str, Any]:
    answer = await shop.graphql(STATUS, viewer=viewer)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["checkInStatus"]
    return found


async def add_channel(shop: RunningShop, code: str, time_zone: str) -> None:
    async with shop.context(viewer=STAFF) as ctx:
        await channels.add_channel(
            ctx, code=code, name=code, currencies=["EUR"], locales=["en"], time_zone=time_zone
        )


async def test_the_first_check_in_begins_a_streak(shop: RunningShop, lin: Viewer) -> None:
    shop.clock.set(utc("2026-01-01T12:00"))
    assert await check_in(shop, lin) == {
        "checkIn": {"day": "2026-01-01", "streak": 1, "serverNow": "2026-01-01T12:00:00+00:00"},
        "userErrors": [],
    }


async def test_a_second_check_in_on_one_day_is_refused_and_changes_nothing(
    shop: RunningShop, lin: Viewer
) -> None:
    shop.clock.set(utc("2026-01-01T00:00"))
    await check_in(shop, lin)
    before = await shop.snapshot()
    shop.clock.set(utc("2026-01-01T23:59:59.999999"))
    assert await check_in(shop, lin) == {
        "checkIn": None,
        "userErrors": [
            {
                "__typename": "AlreadyCheckedIn",
                "code": "ALREADY_CHECKED_IN",
                "message": "You checked in on 2026-01-01, day 1 in a row. "
                "The next check-in is possible from 2026-01-02T00:00:00+00:00.",
                "field": None,
                "day": "2026-01-01",
                "streak": 1,
                "nextAt": "2026-01-02T00:00:00+00:00",
            }
        ],
    }
    assert await shop.snapshot() == before


async def test_a_streak_grows_day_by_day_and_begins_again_after_a_day_left_out(
    shop: RunningShop, lin: Viewer
) -> None:
    assert await streak_on(shop, lin, "2024-02-27T23:59") == 1
    assert await streak_on(shop, lin, "2024-02-28T00:00") == 2
    assert await streak_on(shop, lin, "2024-02-29T12:00") == 3
    assert await streak_on(shop, lin, "2024-03-01T23:59") == 4
    assert await streak_on(shop, lin, "2024-03-03T00:00") == 1
    assert await streak_on(shop, lin, "2024-03-04T00:00") == 2


async def test_the_status_says_when_the_next_check_in_is_possible(
    shop: RunningShop, lin: Viewer
) -> None:
    seen = []
    for moment in ("2026-01-01T12:00", "2026-01-02T08:00", "2026-01-03T08:00"):
        shop.clock.set(utc(moment))
        seen.append(await status(shop, lin))
        if moment < "2026-01-02":
            await check_in(shop, lin)
            seen.append(await status(shop, lin))
    assert [(one["checkedInToday"], one["streak"], one["nextAt"]) for one in seen] == [
        (False, 0, None),
        (True, 1, "2026-01-02T00:00:00+00:00"),
        (False, 1, None),
        (False, 0, None),
    ]
    assert seen[-1]["serverNow"] == "2026-01-03T08:00:00+00:00"


async def test_members_have_streaks_of_their_own(
    shop: RunningShop, lin: Viewer, new_member: MakeMember
) -> None:
    wang = await new_member(shop, "wang@example.org")
    assert await streak_on(shop, lin, "2026-01-01T12:00") == 1
    assert await streak_on(shop, lin, "2026-01-02T12:00") == 2
    assert await streak_on(shop, wang, "2026-01-02T12:00") == 1


@pytest.mark.one_database
@pytest.mark.parametrize("document", [CHECK_IN, STATUS])
@pytest.mark.parametrize("viewer", [GUEST, STAFF], ids=["guest", "staff"])
async def test_only_members_check_in(shop: RunningShop, document: str, viewer: Viewer) -> None:
    before = await shop.snapshot()
    answer = await shop.graphql(document, viewer=viewer)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["PERMISSION_MISSING"]
    assert answer.get("data") is None
    assert await shop.snapshot() == before


async def test_a_day_begins_at_midnight_of_the_channel_of_the_first_check_in(
    shop: RunningShop, lin: Viewer
) -> None:
    await add_channel(shop, "shanghai", "Asia/Shanghai")
    shop.clock.set(utc("2026-01-01T15:59:59"))  # one second to midnight there
    assert (await check_in(shop, lin, "shanghai"))["checkIn"]["day"] == "2026-01-01"
    shop.clock.set(utc("2026-01-01T16:00:00"))
    assert (await check_in(shop, lin, "shanghai"))["checkIn"]["day"] == "2026-01-02"


async def test_another_channel_gives_no_second_day(shop: RunningShop, lin: Viewer) -> None:
    await add_channel(shop, "kiritimati", "Pacific/Kiritimati")  # 14 hours ahead of main
    shop.clock.set(utc("2026-01-01T12:00"))
    assert (await check_in(shop, lin))["checkIn"]["day"] == "2026-01-01"
    before = await shop.snapshot()
    refused = await check_in(shop, lin, "kiritimati")
    assert [error["code"] for error in refused["userErrors"]] == ["ALREADY_CHECKED_IN"]
    assert await shop.snapshot() == before


async def test_a_day_of_23_hours_counts_like_any_other(shop: RunningShop, lin: Viewer) -> None:
    await add_channel(shop, "berlin", "Europe/Berlin")
    days = []
    for moment in ("2026-03-28T22:59", "2026-03-28T23:00", "2026-03-29T21:59", "2026-03-29T22:00"):
        shop.clock.set(utc(moment))
        made = (await check_in(shop, lin, "berlin"))["checkIn"]
        days.append(made and (made["day"], made["streak"]))
    assert days == [("2026-03-28", 1), ("2026-03-29", 2), None, ("2026-03-30", 3)]


async def test_checking_in_is_told_to_the_outbox(shop: RunningShop, lin: Viewer) -> None:
    before = len(await shop.rows("outbox_event"))
    shop.clock.set(utc("2026-01-01T12:00"))
    await check_in(shop, lin)
    await check_in(shop, lin)
    async with shop.shop.database.reading() as db:
        rows = await db.execute(
            text("SELECT name, version FROM outbox_event ORDER BY id DESC LIMIT 1")
        )
        assert tuple(rows.one()) == ("CheckedIn", 1)
    assert len(await shop.rows("outbox_event")) == before + 1


async def test_of_thirty_check_ins_at_once_one_counts(shop: RunningShop, lin: Viewer) -> None:
    await add_channel(shop, "kiritimati", "Pacific/Kiritimati")
    assert await race(shop, lin) == Counter(checked_in=1, ALREADY_CHECKED_IN=29)
    days = await shop.rows(checkin_day)
    assert [day["streak"] for day in days] == [1]
    assert len(await shop.rows(checkin_member)) == 1


async def test_the_day_after_of_thirty_at_once_one_counts(shop: RunningShop, lin: Viewer) -> None:
    await add_channel(shop, "kiritimati", "Pacific/Kiritimati")
    await check_in(shop, lin)
    shop.clock.advance(days=1)
    assert await race(shop, lin) == Counter(checked_in=1, ALREADY_CHECKED_IN=29)
    assert sorted(day["streak"] for day in await shop.rows(checkin_day)) == [1, 2]


# The naive builds, each without one key. Only on PostgreSQL: SQLite has one writer, which sees the
# row of the one before it. The outbox has a key of its own, which would run the later of two
# check-ins again, so that goes too; `test_the_keys_hold_by_themselves` shows that it is not needed.


@pytest.mark.slow
@pytest.mark.postgres
async def test_without_the_key_of_the_day_more_than_one_would_count(
    databases: Databases, new_member: MakeMember
) -> None:
    async with shop_without(databases, "checkin_day.uq_checkin_day_member_id_day") as shop:
        lin = await new_member(shop, "lin@example.org")
        await check_in(shop, lin)
        counted = []
        for _ in range(4):
            shop.clock.advance(days=1)
            counted.append((await race(shop, lin))["checked_in"])
        # On a busy machine a single race may be won by chance.
        assert max(counted) > 1


@pytest.mark.slow
@pytest.mark.postgres
async def test_without_the_key_of_the_member_two_calendars_would_count(
    databases: Databases, new_member: MakeMember
) -> None:
    async with shop_without(databases, "checkin_member.pk_checkin_member") as shop:
        racing = [await new_member(shop, f"lin-{one}@example.org") for one in range(3)]
        # On a busy machine a single race may be won by chance.
        assert max([(await race(shop, lin))["checked_in"] for lin in racing]) > 1


@pytest.mark.slow
@pytest.mark.postgres
async def test_the_keys_hold_by_themselves(databases: Databases, new_member: MakeMember) -> None:
    async with shop_without(databases) as shop:
        lin = await new_member(shop, "lin@example.org")
        assert await race(shop, lin) == Counter(checked_in=1, ALREADY_CHECKED_IN=29)
        shop.clock.advance(days=1)
        assert await race(shop, lin) == Counter(checked_in=1, ALREADY_CHECKED_IN=29)


@asynccontextmanager
async def shop_without(
    databases: Databases, *keys: str, plugins: Sequence[str] = ("checkin",)
) -> AsyncIterator[RunningShop]:
    """Run a shop whose database lacks `keys`, each `table.constraint`, and the outbox's."""
    async with databases.blank(Kind.POSTGRES) as url:
        await migrate(url)
        async with running_shop(url, plugins=plugins) as shop:
            await add_channel(shop, "kiritimati", "Pacific/Kiritimati")
            async with shop.shop.database.writer.begin() as db:
                for key in (*keys, f"outbox_event.{OUTBOX_PLACE}"):
                    table, _, constraint = key.partition(".")
                    await db.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}"))
            yield shop


async def race(shop: RunningShop, viewer: Viewer) -> Counter[str]:
    """Check in thirty times at once, through two channels; returns {outcome: how often}."""
    tries = [check_in(shop, viewer, ("main", "kiritimati")[nth % 2]) for nth in range(30)]
    payloads = await asyncio.gather(*tries)
    return Counter(
        payload["userErrors"][0]["code"] if payload["userErrors"] else "checked_in"
        for payload in payloads
    )


async def test_a_streak_of_nothing_cannot_be_written(shop: RunningShop, lin: Viewer) -> None:
    row = {
        "id": new_id(),
        "member_id": MemberId(lin.id or new_id()),
        "day": date(2026, 1, 1),
        "streak": 0,
        "checked_in_at": shop.clock.now(),
    }
    with pytest.raises(IntegrityError, match="streak"):
        async with shop.shop.database.writer.begin() as db:
            await db.execute(checkin_day.insert().values(row))
    assert await shop.rows(checkin_day) == []


async def test_checking_in_takes_few_statements(shop: RunningShop, lin: Viewer) -> None:
    await check_in(shop, lin)
    shop.clock.advance(days=1)
    with shop.count_statements() as sent:
        await check_in(shop, lin)
    # Whether somebody was merged (read once a second, as are the channels), that the member is not
    # being merged, where they stand, the day, what it is worth, the event; on SQLite its place.
    is_sqlite = shop.shop.database.is_sqlite
    assert len(sent) == (8 if is_sqlite else 7), sent


@pytest.mark.breaks_invariants
async def test_an_audit_finds_a_run_without_its_beginning_and_days_without_a_calendar(
    shop: RunningShop, lin: Viewer
) -> None:
    for day in ("2026-01-01T12:00", "2026-01-02T12:00", "2026-01-03T12:00"):
        await streak_on(shop, lin, day)
    assert await shop.findings() == []
    second = (checkin_day.c.streak == 2) & (checkin_day.c.member_id == lin.id)
    async with shop.shop.database.writer.begin() as db:
        await db.execute(checkin_day.delete().where(second))
        await db.execute(checkin_member.delete())
    who = encode(MemberId, MemberId(lin.id))
    assert [(one.invariant, one.problem) for one in await shop.findings()] == [
        ("checkin.streaks", f"{who} has a run on 2026-01-03 that the day before does not have"),
        ("checkin.streaks", f"{who} checked in and has no calendar"),
    ]
