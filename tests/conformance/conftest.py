"""What each plugin of the workspace is about, told while it is watched."""

from collections.abc import Mapping

import pytest
from plugins.flashsale.tests.stall import Stall as FlashSaleStall
from plugins.groupbuy.tests.stall import Stall as GroupBuyStall
from plugins.promotions.tests.stall import Stall as PromotionsStall
from plugins.promotions.tests.stall import percent

from koipond_sdk.testing import STAFF, Factory, RunningShop
from koipond_sdk.testing.conformance.candidates import Story

CHECK_IN = "mutation { checkIn { checkIn { streak } userErrors { code } } }"
SET = """mutation ($input: SetPluginSettingsInput!) {
  done: setPluginSettings(input: $input) { userErrors { code } }
}"""


async def check_in(shop: RunningShop, make: Factory) -> None:
    lin = await make.member()
    for streak in (1, 2):
        answer = await shop.graphql(CHECK_IN, viewer=lin)
        assert answer["data"]["checkIn"]["checkIn"] == {"streak": streak}
        shop.clock.advance(days=1)


async def give_points(shop: RunningShop, make: Factory) -> None:
    wish = {"plugin": "points", "values": {"order_points": 3}, "expectedVersion": 0}
    answer = await shop.graphql(SET, {"input": wish}, viewer=STAFF, admin=True)
    assert answer == {"data": {"done": {"userErrors": []}}}
    # Settings are at most a second old.
    shop.clock.advance(seconds=2)
    tea = await make.variant("POINTS-TEA", price="10.00")
    lin = await make.member()
    refunded = await make.paid_order({tea: 1}, by=lin)
    await make.paid_order({tea: 2}, by=lin)
    await make.refund(refunded)
    await shop.work()
    assert len(await shop.rows("ledger_transfer")) == 3


async def sell_to_teams(shop: RunningShop, make: Factory) -> None:
    stall = GroupBuyStall(shop)
    await stall.open(endsAt=str(shop.clock.now().replace(year=2027).isoformat()))
    await stall.fill("lin", "wu", "wang")
    await stall.buy("zhao")
    await stall.pass_time(days=3)
    assert await stall.team_states() == {"succeeded": 1, "failed": 1}


async def sell_in_a_flash(shop: RunningShop, make: Factory) -> None:
    stall = await FlashSaleStall.open(shop)
    later = shop.clock.now().replace(year=2027).isoformat()
    await stall.begin(endsAt=later)
    assert (await stall.order_of(pay="captured"))["userErrors"] == []
    assert (await stall.order_of())["userErrors"] == []
    await shop.pass_time(days=1)


async def promote(shop: RunningShop, make: Factory) -> None:
    stall = await PromotionsStall.open(shop)
    await stall.run(percent("10"))
    tea = await make.variant("PROMOTED-TEA", price="10.00")
    paid = await make.paid_order({tea: 1}, by=await make.member())
    assert paid.total == "9.00"
    await make.refund(paid)
    await shop.work()


STORIES: Mapping[str, Story] = {
    "checkin": check_in,
    "flashsale": sell_in_a_flash,
    "groupbuy": sell_to_teams,
    "points": give_points,
    "promotions": promote,
}


@pytest.fixture
def story(plugin_name: str) -> Story | None:
    return STORIES.get(plugin_name)
