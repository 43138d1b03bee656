"""What `create_app` wires, and what keeps it from starting."""

# No `from __future__ import annotations`: strawberry reads the types as they are.
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import strawberry
from structlog.testing import capture_logs

from koipond.app import create_app, make_schemas, open_shop
from koipond.channel.service import find_channels
from koipond.front import FIRST_QUERY
from koipond.graphql.asking import GraphQLRequest
from koipond.graphql.assets import AssetsMissing, read_asset
from koipond.graphql.execute import Executor
from koipond.kernel.dispatch import HookMistake, implement
from koipond.kernel.plugins import Manifest, Plugin
from koipond.kernel.readiness import NotReady, migrate_safely
from koipond.kernel.revisions import units
from koipond.kernel.schema import PUBLIC, Api, Info, Query, SchemaConflict, query
from koipond.kernel.viewer import GUEST
from koipond.settings import Settings, SettingsInvalid
from koipond_sdk.testing import STAFF, RunningShop, connect, running_shop

pytestmark = pytest.mark.story


async def test_it_does_not_start_on_a_database_that_is_not_migrated(
    blank_database_url: str,
) -> None:
    app = create_app(Settings(database_url=blank_database_url), [])
    with pytest.raises(NotReady, match="Run: koi migrate"):
        async with app.lifespan():
            pass


@pytest.mark.slow
async def test_it_is_not_ready_any_more_when_the_database_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    async with open_shop(Settings(database_url=f"sqlite:///{file}"), []) as made:
        await migrate_safely(made.database, units([]))
    async with running_shop(f"sqlite:///{file}") as shop:
        assert (await shop.http.get("/ready")).status_code == 200
        await shop.shop.database.close()
        for one in tmp_path.iterdir():
            one.unlink()
        file.write_text("no database" * 1000)
        response = await shop.http.get("/ready")
        assert response.status_code == 503
        assert response.json()["status"] == "not ready"
        assert "file is not a database" in response.json()["reason"]
        assert (await shop.http.get("/health")).status_code == 200


async def test_a_request_without_a_database_is_a_bug_with_an_id(tmp_path: Path) -> None:
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/shop.db"), [])
    async with connect(app) as http:
        response = await http.post("/graphql", json={"query": "{ channels { code } }"})
    await app.state.shop.database.close()
    assert response.status_code == 500
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "channel" not in error["message"]


async def test_a_shop_can_be_opened_without_http(database_url: str) -> None:
    settings = Settings(database_url=database_url)
    async with open_shop(settings, []) as shop, shop.context(viewer=GUEST) as ctx:
        assert await find_channels(ctx) == []


def test_the_first_query_fits_both_schemas_and_is_the_readme_s() -> None:
    schemas = make_schemas(())
    for schema in (schemas.storefront, schemas.admin):
        Executor(schema, production=True).prepare(GraphQLRequest(query=FIRST_QUERY))
    readme = Path(__file__).parents[3] / "README.md"
    assert FIRST_QUERY in readme.read_text(encoding="utf-8")


async def test_pictures_are_served_and_cannot_run_scripts(
    database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "tea.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    async with running_shop(database_url, media_folder=str(tmp_path)) as shop:
        response = await shop.http.get("/media/tea.svg")
        assert (response.status_code, response.headers["Content-Type"]) == (200, "image/svg+xml")
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        for path in ("/media/coffee.svg", "/media/../shop.py", "/media/%2e%2e/shop.py", "/media/"):
            assert (await shop.http.get(path)).status_code == 404


def test_a_media_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/shop.db", media_folder="nowhere")
    with pytest.raises(SettingsInvalid, match="media_folder: there is no folder nowhere"):
        create_app(settings, [])


@strawberry.type
class Channels:
    @query(PUBLIC)
    async def channels(self, info: Info) -> str | None:
        """A name that core has taken."""
        return None


def plugin(name: str, register: Callable[[Api], None]) -> Plugin:
    """Return a plugin as if it were installed."""

    def register_graphql(api: Api) -> None:
        register(api)

    hooks = ModuleType(name)
    hooks.register_graphql = implement()(register_graphql)  # type: ignore[attr-defined]  # made here
    manifest = Manifest(
        name=name, version="1", api="0.1", table_prefix=f"{name}_", queries=("channels",)
    )
    return Plugin(manifest=manifest, package=name, folder=Path("/nowhere"), hooks=hooks)


def test_a_plugin_that_takes_a_taken_name_is_named(tmp_path: Path) -> None:
    rival = plugin("rival", lambda api: api.storefront(Query, Channels))
    with pytest.raises(SchemaConflict) as refused:
        create_app(Settings(database_url=f"sqlite:///{tmp_path}/shop.db"), [rival])
    assert str(refused.value) == (
        "rival: Query.channels is already declared by koipond: rename yours"
    )


def test_a_plugin_that_raises_at_start_is_named(tmp_path: Path) -> None:
    def fail(api: Api) -> None:
        raise KeyError("colour")

    with pytest.raises(HookMistake, match=r"plugin clumsy: register_graphql raised KeyError\('col"):
        create_app(Settings(database_url=f"sqlite:///{tmp_path}/shop.db"), [plugin("clumsy", fail)])


async def test_what_fails_outside_of_graphql_is_logged_and_says_no_more(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("koipond.graphql.assets.DISTRIBUTION", "not-installed-at-all")
    read_asset.cache_clear()
    with capture_logs() as logs:
        response = await shop.http.get("/assets/graphiql.min.js")
    assert response.status_code == 500
    assert response.json() == {"status_code": 500, "detail": "Internal Server Error"}
    failure = next(line for line in logs if line["event"] == "a request failed")
    assert isinstance(failure["exc_info"], AssetsMissing)


@pytest.mark.one_database
async def test_metrics_tell_by_schema_what_ran_operations(database_url: str) -> None:
    async with running_shop(database_url, metrics=True) as shop:

        async def counted() -> dict[tuple[str, str], float]:
            text = (await shop.http.get("/metrics")).text
            samples = re.findall(
                r'koi_graphql_operations_total\{by="(.+)",schema="(.+)"\} (.+)', text
            )
            return {(schema, by): float(value) for by, schema, value in samples}

        before = await counted()
        for _ in range(3):
            await shop.graphql("{ channels { code } }")
        await shop.graphql("{ __typename }", viewer=STAFF, admin=True)
        await shop.graphql("{ refused }")
        after = await counted()
    assert {key: after[key] - before[key] for key in before} == {
        ("storefront", "plan"): 3,
        ("storefront", "graphql-core"): 0,
        ("admin", "plan"): 1,
        ("admin", "graphql-core"): 0,
    }
