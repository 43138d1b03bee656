"""Reserving through the desk, on both databases."""

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from core.tests.quota.pond import (
    HELD,
    HOLD,
    PLACED,
    RELEASED,
    RETURNING,
    Pond,
    claim,
    in_transaction,
    owner,
    subject,
)

from koipond.kernel.ids import QuotaId, new_id
from koipond.quota import service as quota
from koipond.quota.errors import (
    AlreadyPlaced,
    LimitReached,
    QuotaClosed,
    QuotaNotStarted,
    QuotaShort,
    QuotaUnknown,
)
from koipond.quota.types import Granted, Period, QuotaSpec


async def test_what_is_reserved_is_held_for_a_short_while(pond: Pond) -> None:
    tea = await pond.make(3)
    asked = claim(tea, 2)
    order = owner()
    granted = await pond.reserve(order, asked)
    assert granted == Granted(expires_at=pond.clock.now() + HOLD)
    [row] = await pond.rows(order)
    assert (row.quota_id, row.subject_id, row.part) == (tea, asked.subject_id, 0)
    assert (row.quantity, row.state, row.expires_at) == (2, HELD, pond.clock.now() + HOLD)
    assert await pond.taken(tea) == [2]
    assert await quota.find_free(pond.ctx, [tea]) == {tea: 1}


async def test_all_of_an_order_or_none(pond: Pond) -> None:
    tea, cup = await pond.make(5), await pond.make(1)
    await pond.hold(claim(cup))
    before = await pond.everything()
    with pytest.raises(QuotaShort) as refused:
        await pond.hold(claim(tea, 2), claim(cup))
    assert (refused.value.quota, refused.value.asked, refused.value.left) == (cup, 1, 0)
    assert str(refused.value) == "1 asked for, 0 left. There are none; try again later."
    assert await pond.everything() == before


async def test_a_refusal_says_how_many_there_are(pond: Pond) -> None:
    tea = await pond.make(5)
    order = await pond.hold(claim(tea, 2))
    with pytest.raises(QuotaShort, match=r"^4 asked for, 3 left\. Ask for 3 or fewer\.$"):
        await pond.hold(claim(tea, 4))
    # Its own two count as well.
    with pytest.raises(QuotaShort, match=r"^6 asked for, 5 left\. Ask for 5 or fewer\.$"):
        await pond.reserve(order, claim(tea, 6))
    assert await pond.taken(tea) == [2]


async def test_the_same_ask_again_gets_the_same_answer(pond: Pond) -> None:
    tea, cup = await pond.make(1), await pond.make(1)
    order, asked = owner(), [claim(tea), claim(cup)]
    first = await pond.reserve(order, *asked)
    before = await pond.everything()
    pond.clock.advance(seconds=20)
    assert await pond.reserve(order, *asked) == first
    assert await pond.reserve(order, *reversed(asked)) == first
    assert await pond.everything() == before


async def test_the_same_ask_after_it_was_placed_is_granted_without_an_end(pond: Pond) -> None:
    tea = await pond.make(1)
    asked = claim(tea)
    order = await pond.hold(asked)
    await pond.place(order, asked)
    before = await pond.everything()
    assert await pond.reserve(order, asked) == Granted(expires_at=None)
    assert await pond.everything() == before


async def test_another_ask_after_it_was_placed_is_refused(pond: Pond) -> None:
    tea, cup = await pond.make(9), await pond.make(9)
    order = await pond.hold(claim(tea, 2))
    await quota.place(pond.ctx, order, [claim(tea, 2)])
    before = await pond.everything()
    for asked in ([claim(tea, 3)], [claim(tea, 2), claim(cup)], [claim(cup)], []):
        with pytest.raises(AlreadyPlaced) as refused:
            await pond.reserve(order, *asked)
        assert (refused.value.quota, refused.value.placed) == (tea, 2)
    assert await pond.everything() == before


async def test_asking_again_means_exactly_these(pond: Pond) -> None:
    tea, cup, jar = [await pond.make(9) for _ in range(3)]
    order = await pond.hold(claim(tea, 2), claim(cup, 2))
    await pond.reserve(order, claim(tea, 5), claim(jar, 1))
    assert {(row.quota_id, row.quantity, row.state) for row in await pond.rows(order)} == {
        (tea, 5, HELD),
        (cup, 2, RETURNING),
        (jar, 1, HELD),
    }
    # What is let go is counted until it is given back.
    assert await pond.taken(tea, cup, jar) == [5, 2, 1]
    await quota.give_back(pond.ctx)
    assert await pond.taken(tea, cup, jar) == [5, 0, 1]
    # Less is free at once.
    await pond.reserve(order, claim(tea, 1), claim(jar, 1))
    assert await pond.taken(tea, cup, jar) == [1, 0, 1]


