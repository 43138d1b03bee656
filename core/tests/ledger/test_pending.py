"""Value that waits for an open order; on both databases."""

from datetime import date

import pytest
from core.tests.ledger.book import FEB, JAN, MAR, Book, member

from koipond.kernel.ids import PendingTransferId, new_id
from koipond.ledger import service as ledger
from koipond.ledger.errors import (
    LedgerShort,
    LedgerSourceReused,
    PendingTransferClosed,
    PendingTransferUnknown,
)
from koipond.ledger.types import PendingState, TransferKind


async def test_what_is_set_aside_cannot_be_spent_and_is_still_there(book: Book) -> None:
    lin = member()
    await book.earn(lin, 100, JAN)
    pending = await book.set_aside(lin, 60)
    assert (pending.state, pending.parts) == (PendingState.OPEN, {"2026-01-31": 60})
    assert (await book.stands(lin), await book.expiring(lin)) == ((40, 60, 0), {JAN: 40})
    for act in (book.burn(lin, 41), book.set_aside(lin, 41), book.move(lin, member(), 41)):
        with pytest.raises(LedgerShort, match="41 points asked for, 40 available"):
            await act
    # Nothing moved yet.
    assert [one.units for one in await book.statement(lin)] == [100]


async def test_what_is_posted_is_spent_by_the_source_that_it_was_set_aside_for(book: Book) -> None:
    lin = member()
    await book.earn(lin, 100, JAN)
    await book.earn(lin, 100, FEB)
    pending = await book.set_aside(lin, 120, source="order:1")
    burned = await book.post(pending.id)
    assert (burned.kind, burned.source, burned.units) == (TransferKind.BURN, "order:1", 120)
    assert (await book.stands(lin), await book.expiring(lin)) == ((80, 0, 0), {FEB: 80})
    assert await book.system("spent") == 120
    # And it comes back as what was burned at once does.
    await book.restore(burned.id, 20)
    assert await book.expiring(lin) == {FEB: 100}


async def test_what_is_voided_is_free_again(book: Book) -> None:
    lin = member()
    await book.earn(lin, 100, JAN)
    pending = await book.set_aside(lin, 60)
    voided = await book.void(pending.id)
    assert voided.state is PendingState.VOIDED
    assert (await book.stands(lin), await book.expiring(lin)) == ((100, 0, 0), {JAN: 100})
    assert len(await book.statement(lin)) == 1


async def test_it_is_closed_once(book: Book) -> None:
    lin = member()
    await book.earn(lin, 100)
    spent, freed = await book.set_aside(lin, 10, "a"), await book.set_aside(lin, 20, "b")
    burned, voided = await book.post(spent.id), await book.void(freed.id)
    before = await book.everything()
    assert await book.post(spent.id) == burned
    assert await book.void(freed.id) == voided
    with pytest.raises(PendingTransferClosed, match="What was set aside is posted by now"):
        await book.void(spent.id)
    with pytest.raises(PendingTransferClosed, match="What was set aside is voided by now"):
        await book.post(freed.id)
    unknown = PendingTransferId(new_id())
    for act in (book.post(unknown), book.void(unknown)):
        with pytest.raises(PendingTransferUnknown):
            await act
    assert await book.everything() == before


async def test_a_repeat_gets_what_was_set_aside(book: Book) -> None:
    lin, mei = member(), member()
    await book.earn(lin, 100)
    await book.earn(mei, 100)
    pending = await book.set_aside(lin, 100, source="a")
    before = await book.everything()
    assert await book.set_aside(lin, 100, source="a") == pending
    for act in (book.set_aside(lin, 99, source="a"), book.set_aside(mei, 100, source="a")):
        with pytest.raises(LedgerSourceReused):
            await act
    assert await book.everything() == before
    await book.post(pending.id)
    again = await book.set_aside(lin, 100, source="a")
    assert (again.id, again.state) == (pending.id, PendingState.POSTED)
    assert (await ledger.find_pending(book.ctx, "a")) == again
    assert await ledger.find_pending(book.ctx, "b") is None


async def test_what_was_burned_for_a_source_is_not_set_aside_for_it_too(book: Book) -> None:
    lin = member()
    await book.earn(lin, 100)
    await book.burn(lin, 10, source="a")
    with pytest.raises(LedgerSourceReused):
        await book.set_aside(lin, 10, source="a")


async def test_what_is_set_aside_outlives_its_day_until_it_is_let_go(book: Book) -> None:
    lin = member()
    await book.earn(lin, 100, JAN)
    kept, freed = await book.set_aside(lin, 30), await book.set_aside(lin, 20)
    book.clock.set(book.clock.now().replace(month=3))
    assert await book.expire() == 1
    assert await book.stands(lin) == (0, 50, 0)
    # Spent all the same: it was promised in time.
    await book.post(kept.id)
    assert await book.stands(lin) == (0, 20, 0)
    # Let go, it is there until the next run.
    await book.void(freed.id)
    assert (await book.stands(lin), await book.expiring(lin)) == ((20, 0, 0), {JAN: 20})
    assert await book.expire() == 1
    assert await book.stands(lin) == (0, 0, 0)
    assert [(one.kind, one.units) for one in await book.statement(lin)] == [
        (TransferKind.EXPIRE, -20),
        (TransferKind.BURN, -30),
        (TransferKind.EXPIRE, -50),
        (TransferKind.EARN, 100),
    ]


async def test_what_is_let_go_pays_a_debt_first(book: Book) -> None:
    lin = member()
    earned = await book.earn(lin, 100, MAR)
    pending = await book.set_aside(lin, 80)
    await book.reverse(earned.id)
    assert await book.stands(lin) == (0, 80, 80)
    await book.void(pending.id)
    assert await book.stands(lin) == (0, 0, 0)
    # Seen as a line that changes no balance: what was promised has gone to the debt.
    settled, reversed_, _ = await book.statement(lin)
    assert (settled.kind, settled.units, settled.balance_after) == (TransferKind.SETTLE, 0, 0)
    assert (reversed_.units, reversed_.balance_after) == (-100, 0)


async def test_orders_set_aside_of_one_bucket_and_close_each_its_own(book: Book) -> None:
    lin = member()
    await book.earn(lin, 10, JAN)
    await book.earn(lin, 10, date(2026, 2, 1))
    first, second = await book.set_aside(lin, 8), await book.set_aside(lin, 8)
    assert second.parts == {"2026-01-31": 2, "2026-02-01": 6}
    await book.void(first.id)
    assert await book.expiring(lin) == {JAN: 8, date(2026, 2, 1): 4}
    await book.post(second.id)
    assert await book.expiring(lin) == {JAN: 8, date(2026, 2, 1): 4}
