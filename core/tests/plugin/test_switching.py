"""Staff see which plugins there are and turn them off and on, from the next start on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from koipond_sdk.testing import STAFF, RunningShop, running_shop

LIST = """{ plugins { name version permissions hooks hasSettings
  now { enabled disabledIn } fromNextStart { enabled disabledIn } } }"""
OFF = """mutation($input: SwitchPluginInput!) { done: disablePlugin(input: $input) {
  plugin { now { enabled disabledIn } fromNextStart { enabled disabledIn } }
  userErrors { code message field } } }"""
ON = OFF.replace("disablePlugin", "enablePlugin")


@pytest_asyncio.fixture
async def shop(database_url: str) -> AsyncIterator[RunningShop]:
    async with running_shop(database_url, plugins=["points"]) as running:
        yield running


async def switch(shop: RunningShop, document: str, **given: Any) -> dict[str, Any]:
    answer = await shop.graphql(document, {"input": given}, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    return done


async def test_plugins_are_listed_with_what_they_add(shop: RunningShop) -> None:
    (found,) = (await shop.graphql(LIST, viewer=STAFF, admin=True))["data"]["plugins"]
    assert (found["name"], found["version"], found["hasSettings"]) == ("points", "0.1.0", True)
    assert found["permissions"] == ["points.manage"]
    assert "reward_grant" in found["hooks"]
    assert found["now"] == found["fromNextStart"] == {"enabled": True, "disabledIn": []}


async def test_a_plugin_is_turned_off_in_a_channel_and_on_again(shop: RunningShop) -> None:
    on = {"enabled": True, "disabledIn": []}
    done = await switch(shop, OFF, plugin="points", channel="main")
    assert done == {
        "plugin": {"now": on, "fromNextStart": {"enabled": True, "disabledIn": ["main"]}},
        "userErrors": [],
    }
    done = await switch(shop, ON, plugin="points", channel="main")
    assert done["plugin"] == {"now": on, "fromNextStart": on}
    records = [
        (row["operation"], row["subject"])
        for row in await shop.rows("audit_record")
        if row["operation"].endswith("Plugin")
    ]
    assert sorted(records) == [
        ("disablePlugin", "plugin points in main"),
        ("enablePlugin", "plugin points in main"),
    ]


@pytest.mark.slow
async def test_what_is_off_everywhere_is_on_again_only_after_the_console_has_tried_it(
    shop: RunningShop, database_url: str
) -> None:
    done = await switch(shop, OFF, plugin="points")
    assert done["plugin"]["fromNextStart"] == {"enabled": False, "disabledIn": []}
    # It still runs here, so it can be taken back.
    assert (await switch(shop, ON, plugin="points"))["userErrors"] == []
    await switch(shop, OFF, plugin="points")
    async with running_shop(database_url, plugins=["points"]) as later:
        (found,) = (await later.graphql(LIST, viewer=STAFF, admin=True))["data"]["plugins"]
        assert (found["now"]["enabled"], found["hooks"]) == (False, [])
        before = await later.snapshot()
        (error,) = (await switch(later, ON, plugin="points"))["userErrors"]
        assert error["code"] == "PLUGIN_NOT_TRIED"
        assert await later.snapshot() == before


async def test_a_plugin_or_channel_that_there_is_none_of_is_refused(shop: RunningShop) -> None:
    before = await shop.snapshot()
    for given, code in [
        ({"plugin": "nothing"}, "PLUGIN_UNKNOWN"),
        ({"plugin": "points", "channel": "nowhere"}, "CHANNEL_UNKNOWN"),
    ]:
        for document in (OFF, ON):
            (error,) = (await switch(shop, document, **given))["userErrors"]
            assert error["code"] == code
    assert await shop.snapshot() == before
