"""What staff make of promotions, and in which words they are refused."""

import json
from typing import Any

import pytest
from plugins.promotions.tests.stall import Stall, at, eur, off, outcome, percent, wish

from koipond_sdk.testing import STAFF

# What is parsed, refused and shown is decided above the database; test_counting.py and the others
# write the same rows on both.
pytestmark = pytest.mark.one_database

FIND = """query($id: ID!) { promotion(id: $id) {
  name version state label { locale text } currency
  action { kind percent cap { amount } units get timesMax gets { variantIds } }
  selection { productIds exceptProductIds } minimum { amount } minimumUnits groups firstOrder
  hours { weekdays fromMinute untilMinute } stackGroup stackMode stackPerLine priority
  withActivities needsCoupon startsAt endsAt usesMax usesPerMember budget { amount }
  releaseUses releaseMember usesCount off { amount }
} }"""


def whole_action(stall: Stall) -> dict[str, Any]:
    return {
        "kind": "BUY_GET",
        "units": 2,
        "get": 1,
        "percent": "12.5",
        "gets": {"variantIds": [stall.cup]},
        "timesMax": 3,
    }


def whole(stall: Stall) -> dict[str, Any]:
    """Return all that can be said of a promotion beside its action."""
    return {
        "name": "  Tea and cup ",
        "label": [{"locale": "en", "text": "A cup"}, {"locale": "zh-Hans", "text": "杯子"}],
        "selection": {"productIds": [stall.tea_product]},
        "minimum": eur("20.00"),
        "minimumUnits": 2,
        "groups": ["gold"],
        "firstOrder": True,
        "hours": {"weekdays": [6, 7], "fromMinute": 600, "untilMinute": 720},
        "stackGroup": "tea",
        "stackMode": "BEST_DEAL",
        "stackPerLine": True,
        "priority": 5,
        "withActivities": True,
        "needsCoupon": True,
        "startsAt": at(hours=1),
        "endsAt": at(days=1),
        "usesMax": 100,
        "usesPerMember": 2,
        "budget": eur("500.00"),
        "releaseUses": "KEEP_ONCE_PAID",
        "releaseMember": "KEEP_ONCE_PLACED",
    }


async def test_a_promotion_is_shown_as_it_was_made(stall: Stall) -> None:
    made = await stall.create(whole_action(stall), **whole(stall))
    assert made["userErrors"] == []
    answer = await stall.shop.graphql(
        FIND, {"id": made["promotion"]["id"]}, viewer=STAFF, admin=True
    )
    assert answer["data"]["promotion"] == {
        "name": "Tea and cup",
        "version": 1,
        "state": "DRAFT",
        "label": [{"locale": "en", "text": "A cup"}, {"locale": "zh-Hans", "text": "杯子"}],
        "currency": "EUR",
        "action": {
            "kind": "BUY_GET",
            "percent": "12.5",
            "cap": None,
            "units": 2,
            "get": 1,
            "timesMax": 3,
            "gets": {"variantIds": [stall.cup]},
        },
        "selection": {"productIds": [stall.tea_product], "exceptProductIds": []},
        "minimum": {"amount": "20.00"},
        "minimumUnits": 2,
        "groups": ["gold"],
        "firstOrder": True,
        "hours": {"weekdays": [6, 7], "fromMinute": 600, "untilMinute": 720},
        "stackGroup": "tea",
        "stackMode": "BEST_DEAL",
        "stackPerLine": True,
        "priority": 5,
        "withActivities": True,
        "needsCoupon": True,
        "startsAt": at(hours=1),
        "endsAt": at(days=1),
        "usesMax": 100,
        "usesPerMember": 2,
        "budget": {"amount": "500.00"},
        "releaseUses": "KEEP_ONCE_PAID",
        "releaseMember": "KEEP_ONCE_PLACED",
        "usesCount": 0,
        "off": {"amount": "0.00"},
    }


async def test_a_draft_counts_for_nobody_and_a_pause_is_one(stall: Stall) -> None:
    draft = (await stall.create(percent("10")))["promotion"]
    assert await stall.total((stall.tea, 1)) == "10.00"
    live = (await stall.publish(draft))["promotion"]
    assert await stall.total((stall.tea, 1)) == "9.00"
    paused = await stall.act("pausePromotion", promotionId=live["id"], version=live["version"])
    assert paused["promotion"]["state"] == "PAUSED"
    assert await stall.total((stall.tea, 1)) == "10.00"
    again = (await stall.publish(paused["promotion"]))["promotion"]
    assert await stall.total((stall.tea, 1)) == "9.00"
    assert again["version"] == 4
    # A second time changes nothing.
    assert (await stall.publish(paused["promotion"]))["promotion"] == again


