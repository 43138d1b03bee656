"""What staff do with group buys, and what the shop knows of itself: I8, what keeps it from off."""

from typing import Any
from uuid import UUID

import pytest
from plugins.groupbuy.tests.stall import SCHEDULE, Stall

from koipond.plugin import service as plugins_service
from koipond.plugin.errors import PluginObligated
from koipond_groupbuy import service
from koipond_groupbuy.tables import groupbuy_order, groupbuy_team
from koipond_groupbuy.types import EndGroupBuyTeam, RefundGroupBuyOrder, TeamId
from koipond_sdk import OrderId, Viewer, ViewerKind, decode, new_id
from koipond_sdk.testing import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.story

FIX = "Look at its orders (groupbuy_order) and at dead jobs of RefundGroupBuyOrder."


async def test_staff_schedule_a_group_buy(stall: Stall) -> None:
    done = await stall.schedule(size=2, lifetimeHours=6, startsAt="2026-01-10T00:00:00Z")
    made = done["groupBuy"]
    assert done == {
        "groupBuy": {
            "id": made["id"],
            "price": {"amount": "7.00", "currency": "EUR"},
            "size": 2,
            "lifetimeHours": 6,
            "startsAt": "2026-01-10T00:00:00+00:00",
            "endsAt": "2026-01-31T00:00:00+00:00",
        },
        "userErrors": [],
    }
    # It has not begun.
    assert (await stall.shown())["groupBuy"]["id"] == stall.group_buy


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"size": 1}, "TEAM_SIZE_INVALID", "size"),
        ({"size": 101}, "TEAM_SIZE_INVALID", "size"),
        ({"price": "0.00"}, "TEAM_PRICE_INVALID", "price"),
        ({"price": "7.001"}, "AMOUNT_INVALID", None),
        ({"lifetimeHours": 0}, "TEAM_LIFETIME_INVALID", "lifetimeHours"),
        ({"lifetimeHours": 721}, "TEAM_LIFETIME_INVALID", "lifetimeHours"),
        ({"endsAt": "2026-01-01T12:00:00Z"}, "GROUP_BUY_TIMES_INVALID", "endsAt"),
        ({"startsAt": "2026-02-01T00:00:00Z"}, "GROUP_BUY_TIMES_INVALID", "endsAt"),
        ({"variantId": "var_" + "0" * 26}, "VARIANT_UNKNOWN", "variantId"),
    ],
)
async def test_what_could_never_run_is_refused(
    stall: Stall, given: dict[str, Any], code: str, field: str | None
) -> None:
    before = await stall.shop.snapshot()
    done = await stall.schedule(**given)
    assert done["groupBuy"] is None
    assert [(one["code"], one["field"]) for one in done["userErrors"]] == [(code, field)]
    assert await stall.shop.snapshot() == before


@pytest.mark.one_database
async def test_only_who_may_manage_group_buys_does(stall: Stall) -> None:
    clerk = Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"orders.read"}))
    wish = {"variantId": stall.tea, "price": "1.00", "size": 2, "endsAt": "2026-01-31T00:00:00Z"}
    answer = await stall.shop.graphql(SCHEDULE, {"input": wish}, viewer=clerk, admin=True)
    assert [one["extensions"]["code"] for one in answer["errors"]] == ["PERMISSION_MISSING"]


@pytest.mark.slow
async def test_an_ended_group_buy_takes_no_new_team_and_those_that_are_open_fill(
    stall: Stall,
) -> None:
    _, team = await stall.buy("lin")
    await stall.pass_time(hours=1)
    ended = await stall.end()
    assert ended == {"groupBuy": {"endsAt": "2026-01-01T13:00:00+00:00"}, "userErrors": []}
    assert (await stall.shown())["groupBuy"] is None
    refusal = await stall.refused("mei")
    assert (refusal["code"], refusal["message"]) == (
        "GROUP_BUY_OVER",
        "No team can be opened since 2026-01-01T13:00:00+00:00. "
        "Join one that is still open, or buy without a team.",
    )
    await stall.pass_time(hours=20)
    await stall.buy("mei", team)
    await stall.buy("bo", team)
    assert (await stall.team(team))["state"] == "SUCCEEDED"
    assert await stall.end() == ended
    await stall.pass_time(hours=4)
    # Nothing of it is sold any more, not even to who knows its id.
    assert (await stall.refused("an", team))["code"] == "ACTIVITY_OVER"


async def test_a_team_opened_at_the_last_moment_ends_with_the_group_buys_last_team(
    stall: Stall,
) -> None:
    stall.shop.clock.advance(days=29, hours=11, minutes=59)
    done = await stall.place("lin", pay=None)
    await stall.pass_time(minutes=20)
    await stall.pay(done["order"]["id"])
    await stall.work()
    team = await stall.team(done["order"]["groupBuyTeam"]["id"])
    assert team["deadline"] == "2026-02-01T00:00:00+00:00"


