"""Relations: one call for all parents of a level, so that N+1 cannot be written."""

# No `from __future__ import annotations`: strawberry reads the types as they are.
import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
import strawberry
from structlog.testing import capture_logs

from koipond.app import make_shop
from koipond.graphql.asking import Answer, GraphQLRequest
from koipond.graphql.execute import Executor
from koipond.kernel.context import Context
from koipond.kernel.schema import PUBLIC, Info, Query, SchemaBuilder, batch, query
from koipond.kernel.viewer import GUEST
from koipond.settings import Settings

calls: Counter[str] = Counter()


@strawberry.type
class Leaf:
    name: str

    @batch
    @staticmethod
    async def shade(parents: list["Leaf"], info: Info, of: str = "green") -> list[str]:
        """How dark it is."""
        calls["shade"] += 1
        return [f"{of} {parent.name}" for parent in parents]


@strawberry.type
class Twig:
    name: str

    @batch
    @staticmethod
    async def leaves(parents: list["Twig"], info: Info) -> list[list[Leaf]]:
        """Two of them."""
        calls["leaves"] += 1
        await asyncio.sleep(0)
        return [[Leaf(name=f"{parent.name}{n}") for n in "ab"] for parent in parents]

    @batch
    @staticmethod
    async def wrong(parents: list["Twig"], info: Info) -> list[str]:
        """Fewer answers than parents."""
        return ["one"]


@strawberry.type
class Branch:
    name: str

    @batch
    @staticmethod
    async def twigs(parents: list["Branch"], info: Info) -> list[list[Twig]]:
        """Two of them."""
        calls["twigs"] += 1
        return [[Twig(name=f"{parent.name}{n}") for n in "xy"] for parent in parents]

    @batch
    @staticmethod
    async def broken(parents: list["Branch"], info: Info) -> list[str | None]:
        """Never works."""
        calls["broken"] += 1
        raise ZeroDivisionError


@strawberry.type
class TreeQueries:
    @query(PUBLIC)
    async def branches(self, info: Info) -> list[Branch]:
        """Three of them."""
        return [Branch(name=n) for n in "123"]


@pytest_asyncio.fixture
async def ctx(tmp_path: Path) -> AsyncIterator[Context]:
    """A request on a shop whose database is never asked."""
    shop = make_shop(Settings(database_url=f"sqlite:///{tmp_path}/shop.db"), [])
    async with shop.context(viewer=GUEST) as ctx:
        calls.clear()
        yield ctx
    await shop.database.close()


async def ask(ctx: Context, document: str) -> Answer:
    builder = SchemaBuilder()
    builder.extend(Query, TreeQueries, owner="koipond")
    executor = Executor(builder.build(set()), production=False)
    request = GraphQLRequest(query=document)
    return await executor.run(executor.prepare(request), request, ctx)


async def test_three_levels_are_three_calls(ctx: Context) -> None:
    answer = await ask(ctx, "{ branches { name twigs { leaves { name shade } } } }")
    assert calls == {"twigs": 1, "leaves": 1, "shade": 1}
    assert answer.errors == []
    assert answer.data is not None
    first, *_ = answer.data["branches"]
    assert first["twigs"][1]["leaves"][0] == {"name": "1ya", "shade": "green 1ya"}


async def test_every_parent_gets_its_own_answer(ctx: Context) -> None:
    answer = await ask(ctx, "{ branches { name twigs { name leaves { name } } } }")
    assert answer.data is not None
    for branch in answer.data["branches"]:
        for twig in branch["twigs"]:
            assert twig["name"].startswith(branch["name"])
            assert [leaf["name"] for leaf in twig["leaves"]] == [twig["name"] + n for n in "ab"]


async def test_one_field_with_other_arguments_is_another_call(ctx: Context) -> None:
    document = """{ branches { twigs { leaves { shade dark: shade(of: "black") } } } }"""
    answer = await ask(ctx, document)
    assert calls["shade"] == 2
    assert answer.data is not None
    leaf = answer.data["branches"][2]["twigs"][0]["leaves"][1]
    assert leaf == {"shade": "green 3xb", "dark": "black 3xb"}


async def test_the_same_field_of_two_roots_is_two_calls(ctx: Context) -> None:
    await ask(ctx, "{ a: branches { twigs { name } } b: branches { twigs { name } } }")
    assert calls == {"twigs": 2}


async def test_one_that_raises_is_told_at_every_field_that_waits_for_it(ctx: Context) -> None:
    with capture_logs() as logs:
        answer = await ask(ctx, "{ branches { name broken } }")
    assert calls["broken"] == 1
    assert answer.data == {"branches": [{"name": n, "broken": None} for n in "123"]}
    paths = [error["path"] for error in answer.errors]
    assert paths == [["branches", n, "broken"] for n in range(3)]
    assert {error["extensions"]["code"] for error in answer.errors} == {"INTERNAL"}
    assert all(isinstance(line["exc_info"], ZeroDivisionError) for line in logs)


async def test_too_few_answers_are_a_bug_that_names_the_resolver(ctx: Context) -> None:
    with capture_logs() as logs:
        await ask(ctx, "{ branches { twigs { wrong } } }")
    causes: set[Any] = {str(line["exc_info"]) for line in logs}
    assert causes == {"Twig.wrong answered 1 for 6 parents"}
