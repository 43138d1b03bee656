"""`koi webhook` and `koi schema events`, as they are typed."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from koipond.cli import koi

URL = "https://example.org/hooks"


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put_database: Callable[[Path], None]
) -> Path:
    """A migrated shop in the working folder."""
    put_database(tmp_path)
    (tmp_path / "koi.toml").write_text('database_url = "sqlite:///shop.db"\n')
    monkeypatch.chdir(tmp_path)
    assert run("migrate").exit_code == 0
    return tmp_path


def run(*typed: str) -> Result:
    return CliRunner().invoke(koi, typed)


@pytest.mark.slow
def test_an_endpoint_is_added_shown_turned_off_and_removed(folder: Path) -> None:
    added = run("webhook", "add", URL, "--event", "OrderPlaced", "--description", "the warehouse")
    assert added.exit_code == 0, added.output
    shape = r"(hook_\w{26})  active  (\S+)  the warehouse  OrderPlaced\nsecret: (\S+)"
    found = re.match(shape, added.output)
    assert found is not None, added.output
    key, url, secret = found.groups()
    assert (url, secret[:6]) == (URL, "whsec_")
    rotated = run("webhook", "rotate", key)
    assert rotated.output.startswith("secret: whsec_")
    assert secret not in rotated.output
    assert run("webhook", "attempts", key).output == ""
    assert run("webhook", "disable", key).output.startswith(f"{key}  disabled by staff")
    assert run("webhook", "list").output.startswith(f"{key}  disabled by staff  {URL}")
    refused = run("webhook", "replay", key, "--since", "2026-01-01")
    assert refused.exit_code == 2
    assert run("webhook", "enable", key).output.startswith(f"{key}  active")
    told = run("webhook", "replay", key, "--since", "2026-01-01").output
    assert told == "0 events are told again by the next worker\n"
    assert run("webhook", "remove", key).output == f"{key} is removed\n"
    assert run("webhook", "list").output == "there is no endpoint\n"


@pytest.mark.parametrize("url", ["http://example.org/", "https://127.0.0.1/", "example.org"])
def test_an_address_that_cannot_be_is_refused_as_a_problem(folder: Path, url: str) -> None:
    refused = run("webhook", "add", url)
    assert refused.exit_code == 2
    assert "Traceback" not in refused.output
    assert run("webhook", "list").output == "there is no endpoint\n"


def test_the_schemas_of_events_are_printed_and_written(tmp_path: Path) -> None:
    printed = json.loads(run("schema", "events", "--core-only").output)
    assert printed["OrderPlaced"]["title"] == "OrderPlaced"
    written = run("schema", "events", str(tmp_path / "events"), "--core-only")
    assert written.output == f"wrote {len(printed)} schemas to {tmp_path / 'events'}\n"
    files = {file.stem: json.loads(file.read_text()) for file in (tmp_path / "events").iterdir()}
    assert files == printed
