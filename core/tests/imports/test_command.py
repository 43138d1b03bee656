"""`koi import catalog`: what it prints, and how it exits."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from koipond.cli import koi
from koipond.imports.types import Dialect

pytestmark = pytest.mark.story

HEADER = "Handle,Title,Variant SKU,Variant Price,Variant Inventory Tracker,Variant Inventory Qty"
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str) -> Run:
    """Run `koi` in an empty folder, on a database with the channel `main` in EUR and CNY."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("KOI_DATABASE_URL", database_url)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(koi, arguments, prog_name="koi")

    currencies = ("--currency", "EUR", "--currency", "CNY")
    made = run("channel", "add", "main", *currencies, "--locale", "en", "--locale", "zh-Hans")
    assert made.exit_code == 0, made.output
    return run


def write(*rows: str, encoding: str = "utf-8") -> str:
    """Write a file into the working folder; returns its name."""
    Path("tea.csv").write_text("\n".join([HEADER, *rows, ""]), encoding=encoding)
    return "tea.csv"


def test_a_file_that_is_all_in_exits_with_0(run: Run) -> None:
    result = run("import", "catalog", write("a,A,A,1.00,shopify,5", "b,B,B,2.00,,"))
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "tea.csv: 2 created, 0 changed, 0 unchanged, 0 skipped\nstock booked for 1 new variants\n"
    )
    assert "2/2" in result.stderr
    again = run("import", "catalog", "tea.csv")
    assert again.exit_code == 0
    assert again.stdout == (
        "tea.csv: 0 created, 0 changed, 2 unchanged, 0 skipped\n"
        "stock left alone for 1 known variants\n"
    )


def test_skipped_products_are_listed_and_exit_with_1(run: Run) -> None:
    result = run("import", "catalog", write("a,A,A,1.00,,", "b,[red]B,,2.00,,", "[c],C,C,-1,,"))
    assert result.exit_code == 1, result.output
    lines = [line.split("│") for line in result.stdout.splitlines() if "│" in line]
    assert [[cell.strip() for cell in line[1:4]] for line in lines] == [
        [
            "3",
            "b",
            "Variant SKU is empty; prices, stock and a second import find a variant by it alone",
        ],
        [
            "4",
            "[c]",
            "Variant Price: '-1' is no amount in EUR: from 0 to 92233720368547758.07, at most 2 "
            "decimals, a point before them, no thousands separator. Write it like 12.50",
        ],
    ]
    assert result.stdout.endswith("tea.csv: 1 created, 0 changed, 0 unchanged, 2 skipped\n")


def test_a_file_that_is_refused_exits_with_2_and_says_why(run: Run) -> None:
    result = run("import", "catalog", write("茶,茶,T,1.00,,", encoding="gb18030"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Line 2 is not utf-8." in result.stderr
    assert "--encoding gb18030" in result.stderr
    options = ("--encoding", "gb18030", "--locale", "zh-Hans", "--currency", "CNY")
    result = run("import", "catalog", "tea.csv", *options)
    assert result.exit_code == 0, result.output
    assert result.stdout == "tea.csv: 1 created, 0 changed, 0 unchanged, 0 skipped\n"


def test_a_file_without_products_is_refused(run: Run) -> None:
    result = run("import", "catalog", write())
    assert result.exit_code == 2
    assert "tea.csv has a header, but no products in it. Nothing was imported." in result.stderr


@pytest.mark.parametrize(("separator", "called"), [(";", ";"), ("\t", "a tab"), ("|", "|")])
def test_another_separator_is_refused_by_name(run: Run, separator: str, called: str) -> None:
    file = Path(write("a,A,A,1.00,,"))
    file.write_text(file.read_text().replace(",", separator))
    result = run("import", "catalog", "tea.csv")
    assert result.exit_code == 2
    assert f"separated by {called}, not by a comma. Save the file as a CSV" in result.stderr


def test_after_ctrl_c_it_says_how_to_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("koipond.imports.rules.read_products", interrupt)
    result = run("import", "catalog", write("a,A,A,1.00,,"))
    assert result.exit_code == 130
    assert result.stderr.endswith("Stopped. The same command goes on where it stopped.\n")
    monkeypatch.undo()


def test_a_file_that_is_not_there_exits_with_2(run: Run) -> None:
    result = run("import", "catalog", "none.csv")
    assert result.exit_code == 2
    assert "none.csv cannot be read: no such file or directory." in result.stderr


@pytest.mark.slow
def test_the_command_takes_every_dialect_and_no_other(run: Run) -> None:
    file = write("a,A,A,1.00,,")
    codes = {
        one: run("import", "catalog", file, "--dialect", one.value).exit_code for one in Dialect
    }
    assert codes == {Dialect.AUTO: 0, Dialect.SHOPIFY: 0, Dialect.VENDURE: 2}
    result = run("import", "catalog", file, "--dialect", "vendure")
    assert "not of the dialect vendure, but of shopify" in result.stderr
    assert "Invalid value" in run("import", "catalog", file, "--dialect", "else").stderr


def test_what_is_imported_need_not_be_reindexed_but_may_be(run: Run) -> None:
    assert run("import", "catalog", write("a,A,A,1.00,,", "b,B,B,2.00,,")).exit_code == 0
    assert run("reindex").stdout == "0 products reindexed\n"
    assert run("reindex", "--all").stdout == "2 products reindexed\n"
