"""Several processes on one row. What must hold is counted; each race fails on a naive build.

How long: KOI_RACE_SECONDS (2), and KOI_RACE_SEEDS (1) seeds of each naive build.
"""

import asyncio
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any, Self

import pytest
from core.tests.quota.pond import CONSUMED, PLACED, RELEASED, Pond, opened
from core.tests.quota.worker import COUPONS, FLASH, HOT, LIMIT, work
from sqlalchemy import func, select, text

from koipond.kernel.invariants import Finding
from koipond.quota import service as quota
from koipond.quota.tables import reservation
from koipond.quota.types import Period, QuotaSpec
from koipond_sdk.testing.databases import Databases, Kind

SECONDS = float(os.environ.get("KOI_RACE_SECONDS", "2"))
PROCESSES = [1, 3] if SECONDS > 2 else [3]
SEEDS = int(os.environ.get("KOI_RACE_SEEDS", "1"))
# With more than one seed this is the long form, which `make faults` runs.
pytestmark = [
    pytest.mark.timeout(60 + 20 * SECONDS * SEEDS),
    *([pytest.mark.faults] if SEEDS > 1 else []),
]


# Forks processes of one that has imported the shop: to import it costs each of them a second.
NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["core.tests.quota.worker"])


class Crew:
    """Workers that begin together, a moment from now; each is a process of its own."""

    def __init__(self, pond: Pond, act: str, seeds: Sequence[int], **given: Any) -> None:
        self.starts_at = time.time() + 0.7
        plan = {"url": pond.shop.settings.database_url, "act": act, "starts_at": self.starts_at}
        self.workers: list[ForkServerProcess] = []
        self.told: list[Connection] = []
        for seed in seeds:
            told, telling = NURSERY.Pipe(duplex=False)
            worker = NURSERY.Process(target=work, args=({**plan, **given, "seed": seed}, telling))
            worker.start()
            telling.close()
            self.workers.append(worker)
            self.told.append(told)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker, told in zip(self.workers, self.told, strict=True):
            worker.kill()
            await asyncio.to_thread(worker.join)
            told.close()

    def at_work(self) -> bool:
        return any(worker.is_alive() for worker in self.workers)

    async def finish(self) -> Counter[str]:
        """Return what all of them saw; one that was killed told nothing."""
        seen: Counter[str] = Counter()
        for worker, told in zip(self.workers, self.told, strict=True):
            await asyncio.to_thread(worker.join)
            if worker.exitcode != -signal.SIGKILL:
                assert worker.exitcode == 0, "what it complained of is on stderr"
                seen.update(told.recv())
        return seen


async def make_quotas(pond: Pond, **hot: Any) -> None:
    given = {"capacity": 600} | hot
    specs = [
        QuotaSpec(id=HOT, **given),
        QuotaSpec(id=FLASH, capacity=0, parent_id=HOT, subject_limit=2, period=Period.DAY),
        QuotaSpec(id=LIMIT, subject_limit=4),
        *(QuotaSpec(id=key, capacity=60, subject_limit=3) for key in COUPONS),
    ]
    await quota.create(pond.ctx, specs)


@pytest.mark.parametrize("processes", [pytest.param(1, marks=pytest.mark.slow), 3])
async def test_exactly_as_many_are_granted_as_there_are(pond: Pond, processes: int) -> None:
    await make_quotas(pond, capacity=300, subject_limit=2)
    each = {"requests": 900 // processes, "members": 400}
    async with Crew(pond, "rush", range(processes), **each) as crew:
        seen = await crew.finish()
    assert seen == {"Granted": 300, "Refused": 600}
    assert await pond.taken(HOT) == [300]


# One line that differs, and on which databases it shows.
LETS_GO = (
    "koipond.quota.service.desk",
    "    answers, writes = rules.decide(requests, rules.open_ledger(requests, quotas, rows",
    "    connection.commit()\n"
    "    answers, writes = rules.decide(requests, rules.open_ledger(requests, quotas, rows",
)
NO_LOCK = (
    "koipond.quota.repository.postgresql",
    "ORDER BY id FOR NO KEY UPDATE",
    "ORDER BY id",
)
LIMITS_FIRST = (
    "koipond.quota.service.desk",
    """\
    quotas = repository.lock(connection, wanted)
    rows = repository.read(
        connection,
        {request.owner_id for request in requests},
        rules.find_pairs(requests, quotas),
    )
""",
    """\
    owners = {request.owner_id for request in requests}
    pairs = {(one.quota_id, one.subject_id) for request in requests for one in request.claims}
    rows = repository.read(connection, owners, pairs)
    quotas = repository.lock(connection, wanted)
""",
)
PLACES_ANYTHING = (
    "koipond.quota.repository.orders",
    '_IS_HELD = {"state": sources(ReservationState.PLACED)}',
    '_IS_HELD = {"state": list(ReservationState)}',
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "naive"),
    [
        pytest.param(Kind.POSTGRES, NO_LOCK, id="postgres: no lock"),
        pytest.param(Kind.POSTGRES, LIMITS_FIRST, id="postgres: limits read before the lock"),
        pytest.param(Kind.POSTGRES, LETS_GO, id="postgres: lock let go before deciding"),
        pytest.param(Kind.SQLITE, LETS_GO, id="sqlite: lock let go before deciding"),
    ],
)
async def test_a_naive_build_grants_too_many(
    databases: Databases, kind: Kind, naive: tuple[str, str, str]
) -> None:
    for seed in range(SEEDS):
        async with databases.blank(kind) as url, opened(url) as pond:
            await make_quotas(pond, capacity=100_000, subject_limit=2)
            given = {"requests": 6_000, "members": 1_500, "naive": naive}
            async with Crew(pond, "rush", range(10 * seed, 10 * seed + 3), **given) as crew:
                findings = await look_for("I9", pond, crew)
            assert findings, f"seed {seed}: {naive[2]} is exact"


