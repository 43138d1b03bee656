"""A price that changes while an order is placed: the old one, the new one, or a refusal."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.rig.auditing import count_orders, everything_holds, free_units
from tests.rig.buying import SANDBOX, Storefront, all_at_once, outcomes
from tests.rig.meddling import meanwhile
from tests.rig.naive import builds, raced

from koipond.kernel.ids import VariantId, encode
from koipond_sdk.testing import STAFF, RunningShop

UNSEEN = ("prices are believed without a look", "a price is not looked at again")
SET_PRICE = """mutation($input: SetPriceInput!) {
  setPrice(input: $input) { userErrors { code } }
}"""


async def set_price(shop: RunningShop, variant: str, amount: str) -> None:
    given = {"variantId": variant, "channel": "main", "amount": amount, "currency": "EUR"}
    answer = await shop.graphql(SET_PRICE, {"input": given}, viewer=STAFF, admin=True)
    assert answer == {"data": {"setPrice": {"userErrors": []}}}


def to(variant: str, amount: str) -> Callable[[RunningShop], Awaitable[Any]]:
    return lambda other: set_price(other, variant, amount)


async def put_up(shop: RunningShop) -> tuple[str, list[dict[str, Any]]]:
    made = await shop.make_product(stock=10, price="10.00")
    variant = encode(VariantId, made.variants["TEA-1"])
    return variant, [{"variantId": variant, "quantity": 3}]


@builds(*UNSEEN)
async def test_a_price_that_rose_after_the_units_were_held_is_the_one_that_counts(
    shop: RunningShop, build: str
) -> None:
    variant, lines = await put_up(shop)
    url = shop.settings.database_url
    with raced(build), meanwhile("order.reserved", url, [to(variant, "12.00")]):
        reply = await Storefront(shop.http).place(lines=lines, payment=SANDBOX)
        assert (reply.outcome, reply.made["total"]) == ("CONFIRMED", {"amount": "36.00"})
        assert [line["unitPrice"]["amount"] for line in reply.made["lines"]] == ["12.00"]
        await everything_holds(shop)


@builds(*UNSEEN)
async def test_a_buyer_who_named_the_total_is_told_the_new_one(
    shop: RunningShop, build: str
) -> None:
    variant, lines = await put_up(shop)
    seen = {"amount": "30.00", "currency": "EUR"}
    url = shop.settings.database_url
    with raced(build), meanwhile("order.reserved", url, [to(variant, "12.00")]):
        reply = await Storefront(shop.http).place(lines=lines, payment=SANDBOX, expectedTotal=seen)
        assert reply.outcome == "QUOTE_CHANGED"
        assert await count_orders(shop) == {}


@pytest.mark.slow
@builds(*UNSEEN)
async def test_a_price_that_never_rests_is_a_refusal(shop: RunningShop, build: str) -> None:
    variant, lines = await put_up(shop)
    acts = [to(variant, amount) for amount in ("11.00", "12.00", "13.00")]
    with raced(build), meanwhile("order.reserved", shop.settings.database_url, acts):
        reply = await Storefront(shop.http).place(lines=lines, payment=SANDBOX)
        assert reply.outcome == "QUOTE_CHANGED"
        assert await count_orders(shop) == {}
        shop.clock.advance(seconds=shop.settings.reservation_hold_s)


@pytest.mark.story
async def test_prices_that_change_all_the_time_are_never_mixed(shop: RunningShop) -> None:
    variant, lines = await put_up(shop)
    await shop.make_product("TEA-2", stock=1_000, price="1.00")
    front = Storefront(shop.http)
    busy = True

    async def change() -> None:
        while busy:
            for amount in ("10.00", "20.00"):
                await set_price(shop, variant, amount)

    changing = asyncio.create_task(change())
    one = [{**lines[0], "quantity": 1}]
    replies = await all_at_once(front.place(lines=one, payment=SANDBOX) for _ in range(10))
    busy = False
    await changing
    assert outcomes(replies).keys() <= {"CONFIRMED", "QUOTE_CHANGED"}
    bought = [reply.made for reply in replies if reply.order]
    for order in bought:
        (line,) = order["lines"]
        assert order["total"]["amount"] == line["unitPrice"]["amount"] in {"10.00", "20.00"}
    assert await count_orders(shop) == ({"confirmed": len(bought)} if bought else {})
    assert await free_units(shop) >= 1_000
    await everything_holds(shop)


@pytest.mark.parametrize("amount", ["12.00", "8.00"])
async def test_the_total_of_an_order_is_what_its_buyer_named(
    shop: RunningShop, amount: str
) -> None:
    variant, lines = await put_up(shop)
    await set_price(shop, variant, amount)
    seen = {"amount": "30.00", "currency": "EUR"}
    before = await shop.snapshot()
    reply = await Storefront(shop.http).place(lines=lines, payment=SANDBOX, expectedTotal=seen)
    assert reply.outcome == "QUOTE_CHANGED"
    assert await shop.snapshot() == before
