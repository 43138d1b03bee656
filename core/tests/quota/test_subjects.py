"""Whom a reservation counts for, on both databases."""

import pytest
from core.tests.quota.pond import RELEASED, Pond, claim, in_transaction, owner, subject

from koipond.kernel.ids import QuotaId, new_id
from koipond.quota import rules
from koipond.quota import service as quota
from koipond.quota.errors import LimitReached, QuotaUnknown, UnitsNotHeld


async def test_a_seat_changes_hands(pond: Pond) -> None:
    seats = await pond.make(10, subject_limit=1)
    lin, mei = subject(), subject()
    order = await pond.buy(claim(seats, 1, lin))
    await quota.transfer(pond.ctx, order, seats, mei)
    assert [row.subject_id for row in await pond.rows(order)] == [mei]
    await pond.hold(claim(seats, 1, lin))
    with pytest.raises(LimitReached):
        await pond.hold(claim(seats, 1, mei))
    before = await pond.everything()
    await quota.transfer(pond.ctx, order, seats, mei)
    assert await pond.everything() == before


async def test_a_seat_does_not_go_to_who_has_enough(pond: Pond) -> None:
    seats = await pond.make(10, subject_limit=2)
    lin, mei = subject(), subject()
    order = await pond.buy(claim(seats, 2, lin))
    await pond.hold(claim(seats, 1, mei))
    before = await pond.everything()
    with pytest.raises(LimitReached) as refused:
        await quota.transfer(pond.ctx, order, seats, mei)
    assert (refused.value.asked, refused.value.left) == (2, 1)
    with pytest.raises(UnitsNotHeld):
        await quota.transfer(pond.ctx, owner(), seats, lin)
    with pytest.raises(QuotaUnknown):
        await quota.transfer(pond.ctx, order, QuotaId(new_id()), lin)
    with pytest.raises(AssertionError, match="in a transaction of its own"):
        await in_transaction(pond.ctx, quota.transfer, order, seats, subject())
    assert await pond.everything() == before


async def test_all_parts_of_a_claim_change_hands(pond: Pond) -> None:
    seats = await pond.make(10)
    lin, mei = subject(), subject()
    order = await pond.buy(claim(seats, 3, lin))
    await pond.reserve(order, claim(seats, 1, lin), part=1)
    await quota.return_part(pond.ctx, order, seats, 1)
    await quota.transfer(pond.ctx, order, seats, mei)
    assert {row.subject_id for row in await pond.rows(order)} == {mei}


async def test_two_members_that_become_one_keep_what_both_had(pond: Pond) -> None:
    flash, coupon = await pond.make(10, subject_limit=2), await pond.make(None, subject_limit=3)
    lin, mei = subject(), subject()
    orders = [await pond.buy(claim(flash, 2, one), claim(coupon, 1, one)) for one in (lin, mei)]
    gone = await pond.hold(claim(coupon, 1, lin))
    await pond.lapse()
    await quota.merge_subjects(pond.ctx, lin, mei)
    assert {row.subject_id for order in orders for row in await pond.rows(order)} == {mei}
    # What is released counts for nobody.
    assert [(row.subject_id, row.state) for row in await pond.rows(gone)] == [(lin, RELEASED)]
    # 4 of 2, on purpose: written down, so that the audit at the end of this test finds nothing.
    with pytest.raises(LimitReached):
        await pond.hold(claim(flash, 1, mei))
    await pond.hold(claim(coupon, 1, mei))
    before = await pond.everything()
    await quota.merge_subjects(pond.ctx, lin, mei)
    assert await pond.everything() == before


async def test_a_merge_does_not_excuse_what_comes_after_it(pond: Pond) -> None:
    flash = await pond.make(10, subject_limit=2)
    lin, mei = subject(), subject()
    orders = [await pond.buy(claim(flash, 2, one)) for one in (lin, mei)]
    await quota.merge_subjects(pond.ctx, lin, mei)
    for order in orders:
        await quota.ask_release(pond.ctx, order)
    await quota.give_back(pond.ctx)
    await pond.hold(claim(flash, 2, mei))
    with pytest.raises(LimitReached):
        await pond.hold(claim(flash, 1, mei))


async def test_a_member_with_many_quotas_is_merged_in_portions(pond: Pond) -> None:
    quotas = [await pond.make(1, subject_limit=1) for _ in range(60)]
    lin, mei = subject(), subject()
    order = await pond.hold(*(claim(key, 1, lin) for key in quotas))
    await quota.merge_subjects(pond.ctx, lin, mei)
    assert {row.subject_id for row in await pond.rows(order)} == {mei}


def test_a_phone_is_the_same_subject_every_time() -> None:
    phone = rules.subject_of("phone", "+4915112345")
    assert phone == rules.subject_of("phone", "+4915112345")
    assert phone != rules.subject_of("phone", "+4915112346")
    assert phone != rules.subject_of("device", "+4915112345")


async def test_what_a_subject_has_of_quotas_is_told_as_it_counts(pond: Pond) -> None:
    first, second, third = [await pond.make(10, subject_limit=5) for _ in range(3)]
    lin, mei = subject(), subject()
    await pond.buy(claim(first, 2, lin), claim(second, 1, lin))
    await pond.buy(claim(first, 3, mei))
    await pond.hold(claim(third, 1, lin))
    await pond.lapse()
    await pond.hold(claim(first, 1, lin))
    assert await quota.find_taken(pond.ctx, lin, [first, second, third]) == {first: 3, second: 1}
    assert await quota.find_taken(pond.ctx, mei, [second]) == {}
