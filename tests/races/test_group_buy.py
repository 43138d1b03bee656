"""Teams that everybody wants to be in: battery 3 and 4, short. Each fails on its naive build."""

import asyncio
import os
import random
import secrets
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from plugins.groupbuy.tests.stall import Stall
from tests.rig.naive import raced

from koipond_sdk.testing import RunningShop

UNCOUNTED = "the seats of a team are not counted"
KEPT = "who pays when the team is over is kept waiting"
SIZE = 3
HOURS = 24
# How a joiner pays: at once, never, too late. Most pay.
WAYS = ["captured", "captured", "captured", "captured", None, "pending"]


@pytest.fixture
def plugins() -> list[str]:
    return ["groupbuy"]


async def take_the_last_seat(
    shop: RunningShop, *, requests: int, members: int, at_once: int = 40
) -> str:
    """Let many ask at once for the one seat that a team has left; fails unless one gets it."""
    stall = Stall(shop)
    await stall.open(size=SIZE, units=requests + SIZE)
    team, _ = await stall.fill("lin", "mei")
    turn = asyncio.Semaphore(at_once)

    async def join(place: int) -> str:
        async with turn:
            done = await stall.place(f"joiner-{place % members}", team)
        refused = [one["code"] for one in done["userErrors"]]
        return str(refused[0] if refused else done["order"]["state"])

    outcomes = Counter(await asyncio.gather(*(join(place) for place in range(requests))))
    told = f"{requests} requests of {members} members for one seat: {dict(outcomes)}"
    print(told)
    assert outcomes.pop("CONFIRMED") == 1
    assert outcomes.keys() <= {"TEAM_FULL", "ALREADY_IN_TEAM"}
    await stall.work()
    assert (await stall.team(team))["state"] == "SUCCEEDED"
    assert await stall.told() == {"TeamOpened": 1, "TeamSucceeded": 1}
    await stall.everything_holds()
    return told


async def live_a_day(shop: RunningShop, *, teams: int, joiners: int, at_once: int = 20) -> str:
    """Let joiners come to teams through a day, some teams wanted more than others; then settle."""
    seed = int(os.environ.get("KOI_RACE_SEED", secrets.randbits(32)))
    chance = random.Random(seed)
    stall = Stall(shop)
    await stall.open(size=SIZE, units=teams + joiners)
    opened = [(await stall.buy(f"opener-{place}"))[1] for place in range(teams)]
    crowd = iter(draw(chance, opened, joiners))
    outcomes: Counter[str] = Counter()
    turn = asyncio.Semaphore(at_once)

    async def join(who: str, team: str, way: str | None) -> tuple[str, str]:
        async with turn:
            done = await stall.place(who, team, pay=way)
        refused = [one["code"] for one in done["userErrors"]]
        outcomes[refused[0] if refused else done["order"]["state"]] += 1
        late = way == "pending" and done["order"] is not None
        return ("late" if late else "", "" if not late else done["order"]["id"])

    for hour in range(HOURS):
        share = joiners // HOURS + (hour < joiners % HOURS)
        came = await asyncio.gather(*(join(*next(crowd)) for _ in range(share)))
        await stall.pass_time(hours=1)
        for late, order_id in came:
            if late and (await stall.order(order_id)).state.value == "expired":
                await stall.take_anyway(order_id)
    await stall.pass_time(minutes=1)
    states = await stall.team_states()
    told = f"seed {seed}: {teams} teams, {joiners} joiners: {states}, {dict(outcomes)}"
    print(told)
    await check_ends(stall, teams)
    return told


def draw(
    chance: random.Random, teams: list[str], joiners: int
) -> Iterator[tuple[str, str, str | None]]:
    """Return who wants into which team, and how they pay: the first teams are wanted most."""
    weights = [1 / (place + 1) for place in range(len(teams))]
    for place in range(joiners):
        (team,) = chance.choices(teams, weights)
        yield f"joiner-{place}", team, chance.choice(WAYS)


async def check_ends(stall: Stall, teams: int) -> None:
    """Fail unless every team is decided once, and everybody has the goods or the money."""
    states = await stall.team_states()
    assert set(states) <= {"succeeded", "failed"}
    told = await stall.told()
    ended = {"TeamSucceeded": states.get("succeeded", 0), "TeamFailed": states.get("failed", 0)}
    assert told == {"TeamOpened": teams} | {name: n for name, n in ended.items() if n}
    rows: dict[str, list[dict[str, Any]]] = {
        name: await stall.shop.rows(name) for name in ("groupbuy_order", "order", "payment")
    }
    carried = {row["order_id"] for row in rows["groupbuy_order"] if row["carried"]}
    assert len(carried) == SIZE * states.get("succeeded", 0)
    for row in rows["order"]:
        expected = {"confirmed"} if row["id"] in carried else {"cancelled", "expired"}
        assert row["state"] in expected, row
        assert bool(row["holds"]) == (row["id"] not in carried), row
    for row in rows["payment"]:
        kept = row["captured_minor"] - row["refunded_minor"]
        assert kept == (row["captured_minor"] if row["order_id"] in carried else 0), row
    refunds = Counter(row["payment_id"] for row in await stall.shop.rows("refund"))
    assert set(refunds.values()) <= {1}
    await stall.everything_holds()


async def test_of_40_who_want_the_last_seat_one_gets_it(shop: RunningShop) -> None:
    await take_the_last_seat(shop, requests=40, members=40)


async def test_on_a_naive_build_more_than_one_get_it(shop: RunningShop) -> None:
    with raced(UNCOUNTED):
        await take_the_last_seat(shop, requests=40, members=40)


@pytest.mark.timeout(120)
async def test_after_a_day_everybody_has_the_goods_or_the_money(shop: RunningShop) -> None:
    await live_a_day(shop, teams=10, joiners=60)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("naive", [UNCOUNTED, KEPT])
async def test_on_a_naive_build_somebody_has_neither(shop: RunningShop, naive: str) -> None:
    with raced(naive):
        await live_a_day(shop, teams=10, joiners=60)
