"""What a guest has becomes the member's at login; addresses, names, and what others see."""

from typing import Any

import pytest
from core.tests.login.gate import ERRORS, LIN, LOGIN, MEI, Gate, codes

from koipond.kernel.ids import VariantId, encode

pytestmark = pytest.mark.story

ADD = "mutation($i: AddToCartInput!) { done: addToCart(input: $i) { token userErrors { code } } }"
CART = "query($t: String!) { cart(token: $t) { lines { quantity } } }"
PLACE = """mutation($i: PlaceOrderInput!) { done: placeOrder(input: $i) {
  order { id number shippingAddress { line1 city } } token userErrors { code } } }"""
ORDER = "query($id: ID!) { order(id: $id) { number } }"
HOME = {"line1": "1 Tea Road", "city": "Hangzhou", "country": "CN"}


async def cart(gate: Gate, token: str | None = None) -> str:
    """Return the token of a cart with one tea in it."""
    made = await gate.shop.make_product()
    (variant,) = made.variants.values()
    given = {"variantId": encode(VariantId, variant)}
    answer = await gate.ask(ADD, token=token, i=given)
    found: str = answer["data"]["done"]["token"]
    return found


async def place(gate: Gate, cart_token: str, token: str | None = None, **contact: str) -> Any:
    """Place a cart; returns the order."""
    given = {
        "token": cart_token,
        "contact": contact,
        "shippingAddress": HOME,
        "idempotencyKey": "01950000-0000-4000-8000-000000000001",
    }
    answer = await gate.ask(PLACE, token=token, i=given)
    assert answer["data"]["done"]["userErrors"] == [], answer
    return answer["data"]["done"]["order"]


async def enter(gate: Gate, address: str, **more: str) -> str:
    """Log in by a code; returns an access token."""
    await gate.do("requestLoginCode", ERRORS, address=address)
    given = {"address": address, "code": await gate.code(), **more}
    done = await gate.do("logInWithCode", LOGIN, **given)
    assert codes(done) == []
    token: str = done["accessToken"]
    return token


async def sees(gate: Gate, order: dict[str, Any], token: str) -> bool:
    answer = await gate.ask(ORDER, token=token, id=order["id"])
    found: bool = answer["data"]["order"] is not None
    return found


async def test_the_cart_of_a_guest_becomes_the_members(gate: Gate) -> None:
    held = await cart(gate)
    lin = await enter(gate, LIN, cartToken=held)
    mei = await enter(gate, MEI, cartToken=held)
    seen = [
        (await gate.ask(CART, token=token, t=held))["data"]["cart"] for token in (lin, mei, None)
    ]
    assert seen == [{"lines": [{"quantity": 1}]}, None, None]


async def test_orders_with_a_proved_address_become_the_members(gate: Gate) -> None:
    order = await place(gate, await cart(gate), email=LIN)
    (guest,) = await gate.shop.rows("member")
    (before,) = await gate.shop.rows("order")
    lin, mei = await enter(gate, LIN), await enter(gate, MEI)
    assert [await sees(gate, order, token) for token in (lin, mei)] == [True, False]
    (after,) = await gate.shop.rows("order")
    # The guest themselves is registered now; nobody is counted for anew.
    assert (after["member_id"], after["subject_id"]) == (guest["id"], before["subject_id"])


async def test_orders_of_before_follow_who_has_an_account_already(gate: Gate) -> None:
    lin = await enter(gate, LIN)
    order = await place(gate, await cart(gate), email=LIN)
    (before,) = await gate.shop.rows("order")
    assert not await sees(gate, order, lin)
    again = await enter(gate, LIN)
    assert await sees(gate, order, again)
    (after,) = await gate.shop.rows("order")
    assert after["subject_id"] == before["subject_id"]


async def test_an_address_that_was_only_typed_gives_nobody_an_order(gate: Gate) -> None:
    """A guest who gave two addresses: who proves one of them gets the orders with that one only."""
    phone = "+8613800000000"
    first = await place(gate, await cart(gate), email=LIN, phone=phone)
    products = (await gate.ask(VARIANTS))["data"]["products"]["nodes"]
    second_cart = await gate.ask(ADD, i={"variantId": products[0]["variants"][0]["id"]})
    given = {
        "token": second_cart["data"]["done"]["token"],
        "contact": {"email": LIN},
        "shippingAddress": HOME,
        "idempotencyKey": "01950000-0000-4000-8000-000000000002",
    }
    second = (await gate.ask(PLACE, i=given))["data"]["done"]["order"]
    token = await enter(gate, phone)
    assert [await sees(gate, one, token) for one in (first, second)] == [True, False]
    owner = await enter(gate, LIN)
    assert [await sees(gate, one, owner) for one in (first, second)] == [False, True]