async def test_an_ended_promotion_stays_ended_and_orders_keep_what_it_took_off(
    stall: Stall,
) -> None:
    live = await stall.run(percent("10"))
    placed = await stall.order_of()
    ended = await stall.act("endPromotion", promotionId=live["id"], version=live["version"])
    assert ended["promotion"]["state"] == "ENDED"
    refused = await stall.refused(stall.publish(ended["promotion"]))
    assert refused["message"] == (
        "A promotion that is ended does not become live. Make another one."
    )
    assert outcome(placed) == "PLACED 9.00"
    assert outcome(await stall.order_of()) == "PLACED 10.00"


async def edit(stall: Stall, one: dict[str, Any], action: dict[str, Any], **given: Any) -> Any:
    return await stall.act(
        "editPromotion",
        promotionId=one["id"],
        version=given.pop("version", one["version"]),
        promotion=wish(action, **given),
    )


async def test_an_edit_is_of_the_version_that_was_read(stall: Stall) -> None:
    live = await stall.run(percent("10"))
    changed = await edit(stall, live, percent("20"))
    assert changed["userErrors"] == []
    assert changed["promotion"]["version"] == 3
    assert await stall.total((stall.tea, 1)) == "8.00"
    refused = await stall.refused(edit(stall, live, percent("30")))
    assert refused["message"] == (
        "This promotion is at version 3, and the change is of version 2. Read it again, and "
        "repeat the change if it still fits."
    )


async def test_publishing_what_runs_is_of_its_version_too(stall: Stall) -> None:
    draft = (await stall.create(percent("10")))["promotion"]
    live = (await stall.publish(draft))["promotion"]
    before = await stall.promotions()
    # A request that is sent once more, and one that knows what came of it.
    for version in (draft["version"], live["version"]):
        again = await stall.publish(live | {"version": version})
        assert again == {"promotion": live, "userErrors": []}
    assert await stall.promotions() == before
    refused = await stall.refused(stall.publish(live | {"version": 7}))
    assert refused["message"] == (
        "This promotion is at version 2, and the change is of version 7. Read it again, and "
        "repeat the change if it still fits."
    )


async def test_limits_are_raised_and_lowered_down_to_what_is_used(stall: Stall) -> None:
    live = await stall.run(percent("10"), usesMax=2)
    assert outcome(await stall.order_of()) == "PLACED 9.00"
    assert outcome(await stall.order_of()) == "PLACED 9.00"
    refused = await stall.refused(edit(stall, live, percent("10"), usesMax=1))
    assert refused["message"] == "1 is less than the 2 that are used. Take that or more."
    raised = await edit(stall, live, percent("10"), usesMax=3)
    assert raised["promotion"]["usesMax"] == 3
    got = [outcome(await stall.order_of()) for _ in range(2)]
    assert got == ["PLACED 9.00", "PLACED 10.00"]
    assert raised["promotion"]["usesCount"] == 2
    assert raised["promotion"]["off"] == {"amount": "2.00"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"usesPerMember": 3}, "usesPerMember"),
        ({"usesMax": None}, "usesMax"),
        ({"budget": eur("5.00")}, "budget"),
        ({"needsCoupon": True}, "needsCoupon"),
        ({"releaseUses": "KEEP_ONCE_PAID"}, "releaseUses"),
    ],
)
async def test_what_quotas_stand_on_stays_as_it_was_published(
    stall: Stall, given: dict[str, Any], field: str
) -> None:
    live = await stall.run(percent("10"), usesMax=2, usesPerMember=1)
    wanted = {"usesMax": 2, "usesPerMember": 1} | given
    refused = await stall.refused(edit(stall, live, percent("10"), **wanted))
    assert (refused["code"], refused["field"]) == ("PROMOTION_FIXED", field)


async def test_of_a_draft_all_may_change(stall: Stall) -> None:
    draft = (await stall.create(percent("10"), usesMax=2))["promotion"]
    changed = (await edit(stall, draft, off("1.00"), usesPerMember=1, needsCoupon=True))[
        "promotion"
    ]
    assert (changed["usesMax"], changed["usesPerMember"], changed["needsCoupon"]) == (None, 1, True)


