"""Hostile requests, row by row of the attacks: 400 or 413 with a code, before anything is run."""

import json
import logging
from secrets import token_hex
from typing import Any

import pytest
from core.tests.graphql.test_sockets import calling
from graphql import get_introspection_query
from httpx2 import Response
from tests.http.judging import listening

from koipond.graphql.request import GRAPHQL_JSON, JSON
from koipond_sdk.testing import RunningShop, running_shop

pytestmark = pytest.mark.one_database

# Stands in every document: no log may have it.
MARK = "m4rkm4rk"


def doubling(levels: int) -> str:
    """Write fragments that are 2^levels fields when they are written out."""
    chain = " ".join(
        f"fragment F{n} on Product {{ a: variants {{ product {{ ...F{n + 1} }} }} "
        f"b: variants {{ product {{ ...F{n + 1} }} }} }}"
        for n in range(levels)
    )
    last = f"fragment F{levels} on Product {{ id }}"
    return f'{{ {MARK}: product(slug: "tea") {{ ...F0 }} }} {chain} {last}'


def nested(levels: int) -> str:
    return (
        f"{{ {MARK}: products {{ nodes "
        + "{ variants { product " * levels
        + "{ id }"
        + " } }" * (levels)
        + " } }"
    )


def body(query: Any, **more: Any) -> bytes:
    return json.dumps({"query": query, **more}).encode()


