"""docs/messages.md: what it shows is run, in a shop with the plugin that it shows."""

import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from core.tests.notify.postoffice import HERE, Pigeons, PostOffice, outside, post_plugin
from graphql import parse, validate

from koipond import settings
from koipond.app import make_schemas
from koipond.duties import MESSAGE_KINDS
from koipond.kernel.context import transaction
from koipond.kernel.plugins import Manifest, Plugin
from koipond.notify.types import Suppression
from koipond.settings import Settings
from koipond_sdk.testing.shop import running_shop

pytestmark = pytest.mark.one_database
TEXT = (Path(__file__).parents[3] / "docs" / "messages.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(<!-- as: staff -->\n)?```(\w+)\n(.*?)```", TEXT, re.DOTALL)


def blocks(language: str) -> list[tuple[bool, str]]:
    """Return (whether staff ask it, its text) of each block of a language."""
    return [(bool(staff), text) for staff, kind, text in BLOCKS if kind == language]


def shown_plugin() -> Plugin:
    """Return the plugin that the page shows."""
    module = ModuleType("shown_wish.hooks")
    ((_, source),) = blocks("python")
    exec(compile(source, "docs/messages.md", "exec"), vars(module))
    manifest = Manifest(name="wish", version="1", api="0.1", table_prefix="wish")
    return Plugin(
        manifest=manifest, package="shown_wish", folder=Path(__file__).parent, hooks=module
    )


async def test_what_is_shown_is_answered(database_url: str) -> None:
    pigeons = Pigeons()
    plugins = [post_plugin(pigeons, {}), shown_plugin()]
    async with running_shop(database_url, plugins=plugins, mail_sender="pigeons") as shop:
        office = PostOffice(shop, pigeons, {})
        lin = await office.member()
        await office.ask(HERE, lin, "hello")
        await office.work()
        given = {"messageId": outside(await office.message())}
        asked = [one for one in blocks("graphql") if not one[1].startswith("subscription")]
        for is_staff, document in asked:
            variables = {name: value for name, value in given.items() if f"${name}" in document}
            answer = (
                await office.staff(document, **variables)
                if is_staff
                else await office.graphql(document, lin, variables)
            )
            assert refusals(answer) == [], document
    assert len(asked) == 7


def refusals(answer: Any) -> list[Any]:
    if isinstance(answer, dict):
        own = answer.get("userErrors") or []
        return [*own, *(one for part in answer.values() for one in refusals(part))]
    return [one for part in answer for one in refusals(part)] if isinstance(answer, list) else []


def test_the_subscription_that_is_shown_can_be_asked_for() -> None:
    ((_, document),) = [one for one in blocks("graphql") if one[1].startswith("subscription")]
    assert validate(make_schemas(()).storefront._schema, parse(document)) == []


async def test_the_plugin_that_is_shown_writes_and_carries(database_url: str) -> None:
    plugin = shown_plugin()
    pigeons = Pigeons()
    async with running_shop(database_url, plugins=[plugin], mail_sender="owls") as shop:
        office = PostOffice(shop, pigeons, {})
        lin = await office.member()
        async with shop.context() as ctx:
            told = vars(plugin.hooks)["tell"]
            for _ in range(2):
                await transaction(told)(ctx, lin, "wish_1", "Green tea")
        await office.work()
        found = [(one.medium.value, one.state, one.body) for one in await office.messages()]
        mail, _ = await office.messages()
    words = "Green tea is here again."
    assert found == [("email", "sent", words), ("in_app", "sent", words)]
    assert (mail.sender, mail.reference) == ("owls", f"owl-{mail.id}")


def test_the_settings_that_are_shown_are_read(tmp_path: Path) -> None:
    ((_, text),) = blocks("toml")
    file = tmp_path / "koi.toml"
    file.write_text(text, encoding="utf-8")
    loaded = settings.load(file, {})
    shown = tomllib.loads(text)
    assert loaded.message_caps[0].messages == shown["message_caps"][0]["messages"] == 2
    assert (loaded.quiet_from, loaded.smtp_url) == ("21:30", shown["smtp_url"])


def test_every_reason_why_a_message_is_not_sent_is_shown() -> None:
    shown = {one for one in Suppression if f"`{one.name}`" in TEXT}
    # The plugin whose kind it was is gone: nobody reads of it here.
    assert shown == set(Suppression) - {Suppression.KIND_UNKNOWN}


def test_core_sends_the_kinds_that_are_shown() -> None:
    assert re.findall(r"^\| `([\w.]+)`", TEXT, re.MULTILINE) == [one.key for one in MESSAGE_KINDS]
    assert Settings().quiet_until == "08:00"
