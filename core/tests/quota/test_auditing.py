"""What must hold is looked for, and would be found; on both databases."""

from collections.abc import AsyncIterator

import pytest_asyncio
from core.tests.quota.pond import Pond, claim, opened, subject
from sqlalchemy import text

from koipond.kernel.ids import QuotaId, new_id
from koipond.quota import service as quota


@pytest_asyncio.fixture
async def broken(blank_database_url: str) -> AsyncIterator[Pond]:
    """Quotas that a test breaks by hand."""
    async with opened(blank_database_url) as made:
        yield made


async def run(pond: Pond, statement: str, **given: object) -> None:
    async def work(db: object) -> None:
        await db.execute(text(statement), given)  # type: ignore[attr-defined]  # a connection

    await pond.shop.database.transact(work)


async def test_a_counter_that_is_not_the_sum_of_its_rows_is_found(broken: Pond) -> None:
    tea, _ = await broken.make(5), await broken.make(5)
    await broken.hold(claim(tea, 2))
    await run(broken, "UPDATE quota SET taken = 3 WHERE taken = 2")
    [found] = await broken.audit()
    assert found.invariant == "I1"
    assert found.problem == (
        f"quota {tea} of 5 says that 3 units are taken, its reservations say 2"
    )
    assert found.fix


async def test_a_capacity_that_came_from_nowhere_is_found(broken: Pond) -> None:
    tea = await broken.make(5)
    await run(broken, "UPDATE quota SET capacity = 7")
    assert [str(one) for one in await broken.audit()] == [
        f"I1: quota {tea} has a capacity of 7, its changes add up to 5. "
        "Compare its quota_change rows with what came in and went out"
    ]


async def test_a_move_that_made_units_is_found(broken: Pond) -> None:
    tea, cup = await broken.make(5), await broken.make(5)
    await quota.move_units(broken.ctx, tea, cup, 2)
    await run(broken, "UPDATE quota_change SET delta = 3 WHERE delta = 2")
    await run(broken, "UPDATE quota SET capacity = 8 WHERE capacity = 7")
    [found] = await broken.audit()
    assert "made 1 units" in found.problem


async def test_a_limit_that_was_passed_is_found(broken: Pond) -> None:
    flash = await broken.make(5, subject_limit=2)
    lin, mei = subject(), subject()
    await broken.hold(claim(flash, 2, lin))
    await broken.hold(claim(flash, 1, mei))
    await run(broken, "UPDATE reservation SET quantity = 3 WHERE quantity = 2")
    await run(broken, "UPDATE quota SET taken = 4")
    [found] = await broken.audit()
    assert found.invariant == "I9"
    assert found.problem == (
        f"subject {lin} has 3 units of quota {flash} in period ever, 2 are allowed"
    )


async def test_all_is_seen_at_one_moment(broken: Pond) -> None:
    quotas = [await broken.make(100) for _ in range(3)]
    await broken.hold(*(claim(key, 3) for key in quotas))
    assert await broken.audit() == []
    assert await quota.find_free(broken.ctx, [*quotas, QuotaId(new_id())]) == dict.fromkeys(
        quotas, 97
    )
