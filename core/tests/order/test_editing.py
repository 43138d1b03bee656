"""Orders that staff change: units less and more, others instead, and what that costs."""

from typing import Any

import pytest
from core.tests.order.counter import Bought, Counter
from core.tests.payment.till import Till, codes, tender
from sqlalchemy import text

from koipond.kernel.faults import planned
from koipond.kernel.ids import OrderId, OrderLineId, VariantId, encode, new_id
from koipond.order import service
from koipond.order.errors import OrderNotEditable
from koipond.order.types import OrderState
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

EDITS = """query($id: ID) { order(id: $id) {
  edits { delta { amount } note madeBy } attention { reason actions } } }"""


async def edit(bought: Bought, *quantities: int | None, **given: Any) -> dict[str, Any]:
    """Have lines so many units, None: as many as they have."""
    lines = [
        {"lineId": line, "quantity": units}
        for line, units in zip(bought.lines, quantities, strict=False)
        if units is not None
    ]
    return await bought.counter.act("editOrder", orderId=bought.id, **({"lines": lines} | given))


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def of(variant: str, quantity: int = 1) -> dict[str, Any]:
    return {"variantId": variant, "quantity": quantity}


def money(done: dict[str, Any]) -> tuple[str, str, str]:
    """Return (total, paid, due)."""
    order = done["order"]
    return order["total"]["amount"], order["paid"]["amount"], order["due"]["amount"]


async def taken(counter: Counter) -> dict[str, int]:
    """Return {sku: units that orders have taken of it}."""
    shop = counter.till.shop
    skus = {row["id"]: row["sku"] for row in await shop.rows("variant")}
    quotas = {row["id"]: row["taken"] for row in await shop.rows("quota")}
    levels = await shop.rows("stock_level")
    return {skus[row["variant_id"]]: quotas[row["quota_id"]] for row in levels}


async def test_fewer_units_of_a_paid_order_go_back_to_the_shelf_and_are_paid_back(
    counter: Counter,
) -> None:
    bought = await counter.bought(3)
    done = await edit(bought, 1, note="the last ones broke")
    assert (codes(done), money(done)) == ([], ("10.00", "10.00", "0.00"))
    assert done["order"]["lines"][0]["quantity"] == 1
    assert done["order"]["refunds"] == [
        {"state": "DONE", "amount": {"amount": "20.00"}, "reason": "EDITED"}
    ]
    assert await taken(counter) == {"TEA-1": 1}
    answer = await counter.till.shop.graphql(
        EDITS, {"id": bought.id}, viewer=counter.staff, admin=True
    )
    (kept,) = answer["data"]["order"]["edits"]
    assert (kept["delta"], kept["note"]) == ({"amount": "-20.00"}, "the last ones broke")
    assert await counter.events("OrderEdited") == ["OrderEdited"]
    await counter.till.check_books()


@pytest.mark.slow
async def test_what_is_added_is_due_and_nothing_is_sent_before_it_is_paid(
    counter: Counter,
) -> None:
    bought = await counter.bought(2)
    cup = await counter.till.stock(sku="CUP-1", price="7.50")
    done = await edit(bought, added=[of(cup, 2)])
    assert (codes(done), money(done)) == ([], ("35.00", "20.00", "15.00"))
    assert [one["name"] for one in done["order"]["holds"]] == ["payment"]
    assert await taken(counter) == {"TEA-1": 2, "CUP-1": 2}
    assert codes(await bought.pack()) == ["ORDER_ON_HOLD"]
    paid = await counter.till.pay(bought.key, bought.token)
    assert codes(paid) == []
    assert (paid["order"]["paid"], paid["order"]["due"]) == (
        {"amount": "35.00"},
        {"amount": "0.00"},
    )
    assert codes(await bought.pack()) == []
    done = await counter.act("refundOrder", orderId=bought.id, amount=eur("35.00"))
    assert money(done) == ("35.00", "0.00", "0.00")
    await counter.till.check_books()


async def test_what_is_added_may_be_paid_in_parts(counter: Counter) -> None:
    bought = await counter.bought(1)
    cup = await counter.till.stock(sku="CUP-1", price="7.50")
    await edit(bought, added=[of(cup, 2)])
    paid = await counter.till.pay(bought.key, bought.token, amount=eur("5.00"))
    assert paid["order"]["due"] == {"amount": "10.00"}
    assert codes(await bought.pack()) == ["ORDER_ON_HOLD"]
    over = await counter.till.pay(bought.key, bought.token, amount=eur("10.01"))
    assert codes(over) == ["PAYMENT_AMOUNT_INVALID"]
    await counter.till.pay(bought.key, bought.token)
    assert codes(await bought.pack()) == []
    await counter.till.check_books()


