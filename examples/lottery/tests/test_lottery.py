"""Lotteries, as members enter them, everybody checks them and staff deliver, on both databases."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from koipond_lottery import rules
from koipond_lottery.events import LotteryEntered, PrizeWon
from koipond_lottery.types import EntryId, LotteryId
from koipond_sdk import MemberId, Viewer, decode, encode
from koipond_sdk.testing import GUEST, STAFF, Factory, RunningShop, crash_at, race, staff

ENTRY = "id entrant number roll state prize { name left }"
CREATE = """mutation($input: LotteryCreateInput!) {
  done: createLottery(input: $input) { lottery { id } userErrors { code message field } }
}"""
ENTER = """mutation($input: LotteryEnterInput!) {
  done: enterLottery(input: $input) {
    entry { ENTRY }
    userErrors { code message field ... on LotteryEnteredToday { nextAt } }
  }
}""".replace("ENTRY", ENTRY)
DELIVER = """mutation($input: LotteryDeliverInput!) {
  done: deliverLotteryPrize(input: $input) { state userErrors { code message field } }
}"""
SEEN = """query($id: ID!) {
  lottery(id: $id) { seedHash seed prizes { name oddsPpm units left } }
}"""
OWN = """query($id: ID!) {
  lotteryEntries(lotteryId: $id) { nodes { ENTRY } }
}""".replace("ENTRY", ENTRY)
DRAWS = OWN.replace("lotteryEntries", "lotteryDraws")
WINNERS = """query($id: ID!, $delivered: Boolean) {
  lotteryWinners(lotteryId: $id, delivered: $delivered) {
    nodes { memberId deliveredAt entry { id state prize { name } } }
  }
}"""
pytestmark = pytest.mark.story

CERTAIN = {"name": "Gaiwan", "units": 2, "oddsPpm": 1_000_000}
NEVER = {"name": "Trip to Hangzhou", "units": 1, "oddsPpm": 1}


async def ask(shop: RunningShop, document: str, **told: Any) -> dict[str, Any]:
    """Send a mutation as staff; returns its payload."""
    answer = await shop.graphql(document, {"input": told}, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    return done


async def make_lottery(shop: RunningShop, *prizes: dict[str, Any], days: int = 30) -> str:
    """Make a lottery that begins now; returns its id for the API."""
    now = shop.clock.now()
    done = await ask(
        shop,
        CREATE,
        name="New Year",
        startsAt=now.isoformat(),
        endsAt=(now + timedelta(days=days)).isoformat(),
        prizes=[*prizes],
    )
    assert done["userErrors"] == []
    key: str = done["lottery"]["id"]
    return key


async def enter(
    shop: RunningShop, lottery: str, by: Viewer, *, key: str | None = None
) -> dict[str, Any]:
    """Enter a lottery; returns the payload."""
    told = {"lotteryId": lottery, "idempotencyKey": key or str(uuid4())}
    answer = await shop.graphql(ENTER, {"input": told}, viewer=by)
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    return done


async def see(shop: RunningShop, document: str, lottery: str, by: Viewer = GUEST) -> Any:
    """Ask for something of a lottery; returns the one field that was asked for."""
    answer = await shop.graphql(document, {"id": lottery}, viewer=by)
    assert "errors" not in answer, answer
    (found,) = answer["data"].values()
    return found


@pytest.fixture
async def lin(make: Factory) -> Viewer:
    return await make.member("lin@example.org")


async def test_odds_and_what_is_left_are_published(shop: RunningShop, lin: Viewer) -> None:
    lottery = await make_lottery(shop, {**CERTAIN, "oddsPpm": 999_999}, NEVER)
    seen = await see(shop, SEEN, lottery)
    assert seen["prizes"] == [
        {"name": "Gaiwan", "oddsPpm": 999_999, "units": 2, "left": 2},
        {"name": "Trip to Hangzhou", "oddsPpm": 1, "units": 1, "left": 1},
    ]
    await enter(shop, lottery, lin)
    left = [one["left"] for one in (await see(shop, SEEN, lottery))["prizes"]]
    assert sum(left) == 2


async def test_who_wins_has_a_unit_and_it_is_told(shop: RunningShop, lin: Viewer) -> None:
    lottery = await make_lottery(shop, CERTAIN)
    done = await enter(shop, lottery, lin)
    assert done["userErrors"] == []
    drawn = done["entry"]
    assert (drawn["number"], drawn["state"]) == (1, "GIVEN")
    assert drawn["prize"] == {"name": "Gaiwan", "left": 1}
    assert (await see(shop, OWN, lottery, lin))["nodes"] == [drawn]
    (entered,), (won,) = await shop.events(LotteryEntered), await shop.events(PrizeWon)
    assert entered.entry_id == won.entry_id == decode(EntryId, drawn["id"])
    assert entered.member_id == won.member_id == lin.id


async def test_who_wins_nothing_is_told_so(shop: RunningShop, lin: Viewer) -> None:
    lottery = await make_lottery(shop, NEVER)
    drawn = (await enter(shop, lottery, lin))["entry"]
    assert (drawn["state"], drawn["prize"]) == ("NOTHING", None)
    assert await shop.events(PrizeWon) == []


async def test_what_is_sold_out_wins_nothing_and_says_so(shop: RunningShop, make: Factory) -> None:
    lottery = await make_lottery(shop, {**CERTAIN, "units": 1})
    states = []
    for number in range(3):
        by = await make.member(f"member{number}@example.org")
        drawn = (await enter(shop, lottery, by))["entry"]
        states.append((drawn["state"], drawn["prize"]))
    sold_out = ("SOLD_OUT", {"name": "Gaiwan", "left": 0})
    assert states == [("GIVEN", {"name": "Gaiwan", "left": 0}), sold_out, sold_out]


async def test_a_second_entry_of_a_day_is_refused_with_the_time_of_the_next(
    shop: RunningShop, lin: Viewer
) -> None:
    lottery = await make_lottery(shop, CERTAIN)
    await enter(shop, lottery, lin)
    before = await shop.snapshot()
    refused = await enter(shop, lottery, lin)
    assert refused == {
        "entry": None,
        "userErrors": [
            {
                "code": "LOTTERY_ENTERED_TODAY",
                "message": "You have entered today. Enter again from 2026-01-02 00:00 UTC on.",
                "field": None,
                "nextAt": "2026-01-02T00:00:00+00:00",
            }
        ],
    }
    assert await shop.snapshot() == before
    shop.clock.advance(hours=12)
    assert (await enter(shop, lottery, lin))["entry"]["number"] == 2


async def test_on_the_last_day_no_next_one_is_promised(shop: RunningShop, lin: Viewer) -> None:
    lottery = await make_lottery(shop, CERTAIN, days=1)
    shop.clock.advance(hours=23)
    await enter(shop, lottery, lin)
    refused = await enter(shop, lottery, lin)
    assert [one["code"] for one in refused["userErrors"]] == ["LOTTERY_ENTERED_LAST"]


async def test_the_same_key_gets_the_same_answer(shop: RunningShop, lin: Viewer) -> None:
    lottery = await make_lottery(shop, CERTAIN)
    first = await enter(shop, lottery, lin, key="today, please")
    before = await shop.snapshot()
    assert await enter(shop, lottery, lin, key="today, please") == first
    assert await shop.snapshot() == before


async def test_a_key_is_of_one_lottery(shop: RunningShop, lin: Viewer) -> None:
    first, second = await make_lottery(shop, CERTAIN), await make_lottery(shop, CERTAIN)
    await enter(shop, first, lin, key="today, please")
    refused = await enter(shop, second, lin, key="today, please")
    assert [one["code"] for one in refused["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


async def test_of_many_at_once_as_many_win_as_there_are_units(
    shop: RunningShop, make: Factory
) -> None:
    lottery = await make_lottery(shop, CERTAIN)
    members = [await make.member(f"member{number}@example.org") for number in range(8)]
    raced = await race(8, lambda number: enter(shop, lottery, members[number]))
    assert raced.refused == {}
    states = sorted(one["entry"]["state"] for one in raced.results)
    assert states == ["GIVEN"] * 2 + ["SOLD_OUT"] * 6
    assert [row["given"] for row in await shop.rows("lottery_prize")] == [2]


async def test_of_one_member_at_once_one_entry_counts(shop: RunningShop, lin: Viewer) -> None:
    lottery = await make_lottery(shop, CERTAIN)
    raced = await race(6, lambda _: enter(shop, lottery, lin))
    assert len(raced.results) == 1
    assert raced.refused == {"LOTTERY_ENTERED_TODAY": 5}
    assert [row["given"] for row in await shop.rows("lottery_prize")] == [1]


async def test_of_one_key_at_once_all_get_one_answer(shop: RunningShop, lin: Viewer) -> None:
    lottery = await make_lottery(shop, CERTAIN)
    raced = await race(4, lambda _: enter(shop, lottery, lin, key="today, please"))
    assert len({one["entry"]["id"] for one in raced.results}) == 1
    assert len(await shop.rows("lottery_entry")) == 1


async def test_nothing_is_left_of_an_entry_that_died(shop: RunningShop, lin: Viewer) -> None:
    lottery = await make_lottery(shop, CERTAIN)
    with crash_at("lottery.entered.before_commit"):
        await enter(shop, lottery, lin, key="today, please")
    assert await shop.rows("lottery_entry") == []
    assert [row["given"] for row in await shop.rows("lottery_prize")] == [0]
    assert await shop.events(PrizeWon) == []
    shop.clock.advance(minutes=1)
    again = await enter(shop, lottery, lin, key="today, please")
    assert again["entry"]["state"] == "GIVEN"


async def test_everybody_can_check_every_draw_when_it_is_over(
    shop: RunningShop, make: Factory
) -> None:
    lottery = await make_lottery(shop, {**CERTAIN, "oddsPpm": 500_000}, days=2)
    members = [await make.member(f"member{number}@example.org") for number in range(4)]
    for by in members:
        await enter(shop, lottery, by)
    before = await see(shop, SEEN, lottery)
    assert before["seed"] is None
    refused = await shop.graphql(DRAWS, {"id": lottery})
    assert [one["extensions"]["code"] for one in refused["errors"]] == ["LOTTERY_NOT_OVER"]

    shop.clock.advance(days=2)
    seed = (await see(shop, SEEN, lottery))["seed"]
    assert rules.commit_to(seed) == before["seedHash"]
    key = decode(LotteryId, lottery)
    draws = (await see(shop, DRAWS, lottery))["nodes"]
    known = [rules.entrant_of(seed, key, MemberId(by.id)) for by in members if by.id]
    assert [one["entrant"] for one in draws] == known
    assert [one["roll"] for one in draws] == [rules.roll(seed, key, one, 1) for one in known]
    refused = await enter(shop, lottery, members[0])
    assert [one["code"] for one in refused["userErrors"]] == ["LOTTERY_NOT_OPEN"]


async def test_a_reward_is_given_at_once(shop: RunningShop, lin: Viewer) -> None:
    points = {"name": "50 points", "rewardKind": "points", "rewardAmount": 50}
    lottery = await make_lottery(shop, {**CERTAIN, **points})
    drawn = (await enter(shop, lottery, lin))["entry"]
    assert drawn["state"] == "DELIVERED"
    seen = await shop.graphql("{ pointsEntries(first: 5) { nodes { points note } } }", viewer=lin)
    assert seen["data"]["pointsEntries"]["nodes"] == [{"points": 50, "note": "50 points"}]


async def test_a_reward_that_nobody_gives_is_not_promised(shop: RunningShop) -> None:
    before = await shop.snapshot()
    now = shop.clock.now()
    done = await ask(
        shop,
        CREATE,
        name="New Year",
        startsAt=now.isoformat(),
        endsAt=(now + timedelta(days=1)).isoformat(),
        prizes=[{**CERTAIN, "rewardKind": "gold"}],
    )
    assert [one["code"] for one in done["userErrors"]] == ["REWARD_KIND_UNKNOWN"]
    assert await shop.snapshot() == before


async def test_staff_deliver_what_was_won_once(shop: RunningShop, lin: Viewer) -> None:
    lottery = await make_lottery(shop, CERTAIN)
    drawn = (await enter(shop, lottery, lin))["entry"]
    waiting = await winners(shop, lottery, delivered=False)
    assert [(one["entry"]["id"], one["deliveredAt"]) for one in waiting] == [(drawn["id"], None)]
    assert lin.id is not None
    assert [one["memberId"] for one in waiting] == [encode(MemberId, MemberId(lin.id))]

    done = await ask(shop, DELIVER, entryId=drawn["id"])
    assert done == {"state": "DELIVERED", "userErrors": []}
    assert await winners(shop, lottery, delivered=False) == []
    (delivered,) = await winners(shop, lottery, delivered=True)
    assert delivered["deliveredAt"] == "2026-01-01T12:00:00+00:00"

    before = await shop.snapshot()
    again = await ask(shop, DELIVER, entryId=drawn["id"])
    assert [one["code"] for one in again["userErrors"]] == ["LOTTERY_NOTHING_TO_DELIVER"]
    assert await shop.snapshot() == before


async def winners(shop: RunningShop, lottery: str, *, delivered: bool) -> list[dict[str, Any]]:
    told = {"id": lottery, "delivered": delivered}
    answer = await shop.graphql(WINNERS, told, viewer=staff("lottery.manage"), admin=True)
    found: list[dict[str, Any]] = answer["data"]["lotteryWinners"]["nodes"]
    return found


@pytest.mark.one_database
async def test_lotteries_are_for_staff_who_may_make_them(shop: RunningShop) -> None:
    refused = await shop.graphql(
        DELIVER, {"input": {"entryId": "entry_x"}}, viewer=staff("order.read"), admin=True
    )
    assert [one["extensions"]["permission"] for one in refused["errors"]] == ["lottery.manage"]


async def test_the_audit_tells_what_staff_made_and_no_seed(shop: RunningShop) -> None:
    lottery = await make_lottery(shop, CERTAIN)
    (record,) = [
        row for row in await shop.rows("audit_record") if row["operation"] == "createLottery"
    ]
    (row,) = await shop.rows("lottery_lottery")
    assert record["subject"] == lottery
    assert row["seed"] not in str(record)
    assert "Gaiwan" in str(record["after"])


async def test_what_the_readme_shows_is_answered(shop: RunningShop, lin: Viewer) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    create, show, enter_it, owed, check = re.findall(r"```graphql\n(.*?)```", readme, re.DOTALL)
    (told,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    made = await shop.graphql(create, {"input": json.loads(told)}, viewer=STAFF, admin=True)
    assert made["data"]["createLottery"]["userErrors"] == []
    key = made["data"]["createLottery"]["lottery"]["id"]
    assert (await shop.graphql(show, {"id": key}))["data"]["lottery"]["name"] == "New Year"
    wish = {"lotteryId": key, "idempotencyKey": str(uuid4())}
    drawn = await shop.graphql(enter_it, {"input": wish}, viewer=lin)
    assert drawn["data"]["enterLottery"]["userErrors"] == []
    assert "errors" not in await shop.graphql(owed, {"id": key}, viewer=STAFF, admin=True)
    shop.clock.advance(days=31)
    checked = (await shop.graphql(check, {"id": key}))["data"]
    assert rules.commit_to(checked["lottery"]["seed"]) == checked["lottery"]["seedHash"]
    assert len(checked["lotteryDraws"]["nodes"]) == 1
