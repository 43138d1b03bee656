"""From where somebody came: a member at first, an order at last."""

from typing import Any
from uuid import uuid4

import pytest
from core.tests.oneid.people import People
from core.tests.payment.till import PLACE

from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

SOURCES = """query($id: ID!) { order(id: $id) { source { class entry campaign isKnown } } }"""


async def place(people: People, tea: str, **source: Any) -> dict[str, Any]:
    wish = {
        "lines": [{"variantId": tea, "quantity": 1}],
        "contact": {"email": "lin@example.org"},
        "idempotencyKey": str(uuid4()),
    }
    return await people.till.ask(PLACE, **wish, **({"source": source} if source else {}))


async def test_a_member_has_the_first_and_an_order_its_last(people: People) -> None:
    tea = await people.tea()
    placed = [
        await place(people, tea, **{"class": "SOCIAL", "entry": "Chat", "campaign": "Spring"}),
        await place(people, tea, **{"class": "OFFLINE", "entry": "kiosk 7"}),
        await place(people, tea),
    ]
    found = []
    for one in placed:
        answer = await people.shop.graphql(
            SOURCES, {"id": one["order"]["id"]}, viewer=STAFF, admin=True
        )
        found.append(answer["data"]["order"]["source"])
    assert found == [
        {"class": "SOCIAL", "entry": "chat", "campaign": "Spring", "isKnown": True},
        {"class": "OFFLINE", "entry": "kiosk 7", "campaign": "", "isKnown": False},
        None,
    ]
    [member] = await people.shop.rows("koi_v1_member")
    assert (member["source_class"], member["source_entry"]) == ("social", "chat")
    rows = await people.shop.rows("koi_v1_order")
    assert sorted(str(row["source_class"]) for row in rows) == ["None", "offline", "social"]


async def test_what_is_too_long_is_refused_and_nothing_is_placed(people: People) -> None:
    tea = await people.tea()
    refused = await place(people, tea, **{"class": "ONLINE", "entry": "x" * 61})
    assert [(one["code"], one["field"]) for one in refused["userErrors"]] == [
        ("SOURCE_INVALID", "source.entry")
    ]
    assert await people.shop.rows("order") == []
