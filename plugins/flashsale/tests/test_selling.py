"""What buyers are told and what they pay: prices, limits, times, and where units go."""

from datetime import timedelta
from typing import Any

import pytest
from core.tests.order.counter import Bought
from core.tests.order.counter import Counter as Shop
from core.tests.payment.till import codes, tender
from plugins.flashsale.tests.stall import Stall, at, make_member, outcome
from sqlalchemy import text

from koipond.app import make_schemas
from koipond.kernel.ids import OrderId, decode
from koipond.kernel.plugins import discover
from koipond.order.types import OrderState
from koipond_flashsale.errors import FlashSaleUnknown
from koipond_flashsale.types import FlashSaleRoundId
from koipond_sdk import Viewer, new_id
from koipond_sdk.testing import STAFF, RunningShop

pytestmark = pytest.mark.story

INSTANT = timedelta(microseconds=1)


async def test_the_price_is_in_the_offer_and_in_the_cart_with_its_trace(stall: Stall) -> None:
    round_id = await stall.begin()
    assert await stall.offer() == {
        "offer": {
            "price": {"amount": "6.00"},
            "was": {"amount": "10.00"},
            "origin": "flashsale",
            "endsAt": at(hours=1),
        },
        "flashSale": {
            "state": "RUNNING",
            "price": {"amount": "6.00"},
            "left": 5,
            "membersOnly": False,
        },
    }
    answer = await stall.shop.graphql(
        """mutation($input: AddToCartInput!) { addToCart(input: $input) {
          order { total { amount } lines { unitPrice { amount } total { amount } } }
        } }""",
        {"input": {"variantId": stall.tea, "quantity": 2}},
    )
    assert answer["data"]["addToCart"]["order"] == {
        "total": {"amount": "12.00"},
        "lines": [{"unitPrice": {"amount": "6.00"}, "total": {"amount": "12.00"}}],
    }
    order_id, _ = _who(await stall.order_of(2))
    (line,) = (await stall.order(order_id)).lines
    assert line.attributes == {"flashsale": {"round": round_id}}


async def test_of_two_offers_the_cheaper_wins_and_the_trace_names_the_loser(
    stall: Stall,
) -> None:
    await stall.begin()
    answer = await stall.shop.graphql(
        """mutation($input: SetPriceInput!) { setPrice(input: $input) { userErrors { code } } }""",
        {"input": {"variantId": stall.tea, "channel": "main", "amount": "5", "currency": "EUR"}},
        viewer=STAFF,
        admin=True,
    )
    assert answer == {"data": {"setPrice": {"userErrors": []}}}
    placed = await stall.order_of()
    assert outcome(placed) == "PLACED 5.00"
    order = await stall.order(decode(OrderId, placed["order"]["id"]))
    assert [
        (one.origin, one.unit_price_minor, str(one.verdict)) for one in order.price.considered
    ] == [("flashsale", 6_00, "not_cheaper")]
    assert order.lines[0].attributes == {}
    # It is sold from the stock, and may be unpaid as long as any order.
    assert await stall.free() == (14, [5])
    assert order.pay_until == stall.shop.clock.now() + timedelta(minutes=30)


async def test_a_round_sells_from_its_start_until_before_its_end(stall: Stall) -> None:
    await stall.begin(startsAt=at(hours=1), endsAt=at(hours=2))
    named = {"expectedTotal": {"amount": "6.00", "currency": "EUR"}}
    start, end = (stall.shop.clock.now() + timedelta(hours=hours) for hours in (1, 2))
    for moment, sells in ((start - INSTANT, False), (start, True), (end - INSTANT, True)):
        stall.shop.clock.set(moment)
        if sells:
            assert outcome(await stall.order_of(**named)) == "PLACED 6.00"
        else:
            assert (await stall.refused(stall.order_of(**named)))["code"] == "QUOTE_CHANGED"
    stall.shop.clock.set(end)
    assert (await stall.refused(stall.order_of(**named)))["code"] == "QUOTE_CHANGED"
    assert (await stall.offer())["flashSale"] is None
    assert outcome(await stall.order_of()) == "PLACED 10.00"


