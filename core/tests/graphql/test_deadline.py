"""A query has a deadline, and what it was doing in the database ends with it."""

# No `from __future__ import annotations`: strawberry reads the types as they are.
import asyncio
import logging
from typing import Any

import pytest
import strawberry
from core.tests.graphql.toys import toy
from sqlalchemy import text

from koipond.graphql.request import GRAPHQL_JSON
from koipond.kernel.schema import PUBLIC, Api, Info, Mutation, Query, mutation, query
from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.databases import Kind

# Takes minutes on either database.
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@strawberry.type
class Slow:
    @query(PUBLIC)
    async def slow_sleep(self, info: Info) -> int:
        """Wait for ever."""
        await asyncio.Event().wait()
        return 1

    @query(PUBLIC)
    async def slow_statement(self, info: Info) -> int:
        """Keep the database busy."""
        async with info.context.reading() as db:
            found: int = (await db.execute(text(ENDLESS))).scalar_one()
            return found


@strawberry.type
class SlowChange:
    @mutation(PUBLIC)
    async def slow_change(self, info: Info) -> int:
        """Take longer than a query may."""
        await asyncio.sleep(0.4)
        return 1


def add(api: Api) -> None:
    api.storefront(Query, Slow)
    api.storefront(Mutation, SlowChange)


SLOW = toy("slow", add, queries=("slowSleep", "slowStatement"), mutations=("slowChange",))


@pytest.mark.slow
@pytest.mark.parametrize("field", ["slowSleep", "slowStatement"])
async def test_a_query_that_takes_too_long_is_ended(
    database_url: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running_shop(
        database_url, plugins=[SLOW], query_timeout_s=0.2, database_pool_size=1
    ) as shop:
        for accept in ("application/json", GRAPHQL_JSON):
            response = await ask(shop, f"{{ private: {field} }}", accept)
            assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
            answer = response.json()
            assert answer == {
                "data": None,
                "errors": [
                    {
                        "message": "This query took longer than 0.2 s (setting query_timeout_s) "
                        "and was ended. Ask for smaller pages, or for less at once.",
                        "extensions": {"code": "QUERY_TIMEOUT", "retryAfterS": 1},
                    }
                ],
            }
        # The only connection is free again, and nothing is still at work on it.
        assert await shop.graphql("{ channels { code } }") == {
            "data": {"channels": [{"code": "main"}]}
        }
    assert "private" not in caplog.text


@pytest.mark.slow
async def test_a_mutation_is_never_cut_off(database_url: str) -> None:
    async with running_shop(database_url, plugins=[SLOW], query_timeout_s=0.2) as shop:
        assert await shop.graphql("mutation { slowChange }") == {"data": {"slowChange": 1}}


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", [Kind.POSTGRES], indirect=True)
async def test_postgresql_gives_up_what_nobody_waits_for(database_url: str) -> None:
    async with (
        running_shop(database_url, database_answer_s=2.5, database_pool_size=1) as shop,
        shop.shop.database.reading() as db,
    ):
        assert (await db.execute(text("SHOW statement_timeout"))).scalar_one() == "2500ms"


async def ask(shop: RunningShop, document: str, accept: str) -> Any:
    return await shop.http.post("/graphql", json={"query": document}, headers={"Accept": accept})
