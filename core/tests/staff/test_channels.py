"""Who looks after some channels sees and changes nothing of another."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from core.tests.order.counter import Counter
from core.tests.payment.till import Till, codes, tender

from koipond.kernel.ids import (
    FulfilmentId,
    OrderId,
    PaymentId,
    RefundId,
    ReturnId,
    encode,
    new_id,
)
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.settings import ChannelSettings
from koipond_sdk.testing import STAFF, running_shop

pytestmark = pytest.mark.story

CHANNELS = tuple(
    ChannelSettings(code=code, name=code, currencies=("EUR",), locales=("en",))
    for code in ("main", "eu")
)
HELD = ("order.read", "order.write", "payment.write", "channel.write")
ACTS = ("order.read", "order.write", "fulfilment.write", "return.write", "payment.write")
NOBODY = {
    word: encode(kind, kind(UUID(int=7)))
    for word, kind in (
        ("FULFILMENT", FulfilmentId),
        ("RETURN", ReturnId),
        ("PAYMENT", PaymentId),
        ("REFUND", RefundId),
        ("ORDER", OrderId),
    )
}
ORDER = "query($id: ID) { order(id: $id) { id } }"
ORDERS = "{ orders { nodes { id } } }"
REFUND = """mutation($input: RefundOrderInput!) { done: refundOrder(input: $input) {
  order { id } userErrors { code message } } }"""
CANCEL = """mutation($input: CancelOrderInput!) { done: cancelOrder(input: $input) {
  order { id } userErrors { code message } } }"""
EDIT = """mutation($input: EditOrderInput!) { done: editOrder(input: $input) {
  order { id } userErrors { code message } } }"""
CLEAR = """mutation($input: ClearOrderAttentionInput!) { done: clearOrderAttention(input: $input) {
  order { id } userErrors { code message } } }"""
SET_CHANNEL = """mutation($input: SetChannelInput!) { done: setChannel(input: $input) {
  channel { name } userErrors { code message } } }"""


@pytest_asyncio.fixture
async def till(database_url: str) -> AsyncIterator[Till]:
    async with running_shop(database_url, channels=CHANNELS) as shop:
        yield Till(shop)


def only_in(channel: str, *permissions: str) -> Viewer:
    held = frozenset(permissions or HELD)
    return Viewer(
        kind=ViewerKind.STAFF,
        id=new_id(),
        permissions=held,
        limited=dict.fromkeys(held, frozenset({channel})),
    )


async def sell(till: Till) -> str:
    """Sell in channel main; returns the order's id."""
    placed = await till.place(await till.stock(price="10.00"), tender())
    key: str = placed["order"]["id"]
    return key


async def ask(till: Till, document: str, viewer: Viewer, **given: Any) -> Any:
    answer = await till.shop.graphql(document, given, viewer=viewer, admin=True)
    assert "errors" not in answer, answer
    return answer["data"]


async def test_orders_of_another_channel_are_as_if_there_were_none(till: Till) -> None:
    order = await sell(till)
    here, there = only_in("main"), only_in("eu")
    assert await ask(till, ORDER, here, id=order) == {"order": {"id": order}}
    assert await ask(till, ORDER, there, id=order) == {"order": None}
    assert await ask(till, ORDERS, here) == {"orders": {"nodes": [{"id": order}]}}
    assert await ask(till, ORDERS, there) == {"orders": {"nodes": []}}


async def test_what_is_asked_of_a_foreign_order_is_answered_like_one_that_is_not_there(
    till: Till,
) -> None:
    order = await sell(till)
    there = only_in("eu")
    # They may look at all orders, and act in their own channel.
    looker = Viewer(
        kind=there.kind,
        id=new_id(),
        permissions=there.permissions,
        limited={name: one for name, one in there.limited.items() if name != "order.read"},
    )
    assert await ask(till, ORDER, looker, id=order) == {"order": {"id": order}}
    money = {"amount": "1.00", "currency": "EUR"}
    key = {"idempotencyKey": str(uuid4())}
    before = await till.shop.snapshot()
    nobody = "ord_01k0000000e008000000000001"
    for document, given in [
        (REFUND, {"amount": money, **key}),
        (CANCEL, {}),
        (EDIT, {"lines": [], **key}),
        (CLEAR, {}),
    ]:
        for viewer in (there, looker):
            told = [
                (await ask(till, document, viewer, input={"orderId": one, **given}))["done"]
                for one in (order, nobody)
            ]
            assert codes(told[0]) == ["ORDER_UNKNOWN"], document
            assert told[0] == told[1]
    assert await till.shop.snapshot() == before
    done = await ask(
        till, REFUND, only_in("main"), input={"orderId": order, "amount": money, **key}
    )
    assert codes(done["done"]) == []