async def test_buyers_see_what_runs_and_what_will(stall: Stall) -> None:
    await stall.begin(units=1)
    await stall.begin(startsAt=at(hours=2), endsAt=at(hours=3), units=15, limitPerMember=2)
    assert outcome(await stall.order_of(pay="captured")) == "CONFIRMED 6.00"
    common = {"was": {"amount": "10.00"}, "serverNow": at(), "variant": {"sku": "TEA-1"}}
    assert await stall.rounds() == [
        {
            "state": "SOLD_OUT",
            "price": {"amount": "6.00", "currency": "EUR"},
            "startsAt": at(),
            "endsAt": at(hours=1),
            "left": 0,
            "limitPerMember": None,
            "membersOnly": False,
            **common,
        },
        {
            "state": "ANNOUNCED",
            "price": None,
            "startsAt": at(hours=2),
            "endsAt": at(hours=3),
            "left": 10,
            "limitPerMember": 2,
            "membersOnly": True,
            **common,
        },
    ]
    assert await stall.rounds(**{"Koi-Currency": "CNY"}) == []


async def test_one_unit_more_than_there_is_is_refused_in_words(stall: Stall) -> None:
    await stall.begin()
    refused = await stall.refused(stall.order_of(6))
    assert (refused["code"], refused["message"]) == (
        "ACTIVITY_SOLD_OUT",
        "TEA-1: 6 wanted, 5 left at this offer. Lower the quantity.",
    )


async def test_guests_see_no_price_that_has_a_limit(stall: Stall, lin: Viewer) -> None:
    await stall.begin(limitPerMember=1)
    shown = await stall.offer()
    assert shown["offer"]["price"] == {"amount": "10.00"}
    assert shown["flashSale"] == {
        "state": "RUNNING",
        "price": None,
        "left": 5,
        "membersOnly": True,
    }
    assert outcome(await stall.order_of()) == "PLACED 10.00"
    assert (await stall.offer(lin))["offer"]["price"] == {"amount": "6.00"}
    assert outcome(await stall.order_of(viewer=lin)) == "PLACED 6.00"


async def test_the_limit_counts_all_orders_of_a_member_until_they_are_off(
    stall: Stall, lin: Viewer
) -> None:
    await stall.begin(limitPerMember=2)
    assert (await stall.refused(stall.order_of(3, viewer=lin)))["code"] == "LIMIT_REACHED"
    first = await stall.order_of(2, viewer=lin)
    assert outcome(first) == "PLACED 12.00"
    refused = await stall.refused(stall.order_of(viewer=lin))
    assert refused["message"] == ("1 asked for, 0 more allowed per person. The limit is used up.")
    assert outcome(await stall.order_of(2, viewer=await make_member(stall.shop))) == "PLACED 12.00"
    assert codes(await stall.cancel(*_who(first))) == []
    assert outcome(await stall.order_of(2, viewer=lin)) == "PLACED 12.00"


async def test_who_does_not_pay_in_time_gives_back_to_the_round_while_it_runs(
    stall: Stall,
) -> None:
    await stall.begin()
    order_id, _ = _who(await stall.order_of(2))
    await stall.pass_time(minutes=9, seconds=45)
    assert (await stall.free(), (await stall.order(order_id)).state) == ((15, [3]), "placed")
    await stall.pass_time(seconds=15)
    await stall.settle()
    assert (await stall.free(), (await stall.order(order_id)).state) == ((15, [5]), "expired")


async def test_who_does_not_pay_in_time_gives_back_to_the_stock_when_it_is_over(
    stall: Stall,
) -> None:
    round_id = await stall.begin()
    await stall.order_of(2)
    await stall.end(round_id)
    assert await stall.free() == (18, [0])
    await stall.pass_time(minutes=10)
    await stall.settle()
    assert await stall.free() == (20, [0])


async def test_an_order_of_the_last_second_may_be_paid_after_the_end(stall: Stall) -> None:
    await stall.begin()
    stall.shop.clock.advance(minutes=59, seconds=59)
    order_id, token = _who(await stall.order_of(2))
    await stall.pass_time(minutes=5)
    assert await stall.free() == (18, [0])
    assert codes(await stall.pay(order_id, token)) == []
    assert (await stall.order(order_id)).state is OrderState.CONFIRMED
    assert await stall.free() == (18, [0])


