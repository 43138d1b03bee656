"""`koi doctor` on shops whose plugins are not as they should be: a fix for each finding."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from core.tests.plugin.workshop import HOOKS, PRIZES, TABLES, Workshop
from sqlalchemy import text

from koipond.cli import koi
from koipond.cli.examining import examine
from koipond.kernel.db import Database
from koipond.settings import Settings

pytestmark = pytest.mark.story

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_database_url: str) -> Run:
    """Run `koi` on a database of its own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("COLUMNS", "600")
    monkeypatch.setenv("KOI_DATABASE_URL", own_database_url)
    return lambda *arguments: CliRunner().invoke(koi, arguments, prog_name="koi")


def write(url: str, statement: str) -> None:
    async def written() -> None:
        database = Database(url)
        try:
            async with database.writer.begin() as db:
                await db.execute(text(statement))
        finally:
            await database.close()

    asyncio.run(written())


def fixes(run: Run) -> list[tuple[str, str, str]]:
    """Return [(about, found, fix)] of what is wrong."""
    result = run("doctor", "--json")
    told = json.loads(result.stdout)
    wrong = [(one["about"], one["found"], one["fix"]) for one in told if one["fix"]]
    assert result.exit_code == (1 if wrong else 0), result.output
    return wrong


@pytest.mark.slow
def test_a_sound_shop_with_a_plugin_has_no_finding(run: Run, workshop: Workshop) -> None:
    workshop.install()
    run("migrate")
    assert fixes(run) == []
    shown = run("doctor").stdout
    for about in ("hooks", "permissions", "schema", "tables", "plugin settings", "clock"):
        assert f"✓ {about}: " in shown
    assert "✓ audit: " in run("doctor", "--audit").stdout


@pytest.mark.slow
@pytest.mark.one_database
def test_a_broken_plugin_is_named_and_all_else_is_looked_at(run: Run, workshop: Workshop) -> None:
    run("migrate")
    workshop.install_small("herons", hooks="raise RuntimeError('no water')")
    workshop.install_small("otters", api="9")
    found = fixes(run)
    assert [one[:2] for one in found] == [
        ("plugin herons", "it cannot run"),
        ("plugin otters", "it cannot run"),
    ]
    assert "raised RuntimeError: no water. Mend or uninstall koipond_herons" in found[0][2]
    assert "is made for koipond API 9, and this is 0.1" in found[1][2]
    assert "✓ tables: " in run("doctor").stdout


@pytest.mark.slow
@pytest.mark.one_database
def test_each_plugin_with_a_wrong_hook_is_named(run: Run, workshop: Workshop) -> None:
    run("migrate")
    mark = "from koipond_sdk import implement\n\n@implement()\n"
    workshop.install_small("herons", hooks=f"{mark}def register_job():\n    return []\n")
    workshop.install_small("otters", hooks=f"{mark}def register_jobs():\n    1 / 0\n")
    told = [fix for about, _, fix in fixes(run) if about == "hooks"]
    assert [fix.split(":")[0] for fix in told] == ["plugin herons", "plugin otters"]


@pytest.mark.slow
def test_tables_without_a_plugin_are_told(run: Run, workshop: Workshop) -> None:
    workshop.install()
    run("migrate")
    workshop.uninstall()
    assert fixes(run) == [
        (
            "orphan tables",
            "those of the plugin ponds, which is not installed",
            "install koipond-ponds again, or run: koi plugin purge ponds",
        )
    ]


@pytest.mark.slow
def test_what_is_to_be_migrated_is_told(run: Run, workshop: Workshop) -> None:
    run("migrate")
    workshop.install()
    assert fixes(run) == [("migrations", "ponds is at nothing, not 0001_first", "koi migrate")]


