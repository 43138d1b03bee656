"""Installing, disabling, upgrading and removing a plugin never hurts a shop, on both databases."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from core.tests.plugin.workshop import FIRST, SECOND, TABLES, Workshop
from sqlalchemy import inspect, text

from koipond.cli import koi
from koipond.kernel.db import Database

pytestmark = pytest.mark.story

Run = Callable[..., Result]
Ask = Callable[[str], list[dict[str, Any]]]
BOTH = {"0001_first": FIRST, "0002_depth": SECOND}


@pytest.fixture
def run_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Run]:
    """Say on which database `koi` runs."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("COLUMNS", "600")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(koi, arguments, prog_name="koi")

    def choose(url: str) -> Run:
        monkeypatch.setenv("KOI_DATABASE_URL", url)
        return run

    return choose


@pytest.fixture
def run(run_at: Callable[[str], Run], own_database_url: str) -> Run:
    """Run `koi` on a database of its own, with the tables of all that is installed."""
    return run_at(own_database_url)


@pytest.fixture
def run_on_blank(run_at: Callable[[str], Run], blank_database_url: str) -> Run:
    """Run `koi` on a database without any table."""
    return run_at(blank_database_url)


@pytest.fixture
def ask(own_database_url: str) -> Ask:
    """Run a statement; returns its rows."""

    async def asked(statement: str) -> list[dict[str, Any]]:
        database = Database(own_database_url)
        try:
            async with database.writer.begin() as db:
                found = await db.execute(text(statement))
                return [dict(row) for row in found.mappings()] if found.returns_rows else []
        finally:
            await database.close()

    return lambda statement: asyncio.run(asked(statement))


@pytest.fixture
def tables(own_database_url: str) -> Callable[[], set[str]]:
    """Return the names of all tables."""

    async def found() -> set[str]:
        database = Database(own_database_url)
        try:
            async with database.reading() as db:
                return set(await db.run_sync(lambda sync: inspect(sync).get_table_names()))
        finally:
            await database.close()

    return lambda: asyncio.run(found())


def done(result: Result, *words: str) -> str:
    """Check that a command did what it was asked for."""
    assert result.exit_code == 0, result.output
    for one in words:
        assert one in result.output
    return result.stdout


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    for one in words:
        assert one in result.stderr, result.stderr
    assert "Traceback" not in result.stderr


def dig(ask: Ask, fish: int = 0) -> None:
    """Make a pond."""
    ask(f"INSERT INTO ponds_pond (id, name, fish) VALUES ('{'0' * 32}', 'deep', {fish})")


