"""How many units there are, on both databases."""

import pytest
from core.tests.quota.pond import CONSUMED, RELEASED, Pond, claim, in_transaction, subject
from sqlalchemy import select

from koipond.kernel.context import Context
from koipond.kernel.ids import QuotaId, new_id
from koipond.quota import service as quota
from koipond.quota.errors import CapacityTaken, QuotaClosed, QuotaShort, QuotaUnknown
from koipond.quota.tables import quota_change
from koipond.quota.types import ChangeReason, QuotaSpec, ReleasePolicy


async def counts(pond: Pond, *keys: QuotaId) -> list[tuple[int | None, int]]:
    """Return (capacity, taken) of each."""
    found = [await pond.look(key) for key in keys]
    return [(one.capacity, one.taken) for one in found]


async def test_a_quota_is_made_once(pond: Pond) -> None:
    key = QuotaId(new_id())
    assert await quota.create(pond.ctx, [QuotaSpec(id=key, capacity=5)]) == 1
    before = await pond.everything()
    assert await quota.create(pond.ctx, [QuotaSpec(id=key, capacity=7)]) == 0
    assert await pond.everything() == before


@pytest.mark.slow
async def test_thousands_are_made_at_once(pond: Pond) -> None:
    specs = [QuotaSpec(id=QuotaId(new_id()), capacity=1) for _ in range(1_200)]
    assert await quota.create(pond.ctx, specs) == 1_200


async def test_capacity_changes_by_deltas_all_or_none(pond: Pond) -> None:
    tea, cup = await pond.make(5), await pond.make(5)
    await pond.hold(claim(cup, 4))
    await quota.change_capacity(pond.ctx, {tea: -5, cup: 3})
    assert await counts(pond, tea, cup) == [(0, 0), (8, 4)]
    before = await pond.everything()
    with pytest.raises(CapacityTaken) as refused:
        await quota.change_capacity(pond.ctx, {tea: 9, cup: -5})
    told = refused.value
    assert (told.quota, told.delta, told.capacity, told.taken) == (cup, -5, 8, 4)
    assert str(told) == "8 units, 4 of them taken; a change of -5 is too much. At most 4 can go."
    with pytest.raises(QuotaUnknown):
        await quota.change_capacity(pond.ctx, {tea: 1, QuotaId(new_id()): 1})
    assert await pond.everything() == before


async def test_a_count_that_finds_less_takes_what_is_free_and_tells_the_rest(pond: Pond) -> None:
    tea, cup, jar = await pond.make(5), await pond.make(5), await pond.make(5)
    await pond.hold(claim(tea, 4))
    short = await quota.take_what_is_free(pond.ctx, {tea: -3, cup: -3, jar: 2})
    assert short == {tea: 2}
    assert await counts(pond, tea, cup, jar) == [(4, 4), (2, 0), (7, 0)]


async def test_units_are_moved_between_quotas_and_never_made(pond: Pond) -> None:
    stock, flash = await pond.make(10), await pond.make(0)
    await pond.hold(claim(stock, 4))
    await quota.move_units(pond.ctx, stock, flash, 6)
    assert await counts(pond, stock, flash) == [(4, 4), (6, 0)]
    before = await pond.everything()
    with pytest.raises(CapacityTaken):
        await quota.move_units(pond.ctx, stock, flash, 1)
    with pytest.raises(QuotaUnknown):
        await quota.move_units(pond.ctx, flash, QuotaId(new_id()), 1)
    assert await pond.everything() == before


async def test_every_change_is_written_down(pond: Pond) -> None:
    stock, flash = await pond.make(10), await pond.make(0)
    await quota.change_capacity(pond.ctx, {stock: 5})
    await quota.move_units(pond.ctx, stock, flash, 6)
    async with pond.ctx.reading() as db:
        rows = list(await db.execute(select(quota_change).order_by(quota_change.c.id)))
    assert [(row.quota_id, row.delta, row.reason) for row in rows] == [
        (stock, 10, ChangeReason.CREATED),
        (stock, 5, ChangeReason.CHANGED),
        (stock, -6, ChangeReason.MOVED),
        (flash, 6, ChangeReason.MOVED),
    ]
    assert rows[2].move_id == rows[3].move_id is not None


async def test_a_change_belongs_to_the_transaction_that_it_joins(pond: Pond) -> None:
    tea = await pond.make(5)
    before = await pond.everything()

    async def receive_and_fail(ctx: Context) -> None:
        await quota.change_capacity(ctx, {tea: 5})
        raise RuntimeError("the movement could not be stored")

    with pytest.raises(RuntimeError):
        await in_transaction(pond.ctx, receive_and_fail)
    assert await pond.everything() == before


