"""Gift notes, as a storefront tells them and staff read them, on both databases."""

import ast
import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from koipond_sdk import VariantId, Viewer, ViewerKind, encode
from koipond_sdk.testing import STAFF, RunningShop

pytestmark = pytest.mark.story

PROJECT = Path(__file__).parents[1]
PLACE = """
mutation($input: PlaceOrderInput!) {
  done: placeOrder(input: $input) {
    order { id number lines { sku quantity attributes { plugin name value } } }
    userErrors { __typename code message field ... on GiftNoteTooLong { letters textMax } }
  }
}
"""
ADD = """
mutation($input: AddToCartInput!) {
  done: addToCart(input: $input) {
    token
    order { lines { quantity } }
    userErrors { code message field }
  }
}
"""
SET = """
mutation($input: SetPluginSettingsInput!) {
  done: setPluginSettings(input: $input) { userErrors { code message } }
}
"""
NOTES = "query($number: String!) { order(number: $number) { number giftNotes { sku text } } }"
CONTACT = {"name": "Lin", "email": "lin@example.org"}


async def ask(shop: RunningShop, document: str, **given: Any) -> dict[str, Any]:
    """Send a mutation; returns its payload, with no error at the top."""
    answer = await shop.graphql(document, {"input": given})
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["done"]
    return payload


@pytest.fixture
async def tea(shop: RunningShop) -> str:
    """The outside id of a variant of which there are plenty."""
    made = await shop.make_product(sku="TEA-1", stock=100)
    return encode(VariantId, made.variants["TEA-1"])


def line(variant: str, text: str | None = None) -> dict[str, Any]:
    told = {} if text is None else {"plugins": {"giftNote": {"text": text}}}
    return {"variantId": variant, **told}


