"""Reads one GraphQL request as HTTP carries it, and which media type the caller wants back.

https://graphql.github.io/graphql-over-http/draft/
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from koipond.graphql.asking import BAD_USER_INPUT, GraphQLRequest

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
HTML = "text/html"
UNSUPPORTED = "UNSUPPORTED_MEDIA_TYPE"
_PARAMETERS_MAX = 20
_SHA256 = "sha256:"


class HttpRefused(Exception):
    """A request that is refused before GraphQL sees it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = BAD_USER_INPUT,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}


@lru_cache(512)
def negotiate(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """Return the one of `offered` that an Accept header likes best, or None.

    RFC 9110, section 12.5.1: the most specific range that fits says how much a type is liked.
    Ties go by the order in the header, then by that of `offered`. No header accepts anything.
    """
    ranges = [_media_type(part) for part in (accept or "*/*").split(",")]
    liked: list[tuple[float, int, str]] = []
    for one in offered:
        fitting = [
            (specific, -place, _quality(parameters))
            for place, (media_range, parameters) in enumerate(ranges)
            if (specific := _specificity(media_range, one)) is not None and _is_utf8(parameters)
        ]
        _, place, quality = max(fitting, default=(0, 0, 0.0))
        if quality > 0:
            liked.append((quality, place, one))
    return max(liked, key=lambda one: one[:2], default=(0, 0, None))[2]


def check_body_headers(headers: Mapping[str, str]) -> None:
    """Raise HttpRefused if a body is something else than JSON in UTF-8, sent as it is."""
    kind, is_utf8 = _content(headers.get("content-type", ""))
    if kind != JSON:
        raise HttpRefused(
            415, f"Send the request as {JSON}, not as {kind[:60] or 'nothing'}.", code=UNSUPPORTED
        )
    if not is_utf8:
        raise HttpRefused(415, "Send the request in UTF-8.", code=UNSUPPORTED)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpRefused(
            415,
            "Send the request uncompressed.",
            code=UNSUPPORTED,
            headers={"Accept-Encoding": "identity"},
        )


@lru_cache(128)
def _content(content_type: str) -> tuple[str, bool]:
    """Return the media type of a body, and whether it says to be UTF-8."""
    kind, parameters = _media_type(content_type)
    return kind, _is_utf8(parameters)


def read_body(body: bytes) -> GraphQLRequest:
    """Read the body of a POST request. Raises HttpRefused."""
    return read_request(read_json(body, "The body"))


def read_query_string(query_string: bytes) -> GraphQLRequest:
    """Read a GET request, whose variables and extensions are JSON. Raises HttpRefused."""
    try:
        pairs = parse_qsl(
            query_string.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_PARAMETERS_MAX,
        )
    except ValueError as error:
        raise HttpRefused(400, f"The query string cannot be read: {error}.") from error
    given: dict[str, Any] = dict(pairs)
    if len(given) != len(pairs):
        raise HttpRefused(400, "The query string has a parameter twice.")
    for name in ("variables", "extensions"):
        if given.get(name):
            given[name] = read_json(given[name].encode(), f"The parameter {name}")
        else:
            given.pop(name, None)
    if any("\0" in text for text in given.values() if isinstance(text, str)):
        raise HttpRefused(400, "The query string has the character U+0000, which no text may have.")
    return read_request(given)


def read_request(given: Any) -> GraphQLRequest:
    """Read what a body, a query string or the payload of a socket says. Raises HttpRefused.

    A trusted document is named by `documentId`, with `sha256:` before it or not, or as Apollo's
    clients do, by `extensions.persistedQuery.sha256Hash`.
    """
    if not isinstance(given, dict):
        raise HttpRefused(400, 'The body is no JSON object. Send {"query": "…"}.')
    query, name = given.get("query"), given.get("operationName")
    for key in ("variables", "extensions"):
        if not isinstance(given.get(key), dict | None):
            raise HttpRefused(400, f"`{key}` is neither an object nor null.")
    extensions = given.get("extensions") or {}
    document_id = _document_id(given, extensions)
    if not isinstance(query, str) and not (query is None and document_id):
        raise HttpRefused(400, "`query` is missing or no text. It is the GraphQL document.")
    if not isinstance(name, str | None):
        raise HttpRefused(400, "`operationName` is neither text nor null.")
    return GraphQLRequest(
        query=query or "",
        operation_name=name or None,
        variables=given.get("variables") or {},
        document_id=document_id,
        wants_cost=extensions.get("cost") is True,
    )


def _document_id(given: dict[str, Any], extensions: dict[str, Any]) -> str | None:
    found = given.get("documentId")
    if found is None:
        persisted = extensions.get("persistedQuery")
        found = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(found, str | None):
        raise HttpRefused(400, "`documentId` is no text.")
    return found.lower().removeprefix(_SHA256) if found else None


def read_json(raw: bytes, what: str) -> Any:
    """Read JSON strictly: UTF-8, no key twice, no NaN, no text that a database could not hold.

    Raises HttpRefused.
    """
    try:
        text = raw.decode()
        found = _DECODER.decode(text)
        if "\\u" in text:
            # A lone surrogate cannot be written back as UTF-8.
            json.dumps(found, ensure_ascii=False).encode()
        if "\\u0000" not in text or not _has_null_character(found):
            return found
        problem = "it has the character U+0000, which no text may have"
    except RecursionError:
        problem = "it is nested too deeply"
    except ValueError as error:
        problem = str(error)
        if problem.startswith("Exceeds the limit"):  # Python's words, for those who program in it
            problem = "it has a number of more than 4,300 digits"
    raise HttpRefused(400, f"{what} is no JSON in UTF-8: {problem}.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)


def _has_null_character(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_null_character(one) for pair in value.items() for one in pair)
    return isinstance(value, list) and any(_has_null_character(one) for one in value)


def _media_type(text: str) -> tuple[str, dict[str, str]]:
    kind, *parameters = (part.strip() for part in text.split(";"))
    pairs = (one.partition("=") for one in parameters)
    return kind.lower(), {name.strip().lower(): value.strip(' "') for name, _, value in pairs}


def _is_utf8(parameters: Mapping[str, str]) -> bool:
    return parameters.get("charset", "utf-8").lower() in {"utf-8", "utf8"}


def _quality(parameters: Mapping[str, str]) -> float:
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 0.0


def _specificity(media_range: str, media_type: str) -> int | None:
    """Return how closely a range names a media type, or None if it does not fit."""
    group = media_type.partition("/")[0]
    by_closeness = ["*/*", f"{group}/*", media_type]
    return by_closeness.index(media_range) if media_range in by_closeness else None
