"""What a caller is told of what goes wrong while a request runs."""

# No `from __future__ import annotations`: strawberry reads the types as they are.
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytest_asyncio
import strawberry
from graphql import GraphQLError
from structlog.testing import capture_logs

from koipond.app import make_shop
from koipond.graphql.asking import Answer, GraphQLRequest, RequestRefused
from koipond.graphql.execute import Executor
from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.schema import PUBLIC, Info, Query, SchemaBuilder, needs, query
from koipond.kernel.viewer import GUEST
from koipond.settings import Settings
from koipond_sdk.testing import RunningShop

pytestmark = pytest.mark.story


@domain_error
class NoFish(DomainError):
    """A pond without fish."""

    code: ClassVar[str] = "NO_FISH"
    pond: str
    depth: int

    def __str__(self) -> str:
        return f"Pond {self.pond} is {self.depth} m deep and empty. Try another."


@strawberry.type
class PondQueries:
    @query(PUBLIC)
    async def refused(self, info: Info) -> str | None:
        """A refusal."""
        raise NoFish(pond="north", depth=3)

    @query(PUBLIC)
    async def broken(self, info: Info) -> str | None:
        """A bug."""
        raise ZeroDivisionError("secret 4711")

    @query(PUBLIC)
    async def vague(self, info: Info) -> str | None:
        """A bug, too: refusals are classes."""
        raise GraphQLError("secret 4711")

    @query(PUBLIC)
    async def too_many(self, info: Info) -> int | None:
        """A result that does not fit its type."""
        return 2**31

    @query(PUBLIC)
    async def nothing(self, info: Info) -> str:
        """Null where the schema promises something."""
        return None  # type: ignore[return-value]  # the mistake that is tested

    @query(needs("pond.read"))
    async def guarded(self, info: Info) -> str | None:
        """Not for everyone."""
        return "carp"

    @query(PUBLIC)
    async def echo(self, info: Info, n: int = 0, price: Decimal | None = None) -> str | None:
        """Repeat."""
        return f"{n} {price}"


@pytest_asyncio.fixture
async def ctx(tmp_path: Path) -> AsyncIterator[Context]:
    """A request on a shop whose database is never asked."""
    shop = make_shop(Settings(database_url=f"sqlite:///{tmp_path}/shop.db"), [])
    async with shop.context(viewer=GUEST) as ctx:
        yield ctx
    await shop.database.close()


def executor() -> Executor:
    builder = SchemaBuilder()
    builder.extend(Query, PondQueries, owner="koipond")
    return Executor(builder.build(set()), production=False)


async def ask(ctx: Context, document: str, **variables: Any) -> Answer:
    runs = executor()
    request = GraphQLRequest(query=document, variables=variables)
    return await runs.run(runs.prepare(request), request, ctx)


async def test_a_refusal_is_told_with_its_code_its_numbers_and_the_way_out(ctx: Context) -> None:
    with capture_logs() as logs:
        answer = await ask(ctx, "{ a: refused echo }")
    assert answer.data == {"a": None, "echo": "0 None"}
    assert answer.errors == [
        {
            "message": "Pond north is 3 m deep and empty. Try another.",
            "locations": [{"line": 1, "column": 3}],
            "path": ["a"],
            "extensions": {"code": "NO_FISH", "pond": "north", "depth": 3},
        }
    ]
    assert logs == []


@pytest.mark.parametrize("field", ["broken", "vague", "tooMany", "nothing"])
async def test_a_bug_is_masked_and_logged_under_an_id(ctx: Context, field: str) -> None:
    with capture_logs() as logs:
        answer = await ask(ctx, f"{{ {field} }}")
    (error,) = answer.errors
    (line,) = logs
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["id"] == line["error_id"]
    assert line["error_id"] in error["message"]
    assert "4711" not in str(answer.errors)
    assert isinstance(line["exc_info"], Exception)
    assert line["path"] == [field]


async def test_null_where_something_was_promised_takes_its_parent_along(ctx: Context) -> None:
    with capture_logs():
        answer = await ask(ctx, "{ nothing echo }")
    assert (answer.data, answer.began) == (None, True)


async def test_a_missing_permission_is_named(ctx: Context) -> None:
    (error,) = (await ask(ctx, "{ guarded }")).errors
    assert error["extensions"] == {"code": "PERMISSION_MISSING", "permission": "pond.read"}


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("query($n: Int) { echo(n: $n) }", {"n": 2**31}),
        ("query($n: Int) { echo(n: $n) }", {"n": "1"}),
        ("query($n: Int) { echo(n: $n) }", {"n": True}),
        ("query($n: Int!) { echo(n: $n) }", {}),
        ("query($p: Decimal) { echo(price: $p) }", {"p": "a lot"}),
        ("query($p: Decimal) { echo(price: $p) }", {"p": []}),
    ],
)
async def test_variables_that_do_not_fit_are_refused_before_anything_runs(
    ctx: Context, document: str, variables: dict[str, Any]
) -> None:
    with pytest.raises(RequestRefused) as refused, capture_logs() as logs:
        await ask(ctx, document, **variables)
    assert refused.value.answer.began is False
    assert {error["extensions"]["code"] for error in refused.value.answer.errors} == {
        "BAD_USER_INPUT"
    }
    assert logs == []


async def test_an_argument_that_only_execution_finds_wrong_is_the_caller_s(ctx: Context) -> None:
    answer = await ask(ctx, "query($n: Int = 1) { echo(n: $n) }", n=None)
    (error,) = answer.errors
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_condition_that_is_null_is_the_caller_s_mistake(shop: RunningShop) -> None:
    """`Boolean = true` may stand where a Boolean! is wanted, and null may be given for it."""
    told = "Argument 'if' has invalid value"
    given = {"yes": None}
    asked = "query($yes: Boolean = true) { products { totalCount @include(if: $yes) } __typename }"
    answer = await shop.graphql(asked, given)
    (error,) = answer["errors"]
    assert told in error["message"]
    assert (error["path"], error["extensions"]) == (["products"], {"code": "BAD_USER_INPUT"})
    answer = await shop.graphql(
        "query($yes: Boolean = true) { a: __typename @skip(if: $yes) }", given
    )
    (error,) = answer["errors"]
    assert told in error["message"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert (await shop.graphql(asked))["data"]["products"] == {"totalCount": 0}


def test_a_document_is_read_once(ctx: Context) -> None:
    runs = executor()
    first = runs.prepare(GraphQLRequest(query="{ echo }"))
    assert runs.prepare(GraphQLRequest(query="{ echo }")).document is first.document


def test_a_document_longer_than_is_read_is_refused() -> None:
    with pytest.raises(RequestRefused):
        executor().prepare(GraphQLRequest(query="{ echo }".ljust(100_001)))
    with pytest.raises(RequestRefused):
        executor().prepare(GraphQLRequest(query="#\n" * 501 + "{ echo }"))
