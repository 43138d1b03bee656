"""What an order does to its own reservations, on both databases."""

import pytest
from core.tests.quota.pond import (
    CONSUMED,
    HELD,
    PLACED,
    RELEASED,
    RETURNING,
    Pond,
    claim,
    in_transaction,
    owner,
    subject,
)

from koipond.kernel.context import Context
from koipond.kernel.ids import OwnerId
from koipond.quota import service as quota
from koipond.quota.errors import Lapsed, LimitReached, UnitsNotHeld
from koipond.quota.types import ReleasePolicy


async def test_placing_paying_and_cancelling_never_touch_the_quota(pond: Pond) -> None:
    tea = await pond.make(3)
    asked = claim(tea, 2)
    order = await pond.hold(asked)
    before = await pond.look(tea)
    await pond.place(order, asked)
    assert await pond.states(order) == [(0, 2, PLACED)]
    await quota.consume(pond.ctx, order)
    assert await pond.states(order) == [(0, 2, CONSUMED)]
    assert await quota.ask_release(pond.ctx, order) == 1
    assert await pond.states(order) == [(0, 2, RETURNING)]
    assert await pond.look(tea) == before


async def test_what_is_placed_does_not_lapse(pond: Pond) -> None:
    tea = await pond.make(3)
    asked = claim(tea, 2)
    order = await pond.hold(asked)
    await pond.place(order, asked)
    assert await pond.lapse() == 0
    assert await pond.taken(tea) == [2]


async def test_what_is_past_its_time_may_be_placed_until_it_is_given_back(pond: Pond) -> None:
    tea = await pond.make(3)
    late, later = claim(tea), claim(tea)
    first, second = await pond.hold(late), await pond.hold(later)
    pond.clock.advance(hours=1)
    await pond.place(first, late)
    assert await quota.give_back(pond.ctx) == 1
    with pytest.raises(Lapsed) as refused:
        await pond.place(second, later)
    assert (refused.value.claimed, refused.value.held) == (1, 0)
    assert await pond.states(second) == [(0, 1, RELEASED)]
    assert await pond.taken(tea) == [1]


async def test_after_it_lapsed_it_is_reserved_and_placed_again(pond: Pond) -> None:
    tea = await pond.make(1)
    asked = claim(tea)
    order = await pond.hold(asked)
    await pond.lapse()
    with pytest.raises(Lapsed):
        await pond.place(order, asked)
    await pond.reserve(order, asked)
    await pond.place(order, asked)
    assert await pond.states(order) == [(0, 1, PLACED)]


async def test_what_is_held_must_be_exactly_what_is_placed(pond: Pond) -> None:
    tea, cup = await pond.make(9), await pond.make(9)
    two = claim(tea, 2)
    order = await pond.hold(two, claim(cup))
    before = await pond.everything()
    for wrong in ([two], [two, claim(cup, 2)], [], [two, claim(cup), claim(await pond.make(1))]):
        with pytest.raises(Lapsed):
            await pond.place(order, *wrong)
    assert (await pond.everything())[1:2] == before[1:2]
    with pytest.raises(Lapsed):
        await pond.place(owner(), two)


async def test_a_part_is_placed_by_itself(pond: Pond) -> None:
    tea = await pond.make(9)
    order = await pond.buy(claim(tea, 2))
    await pond.reserve(order, claim(tea, 1), part=1)
    await pond.place(order, claim(tea, 1), part=1)
    assert await pond.states(order) == [(0, 2, CONSUMED), (1, 1, PLACED)]
    for _ in range(2):
        await quota.consume(pond.ctx, order)
        assert await pond.states(order) == [(0, 2, CONSUMED), (1, 1, CONSUMED)]


