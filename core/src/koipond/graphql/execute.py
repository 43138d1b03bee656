"""Runs one request on a schema, by a plan if there is one; tells or masks what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from inspect import isawaitable
from typing import Any, cast

import strawberry
import structlog
from graphql import (
    ExecutionResult,
    GraphQLError,
    execute,
    get_variable_values,
    subscribe,
)
from msgspec.structs import replace

from koipond.graphql import executor, limits
from koipond.graphql.asking import (
    BAD_USER_INPUT,
    INTERNAL,
    Answer,
    GraphQLRequest,
    RequestRefused,
    formatted,
    refuse,
)
from koipond.graphql.cost import COST_MAX
from koipond.graphql.documents import Documents, Prepared
from koipond.graphql.executor import Plan
from koipond.graphql.private import NO_VARIABLES, VariableValues, core_schema
from koipond.graphql.sizes import check_sizes
from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import new_id
from koipond.kernel.pages import PageInvalid
from koipond.kernel.schema.errors import error_extensions, message_of
from koipond.kernel.troubles import Trouble, find_trouble

log = structlog.get_logger("koipond.graphql")


class Executor:
    """Runs requests on one schema."""

    def __init__(self, schema: strawberry.Schema, *, production: bool) -> None:
        """production: hide what the schema holds, that is introspection and suggestions."""
        self._schema = core_schema(schema)
        self._hides = production
        self._documents = Documents(self._schema, production=production)
        # How many operations were run by a plan, and how many graphql-core had to run.
        self.planned = 0
        self.fallen_back = 0

    def prepare(self, request: GraphQLRequest) -> Prepared:
        """Return what is to be executed. Raises RequestRefused."""
        return self._documents.find(request.query).prepare(request.operation_name)

    async def run(self, prepared: Prepared, request: GraphQLRequest, ctx: Context) -> Answer:
        """Execute; refusals and bugs become errors of the answer, and bugs are logged.

        Raises RequestRefused.
        """
        variables = self._coerce(prepared, request)
        plan = prepared.document.plans.find(prepared.operation, variables)
        running = self._execute(plan, prepared, request, ctx, variables)
        if not prepared.is_query or (plan is not None and plan.is_at_hand):
            # What writes is never cut off: what it waits for has deadlines of its own.
            return self._answered(await running, prepared, request)
        try:
            async with asyncio.timeout(ctx.settings.query_timeout_s) as deadline:
                return self._answered(await running, prepared, request)
        except TimeoutError:
            if not deadline.expired():
                raise
            return _late(ctx.settings.query_timeout_s)

    def _coerce(self, prepared: Prepared, request: GraphQLRequest) -> VariableValues:
        """Return the variables as the operation declares them. Raises RequestRefused."""
        if not request.variables and not prepared.operation.variable_definitions:
            return NO_VARIABLES
        excess = limits.find_long_list(request.variables)
        if excess:
            raise refuse(f"These variables are refused: {excess}.", BAD_USER_INPUT)
        variables = get_variable_values(
            self._schema,
            prepared.operation.variable_definitions or (),
            dict(request.variables),
            max_errors=limits.ERRORS_MAX,
            hide_suggestions=self._hides,
        )
        if isinstance(variables, list):
            raise RequestRefused(variables, BAD_USER_INPUT)
        try:
            check_sizes(prepared.sized_by, variables.coerced)
        except PageInvalid as error:
            raise refuse(str(error), error.code) from error
        return variables

    async def _execute(
        self,
        plan: Plan | None,
        prepared: Prepared,
        request: GraphQLRequest,
        ctx: Context,
        variables: VariableValues,
    ) -> ExecutionResult:
        if plan is None:
            return await self._fall_back(prepared, request, ctx)
        self.planned += 1
        return await executor.run(
            plan, context=ctx, variables=variables, hide_suggestions=self._hides
        )

    async def _fall_back(
        self, prepared: Prepared, request: GraphQLRequest, ctx: Context
    ) -> ExecutionResult:
        """Let graphql-core execute what there is no plan for."""
        self.fallen_back += 1
        outcome = execute(
            self._schema,
            prepared.document.node,
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

        Refused at its start, or broken off by its source, its last answer is one that never began.
        While it waits for the next one it holds no connection to the database.
        """
        self._coerce(prepared, request)
        outcome = subscribe(
            self._schema,
            prepared.document.node,
            context_value=ctx,
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
            hide_suggestions=self._hides,
        )
        found = await outcome if isawaitable(outcome) else outcome
        if isinstance(found, ExecutionResult):  # refused by the field, which gave no source
            yield replace(self._answered(found, prepared, request), began=False)
            return
        # An async generator, which the type does not say; closed, it closes the plugin's.
        async with aclosing(cast("AsyncGenerator[ExecutionResult, None]", found)) as results:
            try:
                async for result in results:
                    await ctx.rest()
                    yield self._answered(result, prepared, request)
            except Exception as error:  # of the plugin's generator, not of one of its events
                told = _told(GraphQLError(str(error), original_error=error))
                yield Answer(errors=[told], began=False)

    def _answered(
        self, result: ExecutionResult, prepared: Prepared, request: GraphQLRequest
    ) -> Answer:
        errors = result.errors or ()
        # Only what was found wrong with the variables has no place in the answer.
        if result.data is None and any(error.path is None for error in errors):
            raise RequestRefused(errors, BAD_USER_INPUT)
        troubles = (find_trouble(_cause(error)) for error in errors)
        cost = {"asked": prepared.document.reckoned.cost, "most": COST_MAX}
        return Answer(
            data=result.data,
            errors=[_told(error) for error in errors],
            trouble=next(filter(None, troubles), None),
            extensions={"cost": cost} if request.wants_cost else {},
        )


def _late(most_s: float) -> Answer:
    """Return the answer to a query that took too long."""
    problem = (
        f"This query took longer than {most_s:g} s (setting query_timeout_s) and was ended. "
        "Ask for smaller pages, or for less at once."
    )
    trouble = Trouble(code="QUERY_TIMEOUT", message=problem, retry_after_s=1)
    log.warning("a query took too long", code=trouble.code)
    return Answer(errors=[tell(trouble)], trouble=trouble)


def _told(error: GraphQLError) -> dict[str, Any]:
    """Return what the caller is told of an error that happened while executing."""
    cause = _cause(error)
    if isinstance(cause, DomainError):
        told = {"message": message_of(cause), "extensions": error_extensions(cause)}
        return {**error.formatted, **told}
    # An argument that does not fit is shown in the document; a result that does not fit is our bug.
    if isinstance(cause, GraphQLError) and cause.nodes:
        return formatted(error, BAD_USER_INPUT)
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
        return tell(trouble)
    key = str(new_id())
    log.error("a request failed", error_id=key, path=path, exc_info=cause)
    message = f"Something went wrong on our side. Quote the id {key} when you tell us."
    return {"message": message, "extensions": {"code": INTERNAL, "id": key}}


def tell(trouble: Trouble) -> dict[str, Any]:
    """Return the error that tells a caller when to come again."""
    extensions = {"code": trouble.code, "retryAfterS": trouble.retry_after_s}
    return {"message": trouble.message, "extensions": extensions}
