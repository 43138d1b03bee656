"""What a check-in is worth: set by staff, given by another plugin, with it or not at all."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from plugins.checkin.tests.test_checkin import shop_without
from tests.rig.naive import built

from koipond.duties import audits_of
from koipond.kernel.invariants import run_audits
from koipond.plugin import service as plugins_service
from koipond_checkin import service
from koipond_checkin.errors import AlreadyCheckedIn
from koipond_checkin.tables import checkin_day
from koipond_sdk import MemberId, Viewer, encode, new_id
from koipond_sdk.testing.databases import Databases
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.story

CHECK_IN = """
mutation {
  checkIn {
    checkIn { day streak }
    reward { kind amount }
    userErrors { code message ... on RewardKindUnknown { kind known } }
  }
}
"""
SET = """
mutation ($input: SetPluginSettingsInput!) {
  setPluginSettings(input: $input) {
    settings { values }
    userErrors { __typename code message ... on RewardKindUnknown { kind known } }
  }
}
"""
MEMBERS = int(os.environ.get("KOI_RACE_MEMBERS", "100"))
NOTHING = {"checkIn": None, "reward": None}

MakeMember = Callable[[RunningShop, str], Awaitable[Viewer]]


@pytest.fixture
def plugins() -> list[str]:
    return ["checkin", "points"]


async def put(shop: RunningShop, **given: Any) -> dict[str, Any]:
    values = {name: value for name, value in given.items() if name.startswith("reward_")}
    rest = {name: value for name, value in given.items() if name not in values}
    wanted = {"plugin": "checkin", "values": values, "expectedVersion": 0, **rest}
    answer = await shop.graphql(SET, {"input": wanted}, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["setPluginSettings"]
    return payload


async def promise(shop: RunningShop, kind: str = "points", amount: int = 5, **more: Any) -> None:
    payload = await put(shop, reward_kind=kind, reward_amount=amount, **more)
    assert payload["userErrors"] == []


async def check_in(shop: RunningShop, viewer: Viewer, channel: str = "main") -> dict[str, Any]:
    answer = await shop.graphql(CHECK_IN, viewer=viewer, headers={"Koi-Channel": channel})
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["checkIn"]
    return payload


async def points(shop: RunningShop, viewer: Viewer) -> list[tuple[int, str]]:
    """Return what a member was given, and what for; the balance must be the sum."""
    answer = await shop.graphql(
        "{ pointsBalance pointsEntries { nodes { points note } } }", viewer=viewer
    )
    entries = [(one["points"], one["note"]) for one in answer["data"]["pointsEntries"]["nodes"]]
    assert answer["data"]["pointsBalance"] == sum(amount for amount, _ in entries)
    return entries


async def test_a_check_in_is_worth_nothing_until_staff_say_what(
    shop: RunningShop, lin: Viewer
) -> None:
    made = await check_in(shop, lin)
    assert (made["checkIn"]["streak"], made["reward"], made["userErrors"]) == (1, None, [])
    assert await points(shop, lin) == []


async def test_a_check_in_gives_what_staff_set(shop: RunningShop, lin: Viewer) -> None:
    await promise(shop, amount=5)
    assert await check_in(shop, lin) == {
        "checkIn": {"day": "2026-01-01", "streak": 1},
        "reward": {"kind": "points", "amount": 5},
        "userErrors": [],
    }
    assert await points(shop, lin) == [(5, "Check-in of 2026-01-01")]
    (transfer,) = await shop.rows("ledger_transfer")
    assert lin.member_id is not None
    assert transfer["source"] == f"points:checkin:2026-01-01:{encode(MemberId, lin.member_id)}"


async def test_a_second_check_in_on_one_day_gives_nothing(shop: RunningShop, lin: Viewer) -> None:
    await promise(shop)
    await check_in(shop, lin)
    before = await shop.snapshot()
    again = await check_in(shop, lin)
    assert [error["code"] for error in again["userErrors"]] == ["ALREADY_CHECKED_IN"]
    assert again["reward"] is None
    assert await shop.snapshot() == before


async def test_each_channel_has_its_own_worth(shop: RunningShop, lin: Viewer) -> None:
    await promise(shop, amount=5)
    await promise(shop, amount=20, channel="main")
    assert (await check_in(shop, lin))["reward"] == {"kind": "points", "amount": 20}


async def test_a_kind_that_nobody_gives_cannot_be_set(shop: RunningShop) -> None:
    before = await shop.snapshot()
    payload = await put(shop, reward_kind="coupon", reward_amount=1)
    assert payload == {
        "settings": None,
        "userErrors": [
            {
                "__typename": "RewardKindUnknown",
                "code": "REWARD_KIND_UNKNOWN",
                "message": "Rewards of the kind 'coupon' cannot be given; there are: points. "
                "Take another kind, or install a plugin that gives them.",
                "kind": "coupon",
                "known": "points",
            }
        ],
    }
    assert await shop.snapshot() == before


@pytest.mark.parametrize("amount", [0, 1_000_001])
async def test_an_amount_out_of_range_cannot_be_set(shop: RunningShop, amount: int) -> None:
    before = await shop.snapshot()
    payload = await put(shop, reward_kind="points", reward_amount=amount)
    assert [error["code"] for error in payload["userErrors"]] == ["PLUGIN_SETTING_INVALID"]
    assert await shop.snapshot() == before


async def test_without_points_it_works_as_before_and_promises_none(
    database_url: str, new_member: MakeMember
) -> None:
    async with running_shop(database_url, plugins=["checkin"]) as shop:
        lin = await new_member(shop, "lin@example.org")
        payload = await put(shop, reward_kind="points", reward_amount=5)
        (error,) = payload["userErrors"]
        assert (error["code"], error["known"]) == ("REWARD_KIND_UNKNOWN", "none")
        made = await check_in(shop, lin)
        assert (made["checkIn"]["streak"], made["reward"], made["userErrors"]) == (1, None, [])


async def test_a_reward_that_nobody_gives_any_more_refuses_the_check_in(
    database_url: str, new_member: MakeMember
) -> None:
    async with running_shop(database_url, plugins=["checkin", "points"]) as shop:
        lin = await new_member(shop, "lin@example.org")
        await promise(shop)
    async with running_shop(database_url, plugins=["checkin"]) as shop:
        before = await shop.snapshot()
        refused = await check_in(shop, lin)
        assert {name: refused[name] for name in NOTHING} == NOTHING
        assert refused["userErrors"] == [
            {
                "code": "REWARD_KIND_UNKNOWN",
                "message": "Rewards of the kind 'points' cannot be given; there are: none. "
                "Take another kind, or install a plugin that gives them.",
                "kind": "points",
                "known": "none",
            }
        ]
        assert await shop.snapshot() == before
    # Mended, the same day: both are there.
    async with running_shop(database_url, plugins=["checkin", "points"]) as shop:
        assert (await check_in(shop, lin))["reward"] == {"kind": "points", "amount": 5}
        assert len(await points(shop, lin)) == 1


@pytest.mark.slow
async def test_a_plugin_that_is_off_in_the_channel_gives_nothing_there(
    database_url: str, new_member: MakeMember
) -> None:
    async with running_shop(database_url, plugins=["checkin", "points"]) as shop:
        lin = await new_member(shop, "lin@example.org")
        await promise(shop)
        async with shop.context(viewer=STAFF) as ctx:
            await plugins_service.disable(ctx, "points", "main")
    async with running_shop(database_url, plugins=["checkin", "points"]) as shop:
        before = await shop.snapshot()
        refused = await check_in(shop, lin)
        assert [error["code"] for error in refused["userErrors"]] == ["REWARD_KIND_UNKNOWN"]
        payload = await put(shop, reward_kind="points", channel="main")
        assert [error["code"] for error in payload["userErrors"]] == ["REWARD_KIND_UNKNOWN"]
        assert await shop.snapshot() == before


@pytest.mark.slow
async def test_a_reward_that_fails_undoes_the_check_in(shop: RunningShop, lin: Viewer) -> None:
    await promise(shop)
    async with shop.shop.database.writer.begin() as db:
        await db.exec_driver_sql("ALTER TABLE ledger_entry RENAME TO ledger_away")
    try:
        before = await shop.snapshot()
        refused = await check_in(shop, lin)
        assert {name: refused[name] for name in NOTHING} == NOTHING
        assert [error["code"] for error in refused["userErrors"]] == ["PLUGIN_ERROR"]
        assert await shop.snapshot() == before
    finally:
        async with shop.shop.database.writer.begin() as db:
            await db.exec_driver_sql("ALTER TABLE ledger_away RENAME TO ledger_entry")
    assert (await check_in(shop, lin))["reward"] == {"kind": "points", "amount": 5}


async def crowd(
    shop: RunningShop, viewers: list[Viewer], *, days: int = 3, times: int = 30
) -> Counter[str]:
    """Check each member in many times at once, for days; fails unless each has one award a day.

    Returns {outcome: how often}.
    """
    outcomes: Counter[str] = Counter()
    for day in range(days):
        shop.clock.set(datetime(2026, 1, 1 + day, 12, tzinfo=UTC))
        for viewer in viewers:
            for made in await asyncio.gather(*(check_in(shop, viewer) for _ in range(times))):
                errors = made["userErrors"]
                outcomes[errors[0]["code"] if errors else f"day {made['checkIn']['streak']}"] += 1
    await each_has_one_award_a_day(shop, viewers, days=days)
    return outcomes


async def each_has_one_award_a_day(shop: RunningShop, viewers: list[Viewer], *, days: int) -> None:
    assert await run_audits(shop.shop, audits_of(shop.shop)) == []
    streaks = Counter((row["member_id"], row["streak"]) for row in await shop.rows(checkin_day))
    assert set(streaks.values()) == {1}
    assert len(streaks) == len(viewers) * days
    accounts = await shop.rows("ledger_account")
    balances = [row["balance"] for row in accounts if row["owner_kind"] == "member"]
    assert balances == [5 * days] * len(viewers)


@pytest.mark.slow
async def test_of_thirty_check_ins_at_once_one_is_rewarded(shop: RunningShop, lin: Viewer) -> None:
    await promise(shop)
    assert await crowd(shop, [lin]) == {
        "day 1": 1,
        "day 2": 1,
        "day 3": 1,
        "ALREADY_CHECKED_IN": 3 * 29,
    }


# The day's key and the source hold each by itself: a naive build has neither.
@pytest.mark.slow
@pytest.mark.postgres
async def test_without_both_more_than_one_would_be_rewarded(
    databases: Databases, new_member: MakeMember
) -> None:
    key = "checkin_day.uq_checkin_day_member_id_day"
    async with shop_without(databases, key, plugins=["checkin", "points"]) as shop:
        lin = await new_member(shop, "lin@example.org")
        await promise(shop)
        with built("each reward is booked by a source of its own"), pytest.raises(AssertionError):
            await crowd(shop, [lin])
        assert len(await shop.rows("ledger_transfer")) > 3


@pytest.mark.faults
@pytest.mark.timeout(3_600)
async def test_members_check_in_a_hundred_times_at_once(
    shop: RunningShop, new_member: MakeMember, tell: Callable[[str], None]
) -> None:
    """By the use-case, without HTTP, and of a hundred members: a thousand take ten minutes."""
    await promise(shop)
    viewers = [await new_member(shop, f"member{nth}@example.org") for nth in range(MEMBERS)]
    outcomes: Counter[str] = Counter()

    async def once(viewer: Viewer) -> None:
        try:
            async with shop.context(viewer=viewer) as ctx:
                made, _ = await service.check_in(ctx, MemberId(viewer.id or new_id()))
            outcomes[f"day {made.streak}"] += 1
        except AlreadyCheckedIn:
            outcomes["ALREADY_CHECKED_IN"] += 1

    began = time.monotonic()
    for viewer in viewers:
        await asyncio.gather(*(once(viewer) for _ in range(100)))
    tell(f"{dict(outcomes)} in {time.monotonic() - began:.0f} s")
    assert outcomes == {"day 1": MEMBERS, "ALREADY_CHECKED_IN": 99 * MEMBERS}
    await each_has_one_award_a_day(shop, viewers, days=1)
