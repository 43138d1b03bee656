"""What buyers tell plugins: with a line, with an order, and when nobody can read it any more."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from core.tests.order.engraving import PLUGIN, Engraved, Ribbon

from koipond.app import make_schemas
from koipond.kernel.ids import OrderId, VariantId, decode, encode
from koipond.kernel.inputs import InputTypes, Level
from koipond.kernel.quantity import Quantity
from koipond.kernel.viewer import GUEST
from koipond.order import repository, service
from koipond.order.service import quoting, tokens
from koipond.order.types import Cart, CheckoutDetails, LineWish
from koipond.plugin import service as plugins
from koipond_sdk.testing import RunningShop
from koipond_sdk.testing.shop import STAFF, running_shop

pytestmark = pytest.mark.one_database

PAYLOAD = """
  token
  order { id state lines { id sku quantity } problems { code message field } }
  userErrors { __typename code message field }
"""
CONTACT = {"name": "Lin", "email": "lin@example.org"}


@pytest_asyncio.fixture
async def shop(database_url: str) -> AsyncIterator[RunningShop]:
    async with running_shop(database_url, plugins=[PLUGIN]) as running:
        yield running


@pytest_asyncio.fixture
async def ring(shop: RunningShop) -> str:
    """The outside id of a variant of which there are plenty."""
    made = await shop.make_product(sku="RING-1", stock=100)
    return encode(VariantId, made.variants["RING-1"])


async def ask(shop: RunningShop, mutation: str, **given: Any) -> dict[str, Any]:
    """Send a mutation; returns its payload, with no error at the top."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = f"mutation($input: {kind}!) {{ done: {mutation}(input: $input) {{ {PAYLOAD} }} }}"
    answer = await shop.graphql(document, {"input": given})
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["done"]
    return payload


def engraved(text: str, **more: str) -> dict[str, Any]:
    return {"engraving": {"text": text, **more}}


def quantities(payload: dict[str, Any]) -> list[int]:
    return [line["quantity"] for line in payload["order"]["lines"]]


async def find_cart(shop: RunningShop, token: str) -> Cart:
    async with shop.shop.database.reading() as db:
        found = await repository.find_cart(db, tokens.hash_token(token), GUEST)
    assert found is not None
    return found


async def find_chosen(shop: RunningShop, cart: Cart) -> Any:
    async with shop.context() as ctx:
        return (await quoting.quote(ctx, cart.lines, cart.details)).chosen


def test_the_field_is_there_only_with_a_plugin_that_has_something_to_put_there() -> None:
    without, with_it = (str(make_schemas(one).storefront) for one in ((), (PLUGIN,)))
    assert "plugins:" not in without
    assert "PluginsInput" not in without
    assert "plugins: LinePluginsInput = null" in with_it
    assert with_it.count("plugins: LinePluginsInput = null") == 3
    assert with_it.count("plugins: OrderPluginsInput = null") == 2
    assert "input LinePluginsInput {\n  engraving: EngravingLineInput = null\n}" in with_it
    assert "input OrderPluginsInput {\n  engraving: EngravingOrderInput = null\n}" in with_it


async def test_what_a_line_is_told_is_kept_and_given_back_as_it_was_read(
    shop: RunningShop, ring: str
) -> None:
    done = await ask(shop, "addToCart", variantId=ring, plugins=engraved("For Lin"))
    cart = await find_cart(shop, done["token"])
    assert [line.inputs for line in cart.lines] == [
        {"engraving": {"text": "For Lin", "font": "serif"}}
    ]
    chosen = await find_chosen(shop, cart)
    assert chosen.lines == {cart.lines[0].id: {"engraving": Engraved(text="For Lin")}}
    assert chosen.order == {}


async def test_equal_inputs_are_one_line_and_different_ones_are_two(
    shop: RunningShop, ring: str
) -> None:
    first = await ask(shop, "addToCart", variantId=ring, plugins=engraved("A"))
    token = first["token"]
    for text in ("B", "A"):
        done = await ask(
            shop, "addToCart", token=token, variantId=ring, quantity=2, plugins=engraved(text)
        )
    assert quantities(done) == [3, 2]
    done = await ask(shop, "addToCart", token=token, variantId=ring)
    assert quantities(done) == [3, 2, 1]


async def test_a_field_that_is_null_says_as_little_as_one_that_is_left_out(
    shop: RunningShop, ring: str
) -> None:
    first = await ask(shop, "addToCart", variantId=ring)
    for nothing in (None, {}, {"engraving": None}):
        done = await ask(shop, "addToCart", token=first["token"], variantId=ring, plugins=nothing)
    assert quantities(done) == [4]