@pytest.mark.parametrize("paid", [False, True])
async def test_a_cancelled_unit_goes_back_to_the_round_only_if_it_was_not_paid(
    stall: Stall, paid: bool
) -> None:
    await stall.begin()
    placed = await stall.order_of(2, pay="captured" if paid else "")
    assert await stall.free() == (15, [3])
    assert codes(await stall.cancel(*_who(placed))) == []
    assert await stall.free() == ((17, [3]) if paid else (15, [5]))


@pytest.mark.parametrize("paid", [False, True])
async def test_a_unit_that_is_cancelled_after_the_end_goes_to_the_stock(
    stall: Stall, paid: bool
) -> None:
    round_id = await stall.begin()
    placed = await stall.order_of(2, pay="captured" if paid else "")
    await stall.end(round_id)
    assert codes(await stall.cancel(*_who(placed))) == []
    assert await stall.free() == (20, [0])


@pytest.mark.slow
@pytest.mark.parametrize("is_over", [False, True])
async def test_money_that_comes_late_buys_only_while_the_round_runs(
    stall: Stall, is_over: bool
) -> None:
    round_id = await stall.begin()
    order_id, _ = _who(await stall.order_of(2, pay="pending"))
    payment = await stall.payment(order_id)
    await stall.pass_time(minutes=10)
    await stall.settle()
    assert (await stall.order(order_id)).state is OrderState.EXPIRED
    if is_over:
        await stall.end(round_id)
    stall.sandbox.take_anyway(payment.id)
    assert await stall.send(stall.sandbox.notices[-1]) == 200
    await stall.work()
    if is_over:
        assert (await stall.order(order_id)).state is OrderState.EXPIRED
        assert await stall.refunds(order_id) == [("DONE", 12_00, "LATE")]
        assert await stall.free() == (20, [0])
    else:
        assert (await stall.order(order_id)).state is OrderState.CONFIRMED
        assert await stall.refunds(order_id) == []
        assert await stall.free() == (15, [3])
    await stall.check_books()


async def test_the_shortest_window_of_an_orders_rounds_counts(stall: Stall) -> None:
    await stall.begin(paymentWindowMinutes=9)
    cake = await stall.stock(sku="CAKE", price="8.00", units=5)
    await stall.begin(variantId=cake, paymentWindowMinutes=4)
    lines = [{"variantId": one, "quantity": 1} for one in (stall.tea, cake)]
    placed = await stall.order_of(lines=lines)
    assert outcome(placed) == "PLACED 12.00"
    order = await stall.order(_who(placed)[0])
    assert order.pay_until == stall.shop.clock.now() + timedelta(minutes=4)


async def test_a_round_and_the_usual_price_are_bought_in_one_order(stall: Stall) -> None:
    round_id = await stall.begin()
    cake = await stall.stock(sku="CAKE", price="8.00", units=5)
    lines = [{"variantId": one, "quantity": 1} for one in (stall.tea, cake)]
    placed = await stall.order_of(lines=lines, payment=[tender()])
    assert outcome(placed) == "CONFIRMED 14.00"
    order = await stall.order(_who(placed)[0])
    assert [(one.sku, one.attributes) for one in order.lines] == [
        ("TEA-1", {"flashsale": {"round": round_id}}),
        ("CAKE", {}),
    ]


async def test_a_list_of_products_asks_as_often_however_long_it_is(stall: Stall) -> None:
    document = "{ products { nodes { variants { flashSale { left price { amount } } } } } }"
    await stall.begin()
    counts = []
    for number in range(3):
        with stall.shop.count_statements() as sent:
            await stall.shop.graphql(document)
        counts.append(len(sent))
        other = await stall.stock(sku=f"CAKE-{number}", price="8.00", units=5)
        await stall.begin(variantId=other)
    assert counts == [counts[0]] * 3


def test_without_the_plugin_the_schemas_know_nothing_of_it() -> None:
    others = tuple(one for one in discover() if one.name != "flashsale")
    made = make_schemas(others)
    shown = f"{made.storefront}{made.admin}".lower()
    assert "flashsale" not in shown
    assert "flash_sale" not in shown


