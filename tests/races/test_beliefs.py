"""What a placement was prepared by and does not read again: it must see that it has changed."""

from typing import Any

import pytest
from tests.rig.auditing import count_orders, everything_holds, free_units
from tests.rig.buying import SANDBOX, Storefront, buyer, key
from tests.rig.meddling import meanwhile
from tests.rig.naive import builds, raced

from koipond.kernel.ids import VariantId, encode
from koipond_sdk.testing import STAFF, RunningShop

HELD = "order.reserved"
SET_METHOD = """mutation($input: SetShippingMethodInput!) {
  setShippingMethod(input: $input) { userErrors { code message } }
}"""


async def make_variant(shop: RunningShop, sku: str = "TEA-1", *, stock: int = 10) -> str:
    made = await shop.make_product(sku, stock=stock, price="10.00")
    return encode(VariantId, made.variants[sku])


async def post_costs(shop: RunningShop, amount: str) -> None:
    rate = {"price": {"amount": amount, "currency": "EUR"}}
    named = {"locale": "en", "text": "Post"}
    given = {"channel": "main", "code": "post", "name": [named], "rates": [rate]}
    answer = await shop.graphql(SET_METHOD, {"input": given}, viewer=STAFF, admin=True)
    assert answer == {"data": {"setShippingMethod": {"userErrors": []}}}


def quantities(order: dict[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in order["lines"]}


@builds("the cart is believed without a look")
async def test_what_came_into_a_cart_while_it_was_placed_is_bought(
    shop: RunningShop, build: str
) -> None:
    tea, cup = await make_variant(shop), await make_variant(shop, "CUP-1")
    front = Storefront(shop.http)
    token = (await front.ask("addToCart", variantId=tea, quantity=1)).token
    await front.ask("setCheckout", token=token, contact=buyer())

    async def add(other: RunningShop) -> None:
        there = Storefront(other.http)
        await there.ask("addToCart", variantId=cup, quantity=2, token=token)

    with raced(build), meanwhile(HELD, shop.settings.database_url, [add]):
        reply = await front.ask("placeOrder", token=token, payment=SANDBOX, idempotencyKey=key())
        assert (reply.outcome, quantities(reply.made)) == ("CONFIRMED", {"TEA-1": 1, "CUP-1": 2})
        await everything_holds(shop)


@builds("what is held is believed without a look")
async def test_units_that_lapsed_while_the_order_was_placed_are_held_again(
    shop: RunningShop, build: str
) -> None:
    lines = [{"variantId": await make_variant(shop), "quantity": 3}]

    async def wait(other: RunningShop) -> None:
        await other.pass_time(seconds=other.settings.reservation_hold_s + 1)

    with raced(build), meanwhile(HELD, shop.settings.database_url, [wait]):
        reply = await Storefront(shop.http).place(lines=lines, payment=SANDBOX)
        assert reply.outcome == "CONFIRMED"
        assert await free_units(shop) == 7
        await everything_holds(shop)


@builds("a buyer is believed without a look")
async def test_a_guest_who_bought_elsewhere_meanwhile_is_one_guest(
    shop: RunningShop, build: str
) -> None:
    lines = [{"variantId": await make_variant(shop), "quantity": 1}]
    contact = buyer()

    async def buy(other: RunningShop) -> None:
        reply = await Storefront(other.http).place(lines=lines, contact=contact, payment=SANDBOX)
        assert reply.outcome == "CONFIRMED"

    with raced(build), meanwhile(HELD, shop.settings.database_url, [buy]):
        reply = await Storefront(shop.http).place(lines=lines, contact=contact, payment=SANDBOX)
        assert reply.outcome == "CONFIRMED"
        assert len({row["member_id"] for row in await shop.rows("order")}) == 1
        assert len(await shop.rows("member")) == 1
        await everything_holds(shop)


@builds("a key is believed to be this try's")
async def test_a_try_that_was_overtaken_by_its_repeat_gives_the_same_answer(
    shop: RunningShop, build: str
) -> None:
    # Of what is not counted no units show that another try was faster.
    made = await shop.make_product(track_stock=False, stock=0)
    lines = [{"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}]
    wish = {"lines": lines, "contact": buyer(), "payment": SANDBOX, "idempotencyKey": key()}
    # Nor a buyer who was new to this one.
    assert (await Storefront(shop.http).place(**wish | {"idempotencyKey": key()})).order
    told: list[Any] = []

    async def repeat(other: RunningShop) -> None:
        other.clock.advance(seconds=other.settings.idempotency_lease_s + 1)
        told.append(await Storefront(other.http).ask("placeOrder", **wish))

    with raced(build), meanwhile(HELD, shop.settings.database_url, [repeat]):
        reply = await Storefront(shop.http).ask("placeOrder", **wish)
        assert (reply.outcome, told[0].outcome) == ("CONFIRMED", "CONFIRMED")
        assert reply.made["id"] == told[0].made["id"]
        assert await count_orders(shop) == {"confirmed": 2}


@builds("quotas are believed to be as they were seen")
async def test_the_last_unit_that_was_sold_meanwhile_is_not_sold_again(
    shop: RunningShop, build: str
) -> None:
    if shop.shop.database.is_sqlite:
        pytest.skip("SQLite has one writer, which waits")
    lines = [{"variantId": await make_variant(shop, stock=1), "quantity": 1}]
    told: list[str] = []

    async def buy(other: RunningShop) -> None:
        told.append((await Storefront(other.http).place(lines=lines, payment=SANDBOX)).outcome)

    with raced(build), meanwhile("quota.batch.before_commit", shop.settings.database_url, [buy]):
        told.append((await Storefront(shop.http).place(lines=lines, payment=SANDBOX)).outcome)
        assert told == ["CONFIRMED", "INSUFFICIENT_STOCK"]
        assert await free_units(shop) == 0
        await everything_holds(shop)


@builds("editions are believed without a look")
async def test_postage_that_rose_while_the_order_was_placed_is_the_one_that_counts(
    shop: RunningShop, build: str
) -> None:
    lines = [{"variantId": await make_variant(shop), "quantity": 1}]
    await post_costs(shop, "4.00")
    where = {"line1": "1", "city": "x", "country": "DE"}
    wish = {"lines": lines, "shippingAddress": where, "shippingMethod": "post"}
    front = Storefront(shop.http)
    assert (await front.place(**wish, payment=SANDBOX)).made["total"]["amount"] == "14.00"

    async def rise(other: RunningShop) -> None:
        await post_costs(other, "6.00")

    with raced(build), meanwhile(HELD, shop.settings.database_url, [rise]):
        reply = await front.place(**wish, payment=SANDBOX)
        assert (reply.outcome, reply.made["total"]["amount"]) == ("CONFIRMED", "16.00")
        await everything_holds(shop)