async def test_a_line_keeps_its_inputs_until_it_is_told_others(
    shop: RunningShop, ring: str
) -> None:
    first = await ask(shop, "addToCart", variantId=ring, plugins=engraved("A"))
    line = {"token": first["token"], "lineId": first["order"]["lines"][0]["id"]}
    for told, kept in (
        ({}, {"engraving": {"text": "A", "font": "serif"}}),
        ({"plugins": engraved("B", font="sans")}, {"engraving": {"text": "B", "font": "sans"}}),
        ({"plugins": {}}, {}),
    ):
        await ask(shop, "updateCartLine", **line, quantity=2, **told)
        cart = await find_cart(shop, first["token"])
        assert [(one.quantity, one.inputs) for one in cart.lines] == [(2, kept)]


async def test_a_line_that_becomes_like_another_goes_into_it(shop: RunningShop, ring: str) -> None:
    first = await ask(shop, "addToCart", variantId=ring, plugins=engraved("A"))
    token = first["token"]
    both = await ask(
        shop, "addToCart", token=token, variantId=ring, quantity=4, plugins=engraved("B")
    )
    second = both["order"]["lines"][1]["id"]
    done = await ask(
        shop, "updateCartLine", token=token, lineId=second, quantity=4, plugins=engraved("A")
    )
    assert [(one["id"], one["quantity"]) for one in done["order"]["lines"]] == [
        (first["order"]["lines"][0]["id"], 5)
    ]


async def test_what_an_order_is_told_is_kept_with_its_cart_until_it_is_told_something_else(
    shop: RunningShop, ring: str
) -> None:
    token = (await ask(shop, "addToCart", variantId=ring))["token"]
    for told, kept in (
        ({"plugins": {"engraving": {"ribbon": "blue"}}}, {"engraving": {"colour": "blue"}}),
        ({"contact": CONTACT}, {"engraving": {"colour": "blue"}}),
        ({"plugins": {"engraving": {}}}, {"engraving": {"colour": "red"}}),
        ({"plugins": {}}, {}),
    ):
        await ask(shop, "setCheckout", token=token, **told)
        assert (await find_cart(shop, token)).details.inputs == kept


async def test_lines_and_an_order_are_told_in_one_request(shop: RunningShop, ring: str) -> None:
    wish = {
        "lines": [
            {"variantId": ring, "plugins": engraved("A")},
            {"variantId": ring, "quantity": 2, "plugins": engraved("B")},
            {"variantId": ring, "quantity": 3, "plugins": engraved("A")},
        ],
        "plugins": {"engraving": {"ribbon": "blue"}},
        "contact": CONTACT,
        "idempotencyKey": str(uuid4()),
    }
    done = await ask(shop, "placeOrder", **wish)
    assert done["userErrors"] == []
    assert quantities(done) == [4, 2]
    assert await ask(shop, "placeOrder", **wish) == done
    order_id = decode(OrderId, done["order"]["id"])
    async with shop.shop.database.reading() as db:
        order = await repository.find_order(
            db, repository.visible_to_staff(None), order_id=order_id
        )
    assert order is not None
    assert order.details.inputs == {"engraving": {"colour": "blue"}}