async def test_what_is_not_over_keeps_the_plugin_on(stall: Stall) -> None:
    async def blockers() -> list[str]:
        async with stall.shop.context(viewer=STAFF) as ctx:
            return await ctx.hooks.disable_blockers("flashsale", ctx)

    assert await blockers() == []
    round_id = await stall.begin()
    assert await blockers() == [
        f"1 flash sales are not over ({round_id}): end them by endFlashSale"
    ]
    await stall.end(round_id)
    assert await blockers() == []


async def test_a_round_that_there_is_none_of_is_told_so(stall: Stall) -> None:
    nothing = FlashSaleUnknown(round_id=FlashSaleRoundId(new_id()))
    assert "flashSaleSchedule" in str(nothing)
    round_id = await stall.begin()
    unknown = round_id[:-6] + "000000"
    for asked in (stall.end(unknown), stall.add(unknown, 1)):
        assert (await stall.refused(asked))["code"] == "FLASH_SALE_UNKNOWN"


@pytest.mark.breaks_invariants
async def test_an_audit_finds_what_somebody_changed_by_hand(shop: RunningShop) -> None:
    stall = await Stall.open(shop)
    await stall.begin(limitPerMember=2)
    assert await stall.audit() == []
    for change, found in (
        ("UPDATE flashsale_round SET units = 4", "flashsale.units"),
        ("UPDATE flashsale_round SET units = 5, limit_per_member = 1", "flashsale.terms"),
        (
            "UPDATE flashsale_round SET limit_per_member = 2, unit_price_minor = 1",
            "flashsale.terms",
        ),
        ("UPDATE flashsale_round SET unit_price_minor = 600, state = 'ended'", "flashsale.units"),
    ):
        await _write(shop, change)
        assert [one.invariant for one in await stall.audit()] == [found]


async def _write(shop: RunningShop, statement: str) -> None:
    async with shop.shop.database.writer.begin() as db:
        await db.execute(text(statement))


def _who(payload: dict[str, Any]) -> tuple[OrderId, str]:
    assert codes(payload) == [], payload
    return decode(OrderId, payload["order"]["id"]), payload["token"]


async def test_when_it_is_sold_out_the_variant_sells_for_its_usual_price(stall: Stall) -> None:
    await stall.begin(units=1)
    assert outcome(await stall.order_of(pay="captured")) == "CONFIRMED 6.00"
    # What a process knows of offers is a second old at most.
    stall.shop.clock.advance(seconds=1)
    assert outcome(await stall.order_of()) == "PLACED 10.00"


@pytest.mark.slow
async def test_a_unit_that_is_sent_back_goes_to_the_shelf_and_not_to_the_round(
    stall: Stall,
) -> None:
    """EShop 221: to the right pool, once."""
    await stall.begin()
    placed = await stall.order_of(2, pay="captured")
    bought = Bought(Shop(stall), placed)
    await bought.deliver()
    assert await stall.free() == (15, [3])
    done = await bought.take_back(1)
    assert done["order"]["paid"] == {"amount": "6.00"}
    assert await stall.free() == (16, [3])
    stall.shop.clock.advance(hours=2)
    await bought.take_back(1)
    await stall.settle()
    assert await stall.free() == (20, [0])


async def test_a_unit_that_an_edit_takes_off_keeps_the_price_of_the_others(stall: Stall) -> None:
    await stall.begin()
    placed = await stall.order_of(3, pay="captured")
    bought = Bought(Shop(stall), placed)
    stall.shop.clock.advance(hours=2)
    done = await bought.counter.act(
        "editOrder", orderId=bought.id, lines=[{"lineId": bought.lines[0], "quantity": 2}]
    )
    assert (done["order"]["total"], done["order"]["paid"]) == (
        {"amount": "12.00"},
        {"amount": "12.00"},
    )
    more = await bought.counter.act(
        "editOrder", orderId=bought.id, lines=[{"lineId": bought.lines[0], "quantity": 3}]
    )
    assert more["order"]["total"] == {"amount": "22.00"}
    assert [one["quantity"] for one in more["order"]["lines"]] == [2, 1]
