"""Staff send an order elsewhere, before anything of it is packed."""

from typing import Any

import pytest
from core.tests.order.counter import Bought, Counter
from core.tests.payment.till import codes, tender

pytestmark = pytest.mark.story

HOME = {"line1": "1 Tea Road", "city": "Hangzhou", "country": "CN"}
THERE = HOME | {"line1": "2 Lake Road"}
CHANGE = """mutation($input: ChangeOrderAddressInput!) { done: changeOrderAddress(input: $input) {
  order { version total { amount } shippingAddress { line1 } edits { delta { amount } note } }
  userErrors { code message field } } }"""


async def sold(counter: Counter, **given: Any) -> Bought:
    tea = await counter.till.stock(price="10.00")
    placed = await counter.till.place(tea, tender(), **given)
    assert codes(placed) == [], placed
    return Bought(counter, placed)


async def change(counter: Counter, bought: Bought, **given: Any) -> dict[str, Any]:
    wish = {"orderId": bought.id, "shippingAddress": THERE}
    return await counter.till.staff(CHANGE, **(wish | given))


async def test_an_order_goes_elsewhere_and_costs_the_same(counter: Counter) -> None:
    bought = await sold(counter, shippingAddress=HOME)
    done = await change(counter, bought, note="Moved", expectedVersion=1)
    changed = {
        "version": 2,
        "total": {"amount": "10.00"},
        "shippingAddress": {"line1": "2 Lake Road"},
        "edits": [{"delta": {"amount": "0.00"}, "note": "Moved"}],
    }
    assert done == {"order": changed, "userErrors": []}
    before = await counter.till.shop.snapshot()
    # The same again changes nothing; what is of an earlier version neither.
    assert await change(counter, bought, note="Moved") == done
    assert codes(await change(counter, bought, expectedVersion=1)) == ["VERSION_CONFLICT"]
    assert await counter.till.shop.snapshot() == before
    assert await counter.events("OrderAddressChanged") == ["OrderAddressChanged"]


async def test_what_the_audit_keeps_of_it_is_no_address(counter: Counter) -> None:
    bought = await sold(counter, shippingAddress=HOME)
    await change(counter, bought)
    rows = await counter.till.shop.rows("audit_record")
    (record,) = [row for row in rows if row["operation"] == "changeOrderAddress"]
    assert record["subject"] == bought.id
    assert "Road" not in str(record)


async def test_what_is_packed_stays_where_it_is_sent(counter: Counter) -> None:
    bought = await sold(counter, shippingAddress=HOME)
    await bought.pack()
    before = await counter.till.shop.snapshot()
    (refused,) = (await change(counter, bought))["userErrors"]
    assert refused["code"] == "ORDER_ADDRESS_FIXED"
    assert refused["message"].startswith("1 parcels of the order are packed or sent.")
    assert await counter.till.shop.snapshot() == before
    (parcel,) = await bought.parcels()
    await counter.act("cancelFulfilment", fulfilmentId=parcel)
    assert codes(await change(counter, bought)) == []


async def test_another_country_or_no_address_is_refused(counter: Counter) -> None:
    bought = await sold(counter, shippingAddress=HOME)
    fetched = await sold(counter)
    off = await sold(counter, shippingAddress=HOME)
    await counter.act("cancelOrder", orderId=off.id)
    before = await counter.till.shop.snapshot()
    for one, address, code in [
        (bought, THERE | {"country": "DE"}, "ORDER_ADDRESS_ELSEWHERE"),
        (bought, THERE | {"region": "ZJ"}, "ORDER_ADDRESS_ELSEWHERE"),
        (bought, THERE | {"country": "?"}, "ADDRESS_INVALID"),
        (fetched, THERE, "ORDER_ADDRESS_FIXED"),
        (off, THERE, "ORDER_NOT_EDITABLE"),
    ]:
        assert codes(await change(counter, one, shippingAddress=address)) == [code]
    assert await counter.till.shop.snapshot() == before