async def test_what_an_order_does_is_undone_with_its_transaction(pond: Pond) -> None:
    tea = await pond.make(3)
    asked = claim(tea, 2)
    order = await pond.hold(asked)
    before = await pond.everything()

    async def place_and_fail(ctx: Context, of: OwnerId) -> None:
        await quota.place(ctx, of, [asked])
        await quota.consume(ctx, of)
        raise RuntimeError("a hook of a plugin")

    with pytest.raises(RuntimeError):
        await in_transaction(pond.ctx, place_and_fail, order)
    assert await pond.everything() == before


async def test_letting_go_a_second_time_changes_nothing(pond: Pond) -> None:
    tea = await pond.make(3)
    order = await pond.buy(claim(tea, 2))
    await quota.ask_release(pond.ctx, order)
    before = await pond.everything()
    assert await quota.ask_release(pond.ctx, order) == 0
    assert await pond.everything() == before
    await quota.give_back(pond.ctx)
    assert await quota.ask_release(pond.ctx, order) == 0
    assert await pond.taken(tea) == [0]


KEPT = {
    # (policy, how far it came): is it used up for ever?
    (ReleasePolicy.RETURN, HELD): False,
    (ReleasePolicy.RETURN, PLACED): False,
    (ReleasePolicy.RETURN, CONSUMED): False,
    (ReleasePolicy.KEEP_CONSUMED, HELD): False,
    (ReleasePolicy.KEEP_CONSUMED, PLACED): False,
    (ReleasePolicy.KEEP_CONSUMED, CONSUMED): True,
    (ReleasePolicy.KEEP_PLACED, HELD): False,
    (ReleasePolicy.KEEP_PLACED, PLACED): True,
    (ReleasePolicy.KEEP_PLACED, CONSUMED): True,
}


@pytest.mark.parametrize(("policy", "state"), KEPT)
async def test_a_claim_says_from_when_on_it_stays_used(
    pond: Pond, policy: ReleasePolicy, state: str
) -> None:
    coupon = await pond.make(None, subject_limit=1)
    tea = await pond.make(5)
    lin = subject()
    asked = [claim(tea, 1, lin), claim(coupon, 1, lin, release=policy)]
    order = await pond.hold(*asked)
    if state is not HELD:
        await pond.place(order, *asked)
    if state is CONSUMED:
        await quota.consume(pond.ctx, order)
    kept = KEPT[policy, state]
    assert await quota.ask_release(pond.ctx, order) == 2 - (kept and state is CONSUMED)
    await quota.give_back(pond.ctx)
    # The unit returns, the limit stays used.
    assert await pond.taken(tea, coupon) == [0, kept]
    states = {row.quota_id: row.state for row in await pond.rows(order)}
    assert states == {tea: RELEASED, coupon: CONSUMED if kept else RELEASED}
    before = await pond.everything()
    assert await quota.ask_release(pond.ctx, order) == 0
    assert await pond.everything() == before
    if kept:
        with pytest.raises(LimitReached):
            await pond.hold(claim(coupon, 1, lin))
    else:
        await pond.hold(claim(coupon, 1, lin))


@pytest.mark.parametrize("consumed", [False, True])
async def test_units_of_an_activity_go_to_its_parent_once_they_were_consumed(
    pond: Pond, consumed: bool
) -> None:
    stock = await pond.make(10)
    flash = await pond.make(4, parent_id=stock)
    asked = claim(flash, 3, release=ReleasePolicy.TO_PARENT)
    order = await pond.hold(asked)
    await pond.place(order, asked)
    if consumed:
        await quota.consume(pond.ctx, order)
    await quota.ask_release(pond.ctx, order)
    await quota.give_back(pond.ctx)
    found = [await pond.look(key) for key in (stock, flash)]
    assert [(one.capacity, one.taken) for one in found] == (
        [(9, 0), (1, 0)] if consumed else [(6, 0), (4, 0)]
    )