WIDE = "nodes { variants { media { url } product { media { url } } } }"
# {what: (body, status, code)}
REFUSED = {
    "row 1: exponential": (body(doubling(20)), 400, "GRAPHQL_VALIDATION_FAILED"),
    "row 1: cyclic": (
        body(
            f"{{ {MARK}: product {{ ...A }} }} fragment A on Product {{ ...B }} "
            "fragment B on Product { ...A }"
        ),
        400,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "row 1: unknown": (body(f"{{ ...{MARK} }}"), 400, "GRAPHQL_VALIDATION_FAILED"),
    "row 2: depth 50": (body(nested(25)), 400, "GRAPHQL_VALIDATION_FAILED"),
    "row 2: 1,000 aliases": (
        body("{ " + " ".join(f"{MARK}{n}: __typename" for n in range(1_000)) + " }"),
        400,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "row 2: 1,000 aliases below": (
        body("{ product { " + " ".join(f"{MARK}{n}: id" for n in range(1_000)) + " } }"),
        400,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "row 2: 200 directives": (
        body(f"{{ {MARK}: product {{ " + "id @include(if: true) " * 200 + "} }"),
        400,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "row 2: 5 MB": (
        body(f'{{ product(slug: "{MARK * 650_000}") {{ id }} }}'),
        413,
        "REQUEST_TOO_LARGE",
    ),
    "row 2: 500 KB": (
        body(f'{{ product(slug: "{MARK * 62_500}") {{ id }} }}'),
        400,
        "GRAPHQL_PARSE_FAILED",
    ),
    "row 3: nested pages": (
        body(
            f"{{ {MARK}: products(first: 100) {{ {WIDE} }} "
            + " ".join(f"p{n}: products(first: 100) {{ {WIDE} }}" for n in range(20))
            + " }"
        ),
        400,
        "COST_LIMIT",
    ),
    "row 3: a first that is no number": (
        body(f'{{ {MARK}: products(first: "many") {{ nodes {{ id }} }} }}'),
        400,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "row 3: a first beyond numbers": (
        body(f"{{ {MARK}: products(first: 99999999999) {{ nodes {{ id }} }} }}"),
        400,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "row 4: null": (b"null", 400, "BAD_USER_INPUT"),
    "row 4: a list": (b"[]", 400, "BAD_USER_INPUT"),
    "row 4: a number": (b"1", 400, "BAD_USER_INPUT"),
    "row 4: deep": (b"[" * 5_000 + b"]" * 5_000, 400, "BAD_USER_INPUT"),
    "row 4: bad UTF-8": (b'{"query": "{ \xff }"}', 400, "BAD_USER_INPUT"),
    "row 4: NUL": (body("{ __typename }", variables={"a": "\0"}), 400, "BAD_USER_INPUT"),
    "row 4: a key twice": (b'{"query": "{ a }", "query": "{ b }"}', 400, "BAD_USER_INPUT"),
    "row 4: a list in a variable": (
        body("{ __typename }", variables={"a": {"b": [MARK] * 1_001}}),
        400,
        "BAD_USER_INPUT",
    ),
    "row 5: 1,000 operations in a list": (
        json.dumps([{"query": "{ __typename }"}] * 1_000).encode(),
        400,
        "BAD_USER_INPUT",
    ),
    "row 5: two operations, none named": (
        body(f"query {MARK} {{ __typename }} query B {{ __typename }}"),
        400,
        "BAD_USER_INPUT",
    ),
    "row 6: introspection": (
        body(get_introspection_query() + f"# {MARK}"),
        400,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "row 6: a typo": (
        body(f"{{ {MARK}: prodct {{ id }} }}"),
        400,
        "GRAPHQL_VALIDATION_FAILED",
    ),
}


@pytest.mark.parametrize(("sent", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_it_is_refused_with_a_code_before_anything_is_run_or_logged(
    database_url: str, sent: bytes, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_shop(database_url, production=True, secret=token_hex(32)) as shop:
        await shop.graphql("{ __typename }")
        caplog.clear()
        with shop.count_statements() as statements, caplog.at_level(logging.DEBUG):
            response = await post(shop, sent)
    assert (response.status_code, codes(response)) == (status, {code})
    assert "data" not in response.json()
    assert "Did you mean" not in response.text
    assert statements == []
    assert MARK not in caplog.text
    assert "Traceback" not in caplog.text


NESTED = "{ orders(first: %s) { nodes { id } } }"


@pytest.mark.parametrize("first", [-1, 0, 10**9, None])
async def test_a_page_of_an_impossible_size_is_refused_before_anything_is_run(
    shop: RunningShop, first: int | None
) -> None:
    await shop.graphql("{ __typename }")
    written = "null" if first is None else first
    inside = "query($n: Int) { tea: __typename ...Tea } fragment Tea on Query { products"
    for document in (
        f"{{ tea: __typename products(first: {written}) {{ nodes {{ id }} }} }}",
        f"{{ tea: __typename me {NESTED % written} }}",
        "query($n: Int) { tea: __typename products(first: $n) { nodes { id } } }",
        f"query($n: Int) {{ tea: __typename me {NESTED % '$n'} }}",
        f"{inside}(first: $n) {{ nodes {{ id }} }} }}",
    ):
        with shop.count_statements() as statements:
            response = await post(shop, body(document, variables={"n": first}))
        assert statements == []
        assert codes(response) == {"BAD_USER_INPUT"}
        assert f"first: {written} cannot be paged by" in response.text
        assert "data" not in response.json()


async def test_a_page_of_no_size_is_one_of_the_usual_size(shop: RunningShop) -> None:
    page = "products(first: $n) { nodes { id } }"
    for asked in ("{ products { nodes { id } } }", f"query($n: Int) {{ {page} }}"):
        assert await shop.graphql(asked) == {"data": {"products": {"nodes": []}}}


LONG = MARK * 100_000


@pytest.mark.parametrize(
    ("document", "variables", "message"),
    [
        ("query($x: ID!) { order(id: $x) { id } }", {"x": LONG}, "is not the id of an order"),
        ("query($x: Int!) { products(first: $x) { nodes { id } } }", {"x": LONG}, "Int"),
        (f'{{ products(first: "{LONG[:90_000]}") {{ nodes {{ id }} }} }}', {}, "Int"),
        (f"{{ {LONG[:90_000]} }}", {}, "Cannot query field"),
    ],
    ids=["an id", "a variable", "in the document", "a field"],
)
async def test_what_is_refused_is_not_sent_back_whole(
    shop: RunningShop, document: str, variables: dict[str, Any], message: str
) -> None:
    response = await post(shop, body(document, variables=variables))
    (error,) = response.json()["errors"]
    assert message in error["message"]
    assert len(response.content) < 10_000


async def test_a_header_that_is_refused_is_not_sent_back_whole(shop: RunningShop) -> None:
    headers = {"Koi-Channel": LONG[:9_000]}
    response = await shop.http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    (error,) = response.json()["errors"]
    assert error["message"].endswith("This shop has: main.")
    assert "(7,100 characters are left out)" in error["extensions"]["channel"]


async def test_a_refusal_that_is_an_answer_does_not_send_it_back_either(shop: RunningShop) -> None:
    asked = "mutation($id: ID!) { addToCart(input: {variantId: $id}) { userErrors { %s } } }"
    told = asked % "message ... on IdInvalid { value }"
    response = await post(shop, body(told, variables={"id": LONG}))
    (error,) = response.json()["data"]["addToCart"]["userErrors"]
    assert error["value"].startswith(MARK)
    assert "(798,100 characters are left out)" in error["value"]


async def test_a_bomb_that_is_packed_is_not_unpacked(shop: RunningShop) -> None:
    headers = {"Content-Type": JSON, "Content-Encoding": "gzip"}
    response = await shop.http.post("/graphql", content=b"\x1f\x8b", headers=headers)
    assert (response.status_code, codes(response)) == (415, {"UNSUPPORTED_MEDIA_TYPE"})


async def test_what_a_socket_refuses_is_not_logged_either(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    documents = [
        (document, code)
        for sent, status, code in REFUSED.values()
        if status == 400 and code != "BAD_USER_INPUT"
        for document in [json.loads(sent)["query"]]
    ]
    async with (
        running_shop(database_url, production=True, secret=token_hex(32)) as shop,
        listening(shop.app) as where,
        calling(f"ws://{where}") as caller,
    ):
        await caller.init()
        with caplog.at_level(logging.INFO):
            for document, code in documents:
                ((error, *_),) = await caller.answers(document)
                assert error["extensions"]["code"] == code
    assert MARK not in caplog.text


async def post(shop: RunningShop, sent: bytes) -> Response:
    headers = {"Content-Type": JSON, "Accept": GRAPHQL_JSON}
    return await shop.http.post("/graphql", content=sent, headers=headers)


def codes(response: Response) -> set[str]:
    return {one["extensions"]["code"] for one in response.json()["errors"]}
