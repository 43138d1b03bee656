"""Teams from their opening to their end, as buyers, staff and time make it."""

from typing import Any

import pytest
from plugins.groupbuy.tests.stall import Stall

from koipond_sdk.testing import RunningShop
from koipond_sdk.testing.shop import STAFF

pytestmark = pytest.mark.story

OPENED_AT = "2026-01-01T12:00:00+00:00"
DEADLINE = "2026-01-02T12:00:00+00:00"


async def test_a_variant_shows_its_group_buy_and_nobody_pays_its_price_without_a_team(
    stall: Stall,
) -> None:
    assert await stall.shown() == {
        "price": {"amount": "10.00"},
        "offer": {"price": {"amount": "10.00"}},
        "groupBuy": {
            "id": stall.group_buy,
            "price": {"amount": "7.00"},
            "size": 3,
            "openTeams": [],
        },
    }


async def test_who_opens_a_team_pays_its_price_and_waits_for_it(stall: Stall) -> None:
    done = await stall.place("lin")
    assert done["userErrors"] == []
    team = done["order"].pop("groupBuyTeam")
    assert done["order"] == {
        "id": done["order"]["id"],
        "state": "CONFIRMED",
        "total": {"amount": "7.00"},
        "holds": [
            {
                "name": "team",
                "source": "groupbuy",
                "reason": "Waits for its team of 3 to be complete.",
            }
        ],
        "lines": [
            {
                "sku": "TEA-1",
                "unitPrice": {"amount": "7.00"},
                "attributes": [{"plugin": "groupbuy", "name": "team", "value": team["id"]}],
            }
        ],
    }
    assert team == {
        "id": team["id"],
        "state": "PENDING",
        "size": 3,
        "missing": 2,
        "price": {"amount": "7.00"},
        "deadline": None,
    }


async def test_others_see_a_team_when_its_opener_has_paid(stall: Stall) -> None:
    done = await stall.place("lin", pay=None)
    order_id, team = done["order"]["id"], done["order"]["groupBuyTeam"]["id"]
    await stall.work()
    assert await stall.team(team) is None
    assert (await stall.shown())["groupBuy"]["openTeams"] == []
    assert (await stall.refused("mei", team))["code"] == "TEAM_UNKNOWN"
    stall.shop.clock.advance(minutes=10)
    assert (await stall.pay(order_id))["userErrors"] == []
    await stall.work()
    forming = {
        "id": team,
        "state": "FORMING",
        "size": 3,
        "missing": 2,
        "price": {"amount": "7.00"},
        "deadline": "2026-01-02T12:10:00+00:00",
    }
    assert await stall.team(team) == forming
    assert (await stall.shown())["groupBuy"]["openTeams"] == [forming]
    assert await stall.told() == {"TeamOpened": 1}


@pytest.mark.slow
async def test_with_the_last_paid_seat_a_team_succeeds_and_its_orders_may_be_sent(
    stall: Stall,
) -> None:
    first, team = await stall.buy("lin")
    second, _ = await stall.buy("mei", team)
    assert (await stall.team(team))["missing"] == 1
    assert await stall.holds(first, second) == [["team"], ["team"]]
    third = (await stall.place("bo", team, pay=None))["order"]["id"]
    await stall.work()
    assert (await stall.team(team))["missing"] == 0
    assert (await stall.shown())["groupBuy"]["openTeams"] == []
    assert (await stall.team(team))["state"] == "FORMING"
    await stall.pay(third)
    await stall.work()
    assert await stall.team(team) == {
        "id": team,
        "state": "SUCCEEDED",
        "size": 3,
        "missing": 0,
        "price": {"amount": "7.00"},
        "deadline": DEADLINE,
    }
    assert await stall.holds(first, second, third) == [[], [], []]
    assert await stall.states(first, second, third) == ["confirmed"] * 3
    assert await stall.told() == {"TeamOpened": 1, "TeamSucceeded": 1}
    await stall.pass_time(days=2)
    assert await stall.states(first, second, third) == ["confirmed"] * 3
    assert await stall.told() == {"TeamOpened": 1, "TeamSucceeded": 1}
    await stall.everything_holds()


