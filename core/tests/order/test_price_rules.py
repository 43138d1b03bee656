"""What staff set of price lists, and what buyers then pay; over GraphQL."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from core.tests.order.pricing_office import (
    EU,
    GROUP,
    GROUPS,
    RULE,
    STAFF_VIEWER,
    UNRULE,
    Office,
    cny,
    eur,
    member,
    place,
    refused,
    seen,
)

from koipond_sdk.testing.clock import START


async def test_from_a_quantity_on_a_unit_costs_what_the_list_says(office: Office) -> None:
    tea = office.variants["TEA"]
    await office.set(RULE, variantId=tea, channel="eu", price=eur("9.00"), fromQuantity=10)
    assert (await place(office, lines=office.lines(TEA=9)))["order"]["total"]["amount"] == "90.00"
    ten = (await place(office, lines=office.lines(TEA=10)))["order"]
    assert ten["total"]["amount"] == "90.00"
    assert ten["priceTrace"][1] == {"sentence": "10+: TEA costs €9.00 each."}


async def test_a_group_is_offered_its_price_and_pays_it(office: Office) -> None:
    viewer, member_id = await member(office)
    tea = office.variants["TEA"]
    await office.set(GROUP, code="wholesale", name="Wholesale")
    await office.set(RULE, variantId=tea, channel="eu", price=eur("7.00"), group="wholesale")
    assert (await seen(office, viewer=viewer))["offer"]["price"] == {"amount": "10.00"}
    await office.set(GROUPS, memberId=member_id, join=["wholesale"])
    assert await seen(office, viewer=viewer) == {
        "price": {"amount": "10.00"},
        "offer": {
            "price": {"amount": "7.00"},
            "was": {"amount": "10.00"},
            "origin": "koipond",
        },
        "grams": None,
    }
    placed = await place(office, viewer=viewer, lines=office.lines(TEA=2))
    assert placed["order"]["total"]["amount"] == "14.00"
    guest = await place(office, lines=office.lines(TEA=2))
    assert guest["order"]["total"]["amount"] == "20.00"
    await office.set(GROUPS, memberId=member_id, leave=["wholesale"])
    assert (await seen(office, viewer=viewer))["offer"]["price"] == {"amount": "10.00"}


async def test_a_price_of_dates_takes_the_place_of_the_base_price_between_them(
    office: Office,
) -> None:
    begins, ends = START + timedelta(days=1), START + timedelta(days=2)
    await office.set(
        RULE,
        variantId=office.variants["TEA"],
        channel="eu",
        price=eur("12.00"),
        startsAt=begins.isoformat(),
        endsAt=ends.isoformat(),
    )
    prices = []
    for _ in range(3):
        prices.append((await seen(office))["price"]["amount"])
        office.shop.clock.advance(days=1)
    assert prices == ["10.00", "12.00", "10.00"]


async def test_a_rule_that_is_taken_out_counts_no_more(office: Office) -> None:
    tea = office.variants["TEA"]
    await office.set(RULE, variantId=tea, channel="eu", price=eur("9.00"))
    await office.set(RULE, variantId=tea, channel="eu", price=eur("8.00"))
    answer = await office.shop.graphql(
        "query($id: ID!) { product(id: $id) { variants { priceRules {"
        " id channel price { amount } fromQuantity group startsAt endsAt } } } }",
        {"id": office.products["TEA"]},
        viewer=STAFF_VIEWER,
        admin=True,
    )
    (rule,) = answer["data"]["product"]["variants"][0]["priceRules"]
    assert rule | {"id": ""} == {
        "id": "",
        "channel": "eu",
        "price": {"amount": "8.00"},
        "fromQuantity": 1,
        "group": None,
        "startsAt": None,
        "endsAt": None,
    }
    await office.set(UNRULE, id=rule["id"])
    assert (await seen(office))["price"] == {"amount": "10.00"}
    words = await refused(office, UNRULE, "PRICE_RULE_UNKNOWN", id=rule["id"])
    assert "`priceRules` of a variant tells their ids" in words


async def test_a_list_of_prices_takes_as_many_statements_with_rules_as_without(
    office: Office,
) -> None:
    document = "{ products(first: 10) { nodes { variants { price { amount } } } } }"
    counts = []
    for rules in (0, 1):
        if rules:
            tea = office.variants["TEA"]
            await office.set(GROUP, code="wholesale", name="Wholesale")
            await office.set(RULE, variantId=tea, channel="eu", price=eur("9.00"), fromQuantity=2)
            await office.set(
                RULE, variantId=tea, channel="eu", price=eur("8.00"), group="wholesale"
            )
        await office.shop.graphql(document, headers=EU)
        with office.shop.count_statements() as sent:
            answer = await office.shop.graphql(document, headers=EU)
        assert answer["data"]["products"]["nodes"][0]["variants"][0]["price"]["amount"] == "10.00"
        counts.append(len(sent))
    assert counts == [2, 2]


async def test_a_price_rule_that_cannot_be_is_refused_and_changes_nothing(office: Office) -> None:
    tea = office.variants["TEA"]
    known: Mapping[str, Any] = {"variantId": tea, "channel": "eu", "price": eur("9.00")}

    async def fails(code: str, /, **given: Any) -> str:
        return await refused(office, RULE, code, **{**known, **given})

    words = await fails("PRICE_RULE_WITHOUT_PRICE", channel="cn", price=cny("60.00"))
    assert words == (
        "TEA has no price in CNY in channel cn that a rule could stand beside. Set it first with "
        "`setPrice`."
    )
    assert "1 to 9999" in await fails("PRICE_RULE_INVALID", fromQuantity=0)
    assert "1 to 9999" in await fails("PRICE_RULE_INVALID", fromQuantity=10_000)
    await fails("MEMBER_GROUP_UNKNOWN", group="vip")
    await fails("CHANNEL_UNKNOWN", channel="moon")
    await fails("CURRENCY_NOT_SOLD", price=cny("60.00"))
    await fails("AMOUNT_INVALID", price=eur("-1"))
    first, last = START.isoformat(), (START + timedelta(days=1)).isoformat()
    await fails("PRICE_RULE_INVALID", startsAt=last, endsAt=first)
    await office.set(RULE, **known, startsAt=first, endsAt=last)
    words = await fails("PRICE_RULE_OVERLAPS", price=eur("8.00"), startsAt=first)
    assert f"9.00 EUR holds for this quantity and group from {first}, until {last}" in words
    await office.set(RULE, **known, startsAt=last)
