"""Sending an order's units: in parcels, from where they are, or fetched with a code."""

from typing import Any
from uuid import uuid4

import pytest
from core.tests.order.counter import Bought, Counter
from core.tests.payment.till import Till, codes, tender
from sqlalchemy import text

from koipond.kernel.ids import LocationId, OrderId, OrderLineId, VariantId, decode, encode, new_id
from koipond.order import service as orders
from koipond.order.types import HoldWish, OrderState
from koipond.stock import service as stock
from koipond.stock.tables import stock_location
from koipond.stock.types import StockReceipt
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

OWN = """query($id: ID, $token: String) {
  order(id: $id, token: $token) { fulfilments { pickUpCode } } }"""


async def pick_up(bought: Bought) -> tuple[str, str]:
    """Have an order made ready to be fetched; returns its fulfilment's id, and the code."""
    assert codes(await bought.pack(method="PICK_UP")) == []
    (key,) = await bought.parcels()
    assert codes(await bought.counter.act("readyFulfilment", fulfilmentId=key)) == []
    return key, await code_of(bought)


async def code_of(bought: Bought) -> str:
    shop = bought.counter.till.shop
    answer = await shop.graphql(OWN, {"id": bought.id, "token": bought.token})
    code: str = answer["data"]["order"]["fulfilments"][0]["pickUpCode"]
    return code


def states(done: dict[str, Any]) -> list[str]:
    return [one["state"] for one in done["order"]["fulfilments"]]


async def test_an_order_is_sent_in_two_parcels(counter: Counter) -> None:
    bought = await counter.bought(3)
    done = await bought.pack(1)
    assert (codes(done), done["order"]["fulfilmentState"]) == ([], "UNFULFILLED")
    assert [one["lines"] for one in done["order"]["fulfilments"]] == [bought.units(1)]
    (first,) = await bought.parcels()
    done = await counter.act(
        "shipFulfilment", fulfilmentId=first, carrier="Post", trackingNumber=" CN-1 "
    )
    sent = done["order"]["fulfilments"][0]
    assert (sent["state"], sent["carrier"], sent["trackingNumber"]) == ("SHIPPED", "Post", "CN-1")
    assert done["order"]["fulfilmentState"] == "PARTIALLY_FULFILLED"
    assert await counter.on_hand() == 9
    await bought.pack()
    _, second = await bought.parcels()
    done = await counter.act("shipFulfilment", fulfilmentId=second)
    assert done["order"]["fulfilmentState"] == "FULFILLED"
    assert await counter.on_hand() == 7
    await counter.act("deliverFulfilment", fulfilmentId=second)
    done = await counter.act("deliverFulfilment", fulfilmentId=first)
    assert (states(done), done["order"]["fulfilmentState"]) == (
        ["DELIVERED", "DELIVERED"],
        "DELIVERED",
    )
    assert await counter.events("OrderFulfilled", "OrderDelivered") == [
        "OrderFulfilled",
        "OrderDelivered",
    ]


async def test_shipping_lowers_what_is_in_the_house_and_never_the_capacity(
    counter: Counter,
) -> None:
    bought = await counter.bought(3)
    await bought.ship()
    (quota,) = await counter.till.shop.rows("quota")
    assert (quota["capacity"], quota["taken"], await counter.on_hand()) == (10, 3, 7)


async def test_an_order_is_split_by_location(counter: Counter) -> None:
    tea = await counter.till.stock(price="10.00", units=2)
    async with counter.till.shop.context(viewer=STAFF) as ctx:
        await add_location(counter, "north")
        receipt = StockReceipt(variant_id=decode(VariantId, tea), quantity=5)
        await stock.receive(ctx, [receipt], location_code="north")
    bought = await counter.buy([(tea, 4)])
    done = await bought.pack(4)
    assert [one["lines"] for one in done["order"]["fulfilments"]] == [
        bought.units(2),
        bought.units(2),
    ]
    for parcel in await bought.parcels():
        await counter.act("shipFulfilment", fulfilmentId=parcel)
    rows = await counter.till.shop.rows("stock_level")
    assert sorted(row["on_hand"] for row in rows) == [0, 3]


async def add_location(counter: Counter, code: str) -> None:
    """Make a second location; its goods come by `receive`."""
    new = {"id": LocationId(new_id()), "code": code, "name": code, "priority": 9}
    await counter.till.shop.shop.database.transact(
        lambda db: db.execute(stock_location.insert().values(new))
    )