@pytest.mark.slow
async def test_units_are_exchanged_for_others_and_only_the_difference_is_settled(
    counter: Counter,
) -> None:
    bought = await counter.bought(3)
    cup = await counter.till.stock(sku="CUP-1", price="12.50")
    done = await edit(bought, 1, added=[of(cup, 1)])
    assert money(done) == ("22.50", "22.50", "0.00")
    (back,) = done["order"]["refunds"]
    assert back["amount"] == {"amount": "7.50"}
    other = await edit(bought, None, added=[of(cup, 1)])
    assert money(other) == ("35.00", "22.50", "12.50")
    await counter.till.pay(bought.key, bought.token)
    lines = other["order"]["lines"]
    for one in lines:
        wish = [{"lineId": one["id"], "quantity": one["quantity"]}]
        done = await counter.act("refundOrder", orderId=bought.id, lines=wish)
        assert codes(done) == []
    assert money(done) == ("35.00", "0.00", "0.00")
    await counter.till.check_books()


async def test_more_units_come_as_a_line_of_their_own_at_todays_price(counter: Counter) -> None:
    bought = await counter.bought(2)
    await counter.till.shop.shop.database.transact(
        lambda db: db.execute(text("UPDATE price SET amount_minor = 1100"))
    )
    done = await edit(bought, 3)
    assert [(one["quantity"], one["total"]) for one in done["order"]["lines"]] == [
        (2, {"amount": "20.00"}),
        (1, {"amount": "11.00"}),
    ]
    assert money(done) == ("31.00", "20.00", "11.00")
    assert await taken(counter) == {"TEA-1": 3}


@pytest.mark.slow
async def test_an_order_that_is_not_paid_yet_costs_what_the_edit_makes_it(
    counter: Counter, till: Till
) -> None:
    tea = await till.stock(price="10.00")
    placed = await till.place(tea, tender("10.00"), tender(outcome="declined"), quantity=3)
    bought = Bought(counter, placed)
    done = await edit(bought, 2)
    assert (done["order"]["state"], money(done)) == ("PLACED", ("20.00", "10.00", "10.00"))
    cup = await till.stock(sku="CUP-1", price="1.00")
    done = await edit(bought, None, added=[of(cup)])
    assert money(done) == ("21.00", "10.00", "11.00")
    done = await edit(bought, 0)
    assert done["order"]["state"] == "CONFIRMED"
    assert money(done) == ("1.00", "1.00", "0.00")
    assert await taken(counter) == {"TEA-1": 0, "CUP-1": 1}
    await till.check_books()


@pytest.mark.slow
async def test_what_was_sent_or_paid_back_stays(counter: Counter) -> None:
    bought = await counter.bought(3)
    await bought.ship(2)
    before = await counter.till.shop.snapshot()
    (error,) = (await edit(bought, 1))["userErrors"]
    assert (error["code"], error["field"]) == ("EDIT_QUANTITY_TOO_SMALL", "lines.0.quantity")
    assert error["message"].startswith("TEA-1: 1 units are too few. 2 are being sent")
    assert await counter.till.shop.snapshot() == before
    done = await edit(bought, 2)
    assert money(done) == ("20.00", "20.00", "0.00")
    (parcel,) = await bought.parcels()
    done = await counter.act("deliverFulfilment", fulfilmentId=parcel)
    assert done["order"]["fulfilmentState"] == "DELIVERED"


async def test_an_edit_that_takes_off_what_was_not_sent_ends_the_order(counter: Counter) -> None:
    bought = await counter.bought(3)
    await bought.deliver(2)
    assert await counter.events("OrderDelivered") == []
    await edit(bought, 2)
    assert await counter.events("OrderDelivered") == ["OrderDelivered"]
    await counter.till.pass_time(days=15)
    assert (await counter.till.order(bought.key)).state is OrderState.CLOSED