@pytest.mark.slow
async def test_a_full_team_takes_nobody_and_says_what_can_be_done(stall: Stall) -> None:
    _, team = await stall.buy("lin")
    await stall.buy("mei", team)
    await stall.buy("bo", team, pay=None)
    assert await stall.refused("an", team) == {
        "__typename": "TeamFull",
        "code": "TEAM_FULL",
        "message": "All 3 seats of this team are taken, 0 are left. Join another one, or leave "
        "`teamId` out to open a team of your own.",
        "field": "lines.0.plugins.groupBuy.teamId",
    }


@pytest.mark.slow
async def test_a_seat_that_was_not_paid_in_time_is_free_again(stall: Stall) -> None:
    _, team = await stall.buy("lin")
    await stall.buy("mei", team)
    slow, _ = await stall.buy("bo", team, pay=None)
    await stall.pass_time(minutes=31)
    await stall.pass_time(seconds=15)
    assert await stall.states(slow) == ["expired"]
    assert (await stall.team(team))["missing"] == 1
    last, _ = await stall.buy("an", team)
    assert (await stall.team(team))["state"] == "SUCCEEDED"
    assert await stall.holds(last) == [[]]
    await stall.everything_holds()


@pytest.mark.slow
async def test_nobody_is_in_two_open_teams_of_a_group_buy(stall: Stall) -> None:
    team, _ = await stall.fill("lin", "mei")
    message = (
        "You have a seat in 1 open team of this group buy, 1 is possible. Wait until that team is "
        "complete or over; an order that you have not paid can be cancelled."
    )
    _, other = await stall.buy("bo")
    for where in (team, other, None):
        refusal = await stall.refused("mei", where)
        assert refusal == {
            "__typename": "AlreadyInTeam",
            "code": "ALREADY_IN_TEAM",
            "message": message,
            "field": "lines.0.plugins.groupBuy",
        }
    await stall.buy("an", team)
    assert (await stall.team(team))["state"] == "SUCCEEDED"
    await stall.pass_time(seconds=10)
    # Complete: mei may take a seat again, only not in that one.
    assert (await stall.refused("mei", team))["code"] == "TEAM_OVER"
    await stall.buy("mei", other)
    await stall.everything_holds()


