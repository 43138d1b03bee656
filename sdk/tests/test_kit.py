"""The test kit does what docs/testing.md says of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sdk.tests.outside import run_outside

from koipond_sdk import DomainError
from koipond_sdk.hooks import OrderConfirmed, OrderPlaced
from koipond_sdk.testing import (
    GUEST,
    Factory,
    FakeSender,
    MadeOrder,
    Refusal,
    RunningShop,
    crash_at,
    dies_at,
    passing,
    race,
    running_shop,
    service,
    staff,
)

pytestmark = pytest.mark.story

ME = "{ me { name } }"
ROLES = "{ roles { key } }"
BEFORE_COMMIT = "order.placed.before_commit"


def codes(answer: dict[str, Any]) -> list[str]:
    return [one["extensions"]["code"] for one in answer.get("errors", ())]


async def test_it_asks_as_a_guest_and_as_a_member(shop: RunningShop, make: Factory) -> None:
    lin = await make.member("lin@example.org")
    assert await make.member("lin@example.org") == lin
    assert (await shop.graphql(ME, viewer=lin))["data"] == {"me": {"name": "Lin"}}
    assert codes(await shop.graphql(ME, viewer=GUEST)) == []
    (row,) = await shop.rows("member")
    assert row["state"] == "registered"


@pytest.mark.parametrize("made", [staff, service])
async def test_it_asks_as_staff_and_as_a_program_with_just_their_permissions(
    shop: RunningShop, made: Any
) -> None:
    before = await shop.snapshot()
    assert codes(await shop.graphql(ROLES, viewer=made("staff.read"), admin=True)) == []
    refused = await shop.graphql(ROLES, viewer=made("catalog.read"), admin=True)
    assert codes(refused) == ["PERMISSION_MISSING"]
    assert await shop.snapshot() == before


def test_the_same_words_make_the_same_person() -> None:
    assert staff("order.read") == staff("order.read")
    assert len({one.id for one in (staff("order.read"), staff("order.read", name="Wu"))}) == 2
    assert staff("order.read", channels=["cn"]).channels_for("order.read") == {"cn"}


@pytest.mark.slow
async def test_orders_are_placed_paid_cancelled_and_refunded(
    shop: RunningShop, make: Factory
) -> None:
    lin = await make.member()
    tea = await make.variant("TEA-1", price="10.00")
    placed = await make.order({tea: 2}, by=lin)
    assert (placed.state, placed.total, placed.currency) == ("PLACED", "20.00", "EUR")
    assert (await make.cancel(placed)).state == "CANCELLED"
    later = await make.order({tea: 1}, by=lin)
    assert (await make.pay(later)).state == "CONFIRMED"
    paid = await make.paid_order({tea: 1}, by=lin)
    assert paid.state == "CONFIRMED"
    await make.refund(paid)
    await shop.work()
    assert [sum(back.amount_minor for back in one.refunds) for one in shop.provider.charges] == [
        0,
        10_00,
    ]


async def test_what_cannot_be_made_is_told_by_its_code(shop: RunningShop, make: Factory) -> None:
    tea = await make.variant(stock=1)
    before = await shop.snapshot()
    with pytest.raises(Refusal, match="STOCK: TEA-1: 2 requested, 1 can be had") as refused:
        await make.order({tea: 2})
    assert refused.value.codes == ["INSUFFICIENT_STOCK"]
    assert await shop.snapshot() == before


async def test_events_are_captured_in_their_order(shop: RunningShop, make: Factory) -> None:
    tea = await make.variant()
    made = await make.paid_order({tea: 1})
    (placed,) = await shop.events(OrderPlaced)
    assert placed.order_id == made.id
    assert [one.order_id for one in await shop.events(OrderConfirmed)] == [made.id]
    names = await shop.event_names()
    assert names.index("OrderPlaced") < names.index("OrderConfirmed")


async def test_messages_are_captured_refused_and_lost(
    shop: RunningShop, make: Factory, sender: FakeSender
) -> None:
    sender.refuse("the line is down")
    await make.refund(await make.paid_order({await make.variant(): 1}))
    await shop.work()
    assert sender.messages == []
    sender.recover()
    sender.lose_answers()
    await shop.pass_time(minutes=10)
    await shop.pass_time(minutes=10)
    (mail,) = sender.messages
    assert (mail.kind, mail.address) == ("order.refunded", "lin@example.org")
    assert sender.bodies == [mail.body]


@pytest.mark.slow
async def test_hooks_are_traced_by_plugin_in_their_order(database_url: str) -> None:
    async with running_shop(database_url, plugins=["promotions", "groupbuy"]) as shop:
        make = Factory(shop)
        tea = await make.variant()
        with shop.trace_hooks() as called:
            await make.order({tea: 1})
        await make.order({tea: 1})
    assert [(one.hook, one.plugin, one.outcome) for one in called] == [
        ("cart_inputs", "promotions", "ok"),
        ("checkout_validate", "groupbuy", "ok"),
        ("checkout_attributes", "groupbuy", "ok"),
        ("quota_requests", "groupbuy", "ok"),
        ("quota_requests", "promotions", "ok"),
        ("order_creating", "groupbuy", "ok"),
        ("order_creating", "promotions", "ok"),
    ]
    assert all(0 <= one.seconds < 1 for one in called)


async def test_of_many_who_begin_at_once_each_is_counted(shop: RunningShop, make: Factory) -> None:
    tea = await make.variant(stock=3)

    async def buy(number: int) -> MadeOrder:
        return await make.order({tea: 1})

    raced = await race(8, buy)
    assert [one.state for one in raced.results] == ["PLACED"] * 3
    assert raced.refused == {"INSUFFICIENT_STOCK": 5}


class Late(DomainError):
    code = "LATE"


async def test_a_race_begins_when_all_are_there_and_counts_every_way_of_refusing() -> None:
    begun: list[int] = []

    async def run(number: int) -> Any:
        begun.append(number)
        await asyncio.sleep(0)
        assert sorted(begun) == [0, 1, 2, 3]
        match number:
            case 0:
                return "won"
            case 1:
                raise Late
            case 2:
                return {"data": {"done": {"userErrors": [{"code": "SHORT"}]}}}
            case _:
                return {"userErrors": [{"code": "SHORT"}]}

    raced = await race(4, run)
    assert (raced.results, raced.refused) == (["won"], {"LATE": 1, "SHORT": 2})


async def test_a_race_raises_what_is_no_refusal() -> None:
    async def run(number: int) -> None:
        if number == 1:
            raise KeyError("number")

    with pytest.raises(KeyError, match="number"):
        await race(2, run)


async def test_work_that_dies_before_its_commit_has_not_happened(
    shop: RunningShop, make: Factory
) -> None:
    tea = await make.variant()
    with passing() as passed:
        await make.order({tea: 1})
    assert BEFORE_COMMIT in passed
    with crash_at(BEFORE_COMMIT):
        await make.order({tea: 1})
    assert len(await shop.rows("order")) == 1


async def test_a_crash_point_that_is_never_passed_fails() -> None:
    never = pytest.raises(
        AssertionError, match="crash point nowhere was passed 0 times, and 1 were"
    )
    with never, crash_at("nowhere"):
        pass


async def buy_tea(shop: RunningShop) -> None:
    make = Factory(shop)
    await make.order({await make.variant(): 1})


@pytest.mark.slow
async def test_a_process_is_killed_at_a_crash_point(database_url: str) -> None:
    await dies_at(BEFORE_COMMIT, buy_tea, database_url)
    async with running_shop(database_url) as shop:
        assert await shop.rows("order") == []
        assert [row["taken"] for row in await shop.rows("quota")] == [1]
        await shop.pass_time(minutes=5)
        assert [row["taken"] for row in await shop.rows("quota")] == [0]


@pytest.mark.slow
async def test_a_process_that_does_not_die_there_fails(database_url: str) -> None:
    with pytest.raises(AssertionError, match="was to die at nowhere, and ended with 0"):
        await dies_at("nowhere", buy_tea, database_url)


@pytest.mark.breaks_invariants
async def test_the_audits_of_core_and_of_plugins_find_what_must_not_be(
    shop: RunningShop, make: Factory
) -> None:
    tea = await make.variant(stock=3)
    await make.order({tea: 1})
    assert await shop.findings() == []
    async with shop.shop.database.writer.begin() as db:
        await db.exec_driver_sql("UPDATE quota SET taken = 2")
    assert [one.invariant for one in await shop.findings()] == ["I1"]


OUTSIDE = {
    "pyproject.toml": """