async def test_edits_that_cannot_be_are_refused(counter: Counter) -> None:
    bought = await counter.bought(2)
    cup = await counter.till.stock(sku="CUP-1", price="1.00", units=1)
    stranger = encode(OrderLineId, OrderLineId(new_id()))
    nowhere = encode(VariantId, VariantId(new_id()))
    wrong: list[tuple[dict[str, Any], str, str | None]] = [
        ({}, "ORDER_EDIT_EMPTY", None),
        ({"lines": [{"lineId": bought.lines[0], "quantity": 2}]}, "ORDER_EDIT_EMPTY", None),
        (
            {"lines": [{"lineId": bought.lines[0], "quantity": 0}]},
            "ORDER_EDIT_LEAVES_NOTHING",
            None,
        ),
        (
            {"lines": [{"lineId": bought.lines[0], "quantity": -1}]},
            "EDIT_QUANTITY_TOO_SMALL",
            "lines.0.quantity",
        ),
        (
            {"lines": [{"lineId": bought.lines[0], "quantity": 2**70}]},
            "QUANTITY_OUT_OF_RANGE",
            "lines.0.quantity",
        ),
        ({"lines": [{"lineId": stranger, "quantity": 1}]}, "ORDER_LINE_UNKNOWN", "lines.0.lineId"),
        ({"added": [of(nowhere)]}, "VARIANT_UNKNOWN", "added.0.variantId"),
        ({"added": [of(cup, 0)]}, "QUANTITY_OUT_OF_RANGE", "added.0"),
        ({"added": [of(cup)], "expectedTotal": eur("20.00")}, "QUOTE_CHANGED", None),
    ]
    before = await counter.till.shop.snapshot()
    for given, code, field in wrong:
        (error,) = (await counter.act("editOrder", orderId=bought.id, **given))["userErrors"]
        assert (error["code"], error["field"]) == (code, field), given
    unknown = encode(OrderId, OrderId(new_id()))
    assert codes(await counter.act("editOrder", orderId=unknown)) == ["ORDER_UNKNOWN"]
    assert await counter.till.shop.snapshot() == before
    short = await edit(bought, added=[of(cup, 2)])
    assert codes(short) == ["INSUFFICIENT_STOCK"]
    assert (
        await taken(counter),
        money(await bought.counter.act("createFulfilment", orderId=bought.id)),
    ) == (
        {"TEA-1": 2, "CUP-1": 0},
        ("20.00", "20.00", "0.00"),
    )


async def test_orders_that_are_off_or_closed_are_not_edited(counter: Counter, till: Till) -> None:
    bought = await counter.bought(2)
    await till.cancel(bought.key, bought.token)
    assert codes(await edit(bought, 1)) == ["ORDER_NOT_EDITABLE"]
    other = await counter.buy([(await till.stock(sku="CUP-1"), 2)])
    await other.deliver()
    await till.pass_time(days=15)
    assert codes(await edit(other, 1)) == ["ORDER_NOT_EDITABLE"]


async def test_the_same_edit_again_changes_nothing_twice(counter: Counter) -> None:
    bought = await counter.bought(3)
    cup = await counter.till.stock(sku="CUP-1", price="1.00")
    wish = {"added": [of(cup)], "idempotencyKey": "once"}
    first = await edit(bought, 2, **wish)
    before = await counter.till.shop.snapshot()
    assert await edit(bought, 2, **wish) == first
    assert await counter.till.shop.snapshot() == before


@pytest.mark.slow
async def test_a_return_is_exchanged_for_something_dearer(counter: Counter) -> None:
    bought = await counter.bought(3)
    await bought.deliver()
    cup = await counter.till.stock(sku="CUP-1", price="12.50")
    key = await bought.send_back(2)
    early = await counter.act("exchangeReturn", returnId=key, added=[of(cup)])
    assert codes(early) == ["RETURN_NOT_EXCHANGEABLE"]
    await counter.act("inspectReturn", returnId=key)
    done = await counter.act("exchangeReturn", returnId=key, added=[of(cup, 2)])
    assert (codes(done), money(done)) == ([], ("35.00", "30.00", "5.00"))
    assert done["order"]["returns"][0]["state"] == "EXCHANGED"
    assert [one["quantity"] for one in done["order"]["lines"]] == [1, 2]
    assert done["order"]["fulfilmentState"] == "PARTIALLY_DELIVERED"
    assert await taken(counter) == {"TEA-1": 1, "CUP-1": 2}
    assert codes(await bought.pack()) == ["ORDER_ON_HOLD"]
    await counter.till.pay(bought.key, bought.token)
    await bought.pack()
    (_, parcel) = await bought.parcels()
    await counter.act("shipFulfilment", fulfilmentId=parcel)
    done = await counter.act("deliverFulfilment", fulfilmentId=parcel)
    assert done["order"]["fulfilmentState"] == "DELIVERED"
    assert codes(await bought.request(1)) == []
    assert codes(await bought.request(1)) == ["RETURN_QUANTITY_TOO_LARGE"]
    await counter.till.check_books()