async def test_asking_for_nothing_lets_go_of_everything(pond: Pond) -> None:
    tea = await pond.make(9)
    order = await pond.hold(claim(tea, 2))
    assert await pond.reserve(order) == Granted(expires_at=None)
    assert await pond.states(order) == [(0, 2, RETURNING)]


async def test_what_was_let_go_can_be_taken_again(pond: Pond) -> None:
    tea = await pond.make(2)
    asked = claim(tea, 2)
    order = await pond.hold(asked)
    await quota.ask_release(pond.ctx, order)
    # Returning, it is still the owner's.
    await pond.reserve(order, asked)
    assert (await pond.states(order), await pond.taken(tea)) == ([(0, 2, HELD)], [2])
    await quota.ask_release(pond.ctx, order)
    await quota.give_back(pond.ctx)
    assert (await pond.states(order), await pond.taken(tea)) == ([(0, 2, RELEASED)], [0])
    await pond.reserve(order, asked)
    assert (await pond.states(order), await pond.taken(tea)) == ([(0, 2, HELD)], [2])


async def test_a_hold_that_is_past_its_time_is_held_anew(pond: Pond) -> None:
    tea = await pond.make(2)
    asked = claim(tea, 2)
    order = await pond.hold(asked)
    pond.clock.advance(seconds=HOLD.seconds)
    assert await pond.reserve(order, asked) == Granted(expires_at=pond.clock.now() + HOLD)
    assert await quota.give_back(pond.ctx) == 0
    assert await pond.taken(tea) == [2]


async def test_each_part_of_an_owner_is_asked_for_by_itself(pond: Pond) -> None:
    tea = await pond.make(9)
    order = await pond.hold(claim(tea, 2))
    await pond.place(order, claim(tea, 2))
    await pond.reserve(order, claim(tea, 3), part=1)
    assert await pond.states(order) == [(0, 2, PLACED), (1, 3, HELD)]
    assert await pond.taken(tea) == [5]
    await pond.reserve(order, claim(tea, 1), part=1)
    assert await pond.states(order) == [(0, 2, PLACED), (1, 1, HELD)]


async def test_a_subject_has_no_more_than_its_limit_over_all_its_orders(pond: Pond) -> None:
    flash = await pond.make(10, subject_limit=2)
    lin, mei = subject(), subject()
    await pond.hold(claim(flash, 1, lin))
    with pytest.raises(LimitReached) as refused:
        await pond.hold(claim(flash, 2, lin))
    assert (refused.value.asked, refused.value.left) == (2, 1)
    assert str(refused.value) == "2 asked for, 1 more allowed per person. Ask for 1 or fewer."
    order = await pond.hold(claim(flash, 1, lin))
    with pytest.raises(LimitReached, match=r"The limit is used up\.$"):
        await pond.hold(claim(flash, 1, lin))
    # Another part of the same order counts as well.
    with pytest.raises(LimitReached):
        await pond.reserve(order, claim(flash, 1, lin), part=1)
    await pond.hold(claim(flash, 2, mei))
    assert await pond.taken(flash) == [4]


async def test_a_quota_may_carry_a_limit_and_no_units(pond: Pond) -> None:
    per_phone = await pond.make(None, subject_limit=1)
    tea = await pond.make(10)
    phone = subject()
    await pond.hold(claim(tea), claim(per_phone, 1, phone))
    before = await pond.everything()
    with pytest.raises(LimitReached):
        await pond.hold(claim(tea), claim(per_phone, 1, phone))
    assert await pond.everything() == before
    assert await quota.find_free(pond.ctx, [per_phone, tea]) == {per_phone: None, tea: 9}