[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "session"
asyncio_default_test_loop_scope = "session"
koipond_databases = "sqlite"
""",
    "conftest.py": """
import pytest

@pytest.fixture
def plugins():
    return ["checkin"]
""",
    "test_outside.py": """
import pytest

async def test_it_has_the_fixtures(shop, make, sender):
    lin = await make.member()
    answer = await shop.graphql("mutation { checkIn { checkIn { streak } } }", viewer=lin)
    assert answer["data"] == {"checkIn": {"checkIn": {"streak": 1}}}

async def spoil(shop, make):
    await make.variant(stock=3)
    async with shop.shop.database.writer.begin() as db:
        await db.exec_driver_sql("UPDATE quota SET taken = 2")

async def test_it_breaks_what_must_hold(shop, make):
    await spoil(shop, make)

@pytest.mark.breaks_invariants
async def test_it_is_meant_to(shop, make):
    await spoil(shop, make)
""",
}


@pytest.mark.slow
def test_whoever_installs_it_has_the_fixtures_and_the_invariants(tmp_path: Path) -> None:
    said = run_outside(tmp_path, OUTSIDE)
    assert "3 passed, 1 error" in said, said
    assert "What must always hold does not:\nI1: " in said
    assert "ERROR test_outside.py::test_it_breaks_what_must_hold[sqlite]" in said


@pytest.mark.slow
def test_a_project_without_the_settings_is_told_which(tmp_path: Path) -> None:
    settings = '[tool.pytest.ini_options]\nasyncio_mode = "auto"\nkoipond_databases = "sqlite"\n'
    said = run_outside(tmp_path, OUTSIDE | {"pyproject.toml": settings})
    assert 'asyncio_default_test_loop_scope = "session"' in said
    assert (
        "Not so now: asyncio_default_fixture_loop_scope, asyncio_default_test_loop_scope." in said
    )