async def test_what_was_promised_to_a_team_stays_whatever_staff_change(stall: Stall) -> None:
    _, team = await stall.buy("lin")
    document = """mutation ($input: SetPluginSettingsInput!) {
      done: setPluginSettings(input: $input) { userErrors { code } }
    }"""
    given = {"plugin": "groupbuy", "values": {"lifetime_hours": 1}, "expectedVersion": 0}
    assert (await stall.ask(document, viewer=STAFF, input=given))["userErrors"] == []
    await stall.pass_time(hours=2)
    assert (await stall.team(team))["deadline"] == "2026-01-02T12:00:00+00:00"
    assert (await stall.schedule())["groupBuy"]["lifetimeHours"] == 1


async def test_with_open_teams_the_plugin_is_not_turned_off(stall: Stall) -> None:
    await stall.buy("lin")
    async with stall.shop.context(viewer=STAFF) as ctx:
        with pytest.raises(PluginObligated) as refused:
            await plugins_service.disable(ctx, "groupbuy")
    assert "1 teams are open, until 2026-01-02T12:00:00+00:00" in str(refused.value)
    await stall.pass_time(days=1)
    async with stall.shop.context(viewer=STAFF) as ctx:
        assert await plugins_service.disable(ctx, "groupbuy")


@pytest.mark.slow
async def test_turned_off_it_leaves_no_trace_in_what_is_sold(
    shop: RunningShop, stall: Stall
) -> None:
    """Its activity is still published; nobody pays its price, and nothing asks for it."""
    async with shop.context(viewer=STAFF) as ctx:
        assert await plugins_service.disable(ctx, "groupbuy")
    async with running_shop(shop.settings.database_url, plugins=["groupbuy"]) as off:
        seen = await off.graphql('{ __type(name: "Variant") { fields { name } } }')
        names = [one["name"] for one in seen["data"]["__type"]["fields"]]
        assert "groupBuy" not in names
        wish = {
            "lines": [{"variantId": stall.tea, "quantity": 1}],
            "contact": {"email": "lin@example.org"},
            "payment": [{"provider": "sandbox"}],
            "idempotencyKey": "5e0b6f6e-26a5-4f7e-a7f8-1c2b0c9ab9d3",
        }
        document = """mutation ($input: PlaceOrderInput!) { done: placeOrder(input: $input) {
          order { state total { amount } holds { name } } userErrors { code } } }"""
        with off.count_statements() as sent:
            answer = await off.graphql(document, {"input": wish})
        assert answer["data"]["done"] == {
            "order": {"state": "CONFIRMED", "total": {"amount": "10.00"}, "holds": []},
            "userErrors": [],
        }
        assert [one for one in sent if "groupbuy" in one] == []


@pytest.mark.slow
@pytest.mark.breaks_invariants
async def test_the_audit_finds_what_breaks_i8(stall: Stall) -> None:
    await stall.fill("lin", "mei", "bo")
    await stall.fill("an")
    await stall.pass_time(days=2)
    await stall.everything_holds()
    (left,) = [row for row in await stall.shop.rows(groupbuy_team) if row["state"] == "failed"]
    carried = next(row for row in await stall.shop.rows(groupbuy_order) if row["carried"])
    async with stall.shop.shop.database.writer.begin() as db:
        await db.execute(
            groupbuy_order.update()
            .where(groupbuy_order.c.order_id == UUID(str(carried["order_id"])))
            .values(team_id=UUID(str(left["id"])), carried=False)
        )
    full, left_id = UUID(str(carried["team_id"])), UUID(str(left["id"]))
    assert await stall.problems() == [
        f"I8: team {full} succeeded with another number of orders than it has seats. {FIX}",
        f"I8: team {left_id} keeps a paid order although it did not come about with it. {FIX}",
    ]


@pytest.mark.slow
@pytest.mark.breaks_invariants
async def test_the_audit_finds_crowded_teams_and_one_buyer_twice(stall: Stall) -> None:
    await stall.fill("lin", "mei", "bo")
    rows = await stall.shop.rows(groupbuy_order)
    async with stall.shop.shop.database.writer.begin() as db:
        await db.execute(groupbuy_team.update().values(size=2))
        await db.execute(
            groupbuy_order.update().values(subject_id=UUID(str(rows[0]["subject_id"])))
        )
    team = UUID(str(rows[0]["team_id"]))
    assert [one for one in await stall.problems() if one.startswith("I8")] == [
        f"I8: team {team} has more orders that stand than seats. {FIX}",
        f"I8: team {team} has two orders of one buyer that stand. {FIX}",
        f"I8: team {team} succeeded with another number of orders than it has seats. {FIX}",
    ]


async def test_a_job_that_runs_twice_gives_nothing_back_twice(stall: Stall) -> None:
    team, (order_id,) = await stall.fill("lin")
    await stall.pass_time(days=1)
    before = await stall.shop.snapshot()
    for _ in range(2):
        async with stall.shop.context(viewer=STAFF) as ctx:
            await service.end_team(ctx, EndGroupBuyTeam(team_id=decode(TeamId, team)))
        async with stall.shop.context(viewer=STAFF) as ctx:
            job = RefundGroupBuyOrder(order_id=decode(OrderId, order_id))
            await service.refund(ctx, job)
    assert await stall.shop.snapshot() == before
    assert await stall.refunds(order_id) == [("DONE", 7_00)]
