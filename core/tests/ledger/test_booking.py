"""Value comes, goes, and changes hands; on both databases."""

from datetime import date
from uuid import UUID

import pytest
from core.tests.ledger.book import FEB, JAN, MAR, Book, in_transaction, member

from koipond.kernel.context import Context
from koipond.kernel.pages import Page
from koipond.ledger import service as ledger
from koipond.ledger.errors import LedgerAmountInvalid, LedgerShort, LedgerSourceReused
from koipond.ledger.types import (
    UNITS_MAX,
    AccountKey,
    Balance,
    Expiring,
    Slip,
    TransferKind,
)


async def test_who_never_had_anything_has_nothing(book: Book) -> None:
    lin = member()
    assert await book.balance(lin) == Balance()
    assert await book.statement(lin) == []


async def test_what_is_earned_is_available_and_has_two_sides(book: Book) -> None:
    lin = member()
    earned = await book.earn(lin, 100, JAN)
    assert sorted((one.bucket, one.units, one.balance_after) for one in earned.entries) == [
        ("", -100, None),
        ("2026-01-31", 100, 100),
    ]
    assert await book.balance(lin) == Balance(
        available=100, expiring=(Expiring(expires_on=JAN, units=100),)
    )
    assert await book.system("issued") == -100


async def test_what_expires_first_is_spent_first(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10)
    await book.earn(lin, 20, MAR)
    await book.earn(lin, 30, JAN)
    await book.earn(lin, 5, JAN)
    assert await book.expiring(lin) == {JAN: 35, MAR: 20}
    burned = await book.burn(lin, 40)
    taken = {one.bucket: one.units for one in burned.entries if one.bucket}
    assert taken == {"2026-01-31": -35, "2026-03-31": -5}
    assert await book.expiring(lin) == {MAR: 15}
    await book.burn(lin, 20)
    assert (await book.stands(lin), await book.expiring(lin)) == ((5, 0, 0), {})
    assert await book.system("spent") == 60


async def test_more_than_there_is_cannot_be_spent(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10)
    before = await book.everything()
    with pytest.raises(LedgerShort) as refused:
        await book.burn(lin, 11)
    assert str(refused.value) == "11 points asked for, 10 available. Take 10 or fewer."
    assert await book.everything() == before
    with pytest.raises(LedgerShort, match="Nothing can be taken"):
        await book.burn(member(), 1)
    assert await book.everything() == before


@pytest.mark.parametrize("units", [0, -5, UNITS_MAX + 1])
async def test_what_is_booked_is_more_than_nothing(book: Book, units: int) -> None:
    lin, mei = member(), member()
    earned = await book.earn(lin, 10)
    burned = await book.burn(lin, 5)
    before = await book.everything()
    for act in (
        book.earn(lin, units),
        book.burn(lin, units),
        book.set_aside(lin, units),
        book.move(lin, mei, units),
        book.reverse(earned.id, units),
        book.restore(burned.id, units),
    ):
        with pytest.raises(LedgerAmountInvalid, match=f"{units:,} cannot be booked"):
            await act
    assert await book.everything() == before


async def test_staff_correct_a_balance_both_ways_and_never_below_zero(book: Book) -> None:
    lin = member()
    await book.adjust(lin, 30)
    await book.adjust(lin, -20)
    assert await book.stands(lin) == (10, 0, 0)
    assert await book.system("adjusted") == -10
    with pytest.raises(LedgerShort):
        await book.adjust(lin, -11)
    with pytest.raises(LedgerAmountInvalid):
        await book.adjust(lin, 0)


async def test_each_unit_is_an_account_of_its_own(book: Book) -> None:
    points = member()
    growth = AccountKey(kind=points.kind, owner=points.owner, unit="growth")
    await book.earn(points, 10)
    await book.earn(growth, 7)
    assert await ledger.find_balances(book.ctx, [points, growth]) == {
        points: Balance(available=10),
        growth: Balance(available=7),
    }
    with pytest.raises(LedgerShort):
        await book.burn(growth, 8)


async def test_what_is_handed_on_keeps_its_days_and_its_sum(book: Book) -> None:
    lin, mei = member(), member()
    await book.earn(lin, 10, JAN)
    await book.earn(lin, 10, MAR)
    await book.earn(mei, 1, JAN)
    await book.move(lin, mei, 15)
    assert (await book.expiring(lin), await book.expiring(mei)) == ({MAR: 5}, {JAN: 11, MAR: 5})
    with pytest.raises(LedgerShort):
        await book.move(lin, mei, 6)
    # Nothing but the two was touched.
    assert await book.system("issued") == -21


async def test_a_payee_has_an_account_in_money(book: Book) -> None:
    owner = member("EUR")
    payee = AccountKey.of_payee(UUID(owner.owner), "EUR")
    await ledger.earn(book.ctx, payee, 12_50, book.slip(), against="commission")
    await ledger.burn(book.ctx, payee, 10_00, book.slip(), against="paid out")
    assert await book.stands(payee) == (2_50, 0, 0)
    assert await book.stands(owner) == (0, 0, 0)
    assert await book.system("commission", "EUR") == -12_50
    assert await book.system("paid out", "EUR") == 10_00