@pytest.fixture
def populated(run: Run, ask: Ask) -> None:
    """A shop with a member, from before there was a plugin."""
    done(run("migrate"))
    ask(
        "INSERT INTO member (id, state, name, locale, created_at, version) VALUES "
        f"('{'1' * 32}', 'registered', 'Lin', 'en', '2026-01-01 00:00:00', 1)"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("populated")
def test_installed_upgraded_and_taken_back(run: Run, workshop: Workshop, ask: Ask) -> None:
    workshop.install()
    assert done(run("migrate")) == "migrated ponds 0001_first\n"
    assert done(run("migrate")) == "nothing to migrate\n"
    dig(ask)
    workshop.install(version="0.2.0", revisions=BOTH)
    refused(run("channel", "list"), "ponds is at 0001_first, not 0002_depth. Run: koi migrate")
    assert done(run("migrate")) == "migrated ponds 0002_depth\n"
    assert [row["depth_cm"] for row in ask("SELECT * FROM ponds_pond")] == [None]
    down = run("migrate", "--plugin", "ponds", "--to", "0001_first")
    assert done(down) == "migrated ponds 0002_depth\n"
    assert "depth_cm" not in ask("SELECT * FROM ponds_pond")[0]
    workshop.install()
    done(run("channel", "list"))
    assert [row["name"] for row in ask("SELECT name FROM ponds_pond")] == ["deep"]
    assert [row["name"] for row in ask("SELECT name FROM member")] == ["Lin"]


@pytest.mark.slow
@pytest.mark.usefixtures("populated")
def test_a_revision_that_there_is_not_is_refused(run: Run, workshop: Workshop) -> None:
    workshop.install()
    done(run("migrate"))
    refused(run("migrate", "--plugin", "ponds", "--to", "0009_x"), "cannot be brought to 0009_x")
    refused(run("migrate", "--plugin", "lakes"), "There is no plugin 'lakes' that can run.")
    refused(run("migrate", "--to", "0001_first"), "name it with --plugin")


@pytest.mark.slow
@pytest.mark.usefixtures("populated")
def test_disabled_it_is_not_even_imported_and_enabled_it_is_as_it_was(
    run: Run, workshop: Workshop, ask: Ask
) -> None:
    workshop.install()
    done(run("migrate"))
    dig(ask)
    words = "ponds is disabled. It counts once koi serve, koi worker and koi dev are started again"
    done(run("plugin", "disable", "ponds"), words)
    assert done(run("plugin", "disable", "ponds")) == "ponds was disabled before\n"
    workshop.install(version="0.2.0", hooks="raise RuntimeError('dry')", revisions=BOTH)
    assert done(run("migrate")) == "migrated ponds 0002_depth\n"
    assert "ponds  0.2.0  disabled" in done(run("plugin", "list"))
    done(run("channel", "list"))
    refused(
        run("plugin", "enable", "ponds"),
        "plugin ponds: importing koipond_ponds.hooks raised RuntimeError: dry",
    )
    workshop.install(version="0.2.1", revisions=BOTH)
    done(run("plugin", "enable", "ponds"), "ponds is enabled.")
    assert done(run("plugin", "enable", "ponds")) == "ponds was enabled before\n"
    assert "ponds  0.2.1  running" in done(run("plugin", "list"))
    assert len(ask("SELECT * FROM ponds_pond")) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("populated")
def test_who_owes_something_is_not_disabled(run: Run, workshop: Workshop, ask: Ask) -> None:
    workshop.install()
    done(run("migrate"))
    dig(ask, fish=3)
    words = "ponds must not be disabled now: 1 ponds have fish: let them out first."
    refused(run("plugin", "disable", "ponds"), words)
    assert ask("SELECT * FROM plugin_state") == []
    ask("UPDATE ponds_pond SET fish = 0")
    done(run("plugin", "disable", "ponds"))


@pytest.mark.slow
@pytest.mark.usefixtures("populated")
def test_who_is_required_is_not_disabled(run: Run, workshop: Workshop) -> None:
    workshop.install()
    workshop.install_small("herons", manifest='requires = ["ponds>=0.1"]\n')
    done(run("migrate"))
    refused(
        run("plugin", "disable", "ponds"),
        "ponds must not be disabled: herons requires it. Disable that first.",
    )
    done(run("plugin", "disable", "herons"))
    done(run("plugin", "disable", "ponds"))
    refused(
        run("plugin", "enable", "herons"),
        "plugin herons: requires ponds>=0.1, which does not run. Install or enable ponds",
    )


@pytest.mark.usefixtures("populated")
def test_one_that_raises_can_be_disabled_and_the_shop_starts(run: Run, workshop: Workshop) -> None:
    workshop.install_small("herons", hooks="raise RuntimeError('gone')")
    fix = "Mend or uninstall koipond_herons, or run: koi plugin disable herons."
    refused(run("channel", "list"), "raised RuntimeError: gone", fix)
    done(run("plugin", "disable", "herons"))
    done(run("channel", "list"))


@pytest.mark.slow
@pytest.mark.usefixtures("populated")
def test_uninstalled_its_tables_remain_and_installed_again_it_finds_them(
    run: Run, workshop: Workshop, ask: Ask
) -> None:
    workshop.install()
    done(run("migrate"))
    dig(ask)
    workshop.uninstall()
    done(run("channel", "list"))
    done(run("plugin", "list"), "ponds  missing  its tables are here. Install it, or run: koi")
    assert done(run("migrate")) == "nothing to migrate\n"
    workshop.install()
    assert done(run("migrate")) == "nothing to migrate\n"
    assert [row["name"] for row in ask("SELECT name FROM ponds_pond")] == ["deep"]


@pytest.mark.slow
@pytest.mark.usefixtures("populated")
def test_purged_nothing_of_it_is_left_and_all_else_is(
    run: Run, workshop: Workshop, ask: Ask, tables: Callable[[], set[str]], tmp_path: Path
) -> None:
    before = tables()
    workshop.install()
    done(run("migrate"))
    dig(ask)
    for consumer in ("ponds", "other"):
        ask(
            "INSERT INTO subscription (consumer, event_name, since) VALUES "
            f"('{consumer}', 'OrderPlaced', '2026-01-01 00:00:00')"
        )
    refused(run("plugin", "purge", "ponds", "--yes"), "ponds runs. First: koi plugin disable ponds")
    workshop.uninstall()
    refused(
        run("plugin", "purge", "ponds"),
        "This would drop ponds_pond (1 rows), for ever. If that is meant: koi plugin purge ponds",
    )
    assert len(ask("SELECT * FROM ponds_pond")) == 1
    file = tmp_path / "ponds.ndjson"
    done(
        run("plugin", "purge", "ponds", "--yes", "--export", str(file)),
        "dropped ponds_pond, 1 rows\nnothing of ponds is left\n",
    )
    assert tables() == before
    assert ask("SELECT * FROM plugin_tables WHERE plugin = 'ponds'") == []
    assert [row["consumer"] for row in ask("SELECT consumer FROM subscription")] == ["other"]
    (line,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert line["table"] == "ponds_pond"
    assert (line["row"]["name"], line["row"]["fish"]) == ("deep", 0)
    assert [row["name"] for row in ask("SELECT name FROM member")] == ["Lin"]
    refused(run("plugin", "purge", "ponds", "--yes"), "There is no table of a plugin 'ponds' here.")


@pytest.mark.slow
@pytest.mark.usefixtures("populated")
def test_an_export_never_overwrites_and_then_nothing_is_dropped(
    run: Run, workshop: Workshop, ask: Ask, tmp_path: Path
) -> None:
    workshop.install()
    done(run("migrate"))
    dig(ask)
    workshop.uninstall()
    file = tmp_path / "kept.ndjson"
    file.write_text("precious")
    refused(
        run("plugin", "purge", "ponds", "--yes", "--export", str(file)),
        "cannot be written: file exists. Nothing was dropped. Name another file.",
    )
    assert file.read_text() == "precious"
    assert len(ask("SELECT * FROM ponds_pond")) == 1


@pytest.mark.usefixtures("populated")
def test_a_longer_prefix_is_anothers(
    run: Run, workshop: Workshop, tables: Callable[[], set[str]], ask: Ask
) -> None:
    workshop.install()
    done(run("migrate"))
    workshop.uninstall()
    # As if another plugin, prefix ponds_deep, had been here at another time.
    ask("CREATE TABLE ponds_deep_end (id INTEGER)")
    ask("INSERT INTO plugin_tables (plugin, prefix) VALUES ('ponds-deep', 'ponds_deep')")
    done(run("plugin", "purge", "ponds", "--yes"))
    assert "ponds_deep_end" in tables()
    assert "ponds_pond" not in tables()


@pytest.mark.slow
@pytest.mark.usefixtures("populated")
def test_a_draft_holds_what_the_tables_lack_and_nothing_else(run: Run, workshop: Workshop) -> None:
    workshop.install()
    done(run("migrate"))
    same = run("plugin", "migration", "ponds", "nothing")
    assert done(same) == "the tables of ponds are as its tables.py says\n"
    deeper = TABLES.replace(
        'Column("fish",',
        'Column("depth_cm", Integer),\n    Column("seen_at", Instant),\n    Column("fish",',
    ).replace("import ref", "import Instant, ref")
    workshop.install(version="0.2.0", tables=deeper)
    written = done(run("plugin", "migration", "ponds", "How deep each is"))
    file = Path(written.removeprefix("wrote ").strip())
    assert file.name == "0002_how_deep_each_is.py"
    draft = file.read_text()
    assert 'down_revision = "0001_first"' in draft
    assert "sa.Column('seen_at', sa.DateTime(timezone=True), nullable=True)" in draft
    assert done(run("migrate")) == "migrated ponds 0002_how_deep_each_is\n"
    refused_again = run("plugin", "migration", "ponds", "nothing")
    assert done(refused_again) == "the tables of ponds are as its tables.py says\n"


@pytest.mark.slow
@pytest.mark.usefixtures("populated")
def test_one_is_shown_with_all_that_it_adds(run: Run, workshop: Workshop, ask: Ask) -> None:
    workshop.install()
    done(run("migrate"))
    dig(ask)
    shown = done(run("plugin", "info", "ponds"))
    for line in (
        "ponds  0.1.0",
        "state: running",
        "made for API: 0.1",
        "permissions: ponds.manage",
        "table ponds_pond: 1 rows",
    ):
        assert f"{line}\n" in shown
    assert "disable_blockers" in shown
    refused(run("plugin", "info", "lakes"), "There is no plugin 'lakes'.")
    done(run("token", "service", "angler", "--permission", "ponds.manage"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "words"),
    [
        (
            FIRST.replace('"ponds_pond"', '"fish"'),
            "plugin ponds: its migration makes the table fish, which does not begin with ponds_",
        ),
        (
            FIRST.replace(', ondelete="RESTRICT"', ""),
            "plugin ponds: the key ponds_pond.member_id to member does not say what is to happen",
        ),
    ],
    ids=["prefix", "key"],
)
@pytest.mark.usefixtures("populated")
def test_a_migration_that_makes_what_must_not_be_is_undone(
    run: Run, workshop: Workshop, tables: Callable[[], set[str]], first: str, words: str
) -> None:
    before = tables()
    workshop.install(revisions={"0001_first": first})
    refused(run("migrate"), words, "Nothing was changed.")
    assert tables() == before


def test_plugins_are_migrated_behind_core_and_those_they_require(
    run_on_blank: Run, workshop: Workshop
) -> None:
    workshop.install(manifest='permissions = ["ponds.manage"]\nrequires = ["zander"]\n')
    zander = FIRST.replace("ponds", "zander")
    workshop.install(
        "zander",
        manifest="",
        hooks="",
        tables=TABLES.replace("ponds", "zander"),
        revisions={"0001_first": zander},
    )
    lines = [
        line for line in done(run_on_blank("migrate")).splitlines() if line.startswith("migrated")
    ]
    order = [line.split()[1] for line in lines]
    assert order[0] == "core"
    assert order.index("zander") < order.index("ponds")