async def test_a_member_is_one_person_whatever_the_contact_says(stall: Stall) -> None:
    lin = await stall.member("lin")
    await stall.buy("lin", viewer=lin)
    assert (await stall.refused("other", viewer=lin))["code"] == "ALREADY_IN_TEAM"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"quantity": 2}, "TEAM_QUANTITY_INVALID"),
        ({"group_buy": "act_" + "0" * 26}, "ACTIVITY_OVER"),
        ({"group_buy": "tea"}, "ID_INVALID"),
        ({"team": "team_" + "0" * 26}, "TEAM_UNKNOWN"),
        ({"team": "ord_" + "0" * 26}, "ID_INVALID"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(
    stall: Stall, given: dict[str, Any], code: str
) -> None:
    assert (await stall.refused("lin", **given))["code"] == code


async def test_a_team_order_has_nothing_else_in_it(stall: Stall) -> None:
    plain = {"variantId": stall.tea, "quantity": 1}
    refusal = await stall.refused("lin", lines=[plain])
    assert (refusal["code"], refusal["message"][:34]) == (
        "TEAM_ORDER_MIXED",
        "2 lines are in this order, 1 is po",
    )


async def test_a_team_of_another_group_buy_is_none_of_this_one(stall: Stall) -> None:
    _, team = await stall.buy("lin")
    other = (await stall.schedule(price="6.00"))["groupBuy"]["id"]
    assert (await stall.refused("mei", team, group_buy=other))["code"] == "TEAM_UNKNOWN"


@pytest.mark.slow
async def test_a_team_that_runs_out_of_time_gives_everybody_the_money_back_once(
    stall: Stall,
) -> None:
    team, paid = await stall.fill("lin", "mei")
    await stall.pass_time(hours=23, minutes=50)
    slow, _ = await stall.buy("bo", team, pay=None)
    assert (await stall.team(team))["state"] == "FORMING"
    await stall.pass_time(minutes=10)
    assert await stall.team(team) == {
        "id": team,
        "state": "FAILED",
        "size": 3,
        "missing": 0,
        "price": {"amount": "7.00"},
        "deadline": DEADLINE,
    }
    assert await stall.states(*paid, slow) == ["cancelled"] * 3
    assert [await stall.refunds(one) for one in paid] == [[("DONE", 7_00)]] * 2
    assert await stall.refunds(slow) == []
    assert await stall.told() == {"TeamOpened": 1, "TeamFailed": 1}
    refusal = await stall.refused("an", team)
    assert (refusal["code"], refusal["message"][:60]) == (
        "TEAM_OVER",
        "This team of 3 takes nobody any more: it is failed. Join ano",
    )
    await stall.pass_time(hours=1)
    assert [await stall.refunds(one) for one in paid] == [[("DONE", 7_00)]] * 2
    assert await stall.told() == {"TeamOpened": 1, "TeamFailed": 1}
    # Both may try again.
    await stall.buy("lin")
    await stall.everything_holds()


@pytest.mark.slow
async def test_of_all_that_a_failed_team_had_everything_is_free_again(stall: Stall) -> None:
    _, orders = await stall.fill("lin", "mei")
    await stall.pass_time(days=1)
    await stall.pass_time(seconds=10)
    assert await stall.states(*orders) == ["cancelled"] * 2
    assert [row["taken"] for row in await stall.shop.rows("quota")] == [0, 0, 0]


@pytest.mark.slow
async def test_who_paid_before_the_deadline_counts_although_nobody_was_told_by_then(
    stall: Stall,
) -> None:
    team, orders = await stall.fill("lin", "mei")
    stall.shop.clock.advance(hours=23)
    done = await stall.place("bo", team)
    assert done["order"]["state"] == "CONFIRMED"
    # The worker was away: the event and the deadline come together.
    await stall.pass_time(hours=2)
    assert (await stall.team(team))["state"] == "SUCCEEDED"
    assert await stall.states(*orders, done["order"]["id"]) == ["confirmed"] * 3
    await stall.everything_holds()


@pytest.mark.slow
async def test_a_refund_that_fails_is_seen_and_is_in_nobody_elses_way(stall: Stall) -> None:
    bad, team = await stall.buy("lin", switches={"refunds": "refused"})
    good, _ = await stall.buy("mei", team)
    await stall.pass_time(days=1)
    assert await stall.states(bad, good) == ["cancelled"] * 2
    assert await stall.refunds(good) == [("DONE", 7_00)]
    assert await stall.refunds(bad) == [("FAILED", 7_00)]
    assert [one.reason.value for one in (await stall.order(bad)).attention] == ["refund_failed"]
    assert (await stall.order(good)).attention == ()


async def late(stall: Stall) -> tuple[str, str]:
    """Return an order that has expired, its money still to come, and its team of an hour."""
    quick = (await stall.schedule(lifetimeHours=1))["groupBuy"]["id"]
    _, team = await stall.buy("lin", group_buy=quick)
    await stall.pass_time(minutes=20)
    order_id, _ = await stall.buy("mei", team, pay="pending", group_buy=quick)
    await stall.pass_time(minutes=31)
    await stall.pass_time(seconds=15)
    assert await stall.states(order_id) == ["expired"]
    return order_id, team


@pytest.mark.slow
async def test_money_that_comes_late_has_its_seat_again_while_the_team_forms(stall: Stall) -> None:
    order_id, team = await late(stall)
    await stall.take_anyway(order_id)
    assert await stall.states(order_id) == ["confirmed"]
    assert await stall.holds(order_id) == [["team"]]
    assert (await stall.team(team))["missing"] == 1
    await stall.pass_time(minutes=10)
    assert await stall.states(order_id) == ["cancelled"]
    assert await stall.refunds(order_id) == [("DONE", 7_00)]
    await stall.everything_holds()


@pytest.mark.slow
async def test_money_that_comes_when_the_team_is_over_goes_back(stall: Stall) -> None:
    """It is in time for the order, and too late for the team."""
    order_id, team = await late(stall)
    await stall.pass_time(minutes=10)
    assert (await stall.team(team))["state"] == "FAILED"
    await stall.take_anyway(order_id)
    assert await stall.states(order_id) == ["cancelled"]
    assert await stall.refunds(order_id) == [("DONE", 7_00)]
    await stall.everything_holds()


@pytest.mark.slow
async def test_an_opener_who_never_pays_leaves_a_team_that_ends(stall: Stall) -> None:
    done = await stall.place("lin", pay=None)
    await stall.pass_time(minutes=31)
    assert await stall.states(done["order"]["id"]) == ["expired"]
    assert await stall.team_states() == {"failed": 1}
    assert await stall.told() == {}
    await stall.pass_time(seconds=10)
    await stall.buy("lin")
    await stall.everything_holds()


@pytest.mark.slow
async def test_nobody_leaves_a_team_that_is_forming(stall: Stall) -> None:
    order_id, _ = await stall.buy("lin")
    before = await stall.shop.snapshot()
    (refusal,) = (await stall.cancel(order_id))["userErrors"]
    assert refusal == {
        "__typename": "TeamStillForming",
        "code": "TEAM_STILL_FORMING",
        "message": f"Your team may become complete until {DEADLINE}; until then your order "
        "stands. If it does not, you get your money back by itself.",
        "field": None,
    }
    assert await stall.shop.snapshot() == before
    unpaid, _ = await stall.buy("mei", pay=None)
    assert (await stall.cancel(unpaid))["userErrors"] == []


@pytest.mark.slow
async def test_where_leaving_is_allowed_the_seat_is_free_and_a_team_left_by_all_ends(
    stall: Stall,
) -> None:
    await set_settings(stall, quit_allowed=True)
    team, (first, second) = await stall.fill("lin", "mei")
    assert (await stall.cancel(second))["userErrors"] == []
    await stall.work()
    assert await stall.refunds(second) == [("DONE", 7_00)]
    assert (await stall.team(team))["missing"] == 2
    assert (await stall.cancel(first))["userErrors"] == []
    await stall.work()
    assert (await stall.team(team))["state"] == "FAILED"
    await stall.everything_holds()


@pytest.mark.slow
async def test_a_refund_after_success_changes_nothing_for_the_others(stall: Stall) -> None:
    team, orders = await stall.fill("lin", "mei", "bo")
    await stall.cancel_as_staff(orders[1])
    await stall.pass_time(days=2)
    assert (await stall.team(team))["state"] == "SUCCEEDED"
    assert (await stall.team(team))["missing"] == 0
    assert await stall.states(*orders) == ["confirmed", "cancelled", "confirmed"]
    assert (await stall.refused("an", team))["code"] == "TEAM_OVER"
    await stall.everything_holds()


async def set_settings(stall: Stall, **values: Any) -> None:
    document = """mutation ($input: SetPluginSettingsInput!) {
      done: setPluginSettings(input: $input) { userErrors { code message } }
    }"""
    given = {"plugin": "groupbuy", "values": values, "expectedVersion": 0}
    done = await stall.ask(document, viewer=STAFF, input=given)
    assert done["userErrors"] == []
    stall.shop.clock.advance(seconds=2)


async def test_a_purchase_without_a_team_knows_nothing_of_it(
    shop: RunningShop, stall: Stall
) -> None:
    order = {
        "lines": [{"variantId": stall.tea, "quantity": 2}],
        "contact": {"email": "lin@example.org"},
        "payment": [{"provider": "sandbox"}],
        "idempotencyKey": "5e0b6f6e-26a5-4f7e-a7f8-1c2b0c9ab9d3",
    }
    document = """mutation ($input: PlaceOrderInput!) { done: placeOrder(input: $input) {
      order { total { amount } holds { name } groupBuyTeam { id } } userErrors { code } } }"""
    with shop.count_statements() as sent:
        done = await stall.ask(document, input=order)
    assert done["userErrors"] == []
    assert done["order"] == {"total": {"amount": "20.00"}, "holds": [], "groupBuyTeam": None}
    # The one is what the answer asks for.
    assert len([one for one in sent if "groupbuy" in one]) == 1
    await stall.work()
    assert await shop.rows("groupbuy_order") == []
