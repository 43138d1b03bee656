"""The numbered pitfalls that the trials of this design fell into, each a test; on both databases.

What a race is needed for stands in test_races.py, the rest of 10 and 11 in test_deciding.py.
"""

import ast
import asyncio
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from core.tests.quota.pond import (
    HELD,
    HOLD,
    PLACED,
    RELEASED,
    Pond,
    claim,
    in_transaction,
    owner,
    subject,
)
from core.tests.quota.rebuilt import rebuilt
from sqlalchemy import Connection, text

import koipond
from koipond.kernel.context import Context
from koipond.kernel.db import ATTEMPTS
from koipond.kernel.faults import planned
from koipond.kernel.ids import OwnerId
from koipond.kernel.troubles import RunAgain
from koipond.quota import service as quota
from koipond.quota.errors import AlreadyPlaced, Lapsed, LimitReached, QuotaShort
from koipond.quota.repository import jobs, postgresql, sqlite
from koipond.quota.types import Period, Request

BEFORE_COMMIT = "quota.batch.before_commit"
COMMITTED = "database.apart.after_commit"


def failing(at: str, error: Exception, *, times: int) -> tuple[Callable[[str], None], Counter[str]]:
    """Return a fault that raises `error` the first `times` it passes `at`, and what it counted."""
    passed: Counter[str] = Counter()

    def fault(here: str) -> None:
        passed[here] += 1
        if here == at and passed[here] <= times:
            raise error

    return fault, passed


async def ask_twice(pond: Pond, desk: quota.Desk) -> None:
    tea = await pond.make(2)

    async def ask() -> None:
        # The second time in the very step in which the first answer comes.
        for _ in range(2):
            await desk.ask(Request(owner_id=owner(), part=0, claims=(claim(tea),), hold=HOLD))

    await asyncio.wait_for(ask(), 2)


async def test_pitfall_1_who_asks_as_the_lane_ends_does_not_wait_for_ever(pond: Pond) -> None:
    await ask_twice(pond, pond.desk)
    naive = rebuilt(
        "koipond.quota.service.desk",
        "        self._lane = None\n\n    def _abandon",
        "\n    def _abandon",
    )
    desk = naive.Desk(pond.shop.database, pond.clock, queue_max=9)
    with pytest.raises((TimeoutError, asyncio.CancelledError)):
        await ask_twice(pond, desk)


async def test_pitfall_2_no_plan_of_the_desk_reads_a_whole_table(postgres_pond: Pond) -> None:
    pond = postgres_pond
    # Analysed while it was empty: such plans are kept for a long time.
    await pond.shop.database.transact_apart(
        lambda connection: connection.execute(text("ANALYZE reservation"))
    )
    wanted = postgresql._OWN_AND_USED_TEXT
    for number, name in enumerate((":owners", ":quotas", ":subjects"), 1):
        wanted = wanted.replace(name, f"${number}")

    def explain(connection: Connection) -> str:
        none = "ARRAY['00000000-0000-0000-0000-000000000000'::uuid]"
        connection.execute(text(f"PREPARE wanted (uuid[], uuid[], uuid[]) AS {wanted}"))
        explained = f"EXPLAIN EXECUTE wanted ({none}, {none}, {none})"
        return "\n".join(connection.execute(text(explained)).scalars())

    async with pond.shop.database.reading() as db:
        await db.execute(text("SET plan_cache_mode = force_generic_plan"))
        assert "Seq Scan on reservation" in await db.run_sync(explain)
    plan = await pond.shop.database.transact_apart(explain)
    assert "Seq Scan on reservation" not in plan
    assert "Index Scan using ix_reservation_use" in plan


async def test_pitfall_2_on_sqlite_every_pair_is_one_look_into_the_index(pond: Pond) -> None:
    if not pond.shop.database.is_sqlite:
        return
    statement = f"EXPLAIN QUERY PLAN {sqlite._USED.element}".replace(":pairs", "'[]'")
    plan = await pond.shop.database.transact_apart(
        lambda connection: str(connection.exec_driver_sql(statement).all())
    )
    assert "SEARCH r USING INDEX ix_reservation_use (quota_id=? AND subject_id=?)" in plan


