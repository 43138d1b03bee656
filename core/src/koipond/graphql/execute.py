"""Runs one request on a schema: parse, limit, validate, execute; tells or masks what went wrong."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import lru_cache
from inspect import isawaitable
from typing import Any, cast

import strawberry
import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    TokenKind,
    execute,
    get_operation_ast,
    get_variable_values,
    parse,
    specified_rules,
    subscribe,
    validate,
)
from msgspec import Struct

from koipond.graphql import executor, limits
from koipond.graphql.cost import COST_MAX, find_cost
from koipond.graphql.executor import Plans
from koipond.graphql.private import core_schema
from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import new_id
from koipond.kernel.schema.errors import error_extensions
from koipond.kernel.troubles import Trouble, find_trouble

log = structlog.get_logger("koipond.graphql")

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
COST_LIMIT = "COST_LIMIT"
INTERNAL = "INTERNAL"

# Documents that were sent before are not parsed and validated again.
_REMEMBERED = 256
_REMEMBERED_LENGTH_MAX = 10_000


class GraphQLRequest(Struct, frozen=True, kw_only=True):
    """What a caller wants to be run."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, Any] = {}


class Prepared(Struct, frozen=True, kw_only=True):
    """A document that may be executed, with its plans, and which of its operations is wanted."""

    document: DocumentNode
    plans: Plans
    operation: OperationDefinitionNode

    @property
    def is_query(self) -> bool:
        """Tell whether it only reads."""
        return self.operation.operation is OperationType.QUERY

    @property
    def is_subscription(self) -> bool:
        """Tell whether it has many answers, for a caller who stays connected."""
        return self.operation.operation is OperationType.SUBSCRIPTION


class Answer(Struct, frozen=True, kw_only=True):
    """What a request comes to. `began` is false if nothing was executed: it then has no data.

    trouble: what kept the database from it.
    """

    data: dict[str, Any] | None = None
    errors: Sequence[Mapping[str, Any]] = ()
    began: bool = True
    trouble: Trouble | None = None


class RequestRefused(Exception):
    """A request that cannot be executed: it does not parse, or not fit the schema or the limits."""

    def __init__(self, errors: Sequence[GraphQLError], code: str) -> None:
        super().__init__(*(error.message for error in errors))
        self.answer = Answer(errors=[_formatted(error, code) for error in errors], began=False)


