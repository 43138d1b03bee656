"""What staff set for a plugin: by channel, in ranges, seen by every process within a second."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from core.tests.plugin.workshop import HOOKS, PRIZES, Workshop
from sqlalchemy import text

from koipond.channel import service as channels
from koipond.kernel.ids import new_id
from koipond.kernel.plugins import discover
from koipond.kernel.viewer import GUEST, Viewer
from koipond.plugin.service import find_misfits, settings_of
from koipond.settings import ChannelSettings
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.story

SET = """
mutation ($input: SetPluginSettingsInput!) {
  setPluginSettings(input: $input) {
    settings { plugin channel values own version }
    userErrors { code message field }
  }
}
"""
GET = """
query ($plugin: String!, $channel: String) {
  pluginSettings(plugin: $plugin, channel: $channel) {
    values own version fields { name expects default }
  }
}
"""
DEFAULTS = {"fish_max": 10, "fish_min": 0, "name": "pond", "stocked": True}


@pytest.fixture
async def shop(database_url: str, ponds: None) -> AsyncIterator[RunningShop]:
    async with pond_shop(database_url) as running:
        yield running


@asynccontextmanager
async def pond_shop(url: str) -> AsyncIterator[RunningShop]:
    async with running_shop(url, plugins=["ponds"]) as running:
        yield running


async def put(
    shop: RunningShop, values: Any, *, version: int = 0, viewer: Viewer = STAFF, **more: Any
) -> dict[str, Any]:
    given = {"plugin": "ponds", "values": values, "expectedVersion": version, **more}
    answer = await shop.graphql(SET, {"input": given}, viewer=viewer, admin=True)
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["setPluginSettings"]
    return payload


async def refused(shop: RunningShop, values: Any, **more: Any) -> tuple[str, str]:
    """Return the code and the message of a refusal that changed nothing."""
    before = await shop.snapshot()
    payload = await put(shop, values, **more)
    assert payload["settings"] is None
    assert await shop.snapshot() == before
    (error,) = payload["userErrors"]
    return error["code"], error["message"]


async def now_in(shop: RunningShop, channel: str | None = None) -> dict[str, Any]:
    """Return what the plugin itself reads."""
    (plugin,) = shop.shop.installation.running
    assert plugin.hooks is not None
    async with shop.context(channel=channel) as ctx:
        found = await settings_of(ctx, plugin.hooks.PondSettings)
    return {name: getattr(found, name) for name in found.__struct_fields__}


async def add_channel(shop: RunningShop, code: str) -> None:
    async with shop.context(viewer=STAFF) as ctx:
        await channels.add_channel(ctx, code=code, name=code, currencies=["EUR"], locales=["en"])


async def test_where_nothing_is_set_the_defaults_hold(shop: RunningShop) -> None:
    assert await now_in(shop) == DEFAULTS
    answer = await shop.graphql(GET, {"plugin": "ponds"}, viewer=STAFF, admin=True)
    found = answer["data"]["pluginSettings"]
    assert (found["values"], found["own"], found["version"]) == (DEFAULTS, {}, 0)
    assert found["fields"] == [
        {"name": "fish_max", "expects": "a whole number from 1 to 100", "default": 10},
        {"name": "fish_min", "expects": "a whole number from 0 to 100", "default": 0},
        {"name": "name", "expects": "a text of 1 to 20 characters", "default": "pond"},
        {"name": "stocked", "expects": "true or false", "default": True},
    ]


async def test_a_channels_own_value_wins_over_the_one_for_all(shop: RunningShop) -> None:
    await add_channel(shop, "cn")
    assert (await put(shop, {"fish_max": 20, "name": "lake"}))["settings"] == {
        "plugin": "ponds",
        "channel": None,
        "values": {**DEFAULTS, "fish_max": 20, "name": "lake"},
        "own": {"fish_max": 20, "name": "lake"},
        "version": 1,
    }
    made = (await put(shop, {"fish_max": 30}, channel="cn"))["settings"]
    assert made["values"] == {**DEFAULTS, "fish_max": 30, "name": "lake"}
    assert await now_in(shop, "cn") == {**DEFAULTS, "fish_max": 30, "name": "lake"}
    assert await now_in(shop, "main") == {**DEFAULTS, "fish_max": 20, "name": "lake"}


async def test_what_is_left_out_is_set_no_more(shop: RunningShop) -> None:
    await put(shop, {"fish_max": 20, "name": "lake"})
    await put(shop, {"name": "lake"}, version=1)
    assert await now_in(shop) == {**DEFAULTS, "name": "lake"}


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        (
            {"fish_max": 101},
            "PLUGIN_SETTING_INVALID",
            "ponds.fish_max must be a whole number from 1 to 100, and is 101.",
        ),
        (
            {"fish_max": "many"},
            "PLUGIN_SETTING_INVALID",
            'ponds.fish_max must be a whole number from 1 to 100, and is "many".',
        ),
        (
            {"fish_max": 7.5},
            "PLUGIN_SETTING_INVALID",
            "ponds.fish_max must be a whole number from 1 to 100, and is 7.5.",
        ),
        (
            {"stocked": "yes"},
            "PLUGIN_SETTING_INVALID",
            'ponds.stocked must be true or false, and is "yes".',
        ),
        (
            {"fish": 1},
            "PLUGIN_SETTING_UNKNOWN",
            "ponds has no setting 'fish'. It has: fish_max, fish_min, name, stocked.",
        ),
        (
            {"fish_min": 20},
            "PLUGIN_SETTINGS_REFUSED",
            "ponds cannot be set so: fish_min is 20, and fish_max 10: at most that.",
        ),
        (
            ["fish_max"],
            "PLUGIN_SETTINGS_REFUSED",
            "ponds cannot be set so: values must be an object such as {limit: 3}.",
        ),
    ],
)
async def test_what_cannot_be_is_refused_in_words_and_changes_nothing(
    shop: RunningShop, values: Any, code: str, message: str
) -> None:
    assert await refused(shop, values) == (code, message)


@pytest.mark.one_database
async def test_what_is_set_for_all_must_go_together_with_each_channels_own(
    shop: RunningShop,
) -> None:
    await add_channel(shop, "cn")
    await put(shop, {"fish_min": 8}, channel="cn")
    assert await refused(shop, {"fish_max": 5}) == (
        "PLUGIN_SETTINGS_REFUSED",
        "ponds cannot be set so in channel cn: fish_min is 8, and fish_max 5: at most that.",
    )


@pytest.mark.slow
@pytest.mark.one_database
async def test_a_reward_that_no_plugin_gives_cannot_be_promised(
    database_url: str, workshop: Workshop
) -> None:
    workshop.install(hooks=PRIZES, revisions={})
    async with pond_shop(database_url) as shop:
        assert await refused(shop, {"prize": "points"}) == (
            "REWARD_KIND_UNKNOWN",
            "Rewards of the kind 'points' cannot be given; there are: none. "
            "Take another kind, or install a plugin that gives them.",
        )
    giver = "from koipond_sdk import implement\n\n\n@implement(key='points')\n"
    giver += "async def reward_grant(ctx, reward):\n    pass\n"
    workshop.install_small("herons", hooks=giver)
    async with running_shop(database_url, plugins=["ponds", "herons"]) as shop:
        await add_channel(shop, "cn")
        made = (await put(shop, {"prize": "points"}))["settings"]
        assert made["values"]["prize"] == "points"
        # What is set for all reaches into a channel that has values of its own.
        await put(shop, {"fish_max": 30}, channel="cn")
        code, message = await refused(shop, {"prize": "coupon"}, version=1)
        assert code == "REWARD_KIND_UNKNOWN"
        assert "there are: points." in message


async def test_nobody_overwrites_what_they_have_not_seen(shop: RunningShop) -> None:
    await put(shop, {"fish_max": 20})
    message = (
        "The settings of ponds are at version 1, not at 0: somebody changed them meanwhile. "
        "Read them again, and send expectedVersion 1 if you still want this."
    )
    assert await refused(shop, {"fish_max": 30}) == ("PLUGIN_SETTINGS_CHANGED", message)
    assert (await put(shop, {"fish_max": 30}, version=1))["settings"]["version"] == 2


@pytest.mark.one_database
async def test_an_unknown_plugin_or_channel_is_refused(shop: RunningShop) -> None:
    assert await refused(shop, {}, plugin="lakes") == (
        "PLUGIN_UNKNOWN",
        "There is no plugin 'lakes' here. There are: ponds.",
    )
    assert (await refused(shop, {}, channel="mars"))[0] == "CHANNEL_UNKNOWN"


@pytest.mark.one_database
async def test_who_lacks_the_permission_neither_reads_nor_sets(shop: RunningShop) -> None:
    nobody = Viewer(kind=STAFF.kind, id=STAFF.id, permissions=frozenset({"ponds.manage"}))
    for document, variables in (
        (GET, {"plugin": "ponds"}),
        (SET, {"input": {"plugin": "ponds", "values": {}, "expectedVersion": 0}}),
    ):
        answer = await shop.graphql(document, variables, viewer=nobody, admin=True)
        text = str(answer)
        assert "PERMISSION_MISSING" in text or "This needs the permission plugin." in text, answer


async def test_another_process_follows_within_a_second(shop: RunningShop) -> None:
    assert await now_in(shop) == DEFAULTS
    url = shop.settings.database_url
    async with running_shop(url, plugins=["ponds"]) as other:
        await put(other, {"fish_max": 20})
    shop.clock.advance(milliseconds=999)
    assert (await now_in(shop))["fish_max"] == 10
    shop.clock.advance(milliseconds=1)
    assert (await now_in(shop))["fish_max"] == 20


async def test_reading_settings_asks_the_database_once_a_second(shop: RunningShop) -> None:
    await now_in(shop)
    (plugin,) = shop.shop.installation.running
    assert plugin.hooks is not None
    async with shop.context() as ctx:
        with shop.count_statements() as sent:
            for _ in range(100):
                await settings_of(ctx, plugin.hooks.PondSettings)
    assert sent == []


@pytest.mark.slow
async def test_after_an_upgrade_what_no_longer_fits_counts_as_not_set(
    database_url: str, workshop: Workshop
) -> None:
    workshop.install(revisions={})
    async with pond_shop(database_url) as shop:
        await put(shop, {"fish_max": 90, "name": "lake"})
    narrower = HOOKS.replace(
        "fish_max: Annotated[int, msgspec.Meta(ge=1, le=100)]",
        "fish_max: Annotated[int, msgspec.Meta(ge=1, le=50)]",
    )
    upgraded = narrower.replace("    name: Ann", "    title: Ann")
    workshop.install(version="0.2.0", hooks=upgraded, revisions={})
    async with pond_shop(database_url) as shop:
        assert (await now_in(shop))["fish_max"] == 10
        async with shop.shop.context(viewer=GUEST) as ctx:
            assert [(one.setting, one.reason) for one in await find_misfits(ctx)] == [
                ("fish_max", "it must be a whole number from 1 to 50, and is 90"),
                ("name", "there is no such setting any more"),
            ]


@pytest.mark.slow
async def test_jobs_and_invariants_of_a_plugin_are_the_shops(
    own_database_url: str, workshop: Workshop
) -> None:
    from koipond.duties import AUDITS, audits_of
    from koipond.kernel.invariants import run_audits
    from koipond.kernel.worker import Worker
    from koipond_sdk.testing.databases import migrate

    workshop.install()
    await migrate(own_database_url)
    async with pond_shop(own_database_url) as shop:
        async with shop.shop.database.writer.begin() as db:
            await db.execute(
                text("INSERT INTO ponds_pond (id, name, fish) VALUES (:id, 'deep', 49)"),
                {"id": "0" * 32},
            )
        await Worker(shop.shop).run_once()
        assert [row["fish"] for row in await shop.rows("ponds_pond")] == [50]
        assert len(audits_of(shop.shop)) == len(AUDITS) + 1
        assert await run_audits(shop.shop, audits_of(shop.shop)) == []
        shop.clock.advance(seconds=60)
        await Worker(shop.shop).run_once()
        found = await run_audits(shop.shop, audits_of(shop.shop))
        assert [str(one) for one in found] == ["ponds.fish: deep is too full. Fish in it"]


def test_what_is_installed_is_found(workshop: Workshop) -> None:
    workshop.install_small("herons")
    assert {"checkin", "herons"} <= {one.name for one in discover()}
    workshop.uninstall("herons")
    assert "herons" not in {one.name for one in discover()}


async def test_who_looks_after_a_channel_sets_what_holds_there_alone(
    database_url: str, ponds: None
) -> None:
    held = frozenset({"plugin.read", "plugin.write"})
    clerk = Viewer(
        kind=STAFF.kind,
        id=new_id(),
        permissions=held,
        limited=dict.fromkeys(held, frozenset({"eu"})),
    )
    told = tuple(
        ChannelSettings(code=code, name=code, currencies=("EUR",), locales=("en",))
        for code in ("main", "eu")
    )
    async with running_shop(database_url, plugins=["ponds"], channels=told) as shop:
        before = await shop.snapshot()
        for channel in (None, "main"):
            done = await put(shop, {"fish_max": 3}, viewer=clerk, channel=channel)
            assert [one["code"] for one in done["userErrors"]] == ["CHANNEL_NOT_HELD"]
            answer = await shop.graphql(
                GET, {"plugin": "ponds", "channel": channel}, viewer=clerk, admin=True
            )
            assert answer["errors"][0]["extensions"]["code"] == "CHANNEL_NOT_HELD"
        assert await shop.snapshot() == before
        done = await put(shop, {"fish_max": 3}, viewer=clerk, channel="eu")
        assert done["settings"]["own"] == {"fish_max": 3}
        (record,) = [
            one for one in await shop.rows("audit_record") if one["subject"] == "plugin ponds in eu"
        ]
        after = record["after"]
        assert (json.loads(after) if isinstance(after, str) else after) == {"fish_max": 3}
