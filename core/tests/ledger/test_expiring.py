"""What nobody spends in time is gone; on both databases."""

from datetime import UTC, date, datetime

import pytest
from core.tests.ledger.book import FEB, JAN, MAR, Book, in_transaction, member
from sqlalchemy import func, select

from koipond.ledger import rules
from koipond.ledger import service as ledger
from koipond.ledger.tables import ledger_bucket
from koipond.ledger.types import AccountKey, TransferKind


async def test_a_last_day_is_a_good_day(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10, JAN)
    await book.earn(lin, 20)
    book.clock.set(datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    assert await book.expire() == 0
    book.clock.set(datetime(2026, 2, 1, tzinfo=UTC))
    assert await book.expire() == 1
    assert (await book.stands(lin), await book.expiring(lin)) == ((20, 0, 0), {})
    assert await book.system("expired") == 10
    # Seen by the member, beside the balance: nothing disappears in silence.
    assert [(one.kind, one.units, one.balance_after) for one in await book.statement(lin)] == [
        (TransferKind.EXPIRE, -10, 20),
        (TransferKind.EARN, 20, 30),
        (TransferKind.EARN, 10, 10),
    ]


async def test_it_takes_all_that_is_due_in_batches_and_a_second_time_nothing(book: Book) -> None:
    members = [member() for _ in range(7)]
    for nth, one in enumerate(members):
        await book.earn(one, 10, JAN)
        await book.earn(one, 5, FEB)
        await book.earn(one, nth + 1, MAR)
    assert await ledger.expire(book.ctx, "points", FEB, limit=3) == 14
    assert [(await book.stands(one))[0] for one in members] == [1, 2, 3, 4, 5, 6, 7]
    before = await book.everything()
    assert await ledger.expire(book.ctx, "points", FEB, limit=3) == 0
    assert await book.everything() == before


async def test_each_unit_expires_by_its_own_programme(book: Book) -> None:
    points = member()
    growth = AccountKey(kind=points.kind, owner=points.owner, unit="growth")
    await book.earn(points, 10, JAN)
    await book.earn(growth, 10, JAN)
    assert await book.expire(JAN, unit="growth") == 1
    assert (await book.stands(points), await book.stands(growth)) == ((10, 0, 0), (0, 0, 0))


async def test_no_rows_are_kept_of_buckets_that_are_over(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10, JAN)
    await book.earn(lin, 10, FEB)
    burned = await book.burn(lin, 10)
    await book.expire(FEB)
    async with book.shop.database.reading() as db:
        count = select(func.count()).select_from(ledger_bucket)
        assert (await db.execute(count)).scalar_one() == 0
    # And what was taken from them still comes back.
    book.clock.set(datetime(2026, 3, 1, tzinfo=UTC))
    await book.restore(burned.id, grace_days=30)
    assert await book.expiring(lin) == {MAR: 10}


async def test_it_is_not_begun_inside_of_a_transaction(book: Book) -> None:
    with pytest.raises(AssertionError, match="a transaction of its own"):
        await in_transaction(book.ctx, ledger.expire, "points", JAN)


@pytest.mark.parametrize(
    ("zone", "now", "over"),
    [
        ("UTC", datetime(2026, 3, 1, tzinfo=UTC), date(2026, 2, 28)),
        ("Asia/Shanghai", datetime(2026, 2, 28, 15, 59, tzinfo=UTC), date(2026, 2, 27)),
        ("Asia/Shanghai", datetime(2026, 2, 28, 16, 0, tzinfo=UTC), date(2026, 2, 28)),
        # The night that lost an hour, the one that has one twice, and a leap day.
        ("Europe/Berlin", datetime(2026, 3, 29, 21, 59, tzinfo=UTC), date(2026, 3, 28)),
        ("Europe/Berlin", datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 29)),
        ("Europe/Berlin", datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 24)),
        ("Europe/Berlin", datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 25)),
        ("America/New_York", datetime(2028, 3, 1, 4, 59, tzinfo=UTC), date(2028, 2, 28)),
        ("America/New_York", datetime(2028, 3, 1, 5, 0, tzinfo=UTC), date(2028, 2, 29)),
    ],
)
def test_a_day_is_over_at_midnight_where_the_programme_is(
    zone: str, now: datetime, over: date
) -> None:
    assert rules.last_day_over(now, zone) == over


async def test_a_clock_that_goes_back_brings_nothing_back(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10, JAN)
    await book.earn(lin, 10, FEB)
    book.clock.set(datetime(2026, 2, 1, tzinfo=UTC))
    await book.expire()
    before = await book.everything()
    book.clock.advance(minutes=-5)
    assert await book.expire() == 0
    assert await book.everything() == before
    # What is booked then stands behind what was booked before, whatever the clock says.
    await book.burn(lin, 3)
    assert [(one.nth, one.balance_after) for one in await book.statement(lin)] == [
        (4, 7),
        (3, 10),
        (2, 20),
        (1, 10),
    ]