async def test_a_closed_quota_leaves_what_is_free_to_its_parent(pond: Pond) -> None:
    stock = await pond.make(10)
    flash = await pond.make(6, parent_id=stock)
    order = await pond.hold(claim(flash, 2))
    await quota.close(pond.ctx, flash)
    assert await counts(pond, stock, flash) == [(8, 0), (2, 2)]
    before = await pond.everything()
    await quota.close(pond.ctx, flash)
    with pytest.raises(QuotaClosed):
        await pond.hold(claim(flash))
    with pytest.raises(QuotaClosed):
        await quota.move_units(pond.ctx, stock, flash, 1)
    assert await pond.everything() == before
    # What was held before may still be placed.
    await quota.place(pond.ctx, order, [claim(flash, 2)])
    assert await quota.find_free(pond.ctx, [stock, flash]) == {stock: 8, flash: 0}


async def test_what_comes_back_to_a_closed_quota_goes_to_its_parent(pond: Pond) -> None:
    stock = await pond.make(10)
    flash = await pond.make(6, parent_id=stock)
    bought, left = await pond.buy(claim(flash, 2)), await pond.hold(claim(flash, 3))
    await quota.close(pond.ctx, flash)
    await quota.ask_release(pond.ctx, bought)
    assert await pond.lapse() == 2
    assert await counts(pond, stock, flash) == [(10, 0), (0, 0)]
    assert await pond.states(left) == [(0, 3, RELEASED)]


async def test_a_closed_parent_leaves_it_to_its_own(pond: Pond) -> None:
    stock = await pond.make(10)
    season = await pond.make(8, parent_id=stock)
    flash = await pond.make(6, parent_id=season)
    await pond.hold(claim(flash, 3))
    await quota.close(pond.ctx, season)
    await quota.close(pond.ctx, flash)
    assert await counts(pond, stock, season, flash) == [(7, 0), (0, 0), (3, 3)]
    await pond.lapse()
    assert await counts(pond, stock, season, flash) == [(10, 0), (0, 0), (0, 0)]


async def test_a_closed_quota_without_a_parent_keeps_its_units(pond: Pond) -> None:
    team = await pond.make(3)
    await pond.hold(claim(team, 2))
    await quota.close(pond.ctx, team)
    await pond.lapse()
    assert await counts(pond, team) == [(3, 0)]
    with pytest.raises(QuotaUnknown):
        await quota.close(pond.ctx, QuotaId(new_id()))


async def test_back_order_is_capacity_granted_ahead(pond: Pond) -> None:
    tea = await pond.make(0)
    with pytest.raises(QuotaShort):
        await pond.hold(claim(tea))
    await quota.change_capacity(pond.ctx, {tea: 5})
    await pond.buy(claim(tea, 4))
    # The goods come in: 10 receipts less 5 that were granted ahead.
    await quota.change_capacity(pond.ctx, {tea: 10 - 5})
    assert await counts(pond, tea) == [(10, 4)]


async def test_purging_lowers_capacity_and_taken_together(pond: Pond) -> None:
    tea, limit = await pond.make(10), await pond.make(None, subject_limit=5)
    endless = await pond.make(None)
    lin = subject()
    closed = await pond.buy(claim(tea, 3), claim(endless, 2), claim(limit, 2, lin))
    open_ = await pond.buy(claim(tea, 1))
    forgotten = await pond.hold(claim(tea, 2))
    await pond.lapse()
    assert await quota.purge(pond.ctx, [closed, forgotten]) == 3
    # The limit of a subject is counted from its rows, so they stay.
    assert [(row.quota_id, row.state) for row in await pond.rows(closed)] == [(limit, CONSUMED)]
    assert await pond.states(forgotten) == []
    assert await pond.states(open_) == [(0, 1, CONSUMED)]
    assert await counts(pond, tea, endless, limit) == [(7, 1), (None, 0), (None, 2)]
    before = await pond.everything()
    assert await quota.purge(pond.ctx, [closed, forgotten]) == 0
    assert await pond.everything() == before


async def test_what_is_not_over_is_not_purged(pond: Pond) -> None:
    tea = await pond.make(10)
    asked = claim(tea, 3)
    held, placed = await pond.hold(asked), await pond.hold(asked)
    await pond.place(placed, asked)
    returning = await pond.buy(asked)
    await quota.ask_release(pond.ctx, returning)
    before = await pond.everything()
    assert await quota.purge(pond.ctx, [held, placed, returning]) == 0
    assert await pond.everything() == before


async def test_a_closed_quota_can_be_purged(pond: Pond) -> None:
    stock = await pond.make(10)
    flash = await pond.make(4, parent_id=stock)
    order = await pond.buy(claim(flash, 3, release=ReleasePolicy.TO_PARENT))
    await quota.close(pond.ctx, flash)
    await quota.purge(pond.ctx, [order])
    assert await counts(pond, stock, flash) == [(7, 0), (0, 0)]