async def test_pitfall_2_what_is_due_is_found_by_its_index(pond: Pond) -> None:
    statement = str(jobs._DUE_QUOTAS).replace(":now", "CURRENT_TIMESTAMP").replace(":most", "9")
    is_sqlite = pond.shop.database.is_sqlite
    many_consumed = (
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 3000) "
        "INSERT INTO reservation "
        "SELECT id, id, n, id, '', 1, 'consumed', NULL, 'with_order' FROM quota, number"
    )
    await pond.make()

    def explain(connection: Connection) -> str:
        query = "QUERY PLAN " if is_sqlite else ""
        with connection.begin_nested() as trial:
            # Of a table without rows any index is as good, and reading all of it too.
            connection.execute(text(many_consumed))
            if not is_sqlite:
                # Else what vacuum last wrote of this table decides what each way seems to cost.
                connection.execute(text("ANALYZE reservation"))
                connection.execute(text("SET LOCAL enable_seqscan = off"))
            explained = connection.execute(text(f"EXPLAIN {query}{statement}"))
            plan = "\n".join(map(str, explained))
            trial.rollback()
        return plan

    plan = await pond.shop.database.transact_apart(explain)
    assert "ix_reservation_due" in plan, plan
    assert "SCAN reservation'" not in plan
    assert "Seq Scan on reservation" not in plan


async def test_pitfall_2_changed_rows_are_found_by_their_keys(postgres_pond: Pond) -> None:
    types = [
        "uuid[]",
        "uuid[]",
        "int[]",
        "uuid[]",
        "text[]",
        "bigint[]",
        "text[]",
        "timestamptz[]",
        "text[]",
        "text[]",
    ]
    wanted = str(postgresql._CHANGE)
    for number, name in enumerate(dict.fromkeys(re.findall(r":(\w+)", wanted)), 1):
        wanted = wanted.replace(f":{name}", f"${number}")

    def explain(connection: Connection) -> str:
        connection.execute(text(f"PREPARE change ({', '.join(types)}) AS {wanted}"))
        nothing = ", ".join(f"'{{}}'::{one}" for one in types)
        return "\n".join(connection.execute(text(f"EXPLAIN EXECUTE change ({nothing})")).scalars())

    plan = await postgres_pond.shop.database.transact_apart(explain)
    assert plan.count("Index Scan using pk_reservation on reservation") == 2
    assert plan.count("Index Cond: ((owner_id = ") == 2
    assert "Merge Join" not in plan
    assert "Hash Join" not in plan


async def test_pitfall_3_a_commit_whose_answer_is_lost_is_not_done_twice(pond: Pond) -> None:
    tea = await pond.make(9, subject_limit=2)
    lin = subject()
    fault, passed = failing(COMMITTED, ConnectionError("the answer was lost"), times=2)
    with planned(fault):
        orders = await asyncio.gather(*(pond.hold(claim(tea, 1, lin)) for _ in range(2)))
    assert passed[COMMITTED] == 3
    assert [await pond.states(order) for order in orders] == [[(0, 1, HELD)]] * 2
    assert await pond.taken(tea) == [2]


async def test_pitfall_3_placing_again_says_that_it_lapsed(pond: Pond) -> None:
    tea = await pond.make(9)
    asked = claim(tea)
    order = await pond.hold(asked)
    await pond.place(order, asked)
    with pytest.raises(Lapsed):
        await pond.place(order, asked)
    assert await pond.states(order) == [(0, 1, PLACED)]


async def test_pitfall_4_a_cancelled_caller_owns_what_its_batch_granted(pond: Pond) -> None:
    tea = await pond.make(1)
    order, asked = owner(), claim(tea)
    caller = asyncio.create_task(pond.reserve(order, asked))
    loop = asyncio.get_running_loop()

    def leave(here: str) -> None:
        if here == BEFORE_COMMIT:
            loop.call_soon_threadsafe(caller.cancel)

    with planned(leave):
        with pytest.raises(asyncio.CancelledError):
            await caller
        await pond.desk.close()
    assert await pond.states(order) == [(0, 1, HELD)]
    # Its next try finds it granted; if there is none, it lapses.
    await pond.reserve(order, asked)
    with pytest.raises(QuotaShort):
        await pond.hold(claim(tea))
    await pond.lapse()
    assert await pond.states(order) == [(0, 1, RELEASED)]
    await pond.hold(claim(tea))


