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
    assert "wrong.graphql: Cannot query field 'chanels'" in result.stderr
    assert "deep.json: deep: This document is refused: 30 levels deep" in result.stderr
    assert not (folder / "persisted.json").exists()


def test_the_staff_s_schema_is_another(folder: Path) -> None:
    (folder / "staff.graphql").write_text("{ staffOnly: __typename orders { nodes { id } } }")
    assert persist("staff.graphql").exit_code == 2
    assert persist("staff.graphql", "--admin").exit_code == 0


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 1}', '{"operations": [{"id": "a"}]}', "1"])
def test_what_is_no_manifest_is_said_to_be_none(folder: Path, text: str) -> None:
    (folder / "made.json").write_text(text)
    result = persist("made.json")
    assert result.exit_code == 2
    assert "made.json is no manifest of documents" in result.stderr


def test_a_file_that_is_not_there_is_named() -> None:
    assert "moon.graphql" in persist("moon.graphql").stderr
