"""A merge is undone: what was whose is theirs again, what came since stays the survivor's."""

from datetime import date

import pytest
from core.tests.oneid.people import People

from koipond.kernel.ids import OrderId, decode
from koipond.ledger.types import Balance, Expiring
from koipond.oneid import service as oneid
from koipond.oneid.errors import MergeAlreadyUndone, MergeBuried, MergeForgotten, MergeTooOld
from koipond.oneid.types import CarryMerge
from koipond.order import service as orders
from koipond.privacy import service as privacy
from koipond.quota.rules import subject_of
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

JAN, FEB = date(2027, 1, 31), date(2027, 2, 28)
# What tells of the merge itself, and goes on.
TELLS = {"member_merge", "member_merge_row", "outbox_event", "delivery", "job", "edition"}
# What is made by it and means nothing: accounts without anything, boxes, counters.
TRACES = {
    "ledger_account",
    "ledger_bucket",
    "ledger_entry",
    "ledger_transfer",
    "message_box",
    "quota_excess",
}


async def test_undone_at_once_all_is_as_it_was(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    tea, flash = await people.tea(), await people.limited(2)
    for one in (lin, mei):
        await people.buy(one, tea)
        await people.earn(one, 10, JAN)
        await people.take(one, flash, 2)
    before = await people.shop.snapshot()
    merge = await people.merge(lin, mei)
    await people.undo(merge)
    after = await people.shop.snapshot()
    changed = {name for name in before if before[name] != after[name]}
    assert changed - TELLS - TRACES == set()
    for one in (lin, mei):
        assert await people.balance(one) == Balance(
            available=10, expiring=(Expiring(expires_on=JAN, units=10),)
        )
        assert await people.taken(one, flash) == 2


async def test_what_came_since_stays_with_the_survivor(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    tea, flash = await people.tea(), await people.limited(5)
    theirs = await people.buy(mei, tea)
    await people.take(mei, flash, 1)
    merge = await people.merge(lin, mei)
    since = await people.buy(mei, tea)
    await people.take(lin, flash, 2)
    await people.earn(mei, 4)
    await people.undo(merge)
    assert (await people.orders_of(mei), await people.orders_of(lin)) == ({theirs}, {since})
    assert (await people.taken(mei, flash), await people.taken(lin, flash)) == (1, 2)
    assert (await people.balance(lin)).available == 4
    assert await people.balance(mei) == Balance()
    # The account is its own again.
    await people.earn(mei, 2)
    assert (await people.balance(mei)).available == 2


async def test_what_the_survivor_spent_is_their_debt(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    await people.earn(lin, 10, JAN)
    await people.earn(mei, 20, FEB)
    merge = await people.merge(lin, mei)
    await people.burn(lin, 25)
    await people.undo(merge)
    assert await people.balance(mei) == Balance(
        available=20, expiring=(Expiring(expires_on=FEB, units=20),)
    )
    assert await people.balance(lin) == Balance(debt=15)


async def test_a_merge_is_undone_once(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    merge = await people.merge(lin, mei)
    await people.undo(merge)
    before = await people.shop.snapshot()
    with pytest.raises(MergeAlreadyUndone, match="two members again"):
        await people.undo(merge)
    assert await people.shop.snapshot() == before
    # And they can be merged again, the other way too.
    await people.merge(mei, lin)


async def test_after_its_days_it_stays(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    merge = await people.merge(lin, mei)
    people.shop.clock.advance(days=31)
    before = await people.shop.snapshot()
    with pytest.raises(MergeTooOld, match=r"made 31 days ago.*for 30 days"):
        await people.undo(merge)
    assert await people.shop.snapshot() == before


async def test_the_later_of_two_is_undone_first(people: People) -> None:
    keys = [await people.meet(f"{name}@example.org") for name in ("a", "b", "c")]
    first, second, third = keys
    for one in keys:
        await people.earn(one, 10)
    earlier = await people.merge(second, first)
    later = await people.merge(third, second)
    with pytest.raises(MergeBuried):
        await people.undo(earlier)
    await people.undo(later)
    assert [(await people.balance(one)).available for one in keys] == [0, 20, 10]
    await people.earn(first, 1)
    assert (await people.balance(second)).available == 21
    await people.undo(earlier)
    assert [(await people.balance(one)).available for one in keys] == [10, 11, 10]


async def test_what_an_erased_survivor_took_over_is_not_given_back(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    placed = await people.till.place(await people.tea(), contact={"email": "mei@example.org"})
    merge = await people.merge(lin, mei)
    guest = subject_of("email", "mei@example.org")
    async with people.shop.context(viewer=STAFF) as ctx:
        await oneid.carry_merge(ctx, CarryMerge(merge_id=merge.id))
        key = decode(OrderId, placed["order"]["id"])
        await orders.cancel_any_order(ctx, order_id=key, reason="")
        await privacy.erase(ctx, lin)
    before = await people.shop.snapshot()
    assert before["member_merge_row"] == []
    assert str(guest) not in str(before)
    with pytest.raises(MergeForgotten):
        await people.undo(merge)
    assert await people.shop.snapshot() == before
