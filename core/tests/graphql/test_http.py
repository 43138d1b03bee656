"""GraphQL over HTTP, rule by rule: https://graphql.github.io/graphql-over-http/draft/"""

import json
from datetime import timedelta
from secrets import token_hex
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response

from koipond.graphql.request import GRAPHQL_JSON, JSON
from koipond.kernel.viewer import Viewer, ViewerKind, sign
from koipond_sdk.testing import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.one_database

TYPENAME = "{ __typename }"
MEMBER = Viewer(kind=ViewerKind.MEMBER, id=uuid4())
BOTH = pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
MUTATION = 'mutation { addToCart(input: {variantId: "x", quantity: 1}) { token } }'


async def post(shop: RunningShop, body: Any = None, **headers: str) -> Response:
    """Send a POST request; a header's underscores are its hyphens."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await shop.http.post("/graphql", content=content, headers={"Content-Type": JSON} | given)


def code(response: Response) -> str:
    """Return the code of the one error, which says something to a person too."""
    (error,) = response.json()["errors"]
    assert error["message"]
    found: str = error["extensions"]["code"]
    return found


@BOTH
async def test_the_answer_has_the_media_type_that_was_asked_for(
    shop: RunningShop, accept: str
) -> None:
    response = await post(shop, {"query": TYPENAME}, Accept=accept)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == f"{accept}; charset=utf-8"
    assert "Accept" in response.headers["Vary"]
    assert response.json() == {"data": {"__typename": "Query"}}


async def test_without_a_wish_the_answer_is_json(shop: RunningShop) -> None:
    for accept in ("*/*", "application/*", ""):
        response = await post(shop, {"query": TYPENAME}, Accept=accept)
        assert response.headers["Content-Type"] == f"{JSON}; charset=utf-8"


async def test_a_wish_that_cannot_be_met_is_not_acceptable(shop: RunningShop) -> None:
    response = await post(shop, {"query": TYPENAME}, Accept="text/csv")
    assert (response.status_code, code(response)) == (406, "NOT_ACCEPTABLE")


BAD_DOCUMENTS = {
    "does not parse": ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    "is empty": ({"query": ""}, "GRAPHQL_PARSE_FAILED"),
    "does not validate": ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
    "is too deep": ({"query": "{ a" * 100 + "}" * 100}, "GRAPHQL_VALIDATION_FAILED"),
    "has too many tokens": ({"query": "{ " + "a " * 5000 + "}"}, "GRAPHQL_PARSE_FAILED"),
    "lacks a variable": (
        {"query": "query($id: ID!) { node(id: $id) { id } }"},
        "BAD_USER_INPUT",
    ),
    "has a variable of another type": (
        {
            "query": "query($n: Int) { products(first: $n) { nodes { id } } }",
            "variables": {"n": "x"},
        },
        "BAD_USER_INPUT",
    ),
    "has no such operation": (
        {"query": "query A { __typename }", "operationName": "B"},
        "BAD_USER_INPUT",
    ),
    "has two operations and names none": (
        {"query": "query A { __typename } query B { __typename }"},
        "BAD_USER_INPUT",
    ),
    "has a text with NUL": (
        {"query": '{ product(slug: "\\u0000") { id } }'},
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "has a block text with braces and NUL": (
        {"query": '{ product(slug: "\\u{0}") { id } }'},
        "GRAPHQL_VALIDATION_FAILED",
    ),
}


@pytest.mark.parametrize(("body", "expected"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
async def test_a_document_that_cannot_run_has_no_data_and_400_unless_json_was_asked_for(
    shop: RunningShop, body: Any, expected: str
) -> None:
    modern = await post(shop, body, Accept=GRAPHQL_JSON)
    legacy = await post(shop, body, Accept=JSON)
    assert (modern.status_code, legacy.status_code) == (400, 200)
    assert modern.json() == legacy.json()
    assert "data" not in modern.json()
    assert modern.json()["errors"][0]["extensions"]["code"] == expected


@BOTH
async def test_partial_data_is_200(shop: RunningShop, accept: str) -> None:
    query = '{ product(id: "prod_x") { id } __typename }'
    response = await post(shop, {"query": query}, Accept=accept)
    assert response.status_code == 200
    assert response.json()["data"]["__typename"] == "Query"


BAD_BODIES = {
    "null": b"null",
    "a list": b"[]",
    "a number": b"1",
    "no query": b"{}",
    "not JSON": b"{",
    "bad UTF-8": b'{"query": "\xff"}',
    "5,000 levels": b'{"query": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    "a key twice": b'{"query": "{ __typename }", "query": "{ __typename }"}',
    "a NUL": b'{"query": "{ __typename }", "variables": {"a": "\\u0000"}}',
    "empty": b"",
}


@BOTH
@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_bad_body_is_400_in_both_media_types(
    shop: RunningShop, accept: str, body: bytes
) -> None:
    response = await post(shop, body, Accept=accept)
    assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")
    assert response.headers["Content-Type"] == f"{accept}; charset=utf-8"
    assert "data" not in response.json()


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": JSON, "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_that_is_not_plain_json_is_415(
    shop: RunningShop, headers: dict[str, str]
) -> None:
    body = json.dumps({"query": TYPENAME}).encode()
    response = await shop.http.post("/graphql", content=body, headers=headers)
    assert (response.status_code, code(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_post_without_a_content_type_is_415(shop: RunningShop) -> None:
    response = await shop.http.post("/graphql", content=b'{"query": "{ __typename }"}')
    assert response.status_code == 415


async def test_a_query_may_be_a_get_request(shop: RunningShop) -> None:
    query = "query A($n: Int) { products(first: $n) { nodes { id } } } query B { __typename }"
    given = {"query": query, "operationName": "A", "variables": '{"n": 1}'}
    response = await shop.http.get("/graphql", params=given)
    assert response.json() == {"data": {"products": {"nodes": []}}}


async def test_a_get_request_changes_nothing(shop: RunningShop) -> None:
    before = await shop.snapshot()
    for query in (MUTATION, f"query A {TYPENAME} {MUTATION.replace('mutation', 'mutation B')}"):
        given = {"query": query} | ({"operationName": "B"} if "B" in query else {})
        response = await shop.http.get("/graphql", params=given)
        assert (response.status_code, code(response)) == (405, "METHOD_NOT_ALLOWED")
        assert response.headers["Allow"] == "POST"
    assert await shop.snapshot() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_other_methods_are_405(shop: RunningShop, method: str) -> None:
    response = await shop.http.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, POST"


async def test_more_than_is_read_is_413_before_it_was_read(database_url: str) -> None:
    async with running_shop(database_url, request_max_bytes=1000) as shop:
        body = json.dumps({"query": TYPENAME, "variables": {"a": "x" * 1000}}).encode()
        told = await post(shop, body)
        untold = await shop.http.post(
            "/graphql", content=_chunks(body), headers={"Content-Type": JSON}
        )
        assert (told.status_code, untold.status_code) == (413, 413)
        assert code(told) == code(untold) == "REQUEST_TOO_LARGE"
        exact = json.dumps({"query": TYPENAME}).encode().ljust(1000)
        assert (await post(shop, exact)).status_code == 200


async def _chunks(body: bytes) -> Any:
    for start in range(0, len(body), 100):
        yield body[start : start + 100]


async def test_a_member_is_known_by_a_bearer_token(shop: RunningShop) -> None:
    assert await shop.graphql("{ me { id } }") == {"data": {"me": None}}
    for token in (f"Bearer {shop.token(MEMBER)}", f"bearer  {shop.token(MEMBER)}"):
        response = await post(shop, {"query": "{ me { id } }"}, Authorization=token)
        assert response.status_code == 200


@BOTH
@pytest.mark.parametrize("given", ["Bearer x", "Bearer", "Basic YTpi", "", "Bearer é"])
async def test_a_token_that_is_not_accepted_is_401(
    shop: RunningShop, accept: str, given: str
) -> None:
    headers = {"Authorization": given.encode("latin-1"), "Accept": accept}
    response = await shop.http.post("/graphql", json={"query": TYPENAME}, headers=headers)
    assert (response.status_code, code(response)) == (401, "TOKEN_INVALID")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_past_its_time_is_401(shop: RunningShop) -> None:
    token = shop.token(MEMBER)
    shop.clock.advance(hours=1)
    response = await post(shop, {"query": TYPENAME}, Authorization=f"Bearer {token}")
    assert (response.status_code, code(response)) == (401, "TOKEN_INVALID")


async def test_the_admin_endpoint_is_for_staff(shop: RunningShop) -> None:
    async def ask(viewer: Viewer | None) -> Response:
        now, hour = shop.clock.now(), timedelta(hours=1)
        told = viewer and sign(viewer, secret=shop.settings.secret, now=now, lifetime=hour)
        headers = {"Authorization": f"Bearer {told}"} if told else {}
        return await shop.http.post("/admin/graphql", json={"query": TYPENAME}, headers=headers)

    nobody, member, staff = await ask(None), await ask(MEMBER), await ask(STAFF)
    assert (nobody.status_code, code(nobody)) == (401, "UNAUTHENTICATED")
    assert nobody.headers["WWW-Authenticate"] == "Bearer"
    assert (member.status_code, code(member)) == (403, "FORBIDDEN")
    assert (staff.status_code, staff.json()) == (200, {"data": {"__typename": "Query"}})
    for unknown in (ViewerKind.STAFF, ViewerKind.SERVICE):
        refused = await ask(Viewer(kind=unknown, id=uuid4(), permissions=frozenset({"*"})))
        assert (refused.status_code, code(refused)) == (401, "TOKEN_INVALID")


async def test_a_browser_gets_the_editor_of_each_endpoint(shop: RunningShop) -> None:
    for path in ("/graphql", "/admin/graphql"):
        response = await shop.http.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f'"endpoint": "{path}"' in response.text


async def test_the_editor_may_load_and_run_only_its_own(shop: RunningShop) -> None:
    response = await shop.http.get("/graphql", headers={"Accept": "text/html"})
    policy = dict(
        part.strip().split(" ", 1)
        for part in response.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert policy["script-src"].startswith("'self' 'sha256-")
    assert "unsafe" not in policy["script-src"]
    assert "http" not in response.headers["Content-Security-Policy"]
    script = await shop.http.get("/assets/react.production.min.js")
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert (await shop.http.get("/assets/..%2Fassets.py")).status_code == 404


async def test_production_hides_the_editor_and_the_schema(database_url: str) -> None:
    async with running_shop(database_url, production=True, secret=token_hex(32)) as shop:
        page = await shop.http.get("/graphql", headers={"Accept": "text/html"})
        assert (page.status_code, code(page)) == (406, "NOT_ACCEPTABLE")
        assert (await shop.http.get("/assets/graphiql.min.js")).status_code == 404
        for query in ("{ __schema { queryType { name } } }", '{ __type(name: "Query") { name } }'):
            assert "introspection" in str(await shop.graphql(query)).lower()
        assert await shop.graphql(TYPENAME) == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ product { id } produkts { nodes { id } } }", {}),
        ("{ products(frist: 1) { nodes { id } } }", {}),
        ("query($s: ProductSort) { products(sort: $s) { nodes { id } } }", {"s": "NEWESD"}),
    ],
)
async def test_production_gives_no_hints_of_other_names(
    database_url: str, query: str, variables: dict[str, str]
) -> None:
    async with running_shop(database_url) as shop:
        assert "Did you mean" in str(await shop.graphql(query, variables))
    async with running_shop(database_url, production=True, secret=token_hex(32)) as shop:
        answer = await shop.graphql(query, variables)
        assert answer["errors"]
        assert "Did you mean" not in str(answer)


async def test_the_bare_address_tells_where_to_go(shop: RunningShop) -> None:
    response = await shop.http.get("/")
    assert response.json() == {"storefront": "/graphql", "admin": "/admin/graphql"}


async def test_health_says_that_the_process_answers(shop: RunningShop) -> None:
    response = await shop.http.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_ready_says_whether_requests_can_be_served(shop: RunningShop) -> None:
    assert (await shop.http.get("/ready")).json() == {"status": "ok"}


async def test_a_socket_without_our_subprotocol_is_closed(shop: RunningShop) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = {
        "type": "websocket",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "headers": [],
        "query_string": b"",
        "subprotocols": [],
    }
    await shop.app(scope, receive, send)  # type: ignore[arg-type]  # as a server would call it
    assert [(message["type"], message.get("code")) for message in sent] == [
        ("websocket.accept", None),
        ("websocket.close", 4406),
    ]
