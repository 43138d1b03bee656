"""What was spent is restored, what was earned is reversed; on both databases."""

from datetime import date

import pytest
from core.tests.ledger.book import FEB, JAN, MAR, Book, member

from koipond.kernel.ids import TransferId, new_id
from koipond.ledger.errors import LedgerShort, LedgerSourceReused, LedgerUndone, TransferUnknown
from koipond.ledger.types import AccountKey


async def test_what_was_spent_comes_back_to_the_days_that_it_came_from(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10, JAN)
    await book.earn(lin, 10, FEB)
    await book.earn(lin, 10)
    burned = await book.burn(lin, 25)
    await book.restore(burned.id)
    assert (await book.stands(lin), await book.expiring(lin)) == ((30, 0, 0), {JAN: 10, FEB: 10})
    assert await book.system("spent") == 0


async def test_a_part_comes_back_as_if_less_had_been_spent(book: Book) -> None:
    lin, mei = member(), member()
    for one in (lin, mei):
        await book.earn(one, 10, JAN)
        await book.earn(one, 10, FEB)
        await book.earn(one, 10, MAR)
    burned = await book.burn(lin, 25)
    await book.restore(burned.id, 8)
    await book.restore(burned.id, 4)
    await book.burn(mei, 25 - 8 - 4)
    assert await book.expiring(lin) == await book.expiring(mei) == {FEB: 7, MAR: 10}
    await book.restore(burned.id)
    assert await book.expiring(lin) == {JAN: 10, FEB: 10, MAR: 10}


async def test_what_has_expired_meanwhile_comes_back_for_a_grace(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10, JAN)
    await book.earn(lin, 10, MAR)
    burned = await book.burn(lin, 20)
    book.clock.set(book.clock.now().replace(month=2, day=10))
    await book.restore(burned.id, 15, grace_days=7)
    assert await book.expiring(lin) == {date(2026, 2, 17): 5, MAR: 10}
    # On its last day it is good; neither expired already nor for ever.
    book.clock.set(book.clock.now().replace(day=17))
    await book.expire()
    await book.restore(burned.id, 1, grace_days=30)
    assert await book.expiring(lin) == {date(2026, 2, 17): 5, date(2026, 3, 19): 1, MAR: 10}
    book.clock.set(book.clock.now().replace(day=18))
    await book.expire()
    assert await book.expiring(lin) == {date(2026, 3, 19): 1, MAR: 10}


async def test_no_more_comes_back_than_was_spent(book: Book) -> None:
    lin = member()
    await book.earn(lin, 100)
    burned = await book.burn(lin, 50)
    await book.restore(burned.id, 30)
    before = await book.everything()
    with pytest.raises(LedgerUndone) as refused:
        await book.restore(burned.id, 21)
    assert str(refused.value) == ("21 to come back, 20 left of what was booked. Take 20 or fewer.")
    assert await book.everything() == before
    await book.restore(burned.id)
    for units in (1, None):
        with pytest.raises(LedgerUndone, match="All of it came back before"):
            await book.restore(burned.id, units)
    assert await book.stands(lin) == (100, 0, 0)


async def test_what_was_earned_goes_back_from_its_own_day_then_from_the_latest(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10, JAN)
    earned = await book.earn(lin, 10, FEB)
    await book.earn(lin, 10, MAR)
    await book.burn(lin, 14)
    assert await book.expiring(lin) == {FEB: 6, MAR: 10}
    await book.reverse(earned.id, 4)
    assert await book.expiring(lin) == {FEB: 2, MAR: 10}
    await book.reverse(earned.id)
    assert (await book.stands(lin), await book.expiring(lin)) == ((8 - 2, 0, 0), {MAR: 6})
    with pytest.raises(LedgerUndone):
        await book.reverse(earned.id)


async def test_what_is_not_there_any_more_becomes_a_debt_that_income_pays(book: Book) -> None:
    lin = member()
    earned = await book.earn(lin, 100, JAN)
    await book.burn(lin, 90)
    await book.reverse(earned.id)
    assert await book.stands(lin) == (0, 0, 90)
    with pytest.raises(LedgerShort, match="Nothing can be taken"):
        await book.burn(lin, 1)
    await book.earn(lin, 50, FEB)
    assert (await book.stands(lin), await book.expiring(lin)) == ((0, 0, 40), {})
    await book.earn(lin, 50, MAR)
    assert (await book.stands(lin), await book.expiring(lin)) == ((10, 0, 0), {MAR: 10})
    assert [one.balance_after for one in await book.statement(lin)] == [10, -40, -90, 10, 100]


async def test_every_income_pays_a_debt_first(book: Book) -> None:
    async def owing(units: int) -> AccountKey:
        lin = member()
        earned = await book.earn(lin, units)
        await book.burn(lin, units)
        await book.reverse(earned.id)
        assert await book.stands(lin) == (0, 0, units)
        return lin

    giver = member()
    await book.earn(giver, 10, JAN)
    lin = await owing(8)
    await book.move(giver, lin, 10)
    assert await book.expiring(lin) == {JAN: 2}
    mei = await owing(8)
    await book.adjust(mei, 9)
    assert await book.stands(mei) == (1, 0, 0)


async def test_what_comes_back_pays_a_debt_with_what_expires_first(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10, JAN)
    earned = await book.earn(lin, 10, MAR)
    burned = await book.burn(lin, 20)
    await book.reverse(earned.id, 6)
    assert await book.stands(lin) == (0, 0, 6)
    await book.restore(burned.id)
    assert (await book.stands(lin), await book.expiring(lin)) == ((14, 0, 0), {JAN: 4, MAR: 10})


async def test_what_is_set_aside_is_not_taken_back(book: Book) -> None:
    lin = member()
    earned = await book.earn(lin, 100)
    pending = await book.set_aside(lin, 70)
    await book.reverse(earned.id, 50)
    assert await book.stands(lin) == (0, 70, 20)
    await book.post(pending.id)
    assert await book.stands(lin) == (0, 0, 20)


async def test_what_an_earning_paid_off_is_a_debt_again_when_it_goes_back(book: Book) -> None:
    lin = member()
    first = await book.earn(lin, 10)
    await book.burn(lin, 10)
    await book.reverse(first.id)
    second = await book.earn(lin, 15)
    assert await book.stands(lin) == (5, 0, 0)
    await book.reverse(second.id)
    assert await book.stands(lin) == (0, 0, 10)


async def test_a_repeat_of_what_came_back_gets_what_was_booked(book: Book) -> None:
    lin = member()
    earned = await book.earn(lin, 100)
    burned, other = await book.burn(lin, 50), await book.burn(lin, 10)
    restored = await book.restore(burned.id, 30, source="a")
    reversed_ = await book.reverse(earned.id, source="a")
    before = await book.everything()
    assert await book.restore(burned.id, 30, source="a") == restored
    assert await book.reverse(earned.id, source="a") == reversed_
    for act in (book.restore(burned.id, 20, source="a"), book.restore(other.id, 10, source="a")):
        with pytest.raises(LedgerSourceReused):
            await act
    assert await book.everything() == before


async def test_only_what_was_spent_is_restored_and_what_was_earned_reversed(book: Book) -> None:
    lin = member()
    earned = await book.earn(lin, 100)
    burned = await book.burn(lin, 50)
    before = await book.everything()
    for act in (
        book.restore(earned.id),
        book.reverse(burned.id),
        book.restore(TransferId(new_id())),
    ):
        with pytest.raises(TransferUnknown, match="There is no such transfer"):
            await act
    assert await book.everything() == before