@pytest.mark.slow
async def test_what_belongs_to_a_foreign_order_is_as_if_there_were_none(till: Till) -> None:
    bought = await Counter(till).bought(3)
    await bought.deliver()
    returned = await bought.send_back(1)
    parcel = (await Counter(till).act("createFulfilment", orderId=await sell(till)))["order"]
    (paid,) = await till.payments(bought.key)
    payment = encode(PaymentId, paid.id)
    done = await Counter(till).act(
        "refundOrder", orderId=bought.id, amount={"amount": "1.00", "currency": "EUR"}
    )
    assert codes(done) == []
    (refund,) = await till.shop.rows("refund")
    key = {"idempotencyKey": str(uuid4())}
    ours, theirs = only_in("main", *ACTS), only_in("eu", *ACTS)
    asked: list[tuple[str, dict[str, Any], str]] = [
        *(
            (name, {"fulfilmentId": parcel["fulfilments"][0]["id"], **more}, "FULFILMENT")
            for name, more in [
                ("shipFulfilment", key),
                ("deliverFulfilment", {}),
                ("readyFulfilment", {}),
                ("renewPickUpCode", {}),
                ("collectFulfilment", {"code": "123456", **key}),
                ("cancelFulfilment", {}),
            ]
        ),
        *(
            (name, {"returnId": returned, **more}, "RETURN")
            for name, more in [
                ("approveReturn", {}),
                ("rejectReturn", {}),
                ("receiveReturn", {}),
                ("inspectReturn", key),
                ("refundReturn", key),
                ("cancelReturn", {}),
                ("exchangeReturn", {"added": [], **key}),
            ]
        ),
        ("capturePayment", {"paymentId": payment, **key}, "PAYMENT"),
        ("voidPayment", {"paymentId": payment}, "PAYMENT"),
        (
            "retryRefund",
            {"refundId": encode(RefundId, RefundId(UUID(str(refund["id"])))), **key},
            "REFUND",
        ),
        ("createFulfilment", {"orderId": bought.id, **key}, "ORDER"),
        (
            "requestReturn",
            {"orderId": bought.id, "lines": [], **key},
            "ORDER",
        ),
    ]
    before = await till.shop.snapshot()
    for name, given, word in asked:
        document = (
            f"mutation($input: {name[0].upper()}{name[1:]}Input!) "
            f"{{ done: {name}(input: $input) {{ userErrors {{ code message }} }} }}"
        )
        subject = next(one for one in given if one.endswith("Id"))
        nobody = {**given, subject: NOBODY[word]}
        told = [(await ask(till, document, theirs, input=one))["done"] for one in (given, nobody)]
        assert codes(told[0]) == [f"{word}_UNKNOWN"], name
        assert told[0] == told[1], name
        assert await till.shop.snapshot() == before, name
        mine = (await ask(till, document, ours, input=given))["done"]
        assert codes(mine) != [f"{word}_UNKNOWN"], name
        before = await till.shop.snapshot()
    returns = "{ returns { nodes { id } } }"
    assert await ask(till, returns, ours) == {"returns": {"nodes": [{"id": returned}]}}
    assert await ask(till, returns, theirs) == {"returns": {"nodes": []}}


async def test_what_knows_no_channels_is_closed_to_them(till: Till) -> None:
    viewer = only_in("main", "stock.write")
    count = """mutation { adjustStock(input: {variantId: "var_x", delta: 1, reference: "x",
      idempotencyKey: "x"}) { userErrors { code } } }"""
    answer = await till.shop.graphql(count, viewer=viewer, admin=True)
    assert answer["errors"][0]["extensions"]["code"] == "PERMISSION_LIMITED"


