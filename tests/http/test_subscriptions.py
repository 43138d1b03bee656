"""The npm client graphql-ws, which most storefronts use: https://the-guild.dev/graphql/ws"""

import asyncio
import json

import pytest
from core.tests.graphql.test_sockets import TICKER, closed
from tests.http.judging import listening, run

from koipond_sdk.testing import running_shop


@pytest.mark.slow
@pytest.mark.one_database
@pytest.mark.usefixtures("node")
async def test_graphql_ws_hears_what_it_should(database_url: str) -> None:
    closed.clear()
    async with (
        running_shop(database_url, plugins=[TICKER], socket_ping_s=0.1) as shop,
        listening(shop.app) as where,
    ):
        code, printed = await run("subscriptions.mjs", f"ws://{where}/graphql")
        await asyncio.wait_for(closed.wait(), 10)
    assert code == 0, printed
    heard = {one.pop("did"): one for one in map(json.loads, printed.splitlines())}
    ended = {
        name: (heard.pop(name)["answers"], [one["extensions"]["code"] for one in error])
        for name, found in dict(heard).items()
        if isinstance(error := found.get("error"), list)
    }
    assert ended == {
        "invalid": ([], ["GRAPHQL_VALIDATION_FAILED"]),
        "refused": ([], ["TICKER_TOO_LONG"]),
        "forbidden to guests": ([], ["PERMISSION_MISSING"]),
        "broken off": ([{"data": {"breakDown": 1}}], ["INTERNAL"]),
    }
    assert heard == {
        "subscribe": {
            "answers": [{"data": {"countTo": {"number": n, "double": 2 * n}}} for n in (1, 2, 3)]
        },
        "query": {"answers": [{"data": {"channels": [{"code": "main"}]}}]},
        "mutation": {
            "answers": [{"data": {"addToCart": {"userErrors": [{"code": "ID_INVALID"}]}}}]
        },
        "unsubscribe": {"answers": [{"data": {"waitForEver": 1}}]},
        "ping": {"answered": True},
        "stays": {"answers": [{"data": {"__typename": "Query"}}]},
        "close": {"code": 1000},
        "forbidden": {"answers": [], "error": {"code": 4403, "reason": "Forbidden"}},
    }
