"""`koi ask`: what staff ask, out of a file."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from core.tests.cli.folder import write_shop

from koipond.cli import koi
from koipond.cli.developing import ask_seed
from koipond.settings import SeedSettings, load

FILE = """
query Choose { products(first: 1) { nodes { variants { variantId: id } } } }
mutation Lower($variantId: ID!) {
  setPrice(input: { variantId: $variantId, channel: "main", amount: "9.50", currency: "EUR" }) {
    variant { price { amount } } userErrors { code message }
  }
}
"""


@pytest.fixture
def shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put_database: Callable[[Path], None]
) -> Path:
    """A folder with a shop that has two teas."""
    write_shop(tmp_path)
    put_database(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run("migrate").exit_code == 0
    assert run("import", "catalog", "catalog.csv").exit_code == 0
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(koi, arguments, prog_name="koi", env={"COLUMNS": "400"})


def ask(shop: Path, text: str) -> Result:
    (shop / "staff.graphql").write_text(text)
    return run("ask", "staff.graphql")


def test_operations_are_sent_one_after_the_other_and_once(shop: Path) -> None:
    assert ask(shop, FILE).output == "staff.graphql: 2 operations\n"
    assert ask(shop, FILE).output == "staff.graphql: done before\n"


@pytest.mark.slow
def test_a_disabled_plugin_is_in_nobodys_way(shop: Path) -> None:
    assert run("plugin", "disable", "promotions").exit_code == 0
    assert ask(shop, FILE).output == "staff.graphql: 2 operations\n"
    settings = load(shop / "koi.toml")
    (shop / "sale.graphql").write_text("mutation Sale { createPromotion(input: {}) { a } }")
    seed = SeedSettings(
        file=str(shop / "sale.graphql"), channel="main", currency="EUR", locale="en"
    )
    told = asyncio.run(ask_seed(settings, seed))
    assert told.startswith("left out: Sale is not in the staff's schema")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FILE.replace("9.50", "x"), "Lower was refused, and nothing was done"),
        (FILE.replace("products", "pearls"), "pearls"),
        ("mutation Lower($price: String!) { a }", "Lower wants $price"),
        ("{ products { nodes { id } } }", "needs a name"),
        ("no GraphQL", "This is no GraphQL"),
        ("", "This is no GraphQL"),
    ],
)
def test_what_cannot_be_sent_is_told_in_a_panel(shop: Path, text: str, words: str) -> None:
    result = ask(shop, text)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_that_is_not_there_is_told_in_a_panel(shop: Path) -> None:
    result = run("ask", "nothing.graphql")
    assert result.exit_code == 2
    assert "nothing.graphql cannot be read" in result.stderr