async def test_a_hold_on_an_activity_that_lapses_stays_with_it(pond: Pond) -> None:
    stock = await pond.make(10)
    flash = await pond.make(4, parent_id=stock)
    order = await pond.hold(claim(flash, 3, release=ReleasePolicy.TO_PARENT))
    await pond.lapse()
    # Neither does one that was asked for and then not any more.
    await pond.reserve(order, claim(flash, 3, release=ReleasePolicy.TO_PARENT))
    await pond.reserve(order)
    await quota.give_back(pond.ctx)
    found = [await pond.look(key) for key in (stock, flash)]
    assert [(one.capacity, one.taken) for one in found] == [(6, 0), (4, 0)]


async def test_a_part_of_what_was_bought_can_be_returned(pond: Pond) -> None:
    tea = await pond.make(9)
    order = await pond.buy(claim(tea, 5))
    await quota.return_part(pond.ctx, order, tea, 2)
    assert await pond.states(order) == [(-1, 2, RETURNING), (0, 3, CONSUMED)]
    assert await pond.taken(tea) == [5]
    await quota.give_back(pond.ctx)
    assert await pond.taken(tea) == [3]
    await quota.return_part(pond.ctx, order, tea, 1)
    assert await pond.states(order) == [(-2, 1, RETURNING), (-1, 2, RELEASED), (0, 2, CONSUMED)]
    await quota.return_part(pond.ctx, order, tea, 2)
    await quota.give_back(pond.ctx)
    assert await pond.states(order) == [(-2, 1, RELEASED), (-1, 2, RELEASED), (0, 2, RELEASED)]
    assert await pond.taken(tea) == [0]


async def test_what_was_bought_last_is_returned_first(pond: Pond) -> None:
    tea = await pond.make(9)
    order = await pond.buy(claim(tea, 3))
    await pond.reserve(order, claim(tea, 2), part=1)
    await pond.place(order, claim(tea, 2), part=1)
    await quota.return_part(pond.ctx, order, tea, 3)
    assert await pond.states(order) == [(-1, 1, RETURNING), (0, 2, CONSUMED), (1, 2, RETURNING)]
    await quota.give_back(pond.ctx)
    assert await pond.taken(tea) == [2]


async def test_no_more_can_be_returned_than_was_bought(pond: Pond) -> None:
    tea, cup = await pond.make(9), await pond.make(9)
    order = await pond.buy(claim(tea, 2), claim(cup, 1))
    await quota.return_part(pond.ctx, order, tea, 1)
    kept = await pond.states(order)
    with pytest.raises(UnitsNotHeld) as refused:
        await quota.return_part(pond.ctx, order, tea, 2)
    assert (refused.value.asked, refused.value.left) == (2, 1)
    assert str(refused.value) == "2 to be returned, 1 there are. Return 1 or fewer."
    held = await pond.hold(claim(tea))
    with pytest.raises(UnitsNotHeld):
        await quota.return_part(pond.ctx, held, tea, 1)
    await quota.ask_release(pond.ctx, held)
    assert await pond.states(order) == kept
    await quota.give_back(pond.ctx)
    assert await pond.taken(tea) == [1]


async def test_returned_units_whose_limit_stays_used_count_on(pond: Pond) -> None:
    coupon = await pond.make(None, subject_limit=2)
    order = await pond.buy(claim(coupon, 2, release=ReleasePolicy.KEEP_CONSUMED))
    before = await pond.everything()
    await quota.return_part(pond.ctx, order, coupon, 1)
    assert await pond.everything() == before


async def test_a_part_of_a_sale_unit_goes_to_the_parent(pond: Pond) -> None:
    stock = await pond.make(10)
    flash = await pond.make(4, parent_id=stock)
    order = await pond.buy(claim(flash, 3, release=ReleasePolicy.TO_PARENT))
    await quota.return_part(pond.ctx, order, flash, 1)
    await quota.give_back(pond.ctx)
    found = [await pond.look(key) for key in (stock, flash)]
    assert [(one.capacity, one.taken) for one in found] == [(7, 0), (3, 2)]