async def test_overlapping_exclusive_promotions_are_refused_with_the_names_of_both(
    stall: Stall,
) -> None:
    await stall.run(percent("10"), name="Singles day", stackMode="EXCLUSIVE", endsAt=at(days=1))
    other = (await stall.create(off("1.00"), name="Autumn sale", stackMode="EXCLUSIVE"))[
        "promotion"
    ]
    refused = await stall.refused(stall.publish(other))
    assert refused["code"] == "PROMOTION_OVERLAPS"
    assert refused["message"].startswith("'Autumn sale' and 'Singles day' both stand alone")
    later = await stall.create(
        off("1.00"), name="Later", stackMode="EXCLUSIVE", startsAt=at(days=1)
    )
    assert (await stall.publish(later["promotion"]))["userErrors"] == []
    apart = await stall.create(off("1.00"), stackMode="EXCLUSIVE", stackGroup="cups")
    assert (await stall.publish(apart["promotion"]))["userErrors"] == []
    # An edit of what runs is looked at in the same way.
    live = await stall.run(percent("5"), name="Third")
    refused = await stall.refused(
        edit(stall, live, percent("5"), name="Third", stackMode="EXCLUSIVE")
    )
    assert refused["code"] == "PROMOTION_OVERLAPS"


@pytest.mark.parametrize(
    ("action", "given", "code"),
    [
        (percent("100.0001"), {}, "PROMOTION_RATE_INVALID"),
        (percent("0"), {}, "PROMOTION_RATE_INVALID"),
        (percent("-5"), {}, "PROMOTION_RATE_INVALID"),
        (percent("0.00001"), {}, "PROMOTION_RATE_INVALID"),
        (percent("1e3"), {}, "PROMOTION_RATE_INVALID"),
        (off("0.00"), {}, "PROMOTION_AMOUNT_INVALID"),
        ({"kind": "AMOUNT"}, {}, "PROMOTION_ACTION_INVALID"),
        (percent("10", units=2), {}, "PROMOTION_ACTION_INVALID"),
        (off("1.00", every=True), {}, "PROMOTION_ACTION_INVALID"),
        ({"kind": "NTH", "units": 1, "percent": "5"}, {}, "PROMOTION_NUMBER_INVALID"),
        ({"kind": "BUNDLE", "units": 0, "amount": eur("1.00")}, {}, "PROMOTION_NUMBER_INVALID"),
        (
            {"kind": "GIFT", "variantId": "var_00000000000000000000000000"},
            {},
            "VARIANT_UNKNOWN",
        ),
        (percent("10"), {"name": " "}, "PROMOTION_NAME_INVALID"),
        (percent("10"), {"label": []}, "PROMOTION_NAME_INVALID"),
        (percent("10"), {"usesMax": 0}, "PROMOTION_NUMBER_INVALID"),
        (percent("10"), {"usesPerMember": 0}, "PROMOTION_NUMBER_INVALID"),
        (percent("10"), {"budget": eur("0.00")}, "PROMOTION_AMOUNT_INVALID"),
        (
            percent("10", cap=eur("1.00")),
            {"minimum": {"amount": "1", "currency": "CNY"}},
            "PROMOTION_AMOUNT_INVALID",
        ),
        (percent("10"), {"minimum": {"amount": "1", "currency": "USD"}}, "CURRENCY_NOT_SOLD"),
        (percent("10"), {"endsAt": at()}, "PROMOTION_TIMES_INVALID"),
        (percent("10"), {"channel": "moon"}, "CHANNEL_UNKNOWN"),
        (percent("10"), {"groups": ["gold", "nobody"]}, "MEMBER_GROUP_UNKNOWN"),
        (percent("10"), {"priority": 10**7}, "PROMOTION_NUMBER_INVALID"),
        (percent("10"), {"hours": {"weekdays": [8]}}, "PROMOTION_NUMBER_INVALID"),
        (
            percent("10"),
            {"hours": {"fromMinute": 60, "untilMinute": 60}},
            "PROMOTION_NUMBER_INVALID",
        ),
    ],
)
async def test_what_cannot_be_made(
    stall: Stall, action: dict[str, Any], given: dict[str, Any], code: str
) -> None:
    assert (await stall.refused(stall.create(action, **given)))["code"] == code


async def test_a_rate_over_100_percent_says_the_numbers(stall: Stall) -> None:
    refused = await stall.refused(stall.create(percent("150")))
    assert (refused["field"], refused["message"]) == (
        "action.percent",
        "'150' % is no share of a price: from 0.0001 to 100, with at most 4 decimals, is.",
    )


