"""docs/graphql.md says what the code holds."""

import re
from pathlib import Path

import pytest

from koipond.graphql import cost, limits, protocol, trusted
from koipond.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "graphql.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("what", "most"),
    [
        ("characters of a document", limits.SOURCE_MAX),
        ("tokens", limits.TOKENS_MAX),
        ("levels", limits.DEPTH_MAX),
        ("fields, with every fragment written out", limits.FIELDS_MAX),
        ("fields at the root", limits.ROOT_FIELDS_MAX),
        ("mutations in one request", limits.MUTATIONS_MAX),
        ("aliases", limits.ALIASES_MAX),
        ("directives", limits.DIRECTIVES_MAX),
        ("items of a list, in the document", limits.ITEMS_MAX),
        ("items of a list, in a variable", limits.ITEMS_MAX),
        ("cost", cost.COST_MAX),
        ("seconds of a query (`query_timeout_s`)", Settings().query_timeout_s),
    ],
)
def test_each_limit_is_told(what: str, most: float) -> None:
    assert f"| {what} | {most:,.0f} |" in PAGE


def test_each_code_that_closes_a_socket_is_told_and_no_other() -> None:
    codes = {
        value
        for name, value in vars(protocol).items()
        if name.isupper() and isinstance(value, int) and value >= 1000
    }
    assert {int(one) for one in re.findall(r"^\| (\d{4}) \|", PAGE, re.MULTILINE)} == codes


@pytest.mark.parametrize(
    "word",
    [
        *(protocol.OPERATIONS_LIMIT, protocol.SUBPROTOCOL, trusted.NOT_FOUND),
        *(trusted.NOT_SUPPORTED, trusted.NOT_TRUSTED, "origins"),
        *(one for one in Settings.__struct_fields__ if one.startswith(("socket", "trusted"))),
    ],
)
def test_each_setting_and_code_is_told(word: str) -> None:
    assert word in PAGE
