"""`koi plugin new`: what it writes is sound, and which names it refuses, with the way out."""

import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from koipond.cli import koi
from koipond.cli.scaffolding import NAME_MAX, render, suggest
from koipond.kernel.plugins import Manifest

RUFF = Path(sys.executable).with_name("ruff")
# One letter, the most letters, digits, words of Python's, and a usual one.
NAMES = ["z", "a" * NAME_MAX, "a_b_c_d_e_f_g_h_i_j", "b2b_2", "class", "set", "gift_card"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is worked in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(name: str) -> tuple[int, str]:
    """Type the command; returns its exit code, and what it printed without the panel's lines."""
    done = CliRunner().invoke(koi, ["plugin", "new", name])
    return done.exit_code, " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_formatted_and_without_a_finding(folder: Path, name: str) -> None:
    code, said = new(name)
    assert code == 0, said
    project = folder / f"koipond-{name.replace('_', '-')}"
    for check in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [RUFF, *check, "--no-cache"], cwd=project, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    for file in project.rglob("*.py"):
        compile(file.read_text(encoding="utf-8"), file, "exec")


def test_nothing_of_a_template_is_left(folder: Path) -> None:
    new("gift_card")
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert [file for file in files if file.suffix == ".jinja"] == []
    left = [file for file in files if "{{ " in file.read_text(encoding="utf-8")]
    assert left == []


def test_it_says_what_it_wrote_and_what_to_type_next(folder: Path) -> None:
    code, said = new("gift_card")
    count = len(dict(render("gift_card")))
    assert (code, said) == (
        0,
        f"wrote koipond-gift-card, {count} files: a plugin that works. Try it: "
        "cd koipond-gift-card pip install -e '.[dev]' pytest pytest --koipond-conformance "
        "ruff check && ruff format --check && mypy "
        "A shop that has it installed finds it by itself. In the shop's folder: "
        "koi migrate koi dev --reload",
    )


def test_the_names_go_together(folder: Path) -> None:
    new("gift_card")
    project = folder / "koipond-gift-card"
    manifest = msgspec.toml.decode(
        (project / "src" / "koipond_gift_card" / "plugin.toml").read_bytes(), type=Manifest
    )
    assert (manifest.name, manifest.table_prefix, manifest.graphql_prefix) == (
        "gift_card",
        "gift_card",
        "GiftCard",
    )
    assert (manifest.mutations, manifest.fields, manifest.permissions) == (
        ("setGiftCardMark",),
        ("Product.giftCardMark", "Product.giftCardNote"),
        ("gift_card.manage",),
    )
    told = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    assert told["name"] == "koipond-gift-card"
    assert told["entry-points"] == {"koipond.plugins": {"gift_card": "koipond_gift_card.hooks"}}


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("gift-card", "gift_card"),
        ("GiftCard", "gift_card"),
        ("gift__card", "gift_card"),
        ("2for1", "for1"),
        ("_gift", "gift"),
        ("a" * (NAME_MAX + 1), "a" * NAME_MAX),
        ("礼品卡", "gift_card"),
        ("../gift", "gift"),
        ("", "gift_card"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused_with_one_that_can(
    folder: Path, name: str, like: str
) -> None:
    code, said = new(name)
    assert code == 2
    assert f"{name!r} is no name for a plugin" in said
    assert suggest(name) == like
    assert f"koi plugin new {like}" in said
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("checkin", "the package koipond_checkin"),
        ("sdk", "the package koipond_sdk"),
        ("check_in", "the plugin checkin, whose GraphQL types begin so"),
        ("points_mall", "the plugin points, whose tables begin with points_"),
        ("order", "koipond itself, which has order"),
        ("outbox", "koipond itself, which has outbox_"),
        ("koi", "koipond itself, which has koi"),
        ("sqlite", "koipond itself, which has sqlite"),
    ],
)
def test_a_name_that_something_goes_by_is_refused(folder: Path, name: str, owner: str) -> None:
    code, said = new(name)
    assert code == 2
    assert f"{name} is taken by {owner}" in said
    assert "Choose another name." in said
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_there_stays_as_it_is(folder: Path) -> None:
    (folder / "koipond-deal").mkdir()
    (folder / "koipond-deal" / "mine.txt").write_text("mine")
    code, said = new("deal")
    assert code == 2
    assert "koipond-deal exists, and nothing in it is written over." in said
    assert [one.name for one in folder.rglob("*")] == ["koipond-deal", "mine.txt"]
