"""Buying through GraphQL, as a storefront does it, on both databases."""

from typing import Any
from uuid import uuid4

import pytest

from koipond.kernel.ids import VariantId, encode, new_id
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.order.types import OrderState
from koipond_sdk.testing import RunningShop

ORDER = """
  id number state
  total { amount currency } subtotal { amount } shipping { amount } paid { amount }
  lines { id sku name quantity unitPrice { amount } total { amount } }
  payments { state amount { amount } captured { amount } refunded { amount } }
"""
PAYLOAD = f"token order {{ {ORDER} }} userErrors {{ __typename code message field }}"
ADD = f"mutation($input: AddToCartInput!) {{ done: addToCart(input: $input) {{ {PAYLOAD} }} }}"
UPDATE = (
    f"mutation($input: UpdateCartLineInput!) {{ done: updateCartLine(input: $input) "
    f"{{ {PAYLOAD} }} }}"
)
CHECKOUT = (
    f"mutation($input: SetCheckoutInput!) {{ done: setCheckout(input: $input) {{ {PAYLOAD} }} }}"
)
PLACE = f"mutation($input: PlaceOrderInput!) {{ done: placeOrder(input: $input) {{ {PAYLOAD} }} }}"
PAY = f"mutation($input: PayOrderInput!) {{ done: payOrder(input: $input) {{ {PAYLOAD} }} }}"
CANCEL = (
    f"mutation($input: CancelOrderInput!) {{ done: cancelOrder(input: $input) {{ {PAYLOAD} }} }}"
)
CONTACT = {"name": "Lin", "email": "lin@example.org"}
SANDBOX = {"provider": "sandbox"}
DECLINED = {"provider": "sandbox", "data": [{"key": "outcome", "value": "declined"}]}


async def ask(shop: RunningShop, document: str, **given: Any) -> dict[str, Any]:
    """Send a mutation; returns its payload, with no error at the top."""
    answer = await shop.graphql(document, {"input": given})
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["done"]
    return payload


def key() -> str:
    return str(uuid4())


async def make_tea(shop: RunningShop, **given: Any) -> str:
    """Put a product of one variant on the shelf; returns the variant's outside id."""
    made = await shop.make_product(**({"sku": "TEA-1", "price": "12.50", "stock": 5} | given))
    return encode(VariantId, made.variants[given.get("sku", "TEA-1")])


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def place(shop: RunningShop, variant: str, quantity: int = 1, **given: Any) -> dict[str, Any]:
    """Place lines in one request, as a guest."""
    wish = {
        "lines": [{"variantId": variant, "quantity": quantity}],
        "contact": CONTACT,
        "idempotencyKey": key(),
    }
    return await ask(shop, PLACE, **(wish | given))


