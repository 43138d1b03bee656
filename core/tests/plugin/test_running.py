"""A shop with plugins that are off, broken or gone, and what /metrics tells of those that run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from core.tests.plugin.workshop import Workshop
from sqlalchemy import text
from structlog.testing import capture_logs

from koipond.app import create_app
from koipond.channel import service as channels
from koipond.kernel.db import Database
from koipond.kernel.plugins import PluginBroken
from koipond.plugin import service
from koipond.settings import Settings
from koipond_sdk.testing.databases import migrate
from koipond_sdk.testing.shop import STAFF, RunningShop, connect, running_shop

pytestmark = pytest.mark.one_database

HERONS = """
import strawberry
from koipond_sdk import implement
from koipond_sdk.schema import PUBLIC, Api, Info, Mutation, Query, UserError, mutation, query


@strawberry.type
class HeronQueries:
    @query(PUBLIC)
    async def herons(self, info: Info) -> list[str] | None:
        "Who fishes."
        return ["grey"]

    @query(PUBLIC)
    async def heron_count(self, info: Info) -> int:
        "How many."
        return 1


@strawberry.type
class HeronFeedPayload:
    fed: bool | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class HeronMutations:
    @mutation(PUBLIC)
    async def feed_heron(self, info: Info) -> HeronFeedPayload:
        "Feed it."
        return HeronFeedPayload(fed=True)


@implement()
def register_graphql(api: Api) -> None:
    api.storefront(Query, HeronQueries)
    api.storefront(Mutation, HeronMutations)


@implement()
async def disable_blockers(ctx) -> list[str]:
    return []
