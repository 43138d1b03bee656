"""Coupons as rewards, which any plugin gives by their kind."""

from typing import Any

import pytest
from plugins.promotions.tests.stall import Stall, outcome, percent

from koipond.kernel.context import Context, transaction
from koipond.plugin.errors import RewardKindUnknown
from koipond_promotions.errors import CouponRewardUnset
from koipond_sdk import Viewer
from koipond_sdk.services.rewards import Reward, check_reward_kind, grant_reward
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

SET = """mutation($input: SetPluginSettingsInput!) { done: setPluginSettings(input: $input) {
  userErrors { code message }
} }"""


@transaction
async def give(ctx: Context, reward: Reward) -> None:
    await grant_reward(ctx, reward)


async def reward(stall: Stall, lin: Viewer, *, source: str = "test:1", amount: int = 1) -> None:
    assert lin.member_id is not None
    wanted = Reward(kind="coupon", member_id=lin.member_id, amount=amount, source=source)
    async with stall.shop.context(viewer=STAFF) as ctx:
        await give(ctx, wanted)


async def let(stall: Stall, one: dict[str, Any]) -> None:
    """Let the codes of a promotion be what is given."""
    values = {"reward_promotion": one["id"]}
    done = await stall.staff(SET, plugin="promotions", values=values, expectedVersion=0)
    assert done["userErrors"] == []


async def test_a_member_is_given_a_code_once_for_each_source(stall: Stall, lin: Viewer) -> None:
    await let(stall, await stall.run(percent("10"), needsCoupon=True))
    await reward(stall, lin, amount=2)
    await reward(stall, lin, amount=2)
    (coupon,) = await stall.coupons()
    assert (coupon["uses_max"], coupon["source"], coupon["batch_id"]) == (2, "test:1", None)
    got = [
        outcome(await stall.order_of(couponCodes=[coupon["code"]], viewer=lin)) for _ in range(3)
    ]
    assert got == ["PLACED 9.00", "PLACED 9.00", "COUPON_EXHAUSTED"]
    refused = await stall.refused(stall.order_of(couponCodes=[coupon["code"]]))
    assert refused["code"] == "COUPON_UNKNOWN"


async def test_it_expires_after_the_days_that_are_set(stall: Stall, lin: Viewer) -> None:
    await let(stall, await stall.run(percent("10"), needsCoupon=True))
    await reward(stall, lin)
    (coupon,) = await stall.coupons()
    stall.shop.clock.advance(days=30)
    refused = await stall.refused(stall.order_of(couponCodes=[coupon["code"]], viewer=lin))
    assert refused["code"] == "COUPON_EXPIRED"
    answer = await stall.shop.graphql("{ me { coupons { code } } }", viewer=lin)
    assert answer["data"]["me"]["coupons"] == []


async def test_without_a_promotion_no_coupon_is_a_reward(stall: Stall, lin: Viewer) -> None:
    before = await stall.shop.snapshot()
    with pytest.raises(CouponRewardUnset):
        await reward(stall, lin)
    assert await stall.shop.snapshot() == before


async def test_coupon_is_a_kind_of_reward_and_voucher_is_none(stall: Stall) -> None:
    async with stall.shop.context(viewer=STAFF) as ctx:
        check_reward_kind(ctx, "coupon")
        with pytest.raises(RewardKindUnknown):
            check_reward_kind(ctx, "voucher")