@pytest.mark.slow
@pytest.mark.parametrize("processes", PROCESSES)
async def test_whatever_happens_at_once_every_unit_is_counted(pond: Pond, processes: int) -> None:
    findings, seen = await run_chaos(pond, processes=processes, kill=processes > 1)
    assert findings == []
    assert seen["errors"] == 0, seen
    await check_the_end(pond)


@pytest.mark.slow
async def test_whatever_session_of_postgres_ends_every_unit_is_counted(
    postgres_pond: Pond,
) -> None:
    findings, seen = await run_chaos(postgres_pond, processes=2, cut=True)
    assert findings == []
    assert seen["placed"] > 0
    await check_the_end(postgres_pond)


@pytest.mark.slow
async def test_placing_what_was_given_back_is_found(databases: Databases) -> None:
    for seed in range(SEEDS):
        async with databases.blank(Kind.POSTGRES) as url, opened(url) as pond:
            await make_quotas(pond)
            given = {"seconds": 10, "naive": PLACES_ANYTHING}
            async with Crew(pond, "chaos", range(10 * seed, 10 * seed + 2), **given) as crew:
                assert await look_for("I1", pond, crew), f"seed {seed}: it is exact"


async def look_for(invariant: str, pond: Pond, crew: Crew) -> list[Finding]:
    """Return what breaks an invariant as soon as there is something; at last when all is done."""
    at_work = True
    while at_work:
        at_work = crew.at_work()
        await asyncio.sleep(0.1)
        findings = [one for one in await pond.audit() if one.invariant == invariant]
        if findings:
            return findings
    return []


async def run_chaos(
    pond: Pond,
    *,
    processes: int,
    kill: bool = False,
    cut: bool = False,
) -> tuple[list[Finding], Counter[str]]:
    """Let processes do everything at once, looking at one moment after the other.

    kill: one of them is killed half way. cut: sessions of PostgreSQL are ended at random.
    """
    await make_quotas(pond)
    await quota.move_units(pond.ctx, HOT, FLASH, 200)
    findings: list[Finding] = []
    own = await sessions(pond) if cut else []
    async with Crew(pond, "chaos", range(processes), seconds=SECONDS) as crew:
        while crew.at_work():
            await asyncio.sleep(0.15)
            if kill and time.time() > crew.starts_at + SECONDS / 2:
                crew.workers[0].kill()
            if cut and time.time() > crew.starts_at + 0.3:
                await end_a_session(pond, own)
            findings += await pond.audit()
        return findings, await crew.finish()


async def end_a_session(pond: Pond, own: list[int]) -> None:
    """End a session of the workers wherever it is: a COMMIT may have happened or not."""
    ending = text(
        "SELECT pg_terminate_backend(pid) FROM ("
        " SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> ALL (:own) AND (state = 'active' OR wait_event = 'ClientRead')"
        " ORDER BY random() LIMIT 1) AS one"
    )
    async with pond.shop.database.reading() as db:
        await db.execute(ending, {"own": own})


async def sessions(pond: Pond) -> list[int]:
    """Return the sessions that are there before the workers begin."""
    await pond.audit()
    statement = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    async with pond.shop.database.reading() as db:
        return list((await db.execute(statement)).scalars())


async def check_the_end(pond: Pond) -> None:
    """Let all that is left lapse, and count once more."""
    await pond.ctx.rest()
    pond.clock.advance(days=100_000)
    while await quota.give_back(pond.ctx):
        pass
    async with pond.shop.database.reading() as db:
        counted = select(reservation.c.state, func.count()).group_by(reservation.c.state)
        states = {row[0] for row in await db.execute(counted)}
    assert states <= {PLACED, CONSUMED, RELEASED}
    assert await pond.audit() == []
    stock, flash = await pond.look(HOT), await pond.look(FLASH)
    assert stock.capacity is not None
    assert flash.capacity is not None
    assert stock.capacity + flash.capacity == 600


@pytest.mark.parametrize(
    "at",
    [
        pytest.param("quota.batch.before_commit", marks=pytest.mark.slow),
        "quota.batch.after_commit",
    ],
)
async def test_a_process_that_dies_in_its_batch_sells_nothing_twice(pond: Pond, at: str) -> None:
    await make_quotas(pond, capacity=300, subject_limit=2)
    given = {"requests": 400, "members": 10**6, "crash_at": f"{at}:4"}
    async with Crew(pond, "rush", [1], **given) as crew:
        assert await crew.finish() == {}
        assert crew.workers[0].exitcode == -signal.SIGKILL
    # A batch is there as a whole or not at all; what nobody was told of lapses.
    batches = 3 if at.endswith("before_commit") else 4
    assert await pond.taken(HOT) == [batches * 40]
    assert await pond.audit() == []
    pond.clock.advance(days=100_000)
    await quota.give_back(pond.ctx)
    assert await pond.taken(HOT) == [0]