async def test_a_gift_has_no_budget(stall: Stall) -> None:
    action = {"kind": "GIFT", "variantId": stall.cup}
    refused = await stall.refused(stall.create(action, budget=eur("5.00")))
    assert (refused["code"], refused["field"]) == ("PROMOTION_ACTION_INVALID", "budget")


async def test_lists_of_promotions_uses_and_codes(stall: Stall) -> None:
    one = await stall.coupon("LISTED", percent("10"), name="Listed")
    await stall.create(percent("20"), name="Draft")
    placed = await stall.order_of(couponCodes=["LISTED"])
    answer = await stall.shop.graphql(
        """query($id: ID!) {
          promotions { nodes { name state } }
          live: promotions(state: LIVE) { nodes { name usesCount off { amount } } }
          promotionUses(id: $id) { nodes { orderId orderState off { amount } coupon version } }
          promotionCoupons(id: $id, first: 1) { nodes { code } pageInfo { hasNextPage } }
        }""",
        {"id": one["id"]},
        viewer=STAFF,
        admin=True,
    )
    assert answer["data"] == {
        "promotions": {
            "nodes": [{"name": "Draft", "state": "DRAFT"}, {"name": "Listed", "state": "LIVE"}]
        },
        "live": {"nodes": [{"name": "Listed", "usesCount": 1, "off": {"amount": "1.00"}}]},
        "promotionUses": {
            "nodes": [
                {
                    "orderId": placed["order"]["id"],
                    "orderState": "placed",
                    "off": {"amount": "1.00"},
                    "coupon": "LISTED",
                    "version": 2,
                }
            ]
        },
        "promotionCoupons": {
            "nodes": [{"code": "LISTED"}],
            "pageInfo": {"hasNextPage": False},
        },
    }


async def test_storefronts_are_told_what_runs_and_will(stall: Stall) -> None:
    await stall.run(percent("10"), text="Ten off", endsAt=at(hours=1))
    await stall.run(off("5.00"), text="Soon", startsAt=at(hours=2), minimum=eur("30.00"))
    await stall.coupon("HIDDEN", percent("50"))
    await stall.run(percent("20"), groups=["gold"])
    answer = await stall.shop.graphql(
        "{ promotionsRunning { label kind percent amount { amount } minimum { amount } startsAt "
        "endsAt serverNow membersOnly } }"
    )
    assert answer["data"]["promotionsRunning"] == [
        {
            "label": "Ten off",
            "kind": "PERCENT",
            "percent": "10",
            "amount": None,
            "minimum": None,
            "startsAt": at(),
            "endsAt": at(hours=1),
            "serverNow": at(),
            "membersOnly": False,
        },
        {
            "label": "Soon",
            "kind": "AMOUNT",
            "percent": None,
            "amount": {"amount": "5.00"},
            "minimum": {"amount": "30.00"},
            "startsAt": at(hours=2),
            "endsAt": None,
            "serverNow": at(),
            "membersOnly": False,
        },
    ]


async def test_strangers_make_no_promotions(stall: Stall) -> None:
    answer = await stall.shop.graphql(
        "mutation($input: PromotionInput!) { createPromotion(input: $input) { promotion { id } } }",
        {"input": wish(percent("10"))},
        admin=True,
    )
    assert answer["errors"][0]["extensions"]["code"] in {"UNAUTHENTICATED", "FORBIDDEN"}
    assert await stall.promotions() == []


async def test_what_staff_do_with_promotions_stands_in_the_audit(stall: Stall) -> None:
    one = await stall.run(percent("10"), needsCoupon=True)
    await stall.act("addPromotionCoupon", promotionId=one["id"], code="POND-2026")
    await stall.act("pausePromotion", promotionId=one["id"], version=one["version"])
    rows = {row["operation"]: row for row in await stall.shop.rows("audit_record")}
    told = {
        name: json.loads(row["after"]) if isinstance(row["after"], str) else row["after"]
        for name, row in rows.items()
        if row["subject"] == one["id"]
    }
    assert told["createPromotion"]["state"] == "draft"
    assert told["publishPromotion"]["state"] == "live"
    assert told["pausePromotion"] == {"state": "paused", "version": one["version"] + 1}
    # A code opens something: nobody reads it here.
    assert "POND-2026" not in str(rows["addPromotionCoupon"])
    assert set(told["addPromotionCoupon"]) == {"coupon", "uses_max", "expires_at"}
