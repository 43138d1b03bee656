"""What went wrong elsewhere after the sale, each named after it; VEN 4811 and its
kin stand in test_edit_rules.py."""

import pytest
from core.tests.order.counter import Counter
from core.tests.payment.till import codes

pytestmark = pytest.mark.story


async def taken(counter: Counter) -> int:
    (quota,) = await counter.till.shop.rows("quota")
    return int(quota["taken"])


async def test_syl_18407_a_cancel_after_a_partial_refund_restocks_each_unit_once(
    counter: Counter,
) -> None:
    bought = await counter.bought(3)
    done = await counter.act("refundOrder", orderId=bought.id, lines=bought.units(1))
    assert (codes(done), await taken(counter)) == ([], 3)
    done = await counter.act("cancelOrder", orderId=bought.id)
    assert (codes(done), done["order"]["paid"]) == ([], {"amount": "0.00"})
    assert (await taken(counter), await counter.on_hand()) == (0, 10)
    before = await counter.till.shop.snapshot()
    await counter.act("cancelOrder", orderId=bought.id)
    assert await counter.till.shop.snapshot() == before


async def test_syl_18407_nor_does_a_cancel_after_an_edit_restock_twice(counter: Counter) -> None:
    bought = await counter.bought(3)
    lines = [{"lineId": bought.lines[0], "quantity": 1}]
    await counter.act("editOrder", orderId=bought.id, lines=lines)
    assert await taken(counter) == 1
    done = await counter.act("cancelOrder", orderId=bought.id)
    assert done["order"]["paid"] == {"amount": "0.00"}
    assert (await taken(counter), await counter.on_hand()) == (0, 10)


@pytest.mark.slow
async def test_eshop_221_a_unit_that_came_back_goes_to_the_shelf_once(counter: Counter) -> None:
    bought = await counter.bought(2)
    await bought.deliver()
    await bought.take_back(1)
    await bought.take_back(1)
    assert (await taken(counter), await counter.on_hand()) == (0, 10)
    assert codes(await bought.request(1)) == ["RETURN_QUANTITY_TOO_LARGE"]
    done = await counter.act("cancelOrder", orderId=bought.id)
    assert codes(done) == ["ORDER_PARTLY_FULFILLED"]
    assert (await taken(counter), await counter.on_hand()) == (0, 10)


async def test_ven_550_stock_is_lowered_once_however_often_a_move_is_asked_for(
    counter: Counter,
) -> None:
    bought = await counter.bought(2)
    await bought.ship()
    for parcel in await bought.parcels():
        await counter.act("shipFulfilment", fulfilmentId=parcel)
        await counter.act("deliverFulfilment", fulfilmentId=parcel)
        await counter.act("deliverFulfilment", fulfilmentId=parcel)
    assert await counter.on_hand() == 8
    rows = await counter.till.shop.rows("stock_movement")
    assert [row["delta"] for row in rows if row["reason"] == "shipment"] == [-2]


async def test_med_16502_two_lines_of_one_variant_are_sent_from_what_both_hold(
    counter: Counter,
) -> None:
    tea = await counter.till.stock(price="10.00", units=3)
    bought = await counter.buy([(tea, 2)])
    added = await counter.act(
        "editOrder", orderId=bought.id, added=[{"variantId": tea, "quantity": 1}]
    )
    assert codes(added) == []
    await counter.till.pay(bought.key, bought.token)
    done = await bought.ship()
    assert (codes(done), await counter.on_hand()) == ([], 0)
    assert [one["fulfilledQuantity"] for one in done["order"]["lines"]] == [2, 1]


@pytest.mark.slow
async def test_saleor_19811_a_refund_is_of_what_was_paid_for_the_units_and_no_guess(
    counter: Counter,
) -> None:
    """Three units for 100.00: 33.33, 33.33 and what remains."""
    tea = await counter.till.stock(price="33.33")
    cup = await counter.till.stock(sku="CUP-1", price="0.01")
    bought = await counter.buy([(tea, 3), (cup, 1)])
    await bought.deliver()
    paid = []
    for units in ((1, 0), (1, 0), (1, 1)):
        done = await bought.take_back(*units)
        paid.append(done["order"]["paid"]["amount"])
    assert paid == ["66.67", "33.34", "0.00"]
    await counter.till.check_books()
