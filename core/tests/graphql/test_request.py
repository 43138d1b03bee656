import json
from typing import Any
from urllib.parse import urlencode

import pytest

from koipond.graphql.asking import GraphQLRequest
from koipond.graphql.request import (
    GRAPHQL_JSON,
    HTML,
    JSON,
    HttpRefused,
    check_body_headers,
    negotiate,
    read_body,
    read_query_string,
)

OFFERED = (JSON, GRAPHQL_JSON)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {JSON}", GRAPHQL_JSON),
        (f"{JSON}, {GRAPHQL_JSON}", JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8, {JSON}; charset=utf-8; q=0.9", GRAPHQL_JSON),
        (f"{JSON};q=0.5, {GRAPHQL_JSON};q=0.9", GRAPHQL_JSON),
        (f"*/*;q=0.1, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{JSON};q=0, */*", GRAPHQL_JSON),
        (f"{JSON};q=0, {GRAPHQL_JSON};q=0, */*", None),
        ("APPLICATION/JSON", JSON),
        ("text/html", None),
        (f"{JSON}; charset=latin-1", None),
        (f"{JSON};q=much", None),
        ("", JSON),
        (",;=,/", None),
    ],
)
def test_the_answer_s_media_type_is_what_the_caller_likes_best(
    accept: str | None, chosen: str | None
) -> None:
    assert negotiate(accept, OFFERED) == chosen


def test_a_browser_gets_a_page_where_there_is_one() -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert negotiate(browser, (*OFFERED, HTML)) == HTML
    assert negotiate(browser, OFFERED) == JSON


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},
        {"content-type": "application/json; charset=UTF-8"},
        {"content-type": 'application/json;charset="utf-8"'},
        {"content-type": "application/json", "content-encoding": "identity"},
    ],
)
def test_json_in_utf_8_is_read(headers: dict[str, str]) -> None:
    check_body_headers(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/graphql"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/json", "content-encoding": "identity, gzip"},
    ],
)
def test_every_other_body_is_an_unsupported_media_type(headers: dict[str, str]) -> None:
    with pytest.raises(HttpRefused) as refused:
        check_body_headers(headers)
    assert (refused.value.status, refused.value.code) == (415, "UNSUPPORTED_MEDIA_TYPE")


def body(**given: Any) -> bytes:
    return json.dumps(given).encode()


def test_a_whole_request_is_read() -> None:
    given = {"query": "{ a }", "operationName": "A", "variables": {"n": [1, {"x": None}]}}
    assert read_body(body(**given, extensions={"any": 1}, unknown=1)) == GraphQLRequest(
        query="{ a }", operation_name="A", variables={"n": [1, {"x": None}]}
    )
    nothing = body(query="{ a }", operationName=None, variables=None, extensions=None)
    assert read_body(nothing) == GraphQLRequest(query="{ a }")


BAD_BODIES = {
    "empty": b"",
    "null": b"null",
    "a list": b"[]",
    "a batch": b'[{"query": "{ a }"}]',
    "a number": b"1",
    "a text": b'"{ a }"',
    "no query": b"{}",
    "a query that is a number": b'{"query": 1}',
    "a query that is null": b'{"query": null}',
    "a query that is an object": b'{"query": {}}',
    "an operation name that is a number": body(query="{ a }", operationName=1),
    "variables that are a list": body(query="{ a }", variables=[]),
    "variables that are a text": body(query="{ a }", variables="{}"),
    "extensions that are a number": body(query="{ a }", extensions=0),
    "not JSON": b"{query: 1}",
    "cut off": b'{"query": "{ a }"',
    "two documents": b"{}{}",
    "bad UTF-8": b'{"query": "\xff"}',
    "UTF-16": json.dumps({"query": "{ a }"}).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + body(query="{ a }"),
    "5,000 levels": b'{"query": "{ a }", "variables": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    "5,000 lists": b"[" * 5000 + b"]" * 5000,
    "100,000 lists that do not end": b"[" * 100_000,
    "a key twice": b'{"query": "{ a }", "query": "{ b }"}',
    "a variable twice": b'{"query": "{ a }", "variables": {"a": 1, "a": 2}}',
    "a NUL": b'{"query": "{ a }\0"}',
    "an escaped NUL": b'{"query": "{ a }", "variables": {"a": ["\\u0000"]}}',
    "an escaped NUL in a key": b'{"query": "{ a }", "variables": {"\\u0000": 1}}',
    "an escaped NUL within 900 lists": (
        b'{"query": "{ a }", "variables": {"a": ' + b"[" * 900 + b'"\\u0000"' + b"]" * 900 + b"}}"
    ),
    "half a character": b'{"query": "{ a }", "variables": {"a": "\\ud83d"}}',
    "NaN": b'{"query": "{ a }", "variables": {"a": NaN}}',
    "Infinity": b'{"query": "{ a }", "variables": {"a": -Infinity}}',
    "a number beyond numbers": b'{"query": "{ a }", "variables": {"a": 1e999}}',
    "a number of 5,000 digits": b'{"query": "{ a }", "variables": {"a": ' + b"9" * 5000 + b"}}",
}


@pytest.mark.parametrize("given", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_body_is_a_bad_request(given: bytes) -> None:
    with pytest.raises(HttpRefused) as refused:
        read_body(given)
    assert (refused.value.status, refused.value.code) == (400, "BAD_USER_INPUT")
    assert len(str(refused.value)) < 300


def test_escapes_that_mean_a_character_are_read() -> None:
    given = b'{"query": "{ a }", "variables": {"a": "\\u8336 \\ud83c\\udf75 \\\\u0000"}}'
    assert read_body(given).variables == {"a": "茶 🍵 \\u0000"}


def test_a_get_request_is_read_from_its_query_string() -> None:
    given = {"query": "{ 茶 }", "operationName": "A", "variables": '{"n": 1}', "extensions": "{}"}
    expected = GraphQLRequest(query="{ 茶 }", operation_name="A", variables={"n": 1})
    assert read_query_string(urlencode(given).encode()) == expected
    assert read_query_string(b"query={a}&variables=&operationName=") == GraphQLRequest(query="{a}")


@pytest.mark.parametrize(
    "given",
    [
        *(b"", b"variables={}", b"query={a}&query={b}", b"query=%FF", b"query=\xff"),
        *(b"query={a}&variables=1", b"query={a}&variables={", b"query={a}&variables=%22%22"),
        *(b"query={a}&extensions=[]", b"query={a}%00", b"&".join([b"a=1"] * 100)),
        b'query={a}&variables={"a":1,"a":2}',
    ],
)
def test_a_bad_query_string_is_a_bad_request(given: bytes) -> None:
    with pytest.raises(HttpRefused) as refused:
        read_query_string(given)
    assert refused.value.status == 400


def test_a_number_that_is_too_long_is_named_in_words_of_ours() -> None:
    with pytest.raises(HttpRefused) as refused:
        read_body(b'{"query": "{ a }", "variables": {"n": %s}}' % (b"9" * 5_000))
    assert str(refused.value) == (
        "The body is no JSON in UTF-8: it has a number of more than 4,300 digits."
    )
