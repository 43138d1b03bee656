"""`koi schema persist`: what it writes, a shop trusts."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from koipond.cli import koi
from koipond.graphql.trusted import document_id

CHANNELS = "query Channels {\n  channels { code }\n}\n"
CART = "query Cart($token: String) { cart(token: $token) { id } }"


def persist(*arguments: str | Path) -> Result:
    return CliRunner().invoke(koi, ["schema", "persist", "--core-only", *map(str, arguments)])


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    (tmp_path / "channels.graphql").write_text(CHANNELS)
    (tmp_path / "cart.gql").write_text(CART)
    return tmp_path


def test_each_file_is_one_document_exactly_as_it_stands_there(folder: Path) -> None:
    result = persist("channels.graphql", "cart.gql")
    assert (result.exit_code, result.stdout) == (0, "wrote 2 documents to persisted.json\n")
    written = json.loads((folder / "persisted.json").read_text())
    assert written == {document_id(CHANNELS): CHANNELS, document_id(CART): CART}
    assert list(written) == sorted(written)


@pytest.mark.parametrize(
    "manifest",
    [
        {"1": CHANNELS, "2": CART},
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [
                {"id": "1", "name": "Channels", "type": "query", "body": CHANNELS},
                {"id": "2", "name": "Cart", "type": "query", "body": CART},
            ],
        },
    ],
    ids=["plain", "Apollo"],
)
def test_a_client_s_own_manifest_is_read(folder: Path, manifest: object) -> None:
    (folder / "made.json").write_text(json.dumps(manifest))
    assert persist("made.json", "--output", "trusted.json").exit_code == 0
    written = json.loads((folder / "trusted.json").read_text())
    assert written == {document_id(CHANNELS): CHANNELS, document_id(CART): CART}


def test_what_the_schema_or_its_limits_refuse_is_named_and_nothing_is_written(
    folder: Path,
) -> None:
    (folder / "wrong.graphql").write_text("{ chanels { code } }")
    (folder / "deep.json").write_text(json.dumps({"deep": "{ a" * 30 + "}" * 30}))
    result = persist("channels.graphql", "wrong.graphql", "deep.json")
    assert result.exit_code == 2
    assert "wrong.graphql:1: Cannot query field 'chanels'" in result.stderr
    assert "deep.json: deep: This document is refused: 30 levels deep" in result.stderr
    assert not (folder / "persisted.json").exists()


def test_the_staff_s_schema_is_another(folder: Path) -> None:
    (folder / "staff.graphql").write_text("{ staffOnly: __typename orders { nodes { id } } }")
    refused = persist("staff.graphql")
    assert refused.exit_code == 2
    assert "staff.graphql: it is for the staff's schema: persist it apart, with --admin" in (
        refused.stderr
    )
    assert persist("staff.graphql", "--admin").exit_code == 0
    wrong = persist("cart.gql", "--admin").stderr
    assert "cart.gql: it is for the storefront's schema: leave --admin out" in wrong


def test_each_mistake_is_told_with_its_line(folder: Path) -> None:
    (folder / "two.graphql").write_text("{\n  chanels { code }\n  channels { cde }\n}\n")
    (folder / "syntax.graphql").write_text("query A {\n  channels { code\n")
    (folder / "made.json").write_text(json.dumps({"A": "{\n channels { cde } }"}))
    refused = persist("two.graphql", "syntax.graphql", "made.json").stderr
    for told in (
        "two.graphql:2: Cannot query field 'chanels' on type 'Query'. Did you mean 'channels'?",
        "two.graphql:3: Cannot query field 'cde'",
        "syntax.graphql:3: Syntax Error",
        "made.json: A:2: Cannot query field 'cde'",
    ):
        assert told in refused


def test_a_file_is_hashed_with_the_ends_of_its_lines(folder: Path) -> None:
    text = CHANNELS.replace("\n", "\r\n")
    (folder / "channels.graphql").write_bytes(text.encode())
    assert persist("channels.graphql").exit_code == 0
    assert json.loads((folder / "persisted.json").read_text()) == {document_id(text): text}


def test_a_fragment_that_another_file_has_is_to_be_written_into_this_one(folder: Path) -> None:
    (folder / "uses.graphql").write_text("{ channels { ...Shown } }")
    (folder / "has.graphql").write_text("fragment Shown on Channel { code }")
    refused = persist("uses.graphql", "has.graphql").stderr
    assert "uses.graphql:1: Unknown fragment 'Shown'." in refused
    assert "write the fragments that it uses into it" in refused


def test_of_several_operations_one_must_be_named(folder: Path) -> None:
    (folder / "two.graphql").write_text("query A { __typename } query B { __typename }")
    told = persist("two.graphql", "channels.graphql").stdout.splitlines()
    assert told == [
        "two.graphql: 2 operations; a request must name one in operationName",
        "wrote 2 documents to persisted.json",
    ]


def test_what_it_wrote_before_is_written_anew_and_the_difference_told(folder: Path) -> None:
    assert persist("cart.gql").stdout == "wrote 1 document to persisted.json\n"
    assert persist("channels.graphql").stdout == (
        "wrote 1 document to persisted.json; new in it: 1, no longer in it: 1 (to keep them, give "
        "persisted.json among FILES)\n"
    )
    assert persist("persisted.json", "cart.gql").stdout == (
        "wrote 2 documents to persisted.json; new in it: 1, no longer in it: 0\n"
    )
    assert len(json.loads((folder / "persisted.json").read_text())) == 2


@pytest.mark.parametrize("name", ["cart.gql", "notes.txt", "made.json"])
def test_what_it_did_not_write_is_left_as_it_is(folder: Path, name: str) -> None:
    (folder / "notes.txt").write_text("precious")
    (folder / "made.json").write_text(json.dumps({"Cart": CART}))
    before = (folder / name).read_bytes()
    result = persist("channels.graphql", "--output", name)
    assert result.exit_code == 2
    assert f"{name} is no file of documents that this command wrote" in result.stderr
    assert (folder / name).read_bytes() == before


def test_where_it_cannot_write_it_says_why() -> None:
    refused = persist("channels.graphql", "--output", "moon/persisted.json").stderr
    assert "moon/persisted.json cannot be written: no such file or directory" in refused


def test_how_far_many_files_are_is_shown(folder: Path) -> None:
    for number in range(101):
        (folder / f"{number}.graphql").write_text(f"query Q{number} {{ __typename }}")
    result = persist(*(f"{number}.graphql" for number in range(101)))
    assert result.stdout == "wrote 101 documents to persisted.json\n"
    assert "101/101" in result.stderr
    assert "/1 " not in persist("0.graphql", "--output", "one.json").stderr


@pytest.mark.parametrize("text", ["[]", '{"a": 1}', '{"operations": [{"id": "a"}]}', "1"])
def test_what_is_no_manifest_is_said_to_be_none(folder: Path, text: str) -> None:
    (folder / "made.json").write_text(text)
    result = persist("made.json")
    assert result.exit_code == 2
    assert "made.json is no manifest of documents" in result.stderr


def test_what_cannot_be_read_is_told_with_its_line(folder: Path) -> None:
    (folder / "made.json").write_text('{"a": "{ __typename }"\n "b": 1}')
    assert "made.json:2 is no JSON" in persist("made.json").stderr
    (folder / "cart.gql").write_bytes(b"query Cart {\n# \xff")
    assert "cart.gql:2 is no text in UTF-8" in persist("cart.gql").stderr


def test_a_file_that_is_not_there_is_named() -> None:
    assert "moon.graphql" in persist("moon.graphql").stderr
