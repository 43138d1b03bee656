"""What must hold is looked for, and would be found; on both databases."""

from typing import Any

import pytest
from core.tests.ledger.book import JAN, Book, member
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

pytestmark = pytest.mark.story


async def run(book: Book, *statements: str, **given: object) -> None:
    async def work(db: Any) -> None:
        for one in statements:
            await db.execute(text(one), given)

    await book.shop.database.transact(work)


async def without(book: Book, *constraints: str) -> None:
    """Break what the database itself holds: tables without their checks."""
    if book.shop.database.is_sqlite:
        await run(book, "PRAGMA ignore_check_constraints = ON")
        return
    for table, name in (one.split(".") for one in constraints):
        await run(book, f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{name}")


async def problems(book: Book) -> list[str]:
    found = await book.audit()
    assert {one.invariant for one in found} <= {"I3"}
    assert all(one.fix for one in found)
    return [one.problem for one in found]


async def test_a_ledger_that_adds_up_is_well(broken: Book) -> None:
    lin, mei = member(), member()
    earned = await broken.earn(lin, 100, JAN)
    await broken.post((await broken.set_aside(lin, 30)).id)
    burned = await broken.burn(lin, 20)
    await broken.set_aside(lin, 10)
    await broken.move(lin, mei, 5)
    await broken.restore(burned.id, 7)
    await broken.reverse(earned.id)
    await broken.expire(JAN)
    assert await problems(broken) == []


async def test_a_transfer_that_makes_value_is_found(broken: Book) -> None:
    earned = await broken.earn(member(), 10)
    await run(broken, "UPDATE ledger_entry SET units = -9 WHERE units = -10")
    assert await problems(broken) == [
        f"the 2 entries of transfer {earned.id} (earn) come to +1, 0 of them are on accounts of "
        "another unit or kind"
    ]


async def test_a_transfer_without_entries_is_found(broken: Book) -> None:
    lin = member()
    earned = await broken.earn(lin, 10)
    await run(broken, "DELETE FROM ledger_entry")
    first, account, bucket = await problems(broken)
    assert first.startswith(f"the 0 entries of transfer {earned.id} (earn) come to +0")
    assert "its entries come to 0, its buckets to 10" in account
    assert "bucket never" in bucket


async def test_a_transfer_that_is_gone_is_found(broken: Book) -> None:
    earned = await broken.earn(member(), 10)
    await run(broken, "DELETE FROM ledger_transfer")
    assert await problems(broken) == [f"2 entries are of transfer {earned.id}, which is gone"]


async def test_a_transfer_between_units_is_found(broken: Book) -> None:
    earned = await broken.earn(member(), 10)
    await run(broken, "UPDATE ledger_account SET unit = 'growth' WHERE owner_kind = 'system'")
    assert await problems(broken) == [
        f"the 2 entries of transfer {earned.id} (earn) come to +0, 1 of them are on accounts of "
        "another unit or kind"
    ]


async def test_a_balance_that_is_not_the_sum_of_its_entries_is_found(broken: Book) -> None:
    lin = member()
    await broken.earn(lin, 10, JAN)
    await run(broken, "UPDATE ledger_account SET balance = 13 WHERE owner_kind = 'member'")
    assert await problems(broken) == [
        f"member {lin.owner} has a balance of 13 points, 0 of debt and 0 set aside; its entries "
        "come to 10, its buckets to 10 and 0"
    ]


async def test_a_lost_booking_is_found(broken: Book) -> None:
    lin = member()
    await broken.earn(lin, 10, JAN)
    await run(broken, "UPDATE ledger_account SET bookings = 2 WHERE owner_kind = 'member'")
    assert len(await problems(broken)) == 1


async def test_a_bucket_that_is_not_the_sum_of_its_entries_is_found(broken: Book) -> None:
    lin = member()
    await broken.earn(lin, 10, JAN)
    await broken.earn(lin, 10)
    # Between two buckets, so that the balance is right.
    await run(
        broken,
        "UPDATE ledger_bucket SET remaining = 7 WHERE expires_on = 'never'",
        "UPDATE ledger_bucket SET remaining = 13 WHERE expires_on <> 'never'",
    )
    assert await problems(broken) == [
        f"bucket 2026-01-31 of member {lin.owner} is off its entries by +3 points, and off what "
        "is set aside by +0",
        f"bucket never of member {lin.owner} is off its entries by -3 points, and off what is set "
        "aside by +0",
    ]


async def test_what_is_set_aside_for_nothing_is_found(broken: Book) -> None:
    lin = member()
    await broken.earn(lin, 10, JAN)
    await broken.set_aside(lin, 4)
    await run(broken, "UPDATE pending_transfer SET state = 'voided'")
    assert await problems(broken) == [
        f"bucket 2026-01-31 of member {lin.owner} is off its entries by +0 points, and off what is "
        "set aside by +4"
    ]
    await run(broken, "UPDATE pending_transfer SET state = 'open'")
    await run(broken, "UPDATE ledger_account SET set_aside = 3 WHERE owner_kind = 'member'")
    assert [one for one in await problems(broken) if "3 set aside" in one]


async def test_a_debt_that_nobody_made_is_found(broken: Book) -> None:
    lin = member()
    await broken.earn(lin, 10, JAN)
    await without(broken, "ledger_account.debt")
    await run(broken, "UPDATE ledger_account SET debt = 5 WHERE owner_kind = 'member'")
    account, bucket, overdrawn = await problems(broken)
    assert "10 points, 5 of debt" in account
    assert bucket.startswith(f"bucket debt of member {lin.owner} is off its entries by -5")
    assert overdrawn == (
        f"member {lin.owner} has 15 points available, 5 of debt, or a bucket below what is set "
        "aside of it"
    )


async def test_a_balance_below_zero_without_a_debt_is_found(broken: Book) -> None:
    lin = member()
    await broken.earn(lin, 10, JAN)
    await without(broken, "ledger_account.balance", "ledger_bucket.remaining")
    # All sums are right, as if a burn had not looked.
    await run(
        broken,
        "UPDATE ledger_account SET balance = -5 WHERE owner_kind = 'member'",
        "UPDATE ledger_bucket SET remaining = -5",
        "UPDATE ledger_entry SET units = -5 WHERE units = 10",
        "UPDATE ledger_entry SET units = 5 WHERE units = -10",
    )
    assert await problems(broken) == [
        f"member {lin.owner} has -5 points available, 0 of debt, or a bucket below what is set "
        "aside of it"
    ]


async def test_more_that_came_back_than_was_booked_is_found(broken: Book) -> None:
    lin = member()
    await broken.earn(lin, 20)
    burned = await broken.burn(lin, 10)
    await broken.restore(burned.id, 10)
    # A second time, as if nobody had looked at the first.
    await broken.earn(lin, 5)
    await run(
        broken,
        "UPDATE ledger_transfer SET undoes_id = (SELECT id FROM ledger_transfer "
        "WHERE kind = 'burn') WHERE kind = 'earn' AND units = 5",
    )
    assert await problems(broken) == [f"15 came back of transfer {burned.id} (burn) of 10"]


@pytest.mark.parametrize(
    ("wrong", "claim"),
    [
        ("UPDATE ledger_bucket SET remaining = -1", "ledger_bucket_remaining"),
        ("UPDATE ledger_bucket SET set_aside = 11", "ledger_bucket_remaining"),
        ("UPDATE ledger_account SET balance = -1", "ledger_account_balance"),
        ("UPDATE ledger_account SET set_aside = 11", "ledger_account_balance"),
        ("UPDATE ledger_account SET debt = 1", "ledger_account_debt"),
        ("UPDATE ledger_account SET debt = NULL", "ledger_account_stored"),
        ("UPDATE ledger_transfer SET units = 0", "ledger_transfer_units"),
        ("UPDATE ledger_entry SET units = 0", "ledger_entry_units"),
    ],
)
async def test_what_cannot_be_is_not_written(broken: Book, wrong: str, claim: str) -> None:
    await broken.earn(member(), 10, JAN)
    where = " WHERE owner_kind = 'member'" if "account" in wrong else ""
    with pytest.raises(IntegrityError, match=f"ck_{claim}"):
        await run(broken, wrong + where)
    with pytest.raises(IntegrityError, match="ck_ledger_account_stored"):
        await run(broken, "UPDATE ledger_account SET balance = 1 WHERE owner_kind = 'system'")