async def test_only_what_is_at_a_location_leaves_from_there(counter: Counter) -> None:
    bought = await counter.bought(3)
    before = await counter.till.shop.snapshot()
    done = await bought.pack(1, location="north")
    (error,) = done["userErrors"]
    assert error["code"] == "FULFILMENT_QUANTITY_TOO_LARGE"
    assert await counter.till.shop.snapshot() == before


async def test_units_that_nobody_counts_go_with_the_others(counter: Counter) -> None:
    made = await counter.till.shop.make_product("CARD-1", price="1.00", track_stock=False)
    card = encode(VariantId, made.variants["CARD-1"])
    tea = await counter.till.stock(price="10.00")
    bought = await counter.buy([(card, 2), (tea, 1)])
    done = await bought.ship()
    assert (codes(done), len(done["order"]["fulfilments"])) == ([], 1)
    assert done["order"]["fulfilmentState"] == "FULFILLED"
    alone = await counter.buy([(card, 2)])
    assert (await alone.deliver())["order"]["fulfilmentState"] == "DELIVERED"


async def test_a_parcel_that_was_not_sent_is_unpacked(counter: Counter) -> None:
    bought = await counter.bought(3)
    await bought.pack(2)
    (key,) = await bought.parcels()
    done = await counter.act("cancelFulfilment", fulfilmentId=key)
    assert (states(done), done["order"]["lines"][0]["fulfilledQuantity"]) == (["CANCELLED"], 0)
    assert codes(await bought.pack(3)) == []


@pytest.mark.slow
async def test_the_same_request_again_packs_and_sends_nothing_twice(counter: Counter) -> None:
    bought = await counter.bought(3)
    wish = {"orderId": bought.id, "lines": bought.units(1), "idempotencyKey": "pack"}
    first = await counter.act("createFulfilment", **wish)
    before = await counter.till.shop.snapshot()
    assert await counter.act("createFulfilment", **wish) == first
    assert await counter.till.shop.snapshot() == before
    (key,) = await bought.parcels()
    send = {"fulfilmentId": key, "idempotencyKey": "send"}
    first = await counter.act("shipFulfilment", **send)
    before = await counter.till.shop.snapshot()
    assert await counter.act("shipFulfilment", **send) == first
    assert await counter.till.shop.snapshot() == before


