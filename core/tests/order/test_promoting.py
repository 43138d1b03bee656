"""What plugins propose for a cart: what is paid, what is kept of it, and what is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from core.tests.order.perks import Perks
from core.tests.payment.till import KEY, Till, codes

from koipond.kernel.ids import OrderId, VariantId, decode
from koipond.kernel.quantity import Quantity
from koipond.order import service as orders
from koipond.order.types import LineRefund, RefundWish
from koipond.pricing.types import (
    AmountOff,
    Gift,
    Percent,
    Proposal,
    Stacking,
    StackMode,
    Stage,
)
from koipond_sdk.testing.shop import STAFF, running_shop

pytestmark = pytest.mark.story

PAYLOAD = """token order { id total { amount } subtotal { amount }
  lines { name quantity total { amount } adjustments { stage label origin amount { amount } } }
  priceTrace { stage verdict amount { amount } sentence }
  problems { code message field }
} userErrors { code message field }"""
ADD = f"mutation($input: AddToCartInput!) {{ done: addToCart(input: $input) {{ {PAYLOAD} }} }}"
SET = f"mutation($input: SetCheckoutInput!) {{ done: setCheckout(input: $input) {{ {PAYLOAD} }} }}"
PLACE = f"mutation($input: PlaceOrderInput!) {{ done: placeOrder(input: $input) {{ {PAYLOAD} }} }}"

SPRING = Proposal(
    rule="spring",
    rule_version=3,
    label="Spring sale",
    stage=Stage.ORDER_PROMOTION,
    effect=Percent(rate_ppm=100_000),
    priority=7,
)
TEN = Proposal(
    rule="ten",
    label="Ten off",
    stage=Stage.COUPON,
    effect=AmountOff(amount_minor=10_00),
    coupon="TEN",
)


@asynccontextmanager
async def counter(url: str, perks: Perks) -> AsyncIterator[Till]:
    """Open a shop with the plugin; at the end what must always hold of it does."""
    async with running_shop(url, plugins=[perks.plugin()]) as shop:
        till = Till(shop)
        yield till
        assert await till.audit() == []


def wish(**given: Any) -> dict[str, Any]:
    return {
        "contact": {"email": "lin@example.org"},
        "payment": [{"provider": KEY}],
        "idempotencyKey": str(uuid4()),
    } | given


async def buy(till: Till, variant: str, quantity: int = 1, **given: Any) -> dict[str, Any]:
    lines = [{"variantId": variant, "quantity": quantity}]
    return await till.ask(PLACE, **wish(lines=lines, **given))


async def test_what_is_proposed_is_taken_off_and_kept_with_all_its_numbers(
    database_url: str,
) -> None:
    async with counter(database_url, Perks(SPRING)) as till:
        tea = await till.stock(price="19.99")
        placed = await buy(till, tea, 3)
        assert placed["order"]["total"] == {"amount": "53.97"}
        rows = await till.shop.rows("order_adjustment")
        (kept,) = [row for row in rows if row["stage"] == "order_promotion"]
        wanted = {
            "amount_minor": -6_00,
            "label": "Spring sale",
            "origin": "perks",
            "rule": "spring",
            "rule_version": 3,
            "rate_ppm": 100_000,
            "base_minor": 59_97,
            "stack_group": "",
            "priority": 7,
            "coupon": None,
        }
        assert {name: kept[name] for name in wanted} == wanted


@pytest.mark.one_database
async def test_plugins_are_told_the_cart_and_in_the_calculation_not_who_asks(
    database_url: str,
) -> None:
    perks = Perks(SPRING)
    async with counter(database_url, perks) as till:
        tea = await till.stock(price="10.00")
        placed = await buy(till, tea, 2, couponCodes=[])
    (asked,) = perks.asked
    (item,) = asked.items
    assert (item.variant_id, item.quantity) == (decode(VariantId, tea), 2)
    assert (item.list_minor, item.unit_minor, item.activity_id) == (10_00, 10_00, None)
    # A guest has neither: who looks for them finds nothing, and no error.
    assert (asked.groups, asked.member_id) == (frozenset(), None)
    # What is counted as used may be held by the very order that it will be.
    assert asked.order_id == decode(OrderId, placed["order"]["id"])
    # In the quote, and again as the order is placed.
    assert len(perks.calculated) == 2
    assert {(one.order_id, one.member_id) for one in perks.calculated} == {(None, None)}


@pytest.mark.one_database
async def test_a_code_that_nobody_claims_is_refused_and_changes_nothing(till: Till) -> None:
    tea = await till.stock()
    added = await till.ask(ADD, variantId=tea, quantity=1)
    before = await till.shop.snapshot()
    for document, given in (
        (SET, {"token": added["token"], "couponCodes": ["NONE"]}),
        (PLACE, wish(token=added["token"], couponCodes=["NONE"])),
    ):
        refused = await till.ask(document, **given)
        assert refused["order"] is None
        assert refused["userErrors"] == [
            {
                "code": "COUPON_UNKNOWN",
                "message": "The coupon code 'NONE' is not valid here. Leave it out.",
                "field": "couponCodes",
            }
        ]
        assert await till.shop.snapshot() == before


@pytest.mark.one_database
async def test_a_coupon_that_is_over_is_refused_in_its_plugins_words(database_url: str) -> None:
    async with counter(database_url, Perks(TEN, over=("OLD",))) as till:
        tea = await till.stock()
        added = await till.ask(ADD, variantId=tea, quantity=1)
        before = await till.shop.snapshot()
        refused = await till.ask(SET, token=added["token"], couponCodes=["OLD"])
        assert codes(refused) == ["COUPON_NOT_ELIGIBLE"]
        assert await till.shop.snapshot() == before


async def test_a_coupon_below_its_minimum_says_what_is_missing(database_url: str) -> None:
    ten = Proposal(
        rule="ten",
        label="Ten off",
        stage=Stage.COUPON,
        effect=AmountOff(amount_minor=10_00),
        minimum_minor=50_00,
        coupon="TEN",
    )
    async with counter(database_url, Perks(ten)) as till:
        tea = await till.stock(price="20.00")
        added = await till.ask(ADD, variantId=tea, quantity=2)
        refused = await till.ask(SET, token=added["token"], couponCodes=["TEN"])
        assert refused["userErrors"] == [
            {
                "code": "COUPON_BELOW_MINIMUM",
                "message": "The coupon 'TEN' counts from 50.00 EUR on, and what it is for comes to "
                "40.00 EUR. Add something for 10.00 EUR, or leave the coupon out.",
                "field": "couponCodes",
            }
        ]
        more = await till.ask(ADD, token=added["token"], variantId=tea, quantity=1)
        assert more["order"]["total"] == {"amount": "60.00"}
        given = await till.ask(SET, token=added["token"], couponCodes=[" TEN", "TEN"])
        assert (codes(given), given["order"]["total"]) == ([], {"amount": "50.00"})
        placed = await till.ask(PLACE, **wish(token=added["token"]))
        assert (codes(placed), placed["order"]["total"]) == ([], {"amount": "50.00"})
        rows = await till.shop.rows("order_adjustment")
        assert [row["coupon"] for row in rows if row["stage"] == "coupon"] == ["TEN"]


@pytest.mark.one_database
async def test_a_coupon_that_no_longer_counts_is_a_problem_of_the_cart_until_it_is_taken_away(
    database_url: str,
) -> None:
    perks = Perks(TEN)
    async with counter(database_url, perks) as till:
        tea = await till.stock(price="20.00")
        added = await till.ask(ADD, variantId=tea, quantity=1)
        await till.ask(SET, token=added["token"], couponCodes=["TEN"])
        perks.inputs = Perks(over=("TEN",)).inputs
        shown = await till.ask(SET, token=added["token"])
        assert [one["code"] for one in shown["order"]["problems"]] == ["COUPON_NOT_ELIGIBLE"]
        refused = await till.ask(PLACE, **wish(token=added["token"]))
        assert (codes(refused), refused["order"]) == (["COUPON_NOT_ELIGIBLE"], None)
        without = await till.ask(SET, token=added["token"], couponCodes=[])
        assert without["order"]["problems"] == []
        placed = await till.ask(PLACE, **wish(token=added["token"]))
        assert (codes(placed), placed["order"]["total"]) == ([], {"amount": "20.00"})


@pytest.mark.slow
@pytest.mark.one_database
async def test_a_coupon_that_is_stacked_out_names_what_it_does_not_go_beside(
    database_url: str,
) -> None:
    alone = Stacking(group="one", mode=StackMode.EXCLUSIVE)
    sale = Proposal(
        rule="sale",
        label="Sale",
        stage=Stage.ORDER_PROMOTION,
        effect=Percent(rate_ppm=500_000),
        stacking=alone,
    )
    ten = Proposal(
        rule="ten",
        label="Ten off",
        stage=Stage.COUPON,
        effect=AmountOff(amount_minor=10_00),
        stacking=alone,
        coupon="TEN",
    )
    async with counter(database_url, Perks(sale, ten)) as till:
        tea = await till.stock(price="20.00")
        before = await till.shop.snapshot()
        refused = await buy(till, tea, couponCodes=["TEN"])
        assert refused["userErrors"] == [
            {
                "code": "COUPON_NOT_COMBINABLE",
                "message": "The coupon 'TEN' does not go beside 'Sale', which counts already. "
                "Leave one of the two out.",
                "field": "couponCodes",
            }
        ]
        assert await till.shop.snapshot() == before


async def test_a_gift_is_a_line_that_costs_nothing_and_takes_its_units(database_url: str) -> None:
    perks = Perks()
    async with counter(database_url, perks) as till:
        tea = await till.stock(price="20.00")
        mug = await till.stock(sku="MUG-1", price="5.00", units=3)
        perks.inputs = Perks(
            Proposal(
                rule="mug",
                label="A mug for you",
                stage=Stage.ORDER_PROMOTION,
                effect=Gift(variant_id=decode(VariantId, mug), quantity=2),
                minimum_minor=40_00,
            )
        ).inputs
        shown = await till.ask(ADD, variantId=tea, quantity=1)
        assert len(shown["order"]["lines"]) == 1
        placed = await buy(till, tea, 2)
        assert [(one["quantity"], one["total"]["amount"]) for one in placed["order"]["lines"]] == [
            (2, "40.00"),
            (2, "0.00"),
        ]
        assert [
            (one["stage"], one["amount"]["amount"])
            for one in placed["order"]["lines"][1]["adjustments"]
        ] == [("PRICE_LIST", "10.00"), ("ORDER_PROMOTION", "-10.00")]
        assert placed["order"]["total"] == {"amount": "40.00"}
        # One mug is left, and two would be given: the tea is sold without.
        without = await buy(till, tea, 2)
        assert (codes(without), len(without["order"]["lines"])) == ([], 1)
        assert [
            one["verdict"]
            for one in without["order"]["priceTrace"]
            if one["stage"] == "ORDER_PROMOTION"
        ] == ["GIFT_NOT_SOLD"]


@pytest.mark.one_database
async def test_the_trace_says_each_step_in_the_readers_language(database_url: str) -> None:
    big = Proposal(
        rule="big",
        label="From a hundred",
        stage=Stage.ORDER_PROMOTION,
        effect=AmountOff(amount_minor=20_00),
        minimum_minor=100_00,
    )
    async with counter(database_url, Perks(SPRING, big, TEN)) as till:
        tea = await till.stock(price="20.00")
        placed = await buy(till, tea, 2, couponCodes=["TEN"])
        assert [
            (one["stage"], one["verdict"], one["amount"]["amount"], one["sentence"])
            for one in placed["order"]["priceTrace"]
        ] == [
            (
                "PRICE_LIST",
                "WON",
                "40.00",
                "Green tea: 2 at €20.00 by the price list, €40.00.",
            ),
            (
                "ORDER_PROMOTION",
                "WON",
                "-4.00",
                "Spring sale takes 10\N{NO-BREAK SPACE}% off €40.00: €4.00 less.",
            ),
            (
                "ORDER_PROMOTION",
                "BELOW_MINIMUM",
                "0.00",
                "From a hundred does not count: it needs €100.00, and what it is for comes to "
                "€40.00.",
            ),
            (
                "COUPON",
                "WON",
                "-10.00",
                "Ten off (coupon TEN) takes €10.00 off €36.00.",
            ),
        ]
        order = f'{{ order(id: "{placed["order"]["id"]}", token: "{placed["token"]}") '
        answer = await till.shop.graphql(
            order + "{ priceTrace { sentence } } }", headers={"Koi-Locale": "zh-Hans"}
        )
        assert [one["sentence"] for one in answer["data"]["order"]["priceTrace"]] == [
            "Green tea：价目表单价 €20.00，2 件，共 €40.00。",
            "Spring sale：按 €40.00 的 10\N{NO-BREAK SPACE}% 优惠，减 €4.00。",
            "From a hundred 未采用：需满 €100.00，目前为 €40.00。",
            "Ten off（优惠码 TEN）：€36.00 减 €10.00。",
        ]


async def test_an_order_of_no_value_is_confirmed_at_once(database_url: str) -> None:
    """A percent of the whole is of what there is, and there is nothing more to take after it."""
    all_of_it = Proposal(
        rule="all", label="All", stage=Stage.ORDER_PROMOTION, effect=Percent(rate_ppm=1_000_000)
    )
    async with counter(database_url, Perks(all_of_it)) as till:
        tea = await till.stock(price="20.00")
        placed = await buy(till, tea, 2, payment=None)
        assert (codes(placed), placed["order"]["total"]) == ([], {"amount": "0.00"})


async def test_what_is_given_back_of_one_line_leaves_the_others_what_was_paid_for_them(
    database_url: str,
) -> None:
    """A cancelled line's discount does not slide to the others."""
    ten = Proposal(
        rule="ten",
        label="Ten",
        stage=Stage.ORDER_PROMOTION,
        effect=AmountOff(amount_minor=10_00),
    )
    async with counter(database_url, Perks(ten)) as till:
        tea = await till.stock(price="30.00")
        cup = await till.stock(sku="CUP-1", price="70.00")
        lines = [{"variantId": one, "quantity": 1} for one in (tea, cup)]
        placed = await till.ask(PLACE, **wish(lines=lines))
        paid = [one["total"]["amount"] for one in placed["order"]["lines"]]
        assert (paid, placed["order"]["total"]) == (["27.00", "63.00"], {"amount": "90.00"})
        order_id = decode(OrderId, placed["order"]["id"])
        async with till.shop.context(viewer=STAFF) as ctx:
            order = await orders.find_any_order(ctx, order_id=order_id)
            assert order is not None
            back = [LineRefund(line_id=order.lines[0].id, quantity=Quantity(1))]
            await orders.refund_order(
                ctx,
                RefundWish(order_id=order_id, lines=tuple(back)),
                idempotency_key=str(uuid4()),
            )
            after = await orders.find_any_order(ctx, order_id=order_id)
        assert after is not None
        assert after.price == order.price
        (refund,) = await till.shop.rows("refund")
        assert refund["amount_minor"] == 27_00


async def test_a_plugin_that_loads_nothing_of_its_own_costs_one_statement(
    database_url: str,
) -> None:
    """The categories of what is bought, once; what is placed is not read again for it."""
    counted = []
    for plugins in ([], [Perks(SPRING).plugin()]):
        async with running_shop(database_url, plugins=plugins) as shop:
            till = Till(shop)
            tea = await till.stock(sku=f"TEA-{len(plugins)}")
            await buy(till, tea)
            with shop.count_statements() as sent:
                placed = await buy(till, tea)
            assert codes(placed) == []
            counted.append(len(sent))
    without, with_plugin = counted
    assert with_plugin == without + 1