@pytest.mark.slow
def test_tables_that_are_not_as_the_code_says_are_told(run: Run, workshop: Workshop) -> None:
    workshop.install()
    run("migrate")
    workshop.install(
        tables=TABLES.replace('Column("fish"', 'Column("depth", Integer),\n    Column("fish"')
    )
    ((about, found, fix),) = fixes(run)
    assert (about, found) == (
        "tables",
        "ponds is not as its code says: add column ponds_pond.depth",
    )
    assert fix.startswith("koi plugin migration ponds MESSAGE drafts what is missing")


@pytest.mark.slow
@pytest.mark.one_database
def test_settings_that_no_longer_fit_are_told(
    run: Run, workshop: Workshop, own_database_url: str
) -> None:
    workshop.install()
    run("migrate")
    write(
        own_database_url,
        "INSERT INTO plugin_setting (plugin, channel, document, version, changed_at) VALUES "
        "('ponds', 'main', '{\"fish_max\": 101}', 1, '2026-01-01 00:00:00')",
    )
    assert fixes(run) == [
        (
            "setting ponds.fish_max",
            "it must be a whole number from 1 to 100, and is 101; it counts as not set",
            "setPluginSettings for ponds in channel main, without it or with a value that fits",
        )
    ]


@pytest.mark.slow
@pytest.mark.one_database
def test_rewards_that_nobody_gives_any_more_are_told(
    run: Run, workshop: Workshop, own_database_url: str
) -> None:
    workshop.install(hooks=PRIZES)
    run("migrate")
    write(
        own_database_url,
        "INSERT INTO plugin_setting (plugin, channel, document, version, changed_at) VALUES "
        "('ponds', 'main', '{\"prize\": \"fins\"}', 1, '2026-01-01 00:00:00')",
    )
    assert fixes(run) == [
        (
            "rewards of ponds",
            "it promises 'fins', which no plugin gives in channel main; "
            "what that is for is refused",
            "install or enable a plugin that gives 'fins', or set another kind: "
            "setPluginSettings for ponds",
        )
    ]


@pytest.mark.slow
def test_a_broken_invariant_of_a_plugin_is_told(
    run: Run, workshop: Workshop, own_database_url: str
) -> None:
    workshop.install()
    run("migrate")
    write(
        own_database_url,
        f"INSERT INTO ponds_pond (id, name, fish) VALUES ('{'0' * 32}', 'deep', 51)",
    )
    result = run("doctor", "--audit")
    assert result.exit_code == 1
    assert "✗ ponds.fish: deep is too full\n  fix: Fish in it\n" in result.stdout


@pytest.mark.slow
@pytest.mark.one_database
def test_two_plugins_with_one_job_are_told(run: Run, workshop: Workshop) -> None:
    run("migrate")
    workshop.install(revisions={})
    hooks = HOOKS.replace("ponds_pond", "lakes_pond").replace("ponds.manage", "lakes.manage")
    hooks = hooks.replace("koipond_ponds", "koipond_lakes")
    workshop.install(
        "lakes",
        manifest='permissions = ["lakes.manage"]\n',
        hooks=hooks,
        tables=TABLES.replace("ponds", "lakes"),
        revisions={},
    )
    (fix,) = [fix for about, _, fix in fixes(run) if about == "hooks"]
    assert fix.startswith("plugin ponds: register_jobs returned a job PondsFeed, and lakes has one")


class SlowClock:
    """A machine whose clock is behind the database's."""

    def __init__(self, behind: timedelta) -> None:
        self.behind = behind
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    async def database_now(self, database: Any) -> datetime:
        return self.moment + self.behind


@pytest.mark.slow
@pytest.mark.parametrize(("behind_ms", "wrong"), [(500, False), (501, True), (-501, True)])
async def test_a_clock_that_is_half_a_second_off_is_a_finding(
    database_url: str, behind_ms: int, wrong: bool
) -> None:
    clock = SlowClock(timedelta(milliseconds=behind_ms))
    found = await examine(Settings(database_url=database_url), clock=clock)
    (about_clock,) = [one for one in found if one.about == "clock"]
    assert about_clock.found == f"{abs(behind_ms)} ms from the database's"
    assert bool(about_clock.fix) is wrong