@pytest.mark.slow
async def test_what_cannot_be_packed_is_refused(counter: Counter) -> None:
    bought = await counter.bought(3)
    await bought.pack(1)
    stranger = {"lineId": encode(OrderLineId, OrderLineId(new_id())), "quantity": 1}
    (line,) = bought.units(1)
    wrong: list[tuple[list[dict[str, Any]], str, str]] = [
        (bought.units(3), "FULFILMENT_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ([line | {"quantity": 0}], "FULFILMENT_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ([line | {"quantity": -1}], "FULFILMENT_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ([line | {"quantity": 2**70}], "FULFILMENT_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ([line, line], "ORDER_LINE_UNKNOWN", "lines.1.lineId"),
        ([stranger], "ORDER_LINE_UNKNOWN", "lines.0.lineId"),
    ]
    before = await counter.till.shop.snapshot()
    for lines, code, field in wrong:
        done = await counter.act("createFulfilment", orderId=bought.id, lines=lines)
        (error,) = done["userErrors"]
        assert (error["code"], error["field"]) == (code, field), lines
    unknown = encode(OrderId, OrderId(new_id()))
    assert codes(await counter.act("createFulfilment", orderId=unknown)) == ["ORDER_UNKNOWN"]
    assert await counter.till.shop.snapshot() == before
    await bought.pack(2)
    assert codes(await bought.pack()) == ["NOTHING_TO_FULFIL"]


@pytest.mark.slow
async def test_nothing_is_sent_of_an_order_that_is_unpaid_off_or_held(
    counter: Counter, till: Till
) -> None:
    placed = await till.place(await till.stock(), tender(outcome="declined"))
    unpaid = Bought(counter, placed)
    assert codes(await unpaid.pack()) == ["ORDER_NOT_FULFILLABLE"]
    await till.cancel(unpaid.key, unpaid.token)
    assert codes(await unpaid.pack()) == ["ORDER_NOT_FULFILLABLE"]
    held = await counter.buy([(await till.stock(sku="CUP-1"), 1)])
    await held.pack()
    (key,) = await held.parcels()
    async with till.shop.context(viewer=STAFF) as ctx:
        await orders.place_hold(
            ctx, held.key, HoldWish(name="risk", reason="is looked at"), source="koipond"
        )
    before = await till.shop.snapshot()
    done = await counter.act("shipFulfilment", fulfilmentId=key)
    (error,) = done["userErrors"]
    assert (error["code"], "risk (is looked at)" in error["message"]) == ("ORDER_ON_HOLD", True)
    assert codes(await held.pack()) == ["ORDER_ON_HOLD"]
    assert await till.shop.snapshot() == before
    async with till.shop.context(viewer=STAFF) as ctx:
        await orders.lift_hold(ctx, held.key, "risk")
    assert codes(await counter.act("shipFulfilment", fulfilmentId=key)) == []


async def test_only_legal_moves_of_a_parcel_are_made(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.pack(1)
    (key,) = await bought.parcels()
    moves = ["deliverFulfilment", "readyFulfilment", "renewPickUpCode"]
    refused = [codes(await counter.act(move, fulfilmentId=key)) for move in moves]
    assert refused == [
        ["FULFILMENT_NOT_DELIVERABLE"],
        ["FULFILMENT_NOT_READIABLE"],
        ["FULFILMENT_NOT_COLLECTABLE"],
    ]
    await counter.act("shipFulfilment", fulfilmentId=key)
    before = await counter.till.shop.snapshot()
    again = await counter.act("shipFulfilment", fulfilmentId=key)
    off = await counter.act("cancelFulfilment", fulfilmentId=key)
    assert (codes(again), codes(off)) == (
        ["FULFILMENT_NOT_SHIPPABLE"],
        ["FULFILMENT_NOT_CANCELLABLE"],
    )
    unknown = key[:-2] + ("00" if key[-2:] != "00" else "11")
    assert codes(await counter.act("deliverFulfilment", fulfilmentId=unknown)) == [
        "FULFILMENT_UNKNOWN"
    ]
    assert await counter.till.shop.snapshot() == before


async def test_units_that_are_not_in_the_house_cannot_leave_it(counter: Counter) -> None:
    """They were sold ahead: the quota has them, the shelf has not."""
    tea = await counter.till.stock(price="10.00", units=1)
    async with counter.till.shop.context(viewer=STAFF) as ctx:
        await stock.allow_back_order(ctx, decode(VariantId, tea), units=2)
    bought = await counter.buy([(tea, 3)])
    assert codes(await bought.pack()) == []
    (key,) = await bought.parcels()
    before = await counter.till.shop.snapshot()
    (error,) = (await counter.act("shipFulfilment", fulfilmentId=key))["userErrors"]
    assert error["code"] == "STOCK_NOT_IN_HOUSE"
    assert "3 units are to leave, 1 are in the house" in error["message"]
    assert await counter.till.shop.snapshot() == before


async def test_an_order_of_which_units_are_being_sent_cannot_be_cancelled(
    counter: Counter,
) -> None:
    bought = await counter.bought(3)
    await bought.pack(1)
    before = await counter.till.shop.snapshot()
    assert codes(await counter.till.cancel(bought.key, bought.token)) == ["ORDER_PARTLY_FULFILLED"]
    assert codes(await counter.act("cancelOrder", orderId=bought.id)) == ["ORDER_PARTLY_FULFILLED"]
    assert await counter.till.shop.snapshot() == before
    (key,) = await bought.parcels()
    await counter.act("cancelFulfilment", fulfilmentId=key)
    assert codes(await counter.act("cancelOrder", orderId=bought.id)) == []


async def test_a_pick_up_is_fetched_with_its_code(counter: Counter) -> None:
    bought = await counter.bought(2)
    key, code = await pick_up(bought)
    staff = await counter.act("collectFulfilment", fulfilmentId=key, code="22222222")
    assert staff["userErrors"][0]["code"] == "PICK_UP_CODE_WRONG"
    assert await counter.on_hand() == 10
    typed = f" {code[:4].lower()} {code[4:]}"
    done = await counter.act("collectFulfilment", fulfilmentId=key, code=typed)
    assert (codes(done), states(done)) == ([], ["COLLECTED"])
    assert done["order"]["fulfilmentState"] == "DELIVERED"
    assert await counter.on_hand() == 8
    assert await counter.events("FulfilmentCollected", "OrderDelivered") == [
        "FulfilmentCollected",
        "OrderDelivered",
    ]


async def test_staff_are_not_shown_the_code_and_it_is_stored_nowhere(counter: Counter) -> None:
    bought = await counter.bought(1)
    key, code = await pick_up(bought)
    done = await counter.act("readyFulfilment", fulfilmentId=key)
    assert codes(done) == ["FULFILMENT_NOT_READIABLE"]
    seen = await bought.pack()
    assert seen["order"] is None
    assert code not in str(await counter.till.shop.snapshot())


async def test_a_code_that_was_used_counts_no_more(counter: Counter) -> None:
    bought = await counter.bought(1)
    key, code = await pick_up(bought)
    assert await counter.act("collectFulfilment", fulfilmentId=key, code=code)
    before = await counter.till.shop.snapshot()
    again = await counter.act("collectFulfilment", fulfilmentId=key, code=code)
    assert codes(again) == ["FULFILMENT_NOT_COLLECTABLE"]
    assert await code_of(bought) is None
    assert await counter.till.shop.snapshot() == before


async def test_the_same_request_to_collect_again_is_answered_the_same(counter: Counter) -> None:
    bought = await counter.bought(1)
    key, code = await pick_up(bought)
    wish = {"fulfilmentId": key, "code": code, "idempotencyKey": str(uuid4())}
    first = await counter.act("collectFulfilment", **wish)
    before = await counter.till.shop.snapshot()
    assert await counter.act("collectFulfilment", **wish) == first
    assert await counter.till.shop.snapshot() == before


@pytest.mark.slow
async def test_after_five_wrong_codes_none_counts_until_it_is_renewed(counter: Counter) -> None:
    bought = await counter.bought(1)
    key, code = await pick_up(bought)
    left = []
    for _ in range(5):
        done = await counter.act("collectFulfilment", fulfilmentId=key, code="wrong")
        left.append(done["userErrors"][0]["message"])
    assert [one.split(". ")[1] for one in left[:4]] == [
        f"{n} more can be tried." for n in (4, 3, 2, 1)
    ]
    before = await counter.till.shop.snapshot()
    right = await counter.act("collectFulfilment", fulfilmentId=key, code=code)
    assert codes(right) == ["PICK_UP_CODE_LOCKED"]
    assert await counter.till.shop.snapshot() == before
    assert codes(await counter.act("renewPickUpCode", fulfilmentId=key)) == []
    new = await code_of(bought)
    assert new != code
    old = await counter.act("collectFulfilment", fulfilmentId=key, code=code)
    assert codes(old) == ["PICK_UP_CODE_WRONG"]
    assert codes(await counter.act("collectFulfilment", fulfilmentId=key, code=new)) == []


@pytest.mark.slow
async def test_an_order_is_closed_when_it_can_no_longer_be_sent_back(
    counter: Counter, till: Till
) -> None:
    bought = await counter.bought(2)
    await bought.deliver(1)
    await till.pass_time(days=15)
    assert (await till.order(bought.key)).state is OrderState.CONFIRMED
    await bought.deliver(1)
    await till.pass_time(days=13)
    assert (await till.order(bought.key)).state is OrderState.CONFIRMED
    await till.pass_time(days=1, minutes=1)
    assert (await till.order(bought.key)).state is OrderState.CLOSED
    assert await counter.events("OrderClosed") == ["OrderClosed"]
    assert codes(await bought.request(1)) == ["ORDER_NOT_RETURNABLE"]


@pytest.mark.parametrize(
    ("change", "invariants"),
    [
        ("UPDATE fulfilment_line SET quantity = quantity + 1", {"I1", "I2"}),
        ("DELETE FROM stock_movement WHERE reason = 'shipment'", {"I1"}),
        ("UPDATE fulfilment SET state = 'pending'", {"I1"}),
        ("UPDATE order_line SET fulfilled_quantity = 1", {"I2"}),
        ("UPDATE \"order\" SET state = 'cancelled'", {"I2", "I4", "I7"}),
    ],
)
async def test_parcels_that_were_changed_by_hand_are_found(
    shop: Any, change: str, invariants: set[str]
) -> None:
    till = Till(shop)
    bought = await Counter(till).bought(3)
    await bought.ship(2)
    assert await till.audit() == []
    await shop.shop.database.transact(lambda db: db.execute(text(change)))
    assert {one.invariant for one in await till.audit()} == invariants
