"""What staff set of shipping, what buyers are offered, and who may set it; over GraphQL."""

from collections.abc import Mapping
from typing import Any

import pytest
from core.tests.order.pricing_office import (
    ADD,
    CATEGORY,
    CHANNEL,
    CHECKOUT,
    GROUP,
    METHOD,
    RATE,
    RULE,
    STAFF_VIEWER,
    TAXED,
    WEIGHT,
    ZONE,
    Office,
    ask,
    cny,
    eur,
    offered,
    place,
    refused,
    seen,
    ship_europe,
    tax_europe,
)

from koipond.kernel.ids import new_id
from koipond.kernel.viewer import Viewer, ViewerKind

pytestmark = pytest.mark.story

PACK = """mutation($input: CreateFulfilmentInput!) { done: createFulfilment(input: $input) {
  order { fulfilments { method } } userErrors { code message field } } }"""


async def test_methods_are_offered_by_weight_place_and_total(office: Office) -> None:
    await ship_europe(office)
    tea = office.variants["TEA"]
    await office.set(WEIGHT, variantId=tea, grams=900)
    assert (await seen(office))["grams"] == 900
    token = (await ask(office, ADD, variantId=tea, quantity=2))["token"]
    assert await offered(office, token, "DE") == {"post": "4.90", "courier": "15.00"}
    assert await offered(office, token, "FR") == {"courier": "15.00"}
    await ask(office, ADD, token=token, variantId=tea, quantity=2)
    assert await offered(office, token, "DE") == {"courier": "15.00"}
    await ask(office, ADD, token=token, variantId=tea, quantity=6)
    assert await offered(office, token, "DE") == {"courier": "0.00"}


async def test_a_method_that_does_not_take_the_cart_is_refused_with_the_numbers(
    office: Office,
) -> None:
    await ship_europe(office)
    tea = office.variants["TEA"]
    await office.set(WEIGHT, variantId=tea, grams=900)
    token = (await ask(office, ADD, variantId=tea, quantity=3))["token"]
    before = await office.shop.snapshot()
    words = []
    for country in ("DE", "FR"):
        address = {"line1": "1", "city": "x", "country": country}
        wish = {"token": token, "shippingAddress": address, "shippingMethod": "post"}
        (error,) = (await ask(office, CHECKOUT, **wish))["userErrors"]
        assert error["field"] == "shippingMethod"
        words.append((error["code"], error["message"]))
        wish = {"lines": office.lines(TEA=3), "shippingAddress": address, "shippingMethod": "post"}
        done = await place(office, **wish)
        assert [one["code"] for one in done["userErrors"]] == [error["code"]]
    assert words == [
        (
            "PARCEL_TOO_HEAVY",
            "2700 g are too heavy for 'post': at most 2000 g go to DE by it. Order in parts, or "
            "choose one of: courier.",
        ),
        ("SHIPPING_PLACE_NOT_SERVED", "'post' does not go to FR. Choose one of: courier."),
    ]
    assert await office.shop.snapshot() == before


async def test_free_shipping_is_a_discount_of_the_shipping(office: Office) -> None:
    await ship_europe(office)
    address = {"line1": "1", "city": "x", "country": "DE"}
    token = (await ask(office, ADD, variantId=office.variants["TEA"], quantity=10))["token"]
    wish = {"token": token, "shippingAddress": address, "shippingMethod": "courier"}
    cart = (await ask(office, CHECKOUT, **wish))["order"]
    assert [(one["stage"], one["amount"]["amount"]) for one in cart["adjustments"]] == [
        ("SHIPPING", "15.00"),
        ("SHIPPING_DISCOUNT", "-15.00"),
    ]
    assert (cart["shipping"]["amount"], cart["total"]["amount"]) == ("0.00", "100.00")
    placed = await place(office, token=token)
    assert placed["order"]["total"]["amount"] == "100.00"


async def test_an_address_that_the_chosen_method_does_not_go_to_is_a_problem_of_the_cart(
    office: Office,
) -> None:
    await ship_europe(office)
    token = (await ask(office, ADD, variantId=office.variants["TEA"], quantity=1))["token"]
    home, away = ({"line1": "1", "city": "x", "country": code} for code in ("DE", "FR"))
    wish = {"token": token, "shippingAddress": home, "shippingMethod": "post"}
    assert (await ask(office, CHECKOUT, **wish))["order"]["problems"] == []
    moved = (await ask(office, CHECKOUT, token=token, shippingAddress=away))["order"]
    assert [one["code"] for one in moved["problems"]] == ["SHIPPING_PLACE_NOT_SERVED"]
    before = await office.shop.rows("order")
    done = await place(office, token=token)
    assert [one["code"] for one in done["userErrors"]] == ["SHIPPING_PLACE_NOT_SERVED"]
    assert await office.shop.rows("order") == before


@pytest.mark.slow
async def test_what_is_fetched_needs_no_address_and_is_taxed_where_the_shop_is(
    office: Office,
) -> None:
    await ship_europe(office)
    await tax_europe(office)
    rates = [{"price": eur("1.00"), "zone": "de"}]
    name = [{"locale": "en", "text": "Counter"}]
    await office.set(METHOD, channel="eu", code="counter", name=name, rates=rates, method="PICK_UP")
    token = (await ask(office, ADD, variantId=office.variants["TEA"], quantity=1))["token"]
    # Whoever lives in France may fetch it in Germany.
    assert await offered(office, token, "FR") == {"courier": "15.00", "counter": "1.00"}
    lines = office.lines(TEA=1)
    sent = await place(office, lines=lines, shippingMethod="courier")
    assert [one["code"] for one in sent["userErrors"]] == ["CHECKOUT_INCOMPLETE"]
    fetched = await place(office, lines=lines, shippingMethod="counter")
    assert fetched["userErrors"] == []
    there = {"line1": "1", "city": "x", "country": "FR"}
    same = await place(office, lines=lines, shippingMethod="counter", shippingAddress=there)
    assert same["order"]["total"] == fetched["order"]["total"]
    wish = {"orderId": fetched["order"]["id"], "idempotencyKey": "pack"}
    packed = await office.till.staff(PACK, **wish)
    assert [one["method"] for one in packed["order"]["fulfilments"]] == ["PICK_UP"]


