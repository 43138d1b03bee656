"""Endpoints in the staff's schema, and at the command line."""

import re
from typing import Any

import pytest
from core.tests.webhooks.receiver import Receiver, work
from core.tests.webhooks.test_telling import PLACED, order

from koipond.cli.schemas import event_schemas
from koipond.kernel.events import Event
from koipond.kernel.ids import WebhookEndpointId, encode
from koipond.kernel.plugins import discover
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond_sdk.testing import RunningShop
from koipond_sdk.testing.shop import STAFF

pytestmark = pytest.mark.story

ERRORS = "userErrors { code message }"


async def ask(shop: RunningShop, document: str, **variables: Any) -> Any:
    answer = await shop.graphql(document, variables, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    return answer["data"]


async def act(shop: RunningShop, name: str, fields: str, **given: Any) -> Any:
    kind = f"{name[0].upper()}{name[1:]}Input"
    if name.startswith(("enable", "disable", "remove")):
        kind = "WebhookEndpointInput"
    document = f"mutation($given: {kind}!) {{ it: {name}(input: $given) {{ {fields} {ERRORS} }} }}"
    return (await ask(shop, document, given=given))["it"]


@pytest.mark.slow
async def test_staff_look_after_an_endpoint_from_its_making_to_its_end(
    shop: RunningShop, receiver: Receiver
) -> None:
    assert PLACED in (await ask(shop, "{ webhookEvents }"))["webhookEvents"]
    made = await act(
        shop, "createWebhookEndpoint", "endpoint { id } secret", url=receiver.url, events=[PLACED]
    )
    key = made["endpoint"]["id"]
    assert (key[:5], made["secret"][:6], made["userErrors"]) == ("hook_", "whsec_", [])
    await order(shop)
    await work(shop)
    page = """query($id: ID!) { webhookAttempts(endpointId: $id) {
        nodes { eventId event number status problem answer } } }"""
    (tried,) = (await ask(shop, page, id=key))["webhookAttempts"]["nodes"]
    event_id = tried.pop("eventId")
    assert tried == {
        "event": PLACED,
        "number": 1,
        "status": 200,
        "problem": None,
        "answer": "ok",
    }
    again = await act(shop, "replayWebhooks", "events", endpointId=key, eventId=event_id)
    assert again == {"events": 1, "userErrors": []}
    rotated = await act(shop, "rotateWebhookSecret", "secret", endpointId=key)
    assert rotated["secret"] not in (None, made["secret"])
    off = await act(shop, "disableWebhookEndpoint", "endpoint { state disabledBy }", endpointId=key)
    assert off["endpoint"] == {"state": "DISABLED", "disabledBy": "STAFF"}
    refused = await act(shop, "replayWebhooks", "events", endpointId=key, eventId=event_id)
    assert refused["userErrors"][0]["code"] == "WEBHOOK_ENDPOINT_IS_DISABLED"
    on = await act(shop, "enableWebhookEndpoint", "endpoint { state }", endpointId=key)
    assert on["endpoint"] == {"state": "ACTIVE"}
    await work(shop)
    assert receiver.types == [PLACED, PLACED]
    moved = await act(
        shop,
        "updateWebhookEndpoint",
        "endpoint { url health { failures restsUntil } }",
        endpointId=key,
        url="https://example.org/",
        events=[PLACED],
    )
    assert moved["endpoint"] == {
        "url": "https://example.org/",
        "health": {"failures": 0, "restsUntil": None},
    }
    assert (await act(shop, "removeWebhookEndpoint", "", endpointId=key))["userErrors"] == []
    assert (await ask(shop, "{ webhookEndpoints { id } }"))["webhookEndpoints"] == []


async def test_who_may_not_write_webhooks_makes_none(shop: RunningShop) -> None:
    reader = Viewer(kind=ViewerKind.STAFF, id=STAFF.id, permissions=frozenset({"webhook.read"}))
    document = """mutation { createWebhookEndpoint(
        input: {url: "https://example.org", events: ["OrderPlaced"]}) { secret } }"""
    answer = await shop.graphql(document, viewer=reader, admin=True)
    assert answer["errors"][0]["extensions"]["code"] == "PERMISSION_MISSING"
    assert await shop.rows("webhook_endpoint") == []


async def test_what_would_reach_inside_is_refused_with_the_way_out(shop: RunningShop) -> None:
    refused = await act(
        shop, "createWebhookEndpoint", "secret", url="https://10.0.0.1/", events=[PLACED]
    )
    (error,) = refused["userErrors"]
    assert error["code"] == "WEBHOOK_URL_INVALID"
    assert "10.0.0.1 is not on the public internet" in error["message"]
    assert "webhook_networks" in error["message"]


def test_every_event_of_core_and_of_the_plugins_has_a_schema_with_outside_ids() -> None:
    schemas = event_schemas(core_only=False)
    packages = {"koipond", *(one.package for one in discover())}
    every = Event.__subclasses__()
    own = {one.name() for one in every if one.__module__.split(".")[0] in packages}
    assert own <= set(schemas)
    assert "uuid" not in str(schemas)
    placed = schemas[PLACED]["properties"]["data"]["properties"]["order_id"]
    assert placed == {"type": "string", "pattern": "^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$"}
    assert re.fullmatch(
        placed["pattern"], encode(WebhookEndpointId, STAFF.id).replace("hook", "ord")
    )