async def test_a_repeat_gets_what_was_booked_and_books_nothing(book: Book) -> None:
    lin, mei = member(), member()
    earned = await book.earn(lin, 100, JAN, source="a")
    burned = await book.burn(lin, 30, source="a")
    moved = await book.move(lin, mei, 70, named="a")
    adjusted = await book.adjust(mei, -70, source="a")
    before = await book.everything()
    book.clock.advance(days=1)
    # On another day, and when there is nothing left that it could take.
    assert await book.earn(lin, 100, FEB, source="a") == earned
    assert await book.burn(lin, 30, source="a") == burned
    assert await book.move(lin, mei, 70, named="a") == moved
    assert await book.adjust(mei, -70, source="a") == adjusted
    assert await book.everything() == before
    assert (await ledger.find_booked(book.ctx, TransferKind.BURN, "a")) == burned
    assert await ledger.find_booked(book.ctx, TransferKind.BURN, "b") is None


async def test_something_else_under_the_same_source_is_refused(book: Book) -> None:
    lin, mei = member(), member()
    await book.earn(lin, 100, source="a")
    await book.burn(lin, 30, source="a")
    await book.move(lin, mei, 10, named="a")
    await book.adjust(lin, 5, source="a")
    before = await book.everything()
    for act in (
        book.earn(lin, 99, source="a"),
        book.earn(mei, 100, source="a"),
        ledger.earn(book.ctx, lin, 100, book.slip("a"), against="elsewhere"),
        book.burn(lin, 31, source="a"),
        book.move(lin, mei, 11, named="a"),
        book.move(mei, lin, 10, named="a"),
        book.adjust(lin, -5, source="a"),
    ):
        with pytest.raises(LedgerSourceReused) as refused:
            await act
        assert refused.value.source == "a"
    assert await book.everything() == before


async def test_a_booking_goes_with_the_transaction_that_it_is_for(book: Book) -> None:
    lin = member()

    async def fail(ctx: Context) -> None:
        await ledger.earn(ctx, lin, 5, book.slip())
        await ledger.burn(ctx, lin, 2, book.slip())
        raise ArithmeticError

    before = await book.everything()
    with pytest.raises(ArithmeticError):
        await in_transaction(book.ctx, fail)
    assert await book.everything() == before


async def test_bookings_of_one_transaction_see_each_other(book: Book) -> None:
    lin = member()

    async def act(ctx: Context) -> None:
        await ledger.earn(ctx, lin, 5, book.slip("a"))
        await ledger.earn(ctx, lin, 5, book.slip("a"))
        aside = await ledger.set_aside(ctx, lin, 4, book.slip())
        with pytest.raises(LedgerShort):
            await ledger.burn(ctx, lin, 2, book.slip())
        await ledger.post(ctx, aside.id, day=book.today)
        await ledger.earn(ctx, lin, 2, book.slip())

    await in_transaction(book.ctx, act)
    assert await book.stands(lin) == (3, 0, 0)
    assert [(one.units, one.balance_after) for one in await book.statement(lin)] == [
        (2, 3),
        (-4, 1),
        (5, 5),
    ]


async def test_a_statement_says_what_each_booking_left(book: Book) -> None:
    lin, mei = member(), member()
    earned = await ledger.earn(
        book.ctx, lin, 10, book.slip("order:1", "Your order"), expires_on=JAN
    )
    book.clock.advance(days=1)
    await book.earn(lin, 10, FEB)
    await book.burn(lin, 15)
    await book.move(lin, mei, 2)
    await book.reverse(earned.id)
    lines = await book.statement(lin)
    assert [(one.nth, one.kind, one.units, one.balance_after) for one in lines] == [
        (5, TransferKind.REVERSE, -10, -7),
        (4, TransferKind.MOVE, -2, 3),
        (3, TransferKind.BURN, -15, 5),
        (2, TransferKind.EARN, 10, 20),
        (1, TransferKind.EARN, 10, 10),
    ]
    first = lines[-1]
    assert (first.source, first.note, first.day) == ("order:1", "Your order", date(2026, 1, 1))
    assert first.transfer_id == earned.id
    assert [one.units for one in await book.statement(mei)] == [2]


async def test_a_statement_is_paged_the_newest_first(book: Book) -> None:
    lin = member()
    for units in range(1, 6):
        await book.earn(lin, units)
    pages, after = [], None
    while True:
        found = await ledger.find_statement(book.ctx, lin, Page(first=2, after=after))
        pages.append([one.units for one in found.rows])
        # What comes in front of a page does not move it.
        await book.earn(lin, 100)
        if not found.has_next:
            break
        after = found.keys[-1]
    assert pages == [[5, 4], [3, 2], [1]]


async def test_nobody_is_given_what_expired_before(book: Book) -> None:
    with pytest.raises(AssertionError, match="expired before"):
        await book.earn(member(), 1, date(2025, 12, 31))
    await book.earn(member(), 1, book.today)


def test_a_slip_must_say_what_it_is_for() -> None:
    for source in ("", "x" * 241):
        with pytest.raises(AssertionError, match="1 to 240 characters"):
            Slip(source=source, day=JAN)