async def test_pitfall_4_who_leaves_before_the_batch_begins_takes_nothing(pond: Pond) -> None:
    tea = await pond.make(1)
    order = owner()
    caller = asyncio.create_task(pond.reserve(order, claim(tea)))
    await asyncio.sleep(0)
    caller.cancel()
    await pond.desk.close()
    assert await pond.states(order) == []
    assert await pond.taken(tea) == [0]


async def test_pitfall_5_asking_again_after_it_was_placed_is_refused(pond: Pond) -> None:
    tea = await pond.make(9)
    asked = claim(tea)
    order = await pond.hold(asked)
    await pond.place(order, asked)
    before = await pond.everything()
    with pytest.raises(AlreadyPlaced):
        await pond.reserve(order, claim(tea, 2))
    assert await pond.everything() == before


async def test_pitfall_6_an_order_in_its_transaction_stops_nobody(postgres_pond: Pond) -> None:
    pond = postgres_pond
    tea = await pond.make(3)
    asked = claim(tea)
    order, lapsed = await pond.hold(asked), await pond.hold(asked)
    pond.clock.advance(hours=1)

    async def slowly(ctx: Context, of: OwnerId) -> None:
        await quota.place(ctx, of, [asked])
        # Its row is locked; a slow hook of a plugin works now.
        await asyncio.wait_for(pond.hold(claim(tea)), 5)
        # Giving back takes what it can have, and does not wait for the rest.
        assert await asyncio.wait_for(quota.give_back(pond.ctx), 5) == 1

    await in_transaction(pond.ctx, slowly, order)
    assert await pond.states(order) == [(0, 1, PLACED)]
    assert await pond.states(lapsed) == [(0, 1, RELEASED)]


@pytest.mark.slow
async def test_pitfall_6_a_row_that_moves_under_a_batch_is_decided_again(
    postgres_pond: Pond,
) -> None:
    pond = postgres_pond
    tea = await pond.make(3)
    asked = claim(tea)
    order = await pond.hold(asked)

    async def while_it_is_placed(ctx: Context, of: OwnerId) -> asyncio.Task[object]:
        await quota.place(ctx, of, [asked])
        other = asyncio.create_task(pond.reserve(of, claim(tea, 2)))
        # The batch has read HELD, and waits for the row.
        await asyncio.sleep(0.2)
        assert not other.done()
        return other

    other = await in_transaction(pond.ctx, while_it_is_placed, order)
    with pytest.raises(AlreadyPlaced):
        await other
    assert await pond.states(order) == [(0, 1, PLACED)]


async def test_pitfall_7_one_bad_request_fails_alone(pond: Pond) -> None:
    endless = await pond.make(None)
    good = [pond.hold(claim(endless)) for _ in range(5)]
    bad = pond.hold(claim(endless, 2**80))  # no database has a column for it
    *orders, failed = await asyncio.gather(*good, bad, return_exceptions=True)
    assert isinstance(failed, Exception)
    assert [await pond.states(order) for order in orders] == [[(0, 1, HELD)]] * 5
    assert await pond.taken(endless) == [5]


async def test_pitfall_7_when_the_database_is_away_nobody_asks_it_one_by_one(pond: Pond) -> None:
    tea = await pond.make(100)
    fault, passed = failing(BEFORE_COMMIT, ConnectionError("it is away"), times=10**6)
    with planned(fault):
        results = await asyncio.gather(
            *(pond.hold(claim(tea)) for _ in range(50)), return_exceptions=True
        )
    assert {type(one) for one in results} == {ConnectionError}
    assert passed == {BEFORE_COMMIT: ATTEMPTS}
    assert await pond.taken(tea) == [0]
    await pond.hold(claim(tea))


async def test_pitfall_7_a_conflict_is_run_again(pond: Pond) -> None:
    tea = await pond.make(100)
    fault, passed = failing(BEFORE_COMMIT, RunAgain("a row moved"), times=2)
    with planned(fault):
        await asyncio.gather(*(pond.hold(claim(tea)) for _ in range(10)))
    assert passed[BEFORE_COMMIT] == 3
    assert await pond.taken(tea) == [10]


