"""What others feel of a flood of logins; prints one JSON object on its last line.

    make bench ONLY=logins [ARGS="--seconds 3 --rounds 3"]

One server process on SQLite, asked by callers of this process: others, who look at a product
without a pause, alone and then beside a flood of people who each guess a password of an account of
their own. A hash is computed for each; the limits of addresses, which would end it, are off.
others_p50_ms, others_p99_ms  for one product while nobody logs in
flood_p50_ms, flood_p99_ms    the same beside the flood
p99_x                         flood_p99_ms against others_p99_ms, the median of the rounds
logins_per_s                  guesses that were looked at
refused_per_s                 guesses that were told to come back: 429 with Retry-After
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from random import random
from statistics import median, quantiles
from typing import NamedTuple

import httpx2
import uvloop
from tests.rig.servers import Servers

from koipond_sdk.testing.databases import migrate
from koipond_sdk.testing.shop import running_shop

PRODUCT = """{ products(first: 1) { nodes {
  id name variants { id sku price { amount } availability { state } } } } }"""
LOG_IN = """mutation($i: LogInInput!) { logIn(input: $i) { userErrors { code } } }"""
OTHERS, FLOOD = 4, 200
REFUSED = 429
TARGETS = {"p99_x": 2.0}


class Round(NamedTuple):
    """How long others waited, alone and beside the flood; how often that was answered how."""

    alone_ms: list[float]
    beside_ms: list[float]
    looked_at: int
    refused: int


class Flood:
    """People who guess passwords without a pause. told: {status: how often}."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._numbers = count()
        self._stop = asyncio.Event()
        self.told: Counter[int] = Counter()

    async def guess(self) -> None:
        """Guess until the end; who is told to come back does so when it was said."""
        while not self._stop.is_set():
            given = {"address": f"m{next(self._numbers)}@example.org", "password": "a wrong one"}
            body = {"query": LOG_IN, "variables": {"i": given}}
            answer = await self._http.post("/graphql", json=body)
            self.told[answer.status_code] += 1
            if answer.status_code == REFUSED:
                # Not all of them at once: they are people.
                await asyncio.sleep(float(answer.headers["Retry-After"]) * (1 + random()))

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[None]:
        """Let them guess while the block runs."""
        guessing = []
        for _ in range(FLOOD):
            guessing.append(asyncio.create_task(self.guess()))
            # Many requests at one instant are another question.
            await asyncio.sleep(2 / FLOOD)
        yield
        self._stop.set()
        await asyncio.gather(*guessing)
        assert set(self.told) <= {200, REFUSED}, self.told


async def look(http: httpx2.AsyncClient, seconds: float) -> list[float]:
    """Let others look at the product again and again; returns how long each took, in ms."""
    found: list[float] = []
    until = time.monotonic() + seconds

    async def call() -> None:
        while time.monotonic() < until:
            began = time.perf_counter()
            answer = await http.post("/graphql", json={"query": PRODUCT})
            found.append((time.perf_counter() - began) * 1_000)
            assert len(answer.json()["data"]["products"]["nodes"]) == 1, answer.text

    await asyncio.gather(*(call() for _ in range(OTHERS)))
    return found


async def measure(url: str, seconds: float) -> Round:
    """Let others look for some seconds, alone and then beside a flood."""
    wide = httpx2.Limits(max_connections=FLOOD)
    async with (
        httpx2.AsyncClient(base_url=url) as http,
        httpx2.AsyncClient(base_url=url, timeout=60, limits=wide) as theirs,
    ):
        await look(http, seconds / 5)
        alone = await look(http, seconds)
        flood = Flood(theirs)
        async with flood.under_way():
            before = flood.told.copy()
            beside = await look(http, seconds)
            during = flood.told - before
    return Round(alone, beside, during[200], during[REFUSED])


def figures(rounds: list[Round], seconds: float) -> dict[str, float]:
    """Return the medians of the rounds."""
    alone, beside = ([quantiles(one[part], n=100) for one in rounds] for part in (0, 1))
    return {
        "others_p50_ms": round(median(one[49] for one in alone), 2),
        "others_p99_ms": round(median(one[98] for one in alone), 2),
        "flood_p50_ms": round(median(one[49] for one in beside), 2),
        "flood_p99_ms": round(median(one[98] for one in beside), 2),
        "p99_x": round(median(b[98] / a[98] for a, b in zip(alone, beside, strict=True)), 2),
        "logins_per_s": round(median(one.looked_at for one in rounds) / seconds, 1),
        "refused_per_s": round(median(one.refused for one in rounds) / seconds, 1),
    }


async def bench(options: argparse.Namespace) -> dict[str, float]:
    """Serve a shop of one product, and measure it."""
    with tempfile.TemporaryDirectory(prefix="koi-bench-") as folder:
        url = f"sqlite+aiosqlite:///{folder}/shop.sqlite3"
        await migrate(url)
        async with running_shop(url, plugins=[]) as shop:
            await shop.make_product("TEA-1")
        servers = Servers(Path(folder))
        try:
            async with servers.serving(url, rate_limits=[]) as server:
                address = str(server.http.base_url)
                rounds = [await measure(address, options.seconds) for _ in range(options.rounds)]
        finally:
            servers.close()
    return figures(rounds, options.seconds)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    found = uvloop.run(bench(parser.parse_args()))
    missed = [name for name, most in TARGETS.items() if found[name] > most]
    print(json.dumps({**found, "load": os.getloadavg()[0], "missed": missed}))


if __name__ == "__main__":
    main()