async def test_a_limit_starts_afresh_with_its_period_in_its_zone(pond: Pond) -> None:
    # 23:30 in Shanghai; in UTC the day is the same for hours.
    shanghai = ZoneInfo("Asia/Shanghai")
    pond.clock.set(datetime(2026, 11, 22, 23, 30, tzinfo=shanghai))
    daily = await pond.make(10, subject_limit=1, period=Period.DAY, time_zone="Asia/Shanghai")
    lin = subject()
    first = await pond.hold(claim(daily, 1, lin))
    with pytest.raises(LimitReached):
        await pond.hold(claim(daily, 1, lin))
    pond.clock.advance(minutes=30)
    second = await pond.hold(claim(daily, 1, lin))
    assert [row.period for row in await pond.rows(first)] == ["2026-11-22"]
    assert [row.period for row in await pond.rows(second)] == ["2026-11-23"]


async def test_a_quota_that_is_not_there_is_unknown(pond: Pond) -> None:
    tea = await pond.make(10)
    nothing = QuotaId(new_id())
    before = await pond.everything()
    with pytest.raises(QuotaUnknown) as refused:
        await pond.hold(claim(tea), claim(nothing))
    assert refused.value.quota == nothing
    assert await pond.everything() == before


async def test_a_claim_can_make_its_quota(pond: Pond) -> None:
    key = QuotaId(new_id())
    team = QuotaSpec(id=key, capacity=3, subject_limit=1)
    lin = subject()
    opener, joiner = await asyncio.gather(
        pond.hold(claim(key, 1, lin, create=team)), pond.hold(claim(key, 1, create=team))
    )
    with pytest.raises(LimitReached):
        await pond.hold(claim(key, 1, lin))
    made = await pond.look(key)
    assert (made.capacity, made.taken, made.subject_limit) == (3, 2, 1)
    holders = [row.owner_id for row in await quota.find_holders(pond.ctx, key)]
    assert holders == sorted([opener, joiner])


async def test_a_refused_claim_makes_no_quota(pond: Pond) -> None:
    key = QuotaId(new_id())
    sold_out = await pond.make(0)
    before = await pond.everything()
    team = QuotaSpec(id=key, capacity=3)
    with pytest.raises(QuotaShort):
        await pond.hold(claim(key, 1, create=team), claim(sold_out))
    with pytest.raises(QuotaShort):
        await pond.hold(claim(key, 4, create=team))
    assert await pond.everything() == before


async def test_nothing_is_granted_before_the_start_nor_from_the_end_on(pond: Pond) -> None:
    noon = pond.clock.now()
    end = noon + timedelta(hours=1)
    flash = await pond.make(10, starts_at=noon, ends_at=end)
    moment = timedelta(milliseconds=1)
    pond.clock.set(noon - moment)
    with pytest.raises(QuotaNotStarted, match=r"^2 asked for before the start"):
        await pond.hold(claim(flash, 2))
    pond.clock.set(noon)
    order = await pond.hold(claim(flash, 2))
    pond.clock.set(end - moment)
    await pond.hold(claim(flash, 2))
    pond.clock.set(end)
    with pytest.raises(QuotaClosed, match=r"^1 asked for after the end"):
        await pond.hold(claim(flash))
    # What is held may be held on, but not grow.
    await pond.reserve(order, claim(flash, 2))
    with pytest.raises(QuotaClosed):
        await pond.reserve(order, claim(flash, 3))
    assert await pond.taken(flash) == [4]


async def test_other_times_can_be_given(pond: Pond) -> None:
    flash = await pond.make(10, ends_at=pond.clock.now())
    with pytest.raises(QuotaClosed):
        await pond.hold(claim(flash))
    later = pond.clock.now() + timedelta(hours=1)
    await quota.reschedule(pond.ctx, [flash], starts_at=None, ends_at=later)
    await pond.hold(claim(flash))
    with pytest.raises(QuotaUnknown):
        await quota.reschedule(pond.ctx, [QuotaId(new_id())], starts_at=None, ends_at=None)


async def test_reserving_inside_a_transaction_is_our_bug(pond: Pond) -> None:
    tea = await pond.make(10)
    before = await pond.everything()
    with pytest.raises(AssertionError, match="reserve before the transaction begins"):
        await in_transaction(pond.ctx, quota.reserve, owner(), [claim(tea)])
    assert await pond.everything() == before


async def test_two_claims_on_one_quota_are_our_bug(pond: Pond) -> None:
    tea = await pond.make(10)
    with pytest.raises(AssertionError, match="one claim per quota"):
        await pond.hold(claim(tea), claim(tea))


def test_a_claim_of_nothing_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="one unit or more"):
        claim(QuotaId(new_id()), 0)