async def test_a_guest_buys_with_a_cart_and_the_order_ends_confirmed(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    cart = await ask(shop, ADD, variantId=tea, quantity=2)
    assert cart["order"]["state"] == "CART"
    assert cart["order"]["total"] == {"amount": "25.00", "currency": "EUR"}
    done = await ask(shop, CHECKOUT, token=cart["token"], contact=CONTACT)
    assert codes(done) == []
    bought = await ask(shop, PLACE, token=cart["token"], payment=SANDBOX, idempotencyKey=key())
    assert codes(bought) == []
    order = bought["order"]
    assert (order["state"], order["paid"]) == ("CONFIRMED", {"amount": "25.00"})
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [("TEA-1", 2)]
    assert [one["state"] for one in order["payments"]] == ["CAPTURED"]
    assert await stock_of(shop) == [(5, 2)]


async def test_lines_with_contact_and_payment_are_the_whole_checkout(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    bought = await place(shop, tea, 3, payment=SANDBOX)
    assert (codes(bought), bought["order"]["state"]) == ([], "CONFIRMED")
    assert bought["order"]["total"] == {"amount": "37.50", "currency": "EUR"}


async def test_an_order_tells_what_happened_in_the_order_in_which_it_did(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    await place(shop, tea, payment=SANDBOX)
    events = sorted(
        await shop.rows("outbox_event"), key=lambda row: (row["aggregate_id"], row["seq"])
    )
    told = [(row["name"], row["seq"]) for row in events if row["name"] != "MemberCreated"]
    assert told == [("OrderPlaced", 1), ("PaymentCaptured", 2), ("OrderConfirmed", 3)]


async def test_the_same_request_again_gets_the_same_answer_and_changes_nothing(
    shop: RunningShop,
) -> None:
    tea = await make_tea(shop)
    wish = {
        "lines": [{"variantId": tea, "quantity": 2}],
        "contact": CONTACT,
        "payment": SANDBOX,
        "idempotencyKey": key(),
    }
    first = await ask(shop, PLACE, **wish)
    before = await shop.snapshot()
    assert await ask(shop, PLACE, **wish) == first
    assert await shop.snapshot() == before


async def test_the_same_key_with_another_request_is_refused(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    same = key()
    await place(shop, tea, 1, idempotencyKey=same)
    before = await shop.snapshot()
    refused = await place(shop, tea, 2, idempotencyKey=same)
    assert codes(refused) == ["IDEMPOTENCY_KEY_REUSED"]
    assert await shop.snapshot() == before


async def test_a_guest_who_orders_lines_needs_a_key_that_nobody_guesses(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    before = await shop.snapshot()
    refused = await place(shop, tea, idempotencyKey="1")
    assert codes(refused) == ["IDEMPOTENCY_KEY_INVALID"]
    assert await shop.snapshot() == before


async def test_a_placed_cart_is_not_placed_again_under_another_key(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    cart = await ask(shop, ADD, variantId=tea)
    wish = {"token": cart["token"], "contact": CONTACT}
    first = await ask(shop, PLACE, **wish, idempotencyKey=key())
    refused = await ask(shop, PLACE, **wish, idempotencyKey=key())
    assert codes(refused) == ["CART_ALREADY_PLACED"]
    assert len(await shop.rows("order")) == 1
    assert first["order"]["id"] == cart["order"]["id"]


@pytest.mark.one_database
@pytest.mark.parametrize("quantity", [0, -1, 10_000, 2**31, 2**63])
async def test_a_quantity_out_of_range_is_refused(shop: RunningShop, quantity: int) -> None:
    tea = await make_tea(shop)
    before = await shop.snapshot()
    for refused in (
        await ask(shop, ADD, variantId=tea, quantity=quantity),
        await place(shop, tea, quantity),
    ):
        assert codes(refused) == ["QUANTITY_OUT_OF_RANGE"]
        assert refused["order"] is None
        assert str(quantity) in refused["userErrors"][0]["message"]
    assert await shop.snapshot() == before


async def test_an_unknown_variant_is_refused(shop: RunningShop) -> None:
    before = await shop.snapshot()
    strange = encode(VariantId, VariantId(new_id()))
    assert codes(await ask(shop, ADD, variantId=strange)) == ["VARIANT_UNKNOWN"]
    refused = await place(shop, strange)
    assert codes(refused) == ["VARIANT_UNKNOWN"]
    assert refused["userErrors"][0]["field"] == "lines.0.variantId"
    assert codes(await ask(shop, ADD, variantId="prod_123")) == ["ID_INVALID"]
    assert await shop.snapshot() == before


async def test_a_variant_without_a_price_in_this_currency_is_refused(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    before = await shop.snapshot()
    answer = await shop.graphql(ADD, {"input": {"variantId": tea}}, headers={"Koi-Currency": "CNY"})
    (error,) = answer["data"]["done"]["userErrors"]
    assert error["code"] == "VARIANT_NOT_PRICED"
    assert "TEA-1 has no price in CNY" in error["message"]
    assert await shop.snapshot() == before


async def test_an_order_of_nothing_is_refused(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    cart = await ask(shop, ADD, variantId=tea)
    line = cart["order"]["lines"][0]["id"]
    emptied = await ask(shop, UPDATE, token=cart["token"], lineId=line, quantity=0)
    assert emptied["order"]["lines"] == []
    before = await shop.snapshot()
    wish = {"contact": CONTACT, "idempotencyKey": key()}
    assert codes(await ask(shop, PLACE, token=cart["token"], **wish)) == ["CART_EMPTY"]
    assert codes(await ask(shop, PLACE, lines=[], **wish)) == ["CART_EMPTY"]
    assert codes(await ask(shop, PLACE, **wish)) == ["LINES_AMBIGUOUS"]
    assert await shop.snapshot() == before


async def test_a_total_other_than_the_one_that_was_seen_is_refused(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    before = await shop.snapshot()
    for expected in (
        {"amount": "12.49", "currency": "EUR"},
        {"amount": "12.50", "currency": "CNY"},
    ):
        refused = await place(shop, tea, expectedTotal=expected)
        assert codes(refused) == ["QUOTE_CHANGED"]
        assert "The order costs 12.50 EUR" in refused["userErrors"][0]["message"]
    assert await shop.snapshot() == before
    seen = {"amount": "12.50", "currency": "EUR"}
    assert codes(await place(shop, tea, expectedTotal=seen)) == []


async def test_more_than_there_is_is_refused_with_what_is_left(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    before = await shop.snapshot()
    refused = await place(shop, tea, 6)
    assert codes(refused) == ["INSUFFICIENT_STOCK"]
    assert refused["userErrors"][0]["message"] == (
        "TEA-1: 6 requested, 5 can be had. Lower the quantity."
    )
    assert await shop.snapshot() == before


async def test_two_lines_of_one_variant_share_its_stock(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=1)
    before = await shop.snapshot()
    twice = [{"variantId": tea, "quantity": 1}, {"variantId": tea, "quantity": 1}]
    refused = await ask(shop, PLACE, lines=twice, contact=CONTACT, idempotencyKey=key())
    assert codes(refused) == ["INSUFFICIENT_STOCK"]
    assert await shop.snapshot() == before


async def test_what_the_order_lacks_is_named(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    before = await shop.snapshot()
    refused = await ask(
        shop, PLACE, lines=[{"variantId": tea, "quantity": 1}], idempotencyKey=key()
    )
    assert codes(refused) == ["CHECKOUT_INCOMPLETE"]
    assert "Still missing: contact" in refused["userErrors"][0]["message"]
    unknown = await place(shop, tea, payment={"provider": "moon"})
    assert codes(unknown) == ["PAYMENT_PROVIDER_UNKNOWN"]
    nobody = await place(shop, tea, contact={"name": "Lin"})
    assert codes(nobody) == ["CONTACT_INVALID"]
    method = await place(shop, tea, shippingMethod="drone")
    assert codes(method) == ["SHIPPING_METHOD_UNKNOWN"]
    assert await shop.snapshot() == before


async def test_a_declined_payment_leaves_the_order_to_be_paid_again(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    wish: dict[str, Any] = {"payment": DECLINED, "idempotencyKey": key()}
    placed = await place(shop, tea, 2, **wish)
    assert (codes(placed), placed["order"]["state"]) == (["PAYMENT_DECLINED"], "PLACED")
    assert await place(shop, tea, 2, **wish) == placed
    pay = {"orderId": placed["order"]["id"], "token": placed["token"]}
    paid = await ask(shop, PAY, **pay, provider="sandbox", idempotencyKey=key())
    assert (codes(paid), paid["order"]["state"]) == ([], "CONFIRMED")
    again = await ask(shop, PAY, **pay, provider="sandbox", idempotencyKey=key())
    assert [one["state"] for one in again["order"]["payments"]] == ["FAILED", "CAPTURED"]


async def test_an_order_is_seen_by_its_token_only(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    placed = await place(shop, tea)
    order_id = placed["order"]["id"]
    look = "query($id: ID, $token: String) { order(id: $id, token: $token) { id } }"
    seen = await shop.graphql(look, {"id": order_id, "token": placed["token"]})
    assert seen["data"]["order"] == {"id": order_id}
    for token in (None, "", "wrong"):
        hidden = await shop.graphql(look, {"id": order_id, "token": token})
        assert hidden == {"data": {"order": None}}
    (error,) = (await shop.graphql(look, {"token": placed["token"]}))["errors"]
    assert error["extensions"] == {"code": "NAMES_AMBIGUOUS", "names": "id, number"}
    before = await shop.snapshot()
    assert codes(await ask(shop, CANCEL, orderId=order_id)) == ["ORDER_UNKNOWN"]
    stolen = await ask(shop, PAY, orderId=order_id, provider="sandbox", idempotencyKey=key())
    assert codes(stolen) == ["ORDER_UNKNOWN"]
    assert await shop.snapshot() == before


async def test_a_cancelled_order_gives_back_its_units_and_its_money(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    bought = await place(shop, tea, 2, payment=SANDBOX)
    cancel = {"orderId": bought["order"]["id"], "token": bought["token"], "reason": "too much"}
    cancelled = await ask(shop, CANCEL, **cancel)
    order = cancelled["order"]
    assert (codes(cancelled), order["state"], order["paid"]) == (
        [],
        "CANCELLED",
        {"amount": "0.00"},
    )
    assert order["payments"][0]["refunded"] == {"amount": "25.00"}
    assert await stock_of(shop) == [(5, 0)]
    before = await shop.snapshot()
    assert await ask(shop, CANCEL, **cancel) == cancelled
    assert await shop.snapshot() == before
    dead = await ask(
        shop,
        PAY,
        orderId=order["id"],
        token=bought["token"],
        provider="sandbox",
        idempotencyKey=key(),
    )
    assert codes(dead) == ["ORDER_NOT_PAYABLE"]


async def test_a_member_sees_the_orders_of_their_own_and_no_others(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    placed = await place(shop, tea)
    (row,) = await shop.rows("member")
    lin = Viewer(kind=ViewerKind.MEMBER, id=row["id"])
    look = "{ me { email orders { nodes { id state } } } }"
    mine = await shop.graphql(look, viewer=lin)
    assert mine["data"]["me"] == {
        "email": "lin@example.org",
        "orders": {"nodes": [{"id": placed["order"]["id"], "state": "PLACED"}]},
    }
    node = "query($id: ID!) { node(id: $id) { id } }"
    assert (await shop.graphql(node, {"id": placed["order"]["id"]}, viewer=lin))["data"]["node"]
    stranger = Viewer(kind=ViewerKind.MEMBER, id=new_id())
    hidden = await shop.graphql(node, {"id": placed["order"]["id"]}, viewer=stranger)
    assert hidden == {"data": {"node": None}}


async def test_a_guest_who_comes_again_is_the_same_member(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    await place(shop, tea)
    await place(shop, tea, contact={"email": "LIN@example.org", "phone": "+86 138 0000 0000"})
    await place(shop, tea, contact={"phone": "+8613800000000"})
    assert len(await shop.rows("member")) == 1
    assert len({row["member_id"] for row in await shop.rows("order")}) == 1


async def test_a_free_order_is_confirmed_when_it_is_placed(shop: RunningShop) -> None:
    tea = await make_tea(shop, price="0.00")
    placed = await place(shop, tea)
    assert (placed["order"]["state"], placed["order"]["payments"]) == ("CONFIRMED", [])


async def test_a_cart_keeps_its_currency_whatever_the_header_says(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    cart = await ask(shop, ADD, variantId=tea)
    wish = {"token": cart["token"], "contact": CONTACT, "idempotencyKey": key()}
    answer = await shop.graphql(PLACE, {"input": wish}, headers={"Koi-Currency": "CNY"})
    assert answer["data"]["done"]["order"]["total"] == {"amount": "12.50", "currency": "EUR"}


async def test_a_cart_is_changed_line_by_line(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    cup = await make_tea(shop, sku="CUP-1", price="4.00")
    cart = await ask(shop, ADD, variantId=tea)
    cart = await ask(shop, ADD, variantId=cup, quantity=2, token=cart["token"])
    cart = await ask(shop, ADD, variantId=tea, quantity=2, token=cart["token"])
    assert [(line["sku"], line["quantity"]) for line in cart["order"]["lines"]] == [
        ("TEA-1", 3),
        ("CUP-1", 2),
    ]
    line = cart["order"]["lines"][1]["id"]
    cart = await ask(shop, UPDATE, token=cart["token"], lineId=line, quantity=5)
    assert cart["order"]["total"]["amount"] == "57.50"
    before = await shop.snapshot()
    unknown = encode(VariantId, VariantId(new_id())).replace("var_", "line_")
    refused = await ask(shop, UPDATE, token=cart["token"], lineId=unknown, quantity=5)
    assert codes(refused) == ["CART_LINE_UNKNOWN"]
    refused = await ask(shop, UPDATE, token="wrong", lineId=line, quantity=5)
    assert codes(refused) == ["CART_UNKNOWN"]
    assert await shop.snapshot() == before


async def test_an_order_keeps_its_price_when_the_price_list_changes(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    placed = await place(shop, tea)
    await make_tea(shop, price="99.00", stock=0)
    look = "query($id: ID, $token: String) { order(id: $id, token: $token) { total { amount } } }"
    seen = await shop.graphql(look, {"id": placed["order"]["id"], "token": placed["token"]})
    assert seen["data"]["order"]["total"]["amount"] == "12.50"


async def test_stored_adjustments_sum_to_the_stored_total(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    await place(shop, tea, 3)
    (order,) = await shop.rows("order")
    summed = sum(row["amount_minor"] for row in await shop.rows("order_adjustment"))
    assert (summed, order["state"]) == (order["total_minor"], OrderState.PLACED)


async def stock_of(shop: RunningShop) -> list[tuple[int, int]]:
    """What is in the house, and how much of it is taken."""
    (level,) = await shop.rows("stock_level")
    (quota,) = await shop.rows("quota")
    return [(level["on_hand"], quota["taken"])]


async def test_a_coupon_that_no_plugin_knows_is_refused(shop: RunningShop) -> None:
    tea = await make_tea(shop)
    cart = await ask(shop, ADD, variantId=tea)
    before = await shop.snapshot()
    refused = await ask(shop, CHECKOUT, token=cart["token"], couponCodes=["SPRING"])
    assert codes(refused) == ["COUPON_UNKNOWN"]
    assert codes(await place(shop, tea, couponCodes=["SPRING"])) == ["COUPON_UNKNOWN"]
    assert await shop.snapshot() == before


async def test_an_offer_is_what_the_price_list_says_while_no_plugin_sells(
    shop: RunningShop,
) -> None:
    await make_tea(shop)
    look = (
        "{ products { nodes { variants { offer { price { amount } was { amount } origin } } } } }"
    )
    seen = await shop.graphql(look)
    (product,) = seen["data"]["products"]["nodes"]
    assert product["variants"] == [
        {"offer": {"price": {"amount": "12.50"}, "was": None, "origin": "koipond"}}
    ]


async def test_a_total_that_no_column_holds_is_refused_and_changes_nothing(
    shop: RunningShop,
) -> None:
    tea = await make_tea(shop, price="92233720368547758.07")
    before = await shop.snapshot()
    payload = await place(shop, tea, 2)
    assert codes(payload) == ["TOTAL_TOO_LARGE"]
    assert await shop.snapshot() == before
    cart = await ask(shop, ADD, variantId=tea, quantity=2)
    assert cart["order"]["total"]["amount"] == "184467440737095516.14"
    assert codes(await place(shop, tea)) == []


async def test_more_lines_than_an_order_has_are_refused_before_any_is_looked_at(
    shop: RunningShop,
) -> None:
    tea = await make_tea(shop, stock=1_000)
    line = {"variantId": tea, "quantity": 1}
    assert codes(await place(shop, tea, lines=[line] * 201)) == ["TOO_MANY_LINES"]
    placed = await place(shop, tea, lines=[line] * 200)
    assert [one["quantity"] for one in placed["order"]["lines"]] == [200]