class Executor:
    """Runs requests on one schema."""

    def __init__(self, schema: strawberry.Schema, *, production: bool) -> None:
        """production: hide what the schema holds, that is introspection and suggestions."""
        self._schema = core_schema(schema)
        self._rules = [*specified_rules, *([NoSchemaIntrospectionCustomRule] * production)]
        self._hides = production
        self._remembered = lru_cache(_REMEMBERED)(self._read)
        # How many operations were run by a plan, and how many graphql-core had to run.
        self.planned = 0
        self.fallen_back = 0

    def prepare(self, request: GraphQLRequest) -> Prepared:
        """Return what is to be executed. Raises RequestRefused."""
        short = len(request.query) <= _REMEMBERED_LENGTH_MAX
        document, plans = self._remembered(request.query) if short else self._read(request.query)
        operation = get_operation_ast(document, request.operation_name)
        if operation is None:
            wanted = request.operation_name
            problem = (
                "The document has several operations: name one in operationName."
                if wanted is None
                else f"The document has no operation named {wanted[:60]!r}."
            )
            raise RequestRefused([GraphQLError(problem)], BAD_USER_INPUT)
        return Prepared(document=document, plans=plans, operation=operation)

    async def run(self, prepared: Prepared, request: GraphQLRequest, ctx: Context) -> Answer:
        """Execute; refusals and bugs become errors of the answer, and bugs are logged."""
        variables = get_variable_values(
            self._schema,
            prepared.operation.variable_definitions or (),
            dict(request.variables),
            max_errors=limits.ERRORS_MAX,
            hide_suggestions=self._hides,
        )
        if isinstance(variables, list):
            raise RequestRefused(variables, BAD_USER_INPUT)
        plan = prepared.plans.find(prepared.operation, variables)
        if plan is None:
            return self._answered(await self._fall_back(prepared, request, ctx))
        self.planned += 1
        return self._answered(
            await executor.run(plan, context=ctx, variables=variables, hide_suggestions=self._hides)
        )

    async def _fall_back(
        self, prepared: Prepared, request: GraphQLRequest, ctx: Context
    ) -> ExecutionResult:
        """Let graphql-core execute what there is no plan for."""
        self.fallen_back += 1
        outcome = execute(
            self._schema,
            prepared.document,
            context_value=ctx,
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
            hide_suggestions=self._hides,
        )
        return outcome if isinstance(outcome, ExecutionResult) else await outcome

    async def follow(
        self, prepared: Prepared, request: GraphQLRequest, ctx: Context
    ) -> AsyncGenerator[Answer, None]:
        """Yield the answers of a subscription until it ends. Raises RequestRefused.

        While it waits for the next one it holds no connection to the database.
        """
        outcome = subscribe(
            self._schema,
            prepared.document,
            context_value=ctx,
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
            hide_suggestions=self._hides,
        )
        found = await outcome if isawaitable(outcome) else outcome
        if isinstance(found, ExecutionResult):
            yield self._answered(found)
            return
        # An async generator, which the type does not say; closed, it closes the plugin's.
        async with aclosing(cast("AsyncGenerator[ExecutionResult, None]", found)) as results:
            try:
                async for result in results:
                    await ctx.rest()
                    yield self._answered(result)
            except Exception as error:  # what the plugin's generator raised: its last answer
                yield Answer(errors=[_told(GraphQLError(str(error), original_error=error))])

    def _answered(self, result: ExecutionResult) -> Answer:
        errors = result.errors or ()
        # Only what was found wrong with the variables has no place in the answer.
        if result.data is None and any(error.path is None for error in errors):
            raise RequestRefused(errors, BAD_USER_INPUT)
        troubles = (find_trouble(_cause(error)) for error in errors)
        return Answer(
            data=result.data,
            errors=[_told(error) for error in errors],
            trouble=next(filter(None, troubles), None),
        )

    def _read(self, query: str) -> tuple[DocumentNode, Plans]:
        try:
            document = parse(
                query,
                max_source_length=limits.SOURCE_MAX,
                max_lexical_tokens=limits.TOKENS_MAX,
                max_comments=limits.COMMENTS_MAX,
            )
        except GraphQLError as error:
            raise RequestRefused([error], PARSE_FAILED) from error
        excess = limits.find_excess(document) or _forbidden_character(document)
        if excess:
            raise RequestRefused(
                [GraphQLError(f"This document is refused: {excess}.")], VALIDATION_FAILED
            )
        errors = validate(
            self._schema,
            document,
            self._rules,
            max_errors=limits.ERRORS_MAX,
            hide_suggestions=self._hides,
        )
        if errors:
            raise RequestRefused(errors, VALIDATION_FAILED)
        cost = find_cost(document, self._schema)
        if cost > COST_MAX:
            problem = (
                f"This document may have to answer {cost:,} fields, as often as its lists have "
                f"them; at most {COST_MAX:,} are. Ask for smaller pages, or for less at once."
            )
            raise RequestRefused([GraphQLError(problem)], COST_LIMIT)
        return document, Plans(self._schema, document)


def _forbidden_character(document: DocumentNode) -> str | None:
    """Find the one character that no database text can hold, written as an escape."""
    assert document.loc is not None
    if "\\u" not in document.loc.source.body:
        return None
    token = document.loc.start_token.next
    while token is not None and token.kind is not TokenKind.EOF:
        if token.value is not None and "\0" in token.value:
            return f"the text in line {token.line} has the character U+0000, which no text may have"
        token = token.next
    return None


def _told(error: GraphQLError) -> dict[str, Any]:
    """Return what the caller is told of an error that happened while executing."""
    cause = _cause(error)
    if isinstance(cause, DomainError):
        return {**error.formatted, "message": str(cause), "extensions": error_extensions(cause)}
    # An argument that does not fit is shown in the document; a result that does not fit is our bug.
    if isinstance(cause, GraphQLError) and cause.nodes:
        return _formatted(error, BAD_USER_INPUT)
    return {**error.formatted, **mask(cause, path=error.path)}


def _cause(error: GraphQLError) -> BaseException:
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def mask(cause: BaseException | None, *, path: Sequence[str | int] | None = None) -> dict[str, Any]:
    """Log a bug under a new id, and return the error that tells a caller no more than the id.

    Of a database in trouble it tells when to come again.
    """
    trouble = find_trouble(cause)
    if trouble is not None:
        log.error("the database is in trouble", code=trouble.code, path=path, problem=str(cause))
        extensions = {"code": trouble.code, "retryAfterS": trouble.retry_after_s}
        return {"message": trouble.message, "extensions": extensions}
    key = str(new_id())
    log.error("a request failed", error_id=key, path=path, exc_info=cause)
    message = f"Something went wrong on our side. Quote the id {key} when you tell us."
    return {"message": message, "extensions": {"code": INTERNAL, "id": key}}


def _formatted(error: GraphQLError, code: str) -> dict[str, Any]:
    formatted = error.formatted
    return {**formatted, "extensions": {**formatted.get("extensions", {}), "code": code}}