"""
ADDS = """\
graphql_prefix = "Heron"
queries = ["herons", "heronCount"]
mutations = ["feedHeron"]
"""
MARK = "from koipond_sdk import implement\n\n@implement()\n"
FEED = "mutation { feedHeron { fed userErrors { __typename code message } } }"


@asynccontextmanager
async def heron_shop(url: str) -> AsyncIterator[RunningShop]:
    async with running_shop(url, plugins=["herons"]) as running:
        yield running


async def turn_off(url: str, channel: str = "") -> None:
    async with heron_shop(url) as shop:
        async with shop.context(viewer=STAFF) as ctx:
            if channel:
                await channels.add_channel(
                    ctx, code=channel, name=channel, currencies=["EUR"], locales=["en"]
                )
        async with shop.context(viewer=STAFF) as ctx:
            assert await service.disable(ctx, "herons", channel)


async def test_off_everywhere_its_fields_are_gone_from_the_next_start_on(
    database_url: str, workshop: Workshop
) -> None:
    workshop.install_small("herons", manifest=ADDS, hooks=HERONS)
    async with heron_shop(database_url) as shop:
        async with shop.context(viewer=STAFF) as ctx:
            assert await service.disable(ctx, "herons")
        assert await shop.graphql("{ herons }") == {"data": {"herons": ["grey"]}}
    async with heron_shop(database_url) as shop:
        answer = await shop.graphql("{ herons }")
        assert "Cannot query field 'herons'" in answer["errors"][0]["message"]
        async with shop.context(viewer=STAFF) as ctx:
            assert await service.enable(ctx, "herons")
    async with heron_shop(database_url) as shop:
        assert await shop.graphql("{ herons }") == {"data": {"herons": ["grey"]}}


async def test_off_in_a_channel_its_fields_are_null_there_and_its_mutations_refuse(
    database_url: str, workshop: Workshop
) -> None:
    workshop.install_small("herons", manifest=ADDS, hooks=HERONS)
    await turn_off(database_url, "cn")
    async with heron_shop(database_url) as shop:
        there = {"Koi-Channel": "cn"}
        async with shop.context(channel="cn") as ctx:
            assert ctx.plugins_off == {"herons"}
        async with shop.context(channel="main") as ctx:
            assert ctx.plugins_off == set()
        assert await shop.graphql("{ herons }", headers=there) == {"data": {"herons": None}}
        counted = await shop.graphql("{ heronCount }", headers=there)
        assert [one["extensions"]["code"] for one in counted["errors"]] == ["PLUGIN_DISABLED"]
        fed = (await shop.graphql(FEED, headers=there))["data"]["feedHeron"]
        assert fed == {
            "fed": None,
            "userErrors": [
                {
                    "__typename": "PluginDisabled",
                    "code": "PLUGIN_DISABLED",
                    "message": "The part herons of this shop is not offered in channel cn. "
                    "Another channel may have it (header Koi-Channel).",
                }
            ],
        }
        assert await shop.graphql("{ herons heronCount }") == {
            "data": {"herons": ["grey"], "heronCount": 1}
        }
        assert (await shop.graphql(FEED))["data"]["feedHeron"] == {"fed": True, "userErrors": []}


def app(url: str) -> Any:
    return create_app(Settings(database_url=url))


@pytest.mark.slow
async def test_one_that_raises_refuses_the_start_until_it_is_disabled(
    database_url: str, workshop: Workshop
) -> None:
    workshop.install_small("herons", hooks="raise RuntimeError('no water')")
    with pytest.raises(
        PluginBroken, match=r"importing koipond_herons\.hooks raised RuntimeError: no water"
    ):
        app(database_url)
    async with running_shop(database_url) as shop, shop.context(viewer=STAFF) as ctx:
        await service.disable(ctx, "herons")
    async with app(database_url).lifespan():
        pass


@pytest.mark.parametrize(
    "hooks",
    [
        "raise RuntimeError('no water')",
        f"{MARK}def register_jobs():\n    1 / 0\n",
        f"{MARK}def register_graphql(api):\n    1 / 0\n",
        f"{MARK}def register_job():\n    return []\n",
    ],
    ids=["import", "jobs", "schema", "misspelt"],
)
async def test_one_that_need_not_run_is_left_out_wherever_it_fails(
    database_url: str, workshop: Workshop, hooks: str
) -> None:
    workshop.install_small("herons", hooks=hooks, manifest="required = false\n")
    with capture_logs() as logs:
        made = app(database_url)
    async with made.lifespan():
        running = {one.name for one in made.state.shop.installation.running}
        assert "checkin" in running
        assert "herons" not in running
    told = [one for one in logs if one["event"] == "a plugin is left out"]
    assert [one["plugin"] for one in told] == ["herons"]


@pytest.mark.slow
async def test_tables_without_their_plugin_are_warned_of_and_the_shop_starts(
    blank_database_url: str, workshop: Workshop
) -> None:
    workshop.install()
    await migrate(blank_database_url)
    workshop.uninstall()
    with capture_logs() as logs:
        async with app(blank_database_url).lifespan():
            pass
    assert {
        "event": "tables of a plugin that does not run",
        "log_level": "warning",
        "plugin": "ponds",
        "fix": "install koipond-ponds again, or run: koi plugin purge ponds",
    } in logs


@pytest.mark.slow
async def test_jobs_of_one_that_is_off_wait(blank_database_url: str, workshop: Workshop) -> None:
    from koipond.kernel.worker import Worker

    workshop.install()
    await migrate(blank_database_url)
    async with running_shop(blank_database_url, plugins=["ponds"]) as shop:
        await Worker(shop.shop).run_once()
        shop.clock.advance(seconds=60)
        async with shop.shop.database.writer.begin() as db:
            await db.execute(
                text("UPDATE schedule SET next_at = :now WHERE name = 'PondsFeed'"),
                {"now": "2020-01-01 00:00:00"}
                if shop.shop.database.is_sqlite
                else {"now": shop.clock.now()},
            )
        async with shop.context(viewer=STAFF) as ctx:
            assert await service.disable(ctx, "ponds")
    before = await schedule(blank_database_url)
    async with running_shop(blank_database_url, plugins=["ponds"]) as shop:
        shop.clock.advance(seconds=600)
        await Worker(shop.shop).run_once()
    assert await schedule(blank_database_url) == before


async def schedule(url: str) -> Any:
    database = Database(url)
    try:
        async with database.reading() as db:
            found = await db.execute(text("SELECT next_at FROM schedule WHERE name = 'PondsFeed'"))
            return found.scalar_one()
    finally:
        await database.close()


async def test_what_hooks_cost_is_told_where_it_is_asked_for(
    database_url: str, workshop: Workshop
) -> None:
    workshop.install_small("herons", manifest=ADDS, hooks=HERONS)
    async with running_shop(database_url, plugins=["herons"]) as shop:
        assert (await shop.http.get("/metrics")).status_code == 404
    async with running_shop(database_url, plugins=["herons"], metrics=True) as shop:
        async with shop.context() as ctx:
            await shop.shop.hooks.disable_blockers("herons", ctx)
        async with connect(shop.app) as http:
            answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    labels = '{hook="disable_blockers",plugin="herons"}'
    assert f"koi_hook_calls_total{labels} 1.0" in sorted_labels(lines)
    assert f"koi_hook_failures_total{labels} 0.0" in sorted_labels(lines)
    assert any(line.startswith("koi_hook_seconds_total{") for line in lines)


def sorted_labels(lines: list[str]) -> list[str]:
    """Return samples with their labels in one order."""
    found = []
    for line in lines:
        name, brace, rest = line.partition("{")
        labels, _, value = rest.partition("}")
        found.append(f"{name}{{{','.join(sorted(labels.split(',')))}}}{value}" if brace else line)
    return found
