"""Teams that everybody wants to be in: battery 3 and 4, short. Each fails on its naive build."""

import asyncio
import os
import random
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from plugins.groupbuy.tests.stall import Stall
from tests.rig.naive import raced

from koipond_sdk.testing import RunningShop

UNCOUNTED = "the seats of a team are not counted"
KEPT = "who pays when the team is over is kept waiting"
SIZE = 3
# How a joiner pays: at once, never, or not to the end. Most pay.
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


async def live_a_day(
    shop: RunningShop,
    *,
    teams: int,
    joiners: int,
    hours: Sequence[int] = (0, 12, 23),
    seed: int | None = None,
) -> str:
    """Let joiners come at these hours of the day that teams have, then let it end.

    Some teams are wanted more than others, the last fifth by nobody. In the last hour somebody
    comes to each team that is still open, whose money arrives when it is over.
    """
    seed = int(os.environ.get("KOI_RACE_SEED", secrets.randbits(32))) if seed is None else seed
    print(f"seed {seed}")
    stall = Stall(shop)
    await stall.open(size=SIZE, units=2 * (teams + joiners))
    opened = [(await stall.buy(f"opener-{place}"))[1] for place in range(teams)]
    crowd = list(draw(random.Random(seed), opened[: teams - teams // 5], joiners))
    began = stall.shop.clock.now()
    outcomes: Counter[str] = Counter()
    for place, hour in enumerate(hours):
        stall.shop.clock.set(began + timedelta(hours=hour))
        await stall.work()
        outcomes += await come(stall, crowd[place :: len(hours)])
        await stall.work()
        assert await stall.problems() == []
    late = [await stall.place(f"late-{team}", team, pay="pending") for team in opened]
    # The window of payment is over before the teams are.
    await stall.pass_time(minutes=45)
    await stall.pass_time(minutes=30)
    for done in late:
        if done["order"] is not None:
            await stall.take_anyway(done["order"]["id"])
    states = await stall.team_states()
    told = f"seed {seed}: {teams} teams, {joiners} joiners: {states}, {dict(outcomes)}"
    print(told)
    await check_ends(stall, teams)
    return told


async def come(
    stall: Stall, crowd: Sequence[tuple[str, str, str | None]], at_once: int = 20
) -> Counter[str]:
    """Let a crowd order at once; returns {outcome: how many got it}."""
    turn = asyncio.Semaphore(at_once)

    async def join(who: str, team: str, way: str | None) -> str:
        async with turn:
            done = await stall.place(who, team, pay=way)
        refused = [one["code"] for one in done["userErrors"]]
        return str(refused[0] if refused else done["order"]["state"])

    return Counter(await asyncio.gather(*(join(*one) for one in crowd)))


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


async def test_of_20_who_want_the_last_seat_one_gets_it(shop: RunningShop) -> None:
    await take_the_last_seat(shop, requests=20, members=20)


@pytest.mark.slow
async def test_on_a_naive_build_more_than_one_get_it(shop: RunningShop) -> None:
    with raced(UNCOUNTED):
        await take_the_last_seat(shop, requests=20, members=20)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_after_a_day_everybody_has_the_goods_or_the_money(shop: RunningShop) -> None:
    await live_a_day(shop, teams=5, joiners=30)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("naive", [UNCOUNTED, KEPT])
async def test_on_a_naive_build_somebody_has_neither(shop: RunningShop, naive: str) -> None:
    with raced(naive):
        await live_a_day(shop, teams=5, joiners=30, seed=1)