async def test_a_method_that_cannot_be_is_refused_and_changes_nothing(office: Office) -> None:
    await ship_europe(office)
    name = [{"locale": "en", "text": "Post"}]
    known: Mapping[str, Any] = {"channel": "eu", "code": "post", "name": name}

    async def fails(code: str, /, *rates: dict[str, Any], **given: Any) -> str:
        told = {**known, "rates": list(rates), **given}
        return await refused(office, METHOD, code, **told)

    twice = {"price": eur("1.00"), "gramsMax": 5}
    words = await fails("SHIPPING_METHOD_INVALID", twice, twice)
    assert "two of its rates are for the same currency, zone, weight and total" in words
    await fails("SHIPPING_METHOD_INVALID", {"price": eur("1.00"), "gramsMax": 0})
    await fails("ZONE_UNKNOWN", {"price": eur("1.00"), "zone": "mars"})
    await fails("CURRENCY_NOT_SOLD", {"price": cny("1.00")})
    await fails("AMOUNT_INVALID", {"price": eur("1.00"), "freeFrom": "1,000"})
    await fails("CHANNEL_UNKNOWN", channel="moon")
    tea = office.variants["TEA"]
    await refused(office, WEIGHT, "WEIGHT_OUT_OF_RANGE", variantId=tea, grams=-1)


async def test_a_method_that_is_set_again_has_exactly_the_new_rates(office: Office) -> None:
    await ship_europe(office)
    await office.ship("eu", "post", {"price": eur("3.00"), "totalFrom": "20.00"})
    answer = await office.shop.graphql(
        '{ shippingMethods(channel: "eu") { code name rates { price { amount } zone gramsMax'
        " totalFrom { amount } freeFrom { amount } } } }",
        viewer=STAFF_VIEWER,
        admin=True,
    )
    post, courier = answer["data"]["shippingMethods"]
    assert (post["code"], courier["code"]) == ("post", "courier")
    assert post["rates"] == [
        {
            "price": {"amount": "3.00"},
            "zone": None,
            "gramsMax": None,
            "totalFrom": {"amount": "20.00"},
            "freeFrom": None,
        }
    ]
    address = {"line1": "1", "city": "x", "country": "DE"}
    wish = {"lines": office.lines(TEA=1), "shippingAddress": address, "shippingMethod": "post"}
    (error,) = (await place(office, **wish))["userErrors"]
    assert (error["code"], error["field"]) == ("GOODS_TOTAL_TOO_LOW", "shippingMethod")


@pytest.mark.slow
async def test_a_purchase_pays_one_question_for_tax_and_shipping_and_none_without(
    office: Office,
) -> None:
    """The one is asked where the order is stored, whether any of them was changed meanwhile:

    on PostgreSQL by the very statement that stores it.
    """
    address = {"line1": "1", "city": "x", "country": "DE"}
    lines = office.lines(TEA=1)
    await place(office, lines=lines)
    with office.shop.count_statements() as without:
        await place(office, lines=lines)
    await tax_europe(office)
    await ship_europe(office)
    wish = {"lines": lines, "shippingAddress": address, "shippingMethod": "post"}
    await place(office, **wish)
    with office.shop.count_statements() as sent:
        placed = await place(office, **wish)
    assert placed["order"]["total"]["amount"] == "17.73"
    asked = [one for one in sent if "edition" in one]
    more = 1 if office.shop.shop.database.is_sqlite else 0
    assert (len(asked), len(sent)) == (1, len(without) + more)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("document", "given"),
    [
        (ZONE, {"code": "x", "name": "X", "places": []}),
        (CATEGORY, {"code": "x", "name": "X"}),
        (RATE, {"zone": "x", "category": "x", "ratePpm": 1, "label": []}),
        (METHOD, {"channel": "eu", "code": "x", "name": [], "rates": []}),
        (CHANNEL, {"code": "eu"}),
        (GROUP, {"code": "x", "name": "X"}),
        (RULE, {"variantId": "x", "channel": "eu", "price": {"amount": "1", "currency": "EUR"}}),
        (TAXED, {"productId": "x", "taxCategory": None}),
    ],
)
async def test_who_lacks_the_permission_sets_nothing(
    office: Office, document: str, given: dict[str, Any]
) -> None:
    reader = Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"catalog.read"}))
    before = await office.shop.snapshot()
    answer = await office.shop.graphql(
        document % "userErrors { code }", {"input": given}, viewer=reader, admin=True
    )
    assert answer["errors"][0]["extensions"]["code"] == "PERMISSION_MISSING"
    assert await office.shop.snapshot() == before


@pytest.mark.one_database
async def test_an_instant_without_a_zone_is_refused(office: Office) -> None:
    given = {"variantId": "x", "channel": "eu", "price": eur("1"), "startsAt": "2026-01-01T00:00"}
    answer = await office.shop.graphql(
        RULE % "userErrors { code }", {"input": given}, viewer=STAFF_VIEWER, admin=True
    )
    assert "says no time zone" in answer["errors"][0]["message"]
