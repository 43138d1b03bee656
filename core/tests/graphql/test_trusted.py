"""Trusted documents: requests name them, and where that is enforced nothing else is answered."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from core.tests.graphql.test_sockets import Caller, calling
from tests.http.judging import listening

from koipond.app import create_app
from koipond.front import FIRST_QUERY
from koipond.graphql.request import GRAPHQL_JSON
from koipond.graphql.trusted import EDITOR_REFUSED, document_id
from koipond.settings import Settings, SettingsInvalid, TrustedDocumentsSettings, load
from koipond_sdk.testing import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.one_database

KNOWN = "query Channels { channels { code } }"
CHANGES = 'mutation Add { addToCart(input: {variantId: "x"}) { userErrors { code } } }'
ANSWER = {"data": {"channels": [{"code": "main"}]}}


def write(folder: Path, *documents: str) -> TrustedDocumentsSettings:
    file = folder / "persisted.json"
    file.write_text(json.dumps({document_id(one): one for one in documents}), encoding="utf-8")
    return TrustedDocumentsSettings(file=str(file))


@asynccontextmanager
async def trusting(
    url: str, folder: Path, *documents: str, enforce: bool = False
) -> AsyncIterator[RunningShop]:
    file = write(folder, *documents).file
    settings = TrustedDocumentsSettings(file=file, enforce=enforce)
    async with running_shop(url, trusted_documents=settings) as shop:
        yield shop


async def ask(shop: RunningShop, **body: Any) -> Any:
    response = await shop.http.post("/graphql", json=body, headers={"Accept": GRAPHQL_JSON})
    answer = response.json()
    if "errors" in answer:
        (error,) = answer["errors"]
        assert "data" not in answer
        return response.status_code, error["extensions"]["code"]
    return answer


def persisted(document: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": document_id(document)}}


async def test_a_known_document_is_named_in_each_of_the_usual_ways(
    database_url: str, tmp_path: Path
) -> None:
    async with trusting(database_url, tmp_path, KNOWN) as shop:
        known = document_id(KNOWN)
        for body in (
            {"documentId": known},
            {"documentId": f"sha256:{known}"},
            {"documentId": known.upper()},
            {"documentId": f"sha256:{known.upper()}", "query": KNOWN},
            {"documentId": known, "query": KNOWN},
            {"documentId": known, "query": None},
            {"extensions": persisted(KNOWN)},
            {"extensions": {"persistedQuery": {"sha256Hash": known.upper()}}},
            {"extensions": persisted(KNOWN), "query": KNOWN},
            {"query": KNOWN},
            {"query": "{ channels { code } }"},
        ):
            assert await ask(shop, **body) == ANSWER


async def test_what_names_no_known_document_is_refused(database_url: str, tmp_path: Path) -> None:
    async with trusting(database_url, tmp_path, KNOWN) as shop:
        not_found = (400, "PERSISTED_QUERY_NOT_FOUND")
        assert await ask(shop, documentId=document_id("{ a }")) == not_found
        assert await ask(shop, documentId="x" * 5_000) == not_found
        assert await ask(shop, extensions=persisted("{ a }")) == not_found
        for wrong in (1, ["x"], {}):
            assert await ask(shop, documentId=wrong) == (400, "BAD_USER_INPUT")
        mismatch = await ask(shop, documentId=document_id(KNOWN), query="{ __typename }")
        assert mismatch == (400, "BAD_USER_INPUT")


async def test_a_shop_that_knows_none_says_so(shop: RunningShop) -> None:
    assert await ask(shop, extensions=persisted(KNOWN)) == (400, "PERSISTED_QUERY_NOT_SUPPORTED")
    # A client of Apollo then sends the text beside the hash.
    assert await ask(shop, extensions=persisted(KNOWN), query=KNOWN) == ANSWER


async def test_enforced_nothing_else_is_answered(database_url: str, tmp_path: Path) -> None:
    async with trusting(database_url, tmp_path, KNOWN, CHANGES, enforce=True) as shop:
        before = await shop.snapshot()
        assert await ask(shop, documentId=document_id(KNOWN)) == ANSWER
        assert await ask(shop, query=KNOWN) == ANSWER
        refused = (400, "DOCUMENT_NOT_TRUSTED")
        for other in ("{ __typename }", f"{KNOWN} ", "{", "{ __schema { description } }"):
            assert await ask(shop, query=other) == refused
        unknown = await ask(shop, extensions=persisted("{ a }"), query="{ a }")
        assert unknown == (400, "PERSISTED_QUERY_NOT_FOUND")
        assert await shop.snapshot() == before
        # The staff's schema has documents of its own.
        staff = await shop.graphql("{ __typename }", viewer=STAFF, admin=True)
        assert staff == {"data": {"__typename": "Query"}}


async def test_the_editor_says_where_what_is_typed_is_refused(
    database_url: str, tmp_path: Path
) -> None:
    for enforce, known, shown in (
        (False, KNOWN, FIRST_QUERY),
        (True, FIRST_QUERY, FIRST_QUERY),
        (True, KNOWN, EDITOR_REFUSED),
    ):
        async with trusting(database_url, tmp_path, known, enforce=enforce) as shop:
            page = await shop.http.get("/graphql", headers={"Accept": "text/html"})
            assert json.dumps(shown)[1:-1] in page.text
            admin = await shop.http.get("/admin/graphql", headers={"Accept": "text/html"})
            assert json.dumps(FIRST_QUERY)[1:-1] in admin.text


async def test_a_get_request_names_one_too_and_still_changes_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async with trusting(database_url, tmp_path, KNOWN, CHANGES, enforce=True) as shop:
        for given in (
            {"documentId": document_id(KNOWN)},
            {"extensions": json.dumps(persisted(KNOWN))},
        ):
            for accept in ("text/html,*/*;q=0.8", GRAPHQL_JSON):
                path = f"/graphql?{urlencode(given)}"
                response = await shop.http.get(path, headers={"Accept": accept})
                assert (response.status_code, response.json()) == (200, ANSWER)
        path = f"/graphql?{urlencode({'documentId': document_id(CHANGES)})}"
        assert (await shop.http.get(path)).status_code == 405


async def test_a_socket_names_one_too(database_url: str, tmp_path: Path) -> None:
    async with (
        trusting(database_url, tmp_path, KNOWN, enforce=True) as shop,
        listening(shop.app) as where,
        calling(f"ws://{where}") as caller,
    ):
        await caller.init()
        assert await told(caller, documentId=document_id(KNOWN)) == ANSWER
        assert await told(caller, extensions=persisted(KNOWN)) == ANSWER
        for payload, code in (
            ({"query": "{ __typename }"}, "DOCUMENT_NOT_TRUSTED"),
            ({"documentId": "x"}, "PERSISTED_QUERY_NOT_FOUND"),
            ({"documentId": 1}, "BAD_USER_INPUT"),
            ({}, "BAD_USER_INPUT"),
        ):
            (error,) = await told(caller, **payload)
            assert error["extensions"]["code"] == code


async def told(caller: Caller, **payload: Any) -> Any:
    await caller.send(type="subscribe", id="1", payload=payload)
    message = await caller.receive()
    if message["type"] == "next":
        assert await caller.receive() == {"type": "complete", "id": "1"}
    return message["payload"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read: no such file or directory"),
        ("[]", "is no JSON object of documents by their SHA-256"),
        ("{", "is no JSON object of documents by their SHA-256"),
        ('{"abc": "{ a }"}', "'abc' is not the SHA-256 of its document"),
    ],
)
def test_a_file_that_cannot_be_used_refuses_the_start(
    tmp_path: Path, text: str | None, problem: str
) -> None:
    file = tmp_path / "persisted.json"
    if text is not None:
        file.write_text(text)
    given = {"trusted_documents": TrustedDocumentsSettings(file=str(file))}
    with pytest.raises(SettingsInvalid) as refused:
        create_app(Settings(database_url=f"sqlite:///{tmp_path}/shop.db", **given), ())
    assert problem in str(refused.value)
    assert "koi schema persist" in str(refused.value)


async def test_a_file_may_write_its_hashes_in_capitals(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "persisted.json"
    file.write_text(json.dumps({document_id(KNOWN).upper(): KNOWN}), encoding="utf-8")
    settings = TrustedDocumentsSettings(file=str(file), enforce=True)
    async with running_shop(database_url, trusted_documents=settings) as shop:
        assert await ask(shop, documentId=document_id(KNOWN)) == ANSWER


def test_enforcing_without_documents_refuses_the_start(tmp_path: Path) -> None:
    for setting in ("trusted_documents", "trusted_admin_documents"):
        given: Any = {setting: TrustedDocumentsSettings(enforce=True)}
        with pytest.raises(SettingsInvalid, match=f"{setting}: enforce"):
            create_app(Settings(database_url=f"sqlite:///{tmp_path}/shop.db", **given), ())


def test_the_file_is_relative_to_the_settings_that_name_it(tmp_path: Path) -> None:
    (tmp_path / "koi.toml").write_text(
        '[trusted_documents]\nfile = "a.json"\nenforce = true\n'
        '[trusted_admin_documents]\nfile = "b.json"\n'
    )
    settings = load(tmp_path / "koi.toml", {})
    assert settings.trusted_documents.file == str(tmp_path / "a.json")
    assert settings.trusted_documents.enforce
    assert settings.trusted_admin_documents.file == str(tmp_path / "b.json")
    (tmp_path / "koi.toml").write_text('[trusted_documents]\nfil = "a.json"\n')
    with pytest.raises(SettingsInvalid, match="Is it file"):
        load(tmp_path / "koi.toml", {})