async def test_another_channel_is_not_theirs_to_change(till: Till) -> None:
    given = {"code": "main", "name": "Mine"}
    refused = (await ask(till, SET_CHANNEL, only_in("eu"), input=given))["done"]
    assert refused["userErrors"] == [
        {
            "code": "CHANNEL_NOT_HELD",
            "message": "You hold channel.write in eu, and not in main. Ask somebody who does.",
        }
    ]
    done = (await ask(till, SET_CHANNEL, only_in("main"), input=given))["done"]
    assert done["channel"] == {"name": "Mine"}
    assert (await ask(till, SET_CHANNEL, STAFF, input=given))["done"]["userErrors"] == []


RECORDS = """query($subject: String!) { auditRecords(filter: {subject: $subject}) {
  nodes { before after } } }"""


def named(mutation: str, fields: str) -> str:
    kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
    errors = "userErrors { code message }"
    return f"mutation($input: {kind}) {{ done: {mutation}(input: $input) {{ {fields} {errors} }} }}"


async def test_prices_are_set_in_the_own_channel_and_others_are_not_seen(till: Till) -> None:
    variant = await till.stock(price="10.00")
    ours, theirs = only_in("main", "catalog.write"), only_in("eu", "catalog.write")
    price = {"variantId": variant, "channel": "main", "amount": "9.00", "currency": "EUR"}
    money = {"amount": "8.00", "currency": "EUR"}
    rule = {"variantId": variant, "channel": "main", "price": money, "fromQuantity": 2}
    set_price = named("setPrice", "variant { id priceRules { id channel } }")
    set_rule = named("setPriceRule", "variant { priceRules { id channel } }")
    remove = named("removePriceRule", "variant { id }")
    before = await till.shop.snapshot()
    for document, given in ((set_price, price), (set_rule, rule)):
        done = (await ask(till, document, theirs, input=given))["done"]
        assert codes(done) == ["CHANNEL_NOT_HELD"]
    assert await till.shop.snapshot() == before
    assert codes((await ask(till, set_price, ours, input=price))["done"]) == []
    made = (await ask(till, set_rule, ours, input=rule))["done"]["variant"]["priceRules"]
    assert [one["channel"] for one in made] == ["main"]
    foreign = (await ask(till, set_price, theirs, input=price | {"channel": "eu"}))["done"]
    assert foreign == {"variant": {"id": variant, "priceRules": []}, "userErrors": []}
    nobody = "rule_01k0000000e008000000000001"
    told = [
        (await ask(till, remove, theirs, input={"id": one}))["done"]
        for one in (made[0]["id"], nobody)
    ]
    assert [codes(one) for one in told] == [["PRICE_RULE_UNKNOWN"]] * 2
    assert codes((await ask(till, remove, ours, input={"id": made[0]["id"]}))["done"]) == []
    told = await ask(till, RECORDS, STAFF, subject=variant)
    changes = [(one["before"], one["after"]) for one in told["auditRecords"]["nodes"]]
    name = "price_minor main EUR"
    assert ({name: 1000}, {name: 900}) in changes


async def test_shipping_is_of_its_channel(till: Till) -> None:
    ours, theirs = (only_in(one, "shipping.read", "shipping.write") for one in ("main", "eu"))
    given = {
        "channel": "main",
        "code": "post",
        "name": [{"locale": "en", "text": "Post"}],
        "rates": [{"price": {"amount": "3.00", "currency": "EUR"}}],
    }
    document = named("setShippingMethod", "shippingMethod { code }")
    methods = """{ shippingMethods(channel: "main") { code } }"""
    before = await till.shop.snapshot()
    refused = (await ask(till, document, theirs, input=given))["done"]
    assert codes(refused) == ["CHANNEL_NOT_HELD"]
    assert await till.shop.snapshot() == before
    assert codes((await ask(till, document, ours, input=given))["done"]) == []
    assert await ask(till, methods, ours) == {"shippingMethods": [{"code": "post"}]}
    answer = await till.shop.graphql(methods, viewer=theirs, admin=True)
    assert answer["errors"][0]["extensions"]["code"] == "CHANNEL_NOT_HELD"
