"""Members who become one, and who are forgotten: the limit of a round counts for both."""

import pytest
from core.tests.oneid.people import People
from core.tests.payment.till import codes
from plugins.flashsale.tests.stall import Stall, outcome

from koipond.privacy import service as privacy
from koipond_sdk import OrderId, decode
from koipond_sdk.testing import RunningShop

pytestmark = pytest.mark.story


async def test_what_both_had_of_a_round_is_the_survivors(shop: RunningShop) -> None:
    stall = await Stall.open(shop)
    people = People(stall)
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    await stall.begin(units=10, limitPerMember=3)
    for key, units in ((mei, 2), (lin, 1)):
        assert outcome(await stall.order_of(units, viewer=people.viewer(key))).startswith("PLACED")
    merge = await people.merge(lin, mei)
    for key in (lin, mei):
        told = await stall.order_of(viewer=people.viewer(key))
        assert outcome(told) == "LIMIT_REACHED", told
    await people.undo(merge)
    assert outcome(await stall.order_of(2, viewer=people.viewer(lin))) == "PLACED 12.00"
    assert outcome(await stall.order_of(2, viewer=people.viewer(mei))) == "LIMIT_REACHED"
    assert await stall.free() == (10, [5])
    assert await stall.audit() == []


async def test_who_is_forgotten_leaves_the_round_as_it_was(shop: RunningShop) -> None:
    stall = await Stall.open(shop)
    people = People(stall)
    lin = await people.meet("lin@example.org")
    await stall.begin(units=5, limitPerMember=3)
    contact = {"email": "lin@example.org"}
    placed = await stall.order_of(2, viewer=people.viewer(lin), contact=contact)
    order, token = decode(OrderId, placed["order"]["id"]), placed["token"]
    assert codes(await stall.cancel(order, token)) == []
    await stall.settle()
    async with shop.context() as ctx:
        assert "flashsale" not in (await privacy.export(ctx, lin))["plugins"]
        await privacy.erase(ctx, lin)
    assert "lin@example.org" not in str(await shop.snapshot())
    assert await stall.free() == (15, [5])
    assert await stall.audit() == []