VARIANTS = "{ products(first: 1) { nodes { variants { id } } } }"
ADDRESS = f"address {{ id line1 city country phone isDefault }} {ERRORS}"
MINE = "{ me { name locale card { name } addresses { id line1 isDefault } } }"


async def add(gate: Gate, token: str, line1: str, **more: Any) -> Any:
    document = f"mutation($i: AddAddressInput!) {{ done: addAddress(input: $i) {{ {ADDRESS} }} }}"
    answer = await gate.ask(document, token=token, i={"address": HOME | {"line1": line1}, **more})
    return answer["data"]["done"]["address"]


async def mine(gate: Gate, token: str) -> Any:
    return (await gate.ask(MINE, token=token))["data"]["me"]


async def test_one_of_a_members_addresses_is_the_default(gate: Gate) -> None:
    token = await enter(gate, LIN)
    home, work = await add(gate, token, "Home"), await add(gate, token, "Work", isDefault=True)
    assert (home["isDefault"], work["isDefault"]) == (True, True)
    found = [(one["line1"], one["isDefault"]) for one in (await mine(gate, token))["addresses"]]
    assert found == [("Work", True), ("Home", False)]
    document = "mutation($i: RemoveAddressInput!) { done: removeAddress(input: $i) { removedId } }"
    await gate.ask(document, token=token, i={"addressId": work["id"]})
    found = [(one["line1"], one["isDefault"]) for one in (await mine(gate, token))["addresses"]]
    assert found == [("Home", True)]


async def test_row_10_an_order_goes_to_an_address_of_its_buyers_own(gate: Gate) -> None:
    lin, mei = await enter(gate, LIN), await enter(gate, MEI)
    home = await add(gate, lin, "9 Lotus Lane")
    given = {
        "token": await cart(gate, lin),
        "contact": {"email": LIN},
        "addressId": home["id"],
        "idempotencyKey": "k-1",
    }
    before = await gate.shop.snapshot()
    for token in (mei, None):
        refused = (await gate.ask(PLACE, token=token, i=given))["data"]["done"]
        assert codes(refused) == ["ADDRESS_UNKNOWN"]
    missing = given | {"addressId": home["id"][:-1] + ("0" if home["id"][-1] != "0" else "1")}
    assert codes((await gate.ask(PLACE, token=lin, i=missing))["data"]["done"]) == [
        "ADDRESS_UNKNOWN"
    ]
    both = (await gate.ask(PLACE, token=lin, i=given | {"shippingAddress": HOME}))["data"]["done"]
    assert codes(both) == ["ADDRESS_AMBIGUOUS"]
    assert await gate.shop.snapshot() == before
    order = (await gate.ask(PLACE, token=lin, i=given))["data"]["done"]["order"]
    assert order["shippingAddress"] == {"line1": "9 Lotus Lane", "city": "Hangzhou"}


async def test_row_10_a_foreign_address_is_neither_changed_nor_removed(gate: Gate) -> None:
    lin, mei = await enter(gate, LIN), await enter(gate, MEI)
    home = await add(gate, lin, "9 Lotus Lane")
    before = await gate.shop.rows("member_address")
    change = (
        "mutation($i: UpdateAddressInput!) { done: updateAddress(input: $i) "
        "{ userErrors { code } } }"
    )
    remove = (
        "mutation($i: RemoveAddressInput!) { done: removeAddress(input: $i) "
        "{ userErrors { code } } }"
    )
    given = {"addressId": home["id"]}
    changed = await gate.ask(change, token=mei, i=given | {"address": HOME})
    removed = await gate.ask(remove, token=mei, i=given)
    assert [codes(one["data"]["done"]) for one in (changed, removed)] == [["ADDRESS_UNKNOWN"]] * 2
    assert await gate.shop.rows("member_address") == before


async def test_a_member_says_what_they_are_called_and_others_see_less(gate: Gate) -> None:
    token = await enter(gate, LIN)
    for name, seen in (("Lin Wang", "Lin W."), ("王小明", "王**"), ("Lin", "Lin")):
        done = await gate.do(
            "updateMember", f"member {{ name }} {ERRORS}", token=token, name=name, locale="zh-Hans"
        )
        assert done == {"member": {"name": name}, "userErrors": []}
        found = await mine(gate, token)
        assert (found["card"]["name"], found["locale"]) == (seen, "zh-Hans")
    refused = await gate.do("updateMember", ERRORS, token=token, name="x" * 201)
    assert codes(refused) == ["MEMBER_INVALID"]


async def test_what_is_over_is_dropped_after_a_month(gate: Gate) -> None:
    await enter(gate, LIN)
    await gate.do("requestPasswordReset", ERRORS, address=LIN)
    for days in (29, 70):
        gate.shop.clock.advance(days=days)
        await gate.work()
    tables = ("login_session", "login_code", "purpose_token")
    assert [await gate.shop.rows(table) for table in tables] == [[], [], []]
