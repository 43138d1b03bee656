"""A shop with fields that take their time, served by `koi` as processes of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from core.tests.cli.folder import free_port
from core.tests.cli.test_serving import SECRET, Process, wait_until_it_answers

# Fields that say which process answers: one takes its time, one waits for ever. What has begun
# leaves a file, so that nobody has to guess when.
SLOW = '''
import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import strawberry

from koipond.kernel.schema import PUBLIC, Api, Info, Mutation, Query, Subscription
from koipond.kernel.schema import mutation, query, subscription
from koipond_sdk import implement

HERE = Path(__file__).parent


async def slowly(key: str) -> int:
    (HERE / f"begun-{key}").touch()
    await asyncio.sleep(1)
    return os.getpid()


@strawberry.type
class Slow:
    @query(PUBLIC)
    async def slow_answer(self, info: Info, key: str) -> int:
        """Answer after a while."""
        return await slowly(key)


@strawberry.type
class SlowChange:
    @mutation(PUBLIC)
    async def slow_change(self, info: Info, key: str) -> int:
        """Answer after a while."""
        return await slowly(key)


@strawberry.type
class Waiting:
    @subscription(PUBLIC)
    async def slow_news(self, info: Info) -> AsyncGenerator[int, None]:
        """Tell once, then wait."""
        yield os.getpid()
        await asyncio.Event().wait()


@implement()
def register_graphql(api: Api) -> None:
    api.storefront(Query, Slow)
    api.storefront(Mutation, SlowChange)
    api.storefront(Subscription, Waiting)
'''
MANIFEST = """\
graphql_prefix = "Slow"
queries = ["slowAnswer"]
mutations = ["slowChange"]
subscriptions = ["slowNews"]
"""


@contextmanager
def serving(shop: Path, *command: str, **settings: str) -> Iterator[tuple[Process, int]]:
    """Lend `koi serve`, or another command, and the port that it listens on."""
    port = free_port()
    process = Process(
        shop,
        *("--settings", "koi.toml", *(command or ("serve",)), "--port", str(port)),
        **{"KOI_SECRET": SECRET, "PYTHONPATH": str(shop), **settings},
    )
    try:
        wait_until_it_answers(process, f"http://127.0.0.1:{port}/ready")
        yield process, port
    finally:
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait()


def document(kind: str) -> str:
    field = {"query": "slowAnswer", "mutation": "slowChange"}[kind]
    return f"{kind}($key: String!) {{ slow: {field}(key: $key) }}"


async def ask(http: httpx2.AsyncClient, where: str, key: str, kind: str) -> Any:
    body = {"query": document(kind), "variables": {"key": key}}
    response = await http.post(f"http://{where}/graphql", json=body, timeout=20)
    assert response.status_code == 200, response.text
    return response.json()