async def place(shop: RunningShop, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return await ask(
        shop, PLACE, lines=[*lines], contact=CONTACT, idempotencyKey=str(uuid4()), **more
    )


async def set_text_max(shop: RunningShop, text_max: int, *, channel: str | None = None) -> None:
    given = {
        "plugin": "giftnote",
        "values": {"text_max": text_max},
        "expectedVersion": 0,
        **({"channel": channel} if channel else {}),
    }
    answer = await shop.graphql(SET, {"input": given}, viewer=STAFF, admin=True)
    assert answer == {"data": {"done": {"userErrors": []}}}


def staff(*permissions: str) -> Viewer:
    return Viewer(kind=ViewerKind.STAFF, id=STAFF.id, permissions=frozenset(permissions))


async def test_a_note_is_kept_with_its_line_and_read_by_staff(shop: RunningShop, tea: str) -> None:
    done = await place(shop, line(tea, "  Happy birthday, Lin\n"), line(tea), line(tea, "To Wu"))
    assert done["userErrors"] == []
    note = {"plugin": "giftnote", "name": "text"}
    assert [one["attributes"] for one in done["order"]["lines"]] == [
        [{**note, "value": "Happy birthday, Lin"}],
        [],
        [{**note, "value": "To Wu"}],
    ]
    number = done["order"]["number"]
    seen = await shop.graphql(
        NOTES, {"number": number}, viewer=staff("order.read", "giftnote.read"), admin=True
    )
    assert seen["data"]["order"] == {
        "number": number,
        "giftNotes": [
            {"sku": "TEA-1", "text": "Happy birthday, Lin"},
            {"sku": "TEA-1", "text": "To Wu"},
        ],
    }


async def test_an_order_without_notes_has_an_empty_list(shop: RunningShop, tea: str) -> None:
    done = await place(shop, line(tea, " \n "))
    seen = await shop.graphql(NOTES, {"number": done["order"]["number"]}, viewer=STAFF, admin=True)
    assert [one["attributes"] for one in done["order"]["lines"]] == [[]]
    assert seen["data"]["order"]["giftNotes"] == []


async def test_who_sees_orders_does_not_yet_see_notes(shop: RunningShop, tea: str) -> None:
    done = await place(shop, line(tea, "For you only"))
    number = done["order"]["number"]
    seen = await shop.graphql(NOTES, {"number": number}, viewer=staff("order.read"), admin=True)
    assert seen["data"]["order"] == {"number": number, "giftNotes": None}
    assert [one["extensions"]["permission"] for one in seen["errors"]] == ["giftnote.read"]


async def test_a_note_that_does_not_fit_is_refused_and_nothing_is_changed(
    shop: RunningShop, tea: str
) -> None:
    await set_text_max(shop, 5)
    before = await shop.snapshot()
    done = await place(shop, line(tea, "12345"), line(tea), line(tea, "123456"))
    assert done == {
        "order": None,
        "userErrors": [
            {
                "__typename": "GiftNoteTooLong",
                "code": "GIFT_NOTE_TOO_LONG",
                "message": "The gift note has 6 characters, and the card has room for 5. "
                "Shorten it.",
                "field": "lines.2.plugins.giftNote.text",
                "letters": 6,
                "textMax": 5,
            }
        ],
    }
    assert await shop.snapshot() == before
    shorter = await place(shop, line(tea, "12345"))
    assert shorter["userErrors"] == []


@pytest.mark.slow
async def test_each_channel_has_cards_of_its_own(shop: RunningShop, tea: str) -> None:
    await set_text_max(shop, 5)
    await set_text_max(shop, 6, channel="main")
    assert (await place(shop, line(tea, "123456")))["userErrors"] == []
    refused = await place(shop, line(tea, "1234567"))
    assert [one["textMax"] for one in refused["userErrors"]] == [6]


async def test_a_cart_takes_what_fits_on_some_card_and_no_more(shop: RunningShop, tea: str) -> None:
    added = await ask(shop, ADD, **line(tea, "x" * 1_000))
    assert added["userErrors"] == []
    before = await shop.snapshot()
    refused = await ask(shop, ADD, **line(tea, "x" * 1_001), token=added["token"])
    assert refused["userErrors"] == [
        {
            "code": "GIFT_NOTE_TOO_LONG",
            "message": "The gift note has 1001 characters, and the card has room for 1000. "
            "Shorten it.",
            "field": "plugins.giftNote.text",
        }
    ]
    assert await shop.snapshot() == before


async def test_lines_with_different_notes_stay_apart(shop: RunningShop, tea: str) -> None:
    token = (await ask(shop, ADD, **line(tea, "A")))["token"]
    for text in ("B", "A "):
        done = await ask(shop, ADD, **line(tea, text), token=token)
    assert [one["quantity"] for one in done["order"]["lines"]] == [2, 1]


def test_it_imports_the_sdk_and_nothing_else_of_koipond() -> None:
    sources = list((PROJECT / "src").rglob("*.py"))
    imported = {
        name.partition(".")[0]
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        for name in names_in(node)
    }
    assert sources
    assert imported == {
        "collections",
        "koipond_giftnote",
        "koipond_sdk",
        "msgspec",
        "strawberry",
        "typing",
    }


def names_in(node: ast.AST) -> list[str]:
    """Return the modules that a statement imports."""
    match node:
        case ast.Import(names=found):
            return [one.name for one in found]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case _:
            return []


async def test_what_the_readme_shows_is_answered(shop: RunningShop, tea: str) -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    place_it, see_it = re.findall(r"```graphql\n(.*?)```", readme, re.DOTALL)
    (told,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    lines = json.loads(told.replace("…", tea))
    wish = {**lines, "contact": CONTACT, "idempotencyKey": str(uuid4())}
    placed = await shop.graphql(place_it, {"input": wish})
    assert placed["data"]["placeOrder"]["userErrors"] == []
    (order,) = await shop.rows("order")
    seen = await shop.graphql(see_it, {"number": order["number"]}, viewer=STAFF, admin=True)
    assert seen["data"]["order"]["giftNotes"] == [{"sku": "TEA-1", "text": "Happy birthday, Lin"}]


async def test_a_note_costs_no_statement(shop: RunningShop, tea: str) -> None:
    """The settings are kept for a second, and the note goes with the rows of the order."""
    sent: list[int] = []
    for lines in ([line(tea)], [line(tea)], [line(tea, "A"), line(tea, "B")]):
        with shop.count_statements() as statements:
            assert (await place(shop, *lines))["userErrors"] == []
        sent.append(len(statements))
    assert sent[1] == sent[2]