@pytest.mark.slow
async def test_a_return_is_exchanged_for_something_cheaper(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    cup = await counter.till.stock(sku="CUP-1", price="7.50")
    key = await bought.send_back(1)
    await counter.act("inspectReturn", returnId=key)
    none = await counter.act("exchangeReturn", returnId=key, added=[])
    assert codes(none) == ["ORDER_EDIT_EMPTY"]
    done = await counter.act("exchangeReturn", returnId=key, added=[of(cup)])
    assert money(done) == ("17.50", "17.50", "0.00")
    again = await counter.act("refundReturn", returnId=key)
    assert codes(again) == ["RETURN_NOT_REFUNDABLE"]
    await counter.till.check_books()


@pytest.mark.parametrize(
    ("change", "invariants"),
    [
        ("UPDATE order_line SET quantity = quantity + 1", {"I2"}),
        ("UPDATE order_adjustment SET amount_minor = 0", {"I13"}),
        ('UPDATE "order" SET holds = NULL', {"I10"}),
    ],
)
async def test_edits_that_were_changed_by_hand_are_found(
    shop: Any, change: str, invariants: set[str]
) -> None:
    till = Till(shop)
    counter = Counter(till)
    bought = await counter.bought(3)
    await edit(bought, 2, added=[of(await till.stock(sku="CUP-1", price="12.50"))])
    assert await till.audit() == []
    await shop.shop.database.transact(lambda db: db.execute(text(change)))
    assert {one.invariant for one in await till.audit()} == invariants


@pytest.mark.slow
@pytest.mark.parametrize("restocked", [0, 1])
async def test_an_order_whose_units_were_exchanged_is_not_cancelled(
    counter: Counter, restocked: int
) -> None:
    """What broke on its way is not in the house: to let go of it would sell it again."""
    bought = await counter.bought(1)
    cup = await counter.till.stock(sku="CUP-1", price="10.00")
    await bought.deliver()
    key = await bought.send_back(1)
    found = [{"lineId": bought.lines[0], "accepted": 1, "restocked": restocked}]
    await counter.act("inspectReturn", returnId=key, lines=found)
    assert codes(await counter.act("exchangeReturn", returnId=key, added=[of(cup)])) == []
    before = await taken(counter)
    done = await counter.till.cancel(bought.key, bought.token)
    assert codes(done) == ["ORDER_PARTLY_FULFILLED"]
    assert await taken(counter) == before == {"TEA-1": 1 - restocked, "CUP-1": 1}
    done = await counter.act("cancelOrder", orderId=bought.id, reason="it is gone")
    assert codes(done) == ["ORDER_PARTLY_FULFILLED"]


@pytest.mark.slow
async def test_an_order_that_was_exchanged_is_edited_to_nothing_and_closed(
    counter: Counter,
) -> None:
    """It was sent once, so it is not cancelled; what came instead need not be sent."""
    bought = await counter.bought(1)
    cup = await counter.till.stock(sku="CUP-1", price="10.00")
    await bought.deliver()
    key = await bought.send_back(1)
    await counter.act("inspectReturn", returnId=key)
    done = await counter.act("exchangeReturn", returnId=key, added=[of(cup)])
    (instead,) = [one["id"] for one in done["order"]["lines"] if one["sku"] == "CUP-1"]
    refused = await counter.act("cancelOrder", orderId=bought.id, reason="enough")
    assert codes(refused) == ["ORDER_PARTLY_FULFILLED"]
    gone = [{"lineId": instead, "quantity": 0}]
    done = await counter.act("editOrder", orderId=bought.id, lines=gone)
    assert (codes(done), money(done)) == ([], ("0.00", "0.00", "0.00"))
    assert await taken(counter) == {"TEA-1": 0, "CUP-1": 0}
    await counter.till.pass_time(days=60)
    await counter.till.work()
    async with counter.till.shop.context(viewer=STAFF) as ctx:
        order = await service.find_any_order(ctx, order_id=bought.key)
    assert order is not None
    assert order.state is OrderState.CLOSED
    await counter.till.check_books()


async def test_an_edit_that_is_refused_holds_nothing(counter: Counter) -> None:
    bought = await counter.bought(1)
    cup = await counter.till.stock(sku="CUP-1", price="5.00")
    before = await taken(counter)

    def refuse(place: str) -> None:
        if place == "order.edit.reserved":
            raise OrderNotEditable(state="changed meanwhile")

    with planned(refuse):
        refused = await edit(bought, added=[of(cup, 3)])
    assert codes(refused) == ["ORDER_NOT_EDITABLE"]
    assert await taken(counter) == before == {"TEA-1": 1, "CUP-1": 0}
    done = await edit(bought, added=[of(cup, 10)])
    assert codes(done) == []
    assert await taken(counter) == {"TEA-1": 1, "CUP-1": 10}