async def test_pitfall_8_big_requests_are_refused_and_never_queued(pond: Pond) -> None:
    tea = await pond.make(5)
    big, *small = await asyncio.gather(
        pond.hold(claim(tea, 20)),
        *(pond.hold(claim(tea)) for _ in range(5)),
        return_exceptions=True,
    )
    assert isinstance(big, QuotaShort)
    assert not any(isinstance(one, BaseException) for one in small)


@pytest.mark.slow
async def test_pitfall_9_it_is_given_back_in_portions(pond: Pond) -> None:
    tea = await pond.make(1_200)
    await asyncio.gather(*(pond.hold(claim(tea)) for _ in range(1_200)))
    pond.clock.advance(seconds=HOLD.seconds)
    portions = [await quota.give_back(pond.ctx) for _ in range(4)]
    assert portions == [500, 500, 200, 0]
    assert await pond.taken(tea) == [0]


async def test_pitfall_10_a_cart_that_shrinks_lets_nobody_pass_a_limit(pond: Pond) -> None:
    tea = await pond.make(4, subject_limit=2)
    ann, ben = subject(), subject()
    cart = await pond.hold(claim(tea, 2, ann))
    await pond.hold(claim(tea, 2, ben))
    shrunk, more = await asyncio.gather(
        pond.reserve(cart, claim(tea, 1, ann)),
        pond.hold(claim(tea, 1, ben)),
        return_exceptions=True,
    )
    assert not isinstance(shrunk, BaseException)
    assert isinstance(more, QuotaShort)
    with pytest.raises(LimitReached):
        await pond.hold(claim(tea, 1, ben))
    await pond.hold(claim(tea, 1))


async def test_pitfall_10_a_cart_changed_after_midnight_is_counted_in_the_new_day(
    pond: Pond,
) -> None:
    tea = await pond.make(9, subject_limit=2, period=Period.DAY)
    cho = subject()
    yesterday = await pond.hold(claim(tea, 1, cho))
    pond.clock.advance(days=1)
    await pond.hold(claim(tea, 1, cho))
    before = await pond.everything()
    with pytest.raises(LimitReached) as refused:
        await pond.reserve(yesterday, claim(tea, 2, cho))
    assert refused.value.left == 1
    assert await pond.everything() == before


async def test_pitfall_11_a_guest_who_logs_in_is_counted_as_before(pond: Pond) -> None:
    tea = await pond.make(9, subject_limit=2)
    guest, member = subject(), subject()
    cart = await pond.hold(claim(tea, 1, guest))
    await pond.hold(claim(tea, 1, guest))
    # Two of the guest's two: as a member it still grows as the guest.
    with pytest.raises(LimitReached):
        await pond.reserve(cart, claim(tea, 2, member))
    await pond.reserve(cart, claim(tea, 1, member))
    assert [row.subject_id for row in await pond.rows(cart)] == [guest]
    # What was given back is free to be taken as somebody else.
    pond.clock.advance(seconds=HOLD.seconds)
    await quota.give_back(pond.ctx)
    await pond.reserve(cart, claim(tea, 2, member))
    assert [row.subject_id for row in await pond.rows(cart)] == [member]


@pytest.mark.slow
def test_pitfall_12_nothing_adds_to_what_others_see_what_it_waits_for() -> None:
    found = []
    for file in [*Path(koipond.__file__).parent.rglob("*.py"), *Path(__file__).parent.glob("*.py")]:
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        outer = {
            name
            for node in nodes
            if isinstance(node, ast.Nonlocal | ast.Global)
            for name in node.names
        }
        for node in nodes:
            if isinstance(node, ast.AugAssign):
                local = isinstance(node.target, ast.Name) and node.target.id not in outer
                waits = any(isinstance(part, ast.Await) for part in ast.walk(node.value))
                found += [f"{file.name}:{node.lineno}"] * (waits and not local)
    assert found == []


async def test_the_time_of_a_hold_is_the_setting(pond: Pond) -> None:
    tea = await pond.make(9)
    granted = await pond.reserve(owner(), claim(tea))
    assert granted.expires_at == pond.clock.now() + timedelta(
        seconds=pond.shop.settings.reservation_hold_s
    )
