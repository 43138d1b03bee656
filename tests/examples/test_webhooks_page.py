"""docs/webhooks.md does what it says: its blocks are run as they stand."""

import json
import re
import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest
from core.tests.webhooks.receiver import LOCAL, Heard, receiving, work
from core.tests.webhooks.test_telling import order
from tests.architecture.workspace import ROOT

from koipond.cli.schemas import event_schemas
from koipond.settings import load
from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.shop import STAFF

PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_settings_are_settings() -> None:
    told = {name: value for text in blocks("toml") for name, value in tomllib.loads(text).items()}
    assert set(told) == {"webhook_networks", "nats_url", "nats_stream"}
    settings = load(None, {}, **told)
    assert settings.nats_stream == "koipond"


def test_the_event_is_as_its_schema_says() -> None:
    (text,) = blocks("json")
    told = json.loads(text)
    schema = event_schemas(core_only=True)[told["type"]]
    assert_fits(told, schema)


async def test_what_staff_add_hears_of_orders_and_can_tell_who_sent_them(database_url: str) -> None:
    scope: dict[str, Any] = {}
    (verifying,) = blocks("python")
    exec(verifying, scope)
    verify = scope["verify"]
    async with running_shop(database_url, webhook_networks=LOCAL) as shop, receiving() as receiver:
        shop.clock.set(datetime.now(UTC))
        secret = await add(shop, receiver.url)
        await order(shop)
        await work(shop)
        (heard,) = receiver.heard
        verify(secret, heard.headers, heard.body)
        for odd in (
            Heard(heard.headers, heard.body + b" "),
            Heard({**heard.headers, "webhook-timestamp": "1"}, heard.body),
        ):
            with pytest.raises(ValueError, match=r"too old|not signed"):
                verify(secret, odd.headers, odd.body)
        assert_fits(heard.told, event_schemas(core_only=True)[heard.told["type"]])


async def add(shop: RunningShop, url: str) -> str:
    """Add an endpoint as the page says; returns its secret."""
    (document,) = blocks("graphql")
    answer = await shop.graphql(document, {"url": url}, viewer=STAFF, admin=True)
    made = answer["data"]["createWebhookEndpoint"]
    assert (made["endpoint"]["state"], made["userErrors"]) == ("ACTIVE", [])
    return str(made["secret"])


def assert_fits(told: dict[str, Any], schema: dict[str, Any]) -> None:
    """Hold what is told to its schema: what must be there, constants, patterns, kinds."""
    assert set(schema["required"]) == set(told)
    for name, value in told.items():
        wanted = schema["properties"][name]
        if wanted.get("type") == "object":
            assert_fits(value, wanted)
        assert wanted.get("const", value) == value
        assert re.search(wanted.get("pattern", ""), str(value)), (name, value)
        kinds = {"string": str, "integer": int, "object": dict, "array": list}
        assert isinstance(value, kinds.get(wanted.get("type"), object)), name
