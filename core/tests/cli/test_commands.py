"""The commands of `koi` that end by themselves, run in the test's own process."""

import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import koipond
from koipond.cli import koi
from koipond.cli.problems import explain
from koipond.kernel.ids import MemberId, encode, new_id
from koipond.kernel.viewer import ViewerKind, check
from koipond.settings import DEVELOPMENT_SECRET, Settings

pytestmark = pytest.mark.story

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `koi` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(koi, arguments, prog_name="koi")

    return run


@pytest.fixture
def run_on(run: Run, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Run:
    """Run `koi` on a migrated database without any row."""
    monkeypatch.setenv("KOI_DATABASE_URL", database_url)
    return run


@pytest.fixture
def run_on_blank(run: Run, monkeypatch: pytest.MonkeyPatch, blank_database_url: str) -> Run:
    """Run `koi` on a database without any table."""
    monkeypatch.setenv("KOI_DATABASE_URL", blank_database_url)
    return run


def refused(result: Result, *parts: str) -> None:
    """Check for one clean panel on stderr."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    for part in parts:
        assert part in result.stderr
    assert "Traceback" not in result.stderr


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").output == f"koipond, version {koipond.__version__}\n"


def test_help_lists_every_command(run: Run) -> None:
    output = run("--help").output
    for name in ("channel", "dev", "doctor", "import", "migrate", "plugin", "schema", "serve"):
        assert f" {name} " in output


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'sqlalchemy', 'strawberry', 'litestar', 'graphql', 'structlog', 'uvicorn'}"
    program = f"import sys, koipond.cli; print({heavy} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert found.stdout == "set()\n"


@pytest.mark.slow
def test_migrating_tells_what_was_done_and_the_second_time_nothing(run_on_blank: Run) -> None:
    first = run_on_blank("migrate")
    assert first.exit_code == 0
    assert first.stdout.startswith("migrated core 0001")
    assert "made channel main\n" in first.stdout
    assert run_on_blank("migrate").stdout == "nothing to migrate\n"


@pytest.mark.slow
def test_a_channel_is_made_and_listed(run_on: Run) -> None:
    nothing = "no channel; `koi channel add` makes one\n"
    assert run_on("channel", "list").stdout == nothing
    wanted = ["--name", "China", "--currency", "CNY", "--locale", "zh-Hans", "--locale", "en"]
    made = run_on("channel", "add", "cn", *wanted, "--time-zone", "Asia/Shanghai")
    assert (made.exit_code, made.stdout) == (0, "made channel cn\n")
    line = "cn  China  CNY  zh-Hans, en  Asia/Shanghai\n"
    assert run_on("channel", "list").stdout == line
    refused(
        run_on("channel", "add", "cn", *wanted), "'cn' cannot be made: there is one of this code"
    )
    assert run_on("channel", "list").stdout == line


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["EU", "--currency", "EUR", "--locale", "en"], "a-z, 0-9 and -"),
        (["eu", "--currency", "EURO", "--locale", "en"], "'EURO' is no current ISO 4217"),
        (["eu", "--currency", "EUR", "--locale", "xx"], "'xx'"),
        (["eu", "--currency", "EUR", "--locale", "en", "--time-zone", "Mars"], "Mars"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_and_none_is_made(
    run_on: Run, arguments: list[str], reason: str
) -> None:
    refused(run_on("channel", "add", *arguments), "cannot be made", reason)
    assert run_on("channel", "list").stdout.startswith("no channel")


def test_a_command_on_a_database_without_tables_names_the_command_to_run(run_on_blank: Run) -> None:
    refused(
        run_on_blank("channel", "list"),
        *("Run: koi migrate", "no koi.toml is here, and no file was named (koi --settings FILE)"),
    )


@pytest.mark.parametrize(
    "arguments",
    [
        *(["channel", "list"], ["doctor"], ["serve", "--port", "0"], ["worker"]),
        *(["token", "member", "lin@example.org"], ["import", "catalog", "tea.csv"]),
    ],
)
def test_a_command_that_finds_no_database_makes_none(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("KOI_SECRET", sha256(b"drawn").hexdigest())
    (tmp_path / "koi.toml").write_text('database_url = "sqlite:///here/shop.db"\n')
    result = run(*arguments)
    assert result.exit_code in {1, 2}
    assert "There is no database at here/shop.db. Run: koi migrate" in result.output
    assert "koi.toml" in result.output
    assert [one.name for one in tmp_path.iterdir()] == ["koi.toml"]


def test_a_channel_that_cannot_be_keeps_migrate_from_making_a_database(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "koi.toml").write_text(
        '[[channels]]\ncode = "cn"\nname = "China"\ncurrencies = ["CNX"]\nlocales = ["zh"]\n'
    )
    refused(run("migrate"), "Channel 'cn' cannot be made: 'CNX' is no current ISO 4217 currency")
    assert [one.name for one in tmp_path.iterdir()] == ["koi.toml"]


def test_the_first_of_the_staff_is_made_at_the_console(run_on: Run) -> None:
    assert run_on("createadmin", "Lin@example.org").stdout == "lin@example.org may do everything\n"
    assert run_on("createadmin", "lin@example.org").exit_code == 0
    now = datetime.now(UTC)
    output = run_on("token", "staff", "lin@example.org", "--hours", "2").stdout
    viewer = check(output.strip(), secret=DEVELOPMENT_SECRET, now=now)
    assert viewer.kind is ViewerKind.STAFF
    assert viewer.expires_at is not None
    assert timedelta(hours=1.9) < viewer.expires_at - now <= timedelta(hours=2, seconds=5)
    refused(run_on("createadmin", "nobody"), "'nobody' is no e-mail address")
    refused(run_on("token", "staff", "wu@example.org"), "none of the staff 'wu@example.org'")


def test_a_program_gets_a_token_that_is_shown_once(run_on: Run) -> None:
    run_on("channel", "add", "main", "--currency", "EUR", "--locale", "en")
    given = ["--permission", "stock.write", "--channel", "main", "--days", "30"]
    output = run_on("token", "service", "warehouse", *given).stdout
    assert re.fullmatch(r"koisvc_[A-Za-z0-9_-]{43}\n", output)
    elsewhere = ["--permission", "stock.write", "--channel", "eu"]
    refused(run_on("token", "service", "warehouse", *elsewhere), "no channel 'eu', only main")


@pytest.mark.slow
@pytest.mark.parametrize("permission", ["", "stock.rite", "member", "stock.write,catalog.read"])
def test_a_permission_that_nothing_asks_for_is_refused(run_on: Run, permission: str) -> None:
    words = (f"There is no permission {permission!r}", "catalog.write, ", "webhook.write; * is all")
    refused(run_on("token", "service", "warehouse", "--permission", permission), *words)


def test_a_token_for_nobody_is_refused(run_on: Run) -> None:
    stranger = encode(MemberId, MemberId(new_id()))
    refused(run_on("token", "member", stranger), "no member", stranger)
    refused(run_on("token", "member", "lin@example.org"), "no member 'lin@example.org'")
    refused(run_on("token", "member", "mem_1"), "'mem_1' is not the id of a member: those are mem_")


def test_both_schemas_are_printed_and_written(run: Run, tmp_path: Path) -> None:
    storefront = run("schema", "print", "storefront", "--core-only").stdout
    admin = run("schema", "print", "admin", "--core-only").stdout
    assert "placeOrder(input: PlaceOrderInput!): PlaceOrderPayload!" in storefront
    assert "setPrice(input: SetPriceInput!): SetPricePayload!" in admin
    assert run("schema", "export", "made/here", "--core-only").exit_code == 0
    assert (tmp_path / "made/here/schema.graphql").read_text(encoding="utf-8") == storefront
    assert (tmp_path / "made/here/admin.graphql").read_text(encoding="utf-8") == admin


def test_a_folder_that_cannot_be_written_to_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "made").write_text("a file")
    refused(run("schema", "export", "made/here", "--core-only"), "made/here cannot be written to")


def test_koi_alone_shows_its_help(run: Run) -> None:
    result = run()
    assert result.exit_code == 0
    assert "Run a koipond shop and look after it." in result.stdout


def test_plugins_are_listed(run: Run) -> None:
    assert "checkin  0.1.0  running  koipond_checkin  " in run("plugin", "list").stdout


@pytest.mark.slow
def test_the_doctor_finds_nothing_wrong_with_a_migrated_shop(run_on: Run) -> None:
    result = run_on("doctor")
    assert result.exit_code == 0, result.output
    assert "✗" not in result.stdout
    for about in ("settings", "plugins", "schema", "GraphiQL", "database", "migrations"):
        assert f"✓ {about}: " in result.stdout


def test_the_doctor_names_what_is_to_be_migrated(run_on_blank: Run) -> None:
    result = run_on_blank("doctor")
    assert result.exit_code == 1
    assert "✗" in result.stdout
    assert "koi migrate\n" in result.stdout
    assert "koi doctor" not in result.stdout


def test_the_doctor_names_a_database_that_is_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "koi.db").write_text("a letter " * 1000)
    result = run("doctor")
    assert result.exit_code == 1
    assert "✗ database: it cannot be used\n" in result.stdout
    assert "mv koi.db koi.db.broken" in result.stdout


@pytest.mark.one_database
def test_settings_come_from_the_file_that_is_named(run_on: Run, tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    run_on("createadmin", "lin@example.org")
    who = "lin@example.org"
    file.write_text('secret = "a secret of the file, long enough to sign"\n')
    for arguments in (
        ["--settings", str(file), "token", "staff", who],
        ["token", "staff", who, "--settings", str(file)],
        ["--settings", "other.toml", "token", "staff", who, "--settings", str(file)],
    ):
        token = run_on(*arguments).stdout.strip()
        secret = "a secret of the file, long enough to sign"
        assert check(token, secret=secret, now=datetime.now(UTC)).kind is ViewerKind.STAFF


PRODUCTION = "production = true\n"
SOUND = f"{PRODUCTION}secret = '{sha256(b'sound').hexdigest()}'\n"


def test_production_takes_every_secret_that_is_drawn() -> None:
    seeds = [sha256(bytes([number])) for number in range(200)]
    drawn = [b64encode(one.digest()).decode() for one in seeds]
    drawn += [one.hexdigest()[:length] for one in seeds for length in (32, 64)]
    proxies = ("10.0.0.0/8", "2001:db8::/32")
    for one in drawn:
        found = Settings(
            production=True, secret=one, previous_secret=one[::-1], trusted_proxies=proxies
        )
        assert found.secret == one


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "There is no file "),
        ("secret = ", "cannot be read as TOML"),
        ('secret = "short"', "at least 32 characters"),
        ("colour = 'red'", "shop.toml: colour: there is no such setting. There are: access"),
        ("secrets = 'red'", "shop.toml: secrets: there is no such setting. Is it secret?"),
        ("database_pool_size = 'ten'", "database_pool_size: this must be a whole number, and is a"),
        ("database_pool_size = 0", "database_pool_size: from 1 to 1,000, not 0"),
        ("channels = 'cn'", "channels: this must be a list in [ ], and is a text"),
        ("[[channels]]\ncode = 'cn'", "channels[0].name: this is missing"),
        ("[[channels]]\ncodes = 'cn'", "channels[0].codes: there is no such setting. Is it code?"),
        ("[[seeds]]\nfiles = 'cn'", "seeds[0].files: there is no such setting. Is it file?"),
        ("seeds = 1", "seeds: this must be a list in [ ], and is a whole number"),
        ("production = true", "production refuses the built-in one. Set the variable KOI_SECRET"),
        (f"{PRODUCTION}secret = '{'a' * 40}'", "secret: production refuses one of 1 diff"),
        (f"{PRODUCTION}secret = '{'ChangeMe-' * 5}'", "one with 'changeme' in it"),
        (f"{PRODUCTION}secret = '{'k7Qw-x2Zp_' * 4}k7'", "refuses one that repeats itself"),
        (
            f"{SOUND}previous_secret = '{'0f' * 20}'",
            "KOI_PREVIOUS_SECRET to one",
        ),
        (f"{SOUND}trusted_proxies = ['::/0']", "::/0 is the whole internet"),
        (f"{SOUND}trusted_proxies = ['0.0.0.0/0']", "Name the networks of your"),
        ("database_url = 'mysql://host/shop'", "sqlite:///FILE or postgresql://USER@HOST/NAME"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    run: Run, tmp_path: Path, content: str | None, reason: str
) -> None:
    file = tmp_path / "shop.toml"
    if content is not None:
        file.write_text(content)
    result = run("migrate", "--settings", str(file))
    refused(result, reason)
    assert ".." not in result.stderr


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("KOI_DATABASE_URI", "x", "KOI_DATABASE_URI. Is it KOI_DATABASE_URL?"),
        ("KOI_CHANNELS", "x", "There is no setting for the variable KOI_CHANNELS"),
        ("KOI_DATABASE_POOL_SIZE", "x", "the variable KOI_DATABASE_POOL_SIZE: database_pool_size:"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    refused(run("migrate"), reason)


def test_variables_of_others_are_left_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KOI_PG_WHEEL", "KOI_TEST_DATA", "KOI_SERVICE_HOST", "KOI_PORT_80_TCP"):
        monkeypatch.setenv(name, "x")
    assert run("schema", "print", "admin", "--core-only").exit_code == 0


def test_the_settings_file_may_be_named_by_a_variable(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("of_variable", "of_option"):
        (tmp_path / f"{name}.toml").write_text(f'database_url = "sqlite:///{name}/koi.db"\n')
    monkeypatch.setenv("KOI_SETTINGS", "of_variable.toml")
    refused(run("channel", "list"), "no database at of_variable/koi.db", "of_variable.toml")
    for arguments in (
        ("--settings", "of_option.toml", "channel", "list"),
        ("channel", "list", "--settings", "of_option.toml"),
    ):
        refused(run(*arguments), "no database at of_option/koi.db", "Settings: of_option.toml")


@pytest.mark.slow
def test_a_database_in_a_file_is_relative_to_it_and_in_a_variable_to_the_working_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/koi.toml").write_text('database_url = "sqlite:///koi.db"\n')
    assert run("migrate", "--settings", "shop/koi.toml").exit_code == 0
    assert (tmp_path / "shop/koi.db").exists()
    assert not (tmp_path / "koi.db").exists()
    monkeypatch.setenv("KOI_DATABASE_URL", "sqlite:///koi.db")
    assert run("migrate", "--settings", "shop/koi.toml").exit_code == 0
    assert (tmp_path / "koi.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        *(["nothing"], ["dev", "--port", "70000"], ["token", "staff", "x", "--hours", "0"]),
        *(["serve", "--workers", "0"], ["schema", "print", "moon"], ["channel", "add"]),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_bug_is_no_problem_of_the_user() -> None:
    assert explain(ZeroDivisionError()) is None
    assert explain(OSError()) is None
