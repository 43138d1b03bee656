"""Members who become one, and who are forgotten: their seats."""

import pytest
from core.tests.oneid.people import People
from core.tests.payment.till import Till
from plugins.groupbuy.tests.stall import Stall

from koipond.privacy import service as privacy
from koipond.privacy.errors import ErasureBlocked

pytestmark = pytest.mark.story


async def test_the_survivor_takes_no_second_seat_in_a_team_of_either(stall: Stall) -> None:
    people = People(Till(stall.shop))
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    _, team = await stall.buy("mei", viewer=people.viewer(mei))
    merge = await people.merge(lin, mei)
    before = await stall.shop.rows("groupbuy_order")
    refusal = await stall.refused("lin", team, viewer=people.viewer(lin))
    assert refusal["code"] == "ALREADY_IN_TEAM", refusal
    assert await stall.shop.rows("groupbuy_order") == before
    await people.undo(merge)
    refusal = await stall.refused("mei", team, viewer=people.viewer(mei))
    assert refusal["code"] == "ALREADY_IN_TEAM"
    await stall.buy("lin", team, viewer=people.viewer(lin))


@pytest.mark.slow
async def test_seats_are_told_to_their_member_and_stay_for_nobody(stall: Stall) -> None:
    people = People(Till(stall.shop))
    lin = await people.meet("lin@example.org")
    order, _ = await stall.buy("lin", viewer=people.viewer(lin))
    rows = await stall.shop.rows("groupbuy_order")
    async with stall.shop.context() as ctx:
        told = (await privacy.export(ctx, lin))["plugins"]["groupbuy"]["groupbuy_order"]
        assert [(one["carried"], set(one)) for one in told] == [
            (False, {"order_id", "team_id", "carried"})
        ]
        with pytest.raises(ErasureBlocked):
            await privacy.erase(ctx, lin)
    await stall.cancel_as_staff(order)
    await stall.work()
    async with stall.shop.context() as ctx:
        await privacy.erase(ctx, lin)
    assert await stall.shop.rows("groupbuy_order") == rows
    assert "lin@example.org" not in str(await stall.shop.snapshot())
    await stall.everything_holds()
