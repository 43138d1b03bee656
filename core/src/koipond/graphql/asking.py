"""What is asked of a schema and what is answered, whichever way it travels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError
from msgspec import Struct

from koipond.kernel.errors import shortened
from koipond.kernel.troubles import Trouble

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
COST_LIMIT = "COST_LIMIT"
INTERNAL = "INTERNAL"


class GraphQLRequest(Struct, frozen=True, kw_only=True):
    """What a caller wants to be run.

    document_id: the SHA-256 of a trusted document, in small hexadecimal; then `query` may be "".
    wants_cost: tell what it may cost, as `extensions.cost`.
    """

    query: str = ""
    operation_name: str | None = None
    variables: Mapping[str, Any] = {}
    document_id: str | None = None
    wants_cost: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """What a request comes to. `began` is false if nothing was executed: it then has no data.

    So is it of what ends a subscription: refused at its start or broken off, it is of no event.
    trouble: what kept the database from it. limited_for_s: part of it was done too often.
    """

    data: dict[str, Any] | None = None
    errors: Sequence[Mapping[str, Any]] = ()
    began: bool = True
    trouble: Trouble | None = None
    limited_for_s: int | None = None
    extensions: Mapping[str, Any] = {}

    def told(self) -> dict[str, Any]:
        """Return what is sent to the caller."""
        told: dict[str, Any] = {}
        if self.errors:
            told["errors"] = self.errors
        if self.began:
            told["data"] = self.data
        if self.extensions:
            told["extensions"] = self.extensions
        return told


class RequestRefused(Exception):
    """A request that cannot be executed: it does not parse, or not fit the schema or the limits."""

    def __init__(self, errors: Sequence[GraphQLError], code: str) -> None:
        super().__init__(*(error.message for error in errors))
        self.answer = Answer(errors=[formatted(error, code) for error in errors], began=False)


def refuse(message: str, code: str) -> RequestRefused:
    """Return the refusal of a request for one reason."""
    return RequestRefused([GraphQLError(message)], code)


def formatted(error: GraphQLError, code: str) -> dict[str, Any]:
    """Return an error as it is told, with a code."""
    told = error.formatted
    message = shortened(error.message)
    return {**told, "message": message, "extensions": {**told.get("extensions", {}), "code": code}}