async def test_the_same_key_with_another_input_is_another_request(
    shop: RunningShop, ring: str
) -> None:
    wish = {"contact": CONTACT, "idempotencyKey": str(uuid4())}
    first, other = [
        await ask(
            shop, "placeOrder", **wish, lines=[{"variantId": ring, "plugins": engraved(text)}]
        )
        for text in ("A", "B")
    ]
    assert first["userErrors"] == []
    assert [one["code"] for one in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


@pytest.mark.parametrize(
    ("mutation", "given", "where"),
    [
        ("addToCart", {"plugins": engraved("x" * 11)}, "plugins.engraving.text"),
        (
            "placeOrder",
            {
                "idempotencyKey": "5e0b6f6e-26a5-4f7e-a7f8-1c2b0c9ab9d3",
                "lines": [{}, {"plugins": engraved("x" * 11)}],
            },
            "lines.1.plugins.engraving.text",
        ),
    ],
)
async def test_what_a_plugin_refuses_of_its_input_says_where_and_changes_nothing(
    shop: RunningShop, ring: str, mutation: str, given: dict[str, Any], where: str
) -> None:
    before = await shop.snapshot()
    if "lines" in given:
        given = {**given, "lines": [{"variantId": ring, **line} for line in given["lines"]]}
    else:
        given = {**given, "variantId": ring}
    done = await ask(shop, mutation, **given)
    assert done["userErrors"] == [
        {
            "__typename": "EngravingTooLong",
            "code": "ENGRAVING_TOO_LONG",
            "message": "11 letters do not fit, at most 10 do. Shorten the text.",
            "field": where,
        }
    ]
    assert await shop.snapshot() == before


async def test_an_input_whose_plugin_is_gone_is_a_problem_until_it_is_chosen_again(
    shop: RunningShop, ring: str
) -> None:
    first = await ask(shop, "addToCart", variantId=ring, plugins=engraved("A"))
    token = first["token"]
    await ask(
        shop,
        "setCheckout",
        token=token,
        contact=CONTACT,
        plugins={"engraving": {"ribbon": "blue"}},
    )
    shop.shop.input_types = InputTypes({})
    shown = await ask(shop, "setCheckout", token=token)
    message = (
        "What was chosen for engraving is not possible any more. Choose again: give `plugins` "
        "anew, or `plugins: {}` to go without."
    )
    assert shown["order"]["problems"] == [
        {"code": "PLUGIN_INPUT_STALE", "message": message, "field": "plugins"},
        {"code": "PLUGIN_INPUT_STALE", "message": message, "field": "lines.0.plugins"},
    ]
    assert quantities(shown) == [1]
    before = await shop.snapshot()
    refused = await ask(shop, "placeOrder", token=token, idempotencyKey=str(uuid4()))
    assert [(one["code"], one["field"]) for one in refused["userErrors"]] == [
        ("PLUGIN_INPUT_STALE", "plugins")
    ]
    assert await shop.snapshot() == before
    line = {"token": token, "lineId": shown["order"]["lines"][0]["id"], "quantity": 1}
    await ask(shop, "updateCartLine", **line, plugins={})
    await ask(shop, "setCheckout", token=token, plugins={})
    placed = await ask(shop, "placeOrder", token=token, idempotencyKey=str(uuid4()))
    assert (placed["userErrors"], placed["order"]["state"]) == ([], "PLACED")


class EngravedDeeper(Engraved, frozen=True, kw_only=True):
    """What a later version reads: something that the earlier one did not ask for."""

    depth: int


async def test_an_input_that_the_plugin_cannot_read_any_more_is_a_problem(
    shop: RunningShop, ring: str
) -> None:
    async with shop.context() as ctx:
        wish = LineWish(
            variant_id=ring, quantity=Quantity(1), inputs={"engraving": Engraved(text="A")}
        )
        made = await service.add_to_cart(ctx, wish, token=None)
        assert made.order.problems == ()
        shop.shop.input_types = InputTypes({(Level.LINE, "engraving"): EngravedDeeper})
        found = await service.find_cart(ctx, made.token)
    assert found is not None
    assert [(one.code, one.at) for one in found.problems] == [
        ("PLUGIN_INPUT_STALE", "lines.0.plugins")
    ]


async def test_the_details_of_an_order_reach_hooks_as_structs(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        details = CheckoutDetails(inputs={"engraving": {"colour": "blue"}})
        chosen = (await quoting.quote(ctx, (), details)).chosen
    assert chosen.order == {"engraving": Ribbon(colour="blue")}


async def test_what_is_told_a_plugin_that_is_off_in_the_channel_does_not_count(
    database_url: str, shop: RunningShop, ring: str
) -> None:
    line = {"variantId": ring, "quantity": 1, "plugins": engraved("A")}
    token = (await ask(shop, "addToCart", **line))["token"]
    async with shop.context(viewer=STAFF) as ctx:
        await plugins.disable(ctx, "engraving", "main")
    async with running_shop(database_url, plugins=[PLUGIN]) as later:
        refused = await ask(later, "placeOrder", token=token, idempotencyKey=str(uuid4()))
        assert [(one["code"], one["field"]) for one in refused["userErrors"]] == [
            ("PLUGIN_DISABLED", "lines.0.plugins")
        ]
        whole = {"lines": [line], "contact": CONTACT, "idempotencyKey": str(uuid4())}
        refused = await ask(later, "placeOrder", **whole)
        assert [(one["code"], one["field"]) for one in refused["userErrors"]] == [
            ("PLUGIN_DISABLED", "lines.0.plugins")
        ]
        del line["plugins"]
        placed = await ask(later, "placeOrder", **whole)
        assert (placed["userErrors"], placed["order"]["state"]) == ([], "PLACED")
