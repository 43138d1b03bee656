"""What other shops got wrong with points, each as a test; on both databases."""

import asyncio
from datetime import timedelta

import pytest
from core.tests.ledger.book import FEB, JAN, Book, in_transaction, member
from sqlalchemy import func, select

from koipond.kernel.context import Context
from koipond.ledger import service as ledger
from koipond.ledger.errors import LedgerAmountInvalid, LedgerShort, LedgerUndone
from koipond.ledger.tables import ledger_bucket
from koipond.ledger.types import TransferKind


async def test_yudao_a_balance_too_small_is_logged_and_the_order_keeps_its_discount(
    book: Book,
) -> None:
    lin = member()
    await book.earn(lin, 10)
    before = await book.everything()

    async def place(ctx: Context) -> None:
        await ledger.earn(ctx, lin, 5, book.slip("the order's discount stands for it"))
        await ledger.burn(ctx, lin, 16, book.slip())

    with pytest.raises(LedgerShort):
        await in_transaction(book.ctx, place)
    assert await book.everything() == before


async def test_yudao_a_refund_keeps_the_earned_points_when_the_balance_is_too_small(
    book: Book,
) -> None:
    lin = member()
    earned = await book.earn(lin, 10)
    await book.burn(lin, 10)
    await book.reverse(earned.id)
    assert await book.stands(lin) == (0, 0, 10)


async def test_yudao_two_orders_at_once_drive_the_balance_below_zero(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10)
    found = await asyncio.gather(book.burn(lin, 7), book.set_aside(lin, 7), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found if isinstance(one, Exception)) == [
        "LedgerShort"
    ]
    available, aside, debt = await book.stands(lin)
    assert (available, debt) == (3, 0)
    assert aside in {0, 7}


async def test_crmeb_the_balance_is_floored_at_zero_and_the_bill_says_more(book: Book) -> None:
    lin = member()
    earned = await book.earn(lin, 10)
    await book.burn(lin, 8)
    taken = await book.reverse(earned.id)
    # All of it is booked, and what was not there is owed: entries and balance stay together.
    assert (taken.units, await book.stands(lin)) == (10, (0, 0, 8))
    assert (await book.statement(lin))[0].balance_after == -8
    assert await book.audit() == []


async def test_macrozheng_299_points_that_come_back_overwrite_what_came_meanwhile(
    book: Book,
) -> None:
    lin = member()
    await book.earn(lin, 100)
    burned = [await book.burn(lin, 10) for _ in range(10)]
    await asyncio.gather(
        *(book.restore(one.id) for one in burned), *(book.earn(lin, 1) for _ in range(10))
    )
    assert await book.stands(lin) == (110, 0, 0)


async def test_yudao_points_of_a_payment_are_spent_before_the_goods_go_back(book: Book) -> None:
    lin = member()
    earned = await book.earn(lin, 10, source="order:1")
    await book.burn(lin, 10)
    await book.reverse(earned.id)
    with pytest.raises(LedgerShort):
        await book.burn(lin, 1)
    # The next order's points do not come for nothing.
    await book.earn(lin, 12, source="order:2")
    assert await book.stands(lin) == (2, 0, 0)


async def test_odoo_257854_buy_earn_refund_keep_again_and_again(book: Book) -> None:
    lin = member()
    for nth in range(5):
        earned = await book.earn(lin, 10, source=f"order:{nth}")
        await book.reverse(earned.id, source=f"refund:{nth}")
    assert await book.stands(lin) == (0, 0, 0)
    assert await book.system("issued") == 0


async def test_odoo_212922_a_refund_deducts_the_points_a_second_time(book: Book) -> None:
    lin = member()
    await book.earn(lin, 50)
    earned = await book.earn(lin, 10, source="order:1")
    for _ in range(2):
        await book.reverse(earned.id, 10, source="refund:1")
    with pytest.raises(LedgerUndone, match="All of it came back before"):
        await book.reverse(earned.id, 1, source="refund:2")
    assert await book.stands(lin) == (50, 0, 0)


async def test_woocommerce_71_a_negative_number_is_applied(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10)
    for act in (book.burn(lin, -10), book.set_aside(lin, -10), book.move(lin, member(), -10)):
        with pytest.raises(LedgerAmountInvalid):
            await act
    assert await book.stands(lin) == (10, 0, 0)


async def test_flocafe_62_the_next_expiry_shows_one_batch_only(book: Book) -> None:
    lin = member()
    await book.earn(lin, 1, JAN)
    await book.earn(lin, 2, FEB)
    await book.earn(lin, 3, JAN)
    await book.set_aside(lin, 2)
    # All of them, and what is set aside is not lost.
    assert await book.expiring(lin) == {JAN: 2, FEB: 2}


async def test_kademi_5962_points_expire_and_the_balance_stays(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10, JAN)
    await book.expire(JAN)
    assert await book.stands(lin) == (0, 0, 0)
    # And 4304: what expired is in no report.
    assert await book.system("expired") == 10
    assert (await book.statement(lin))[0].kind is TransferKind.EXPIRE


async def test_one_redemption_of_a_million_points_touches_thousands_of_lots(book: Book) -> None:
    lin = member()
    for nth in range(60):
        await book.earn(lin, 20_000, JAN if nth % 2 else FEB)
    burned = await book.burn(lin, 1_000_000)
    assert sorted(one.bucket for one in burned.entries) == ["", "2026-01-31", "2026-02-28"]
    async with book.shop.database.reading() as db:
        count = select(func.count()).select_from(ledger_bucket)
        assert (await db.execute(count)).scalar_one() == 2


async def test_nothing_expires_that_was_given_for_ever(book: Book) -> None:
    # A live programme clears the whole balance of who did not log in for 60 days.
    lin = member()
    await book.earn(lin, 10)
    book.clock.advance(days=4_000)
    await book.expire()
    assert await book.stands(lin) == (10, 0, 0)


async def test_points_that_expired_meanwhile_come_back_expired_or_for_ever(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10, JAN)
    burned = await book.burn(lin, 10)
    book.clock.advance(days=100)
    await book.restore(burned.id)
    assert await book.expiring(lin) == {book.today + timedelta(days=30): 10}
