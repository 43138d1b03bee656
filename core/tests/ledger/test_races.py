"""Many at once on one account, and builds that one line less makes fail."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from core.tests.ledger.book import FEB, JAN, Book, member, opened
from tests.rig.crowding import open_connections
from tests.rig.naive import built

from koipond.ledger import service as ledger
from koipond.ledger.types import AccountKey, TransferKind
from koipond_sdk.testing.databases import Databases, Kind

MANY = 40


@pytest_asyncio.fixture
async def postgres_book(databases: Databases) -> AsyncIterator[Book]:
    """For what SQLite with its one writer does not have: locks."""
    async with databases.blank(Kind.POSTGRES) as url, opened(url) as made:
        await open_connections(made.shop)
        yield made


async def outcomes(*acts: Awaitable[Any]) -> Counter[str]:
    """Return {what it came to: how often} of acts at once; "" went well."""
    found = await asyncio.gather(*acts, return_exceptions=True)
    return Counter(type(one).__name__ if isinstance(one, BaseException) else "" for one in found)


async def spend_at_once(book: Book, lin: AccountKey) -> None:
    """Spend 9 of 100 many times at once; fails unless as many get it as there is."""
    await book.earn(lin, 60, JAN)
    await book.earn(lin, 40, FEB)
    found = await outcomes(*(book.burn(lin, 9) for _ in range(MANY)))
    assert found == {"": 11, "LedgerShort": MANY - 11}
    assert await book.stands(lin) == (1, 0, 0)
    assert await book.audit() == []


async def earn_at_once(book: Book, lin: AccountKey) -> None:
    """Earn many times at once; fails unless all of it is there, and each line of the statement."""
    await asyncio.gather(*(book.earn(lin, nth, JAN) for nth in range(1, MANY + 1)))
    assert await book.stands(lin) == (sum(range(1, MANY + 1)), 0, 0)
    lines = await book.statement(lin)
    assert [one.nth for one in lines] == list(range(MANY, 0, -1))
    after = [0, *(one.balance_after for one in reversed(lines))]
    earned = [one.units for one in reversed(lines)]
    assert [later - before for before, later in pairwise(after)] == earned
    assert await book.audit() == []


async def test_of_many_who_spend_at_once_as_many_get_it_as_there_is(book: Book) -> None:
    await spend_at_once(book, member())


async def test_of_what_many_earn_at_once_nothing_is_lost(book: Book) -> None:
    await earn_at_once(book, member())


@pytest.mark.postgres
@pytest.mark.parametrize(
    "build",
    ["accounts of the ledger are not locked", "what is read beside the lock counts, however old"],
)
async def test_a_build_without_the_lock_or_what_it_is_for_fails(
    postgres_book: Book, build: str
) -> None:
    with built(build), pytest.raises(AssertionError):
        await spend_at_once(postgres_book, member())


@pytest.mark.postgres
async def test_a_build_without_the_lock_loses_lines(postgres_book: Book) -> None:
    with built("accounts of the ledger are not locked"), pytest.raises(AssertionError):
        await earn_at_once(postgres_book, member())


async def test_of_many_repeats_at_once_one_counts(book: Book) -> None:
    lin = member()
    earned = await asyncio.gather(*(book.earn(lin, 10, JAN, source="a") for _ in range(MANY)))
    assert len({one.id for one in earned}) == 1
    burned = await asyncio.gather(*(book.burn(lin, 10, source="a") for _ in range(MANY)))
    assert len({one.id for one in burned}) == 1
    await book.earn(lin, 10)
    aside = await asyncio.gather(*(book.set_aside(lin, 10, source="b") for _ in range(MANY)))
    assert len({one.id for one in aside}) == 1
    assert await book.stands(lin) == (0, 10, 0)


@pytest.mark.slow
async def test_a_repeat_that_comes_while_the_account_is_made_gets_the_same_answer(
    book: Book,
) -> None:
    for number in range(60):
        lin, source = member(), f"round {number}"
        earned = await asyncio.gather(*(book.earn(lin, 10, JAN, source=source) for _ in range(6)))
        assert len({one.id for one in earned}) == 1


async def test_of_many_members_at_once_one_has_a_source(book: Book) -> None:
    members = [member() for _ in range(MANY)]
    found = await outcomes(*(book.earn(one, 10, source="a") for one in members))
    assert found == {"": 1, "LedgerSourceReused": MANY - 1}
    assert sorted([(await book.stands(one))[0] for one in members])[-2:] == [0, 10]


async def test_of_many_who_undo_at_once_no_more_comes_back_than_was_booked(book: Book) -> None:
    lin = member()
    earned = await book.earn(lin, 100)
    burned = await book.burn(lin, 100)
    found = await outcomes(*(book.restore(burned.id, 9) for _ in range(MANY)))
    assert found == {"": 11, "LedgerUndone": MANY - 11}
    found = await outcomes(*(book.reverse(earned.id, 9) for _ in range(MANY)))
    assert found == {"": 11, "LedgerUndone": MANY - 11}
    assert await book.stands(lin) == (0, 0, 0)


async def close_at_once(book: Book, rounds: int = 1) -> None:
    """Post and void the same many times at once; fails unless one of the two happened, once.

    rounds: on a busy machine a single race may be won by chance.
    """
    for _ in range(rounds):
        lin = member()
        await book.earn(lin, 100)
        pending = await book.set_aside(lin, 100)
        acts = [book.post(pending.id) if nth % 2 else book.void(pending.id) for nth in range(20)]
        found = await outcomes(*acts)
        assert found == {"": 10, "PendingTransferClosed": 10}
        assert (await book.stands(lin))[1:] == (0, 0)
    assert await book.audit() == []


async def test_what_is_set_aside_is_closed_once_by_many_at_once(book: Book) -> None:
    await close_at_once(book)


@pytest.mark.postgres
async def test_a_build_that_closes_without_the_lock_fails(postgres_book: Book) -> None:
    build = "what waits for an open order is closed without its lock"
    with built(build), pytest.raises(AssertionError):
        await close_at_once(postgres_book, rounds=5)


async def test_members_who_hand_on_both_ways_at_once_do_not_block_each_other(book: Book) -> None:
    members = [member() for _ in range(4)]
    for one in members:
        await book.earn(one, 100)
    pairs = [random.sample(members, 2) for _ in range(MANY)]
    found = await outcomes(*(book.move(giver, taker, 7) for giver, taker in pairs))
    assert set(found) <= {"", "LedgerShort"}
    assert sum([(await book.stands(one))[0] for one in members]) == 400


async def test_expiry_runs_many_times_at_once_beside_those_who_spend(book: Book) -> None:
    members = [member() for _ in range(10)]
    for one in members:
        await book.earn(one, 10, JAN)
        await book.earn(one, 10)
    spending = [book.burn(one, 3) for one in members for _ in range(2)]
    runs = [ledger.expire(book.ctx, "points", JAN, limit=3) for _ in range(3)]
    found = await outcomes(*spending, *runs)
    assert found == {"": 23}
    await book.expire(JAN)
    for one in members:
        lines = await book.statement(one)
        expired = -sum(line.units for line in lines if line.kind is TransferKind.EXPIRE)
        assert (await book.stands(one))[0] == 20 - 6 - expired
        # What was spent before the run was of January, what after it was not.
        assert 4 <= expired <= 10


async def pay_out_and_refund(book: Book, rounds: int) -> None:
    """Let payouts run while their commissions are taken back, in any order."""
    for nth in range(rounds):
        host = member("EUR")
        earned = [await book.earn(host, 50), await book.earn(host, 50)]
        held = await book.set_aside(host, random.randint(1, 100))
        closing = book.post(held.id) if nth % 2 else book.void(held.id)
        acts: list[Awaitable[Any]] = [
            closing,
            book.reverse(earned[0].id, 30),
            book.reverse(earned[0].id),
            book.reverse(earned[1].id, random.randint(1, 50)),
            book.burn(host, 40),
            book.earn(host, 7),
        ]
        random.shuffle(acts)
        found = await outcomes(*acts)
        # All of one was taken back by whoever came last, and a payout found too little at most.
        assert set(found) <= {"", "LedgerShort", "LedgerUndone"}
        lines = await book.statement(host)
        available, aside, debt = await book.stands(host)
        assert available + aside - debt == sum(one.units for one in lines)
        assert aside == 0
    assert await book.audit() == []


async def test_commissions_go_back_while_they_are_paid_out(book: Book) -> None:
    await pay_out_and_refund(book, 5)


@pytest.mark.faults
@pytest.mark.timeout(1_200)
async def test_commissions_go_back_a_thousand_times_while_they_are_paid_out(book: Book) -> None:
    """Battery 26."""
    await pay_out_and_refund(book, 1_000)
