"""Two members become one: the codes of both, until they are parted."""

import pytest
from plugins.promotions.tests.stall import Stall, make_member, percent
from plugins.promotions.tests.test_rewards import let, reward

from koipond.kernel.ids import MemberId
from koipond.oneid import service as oneid
from koipond.oneid.types import MergeWish
from koipond_promotions import service
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story


async def codes(stall: Stall, key: MemberId) -> int:
    async with stall.shop.context() as ctx:
        return len((await service.find_coupons_of(ctx, [key]))[key])


async def test_codes_of_both_are_the_survivors_until_they_are_parted(stall: Stall) -> None:
    lin = await make_member(stall.shop)
    mei = await make_member(stall.shop)
    assert lin.member_id is not None
    assert mei.member_id is not None
    await let(stall, await stall.run(percent("10"), needsCoupon=True))
    await reward(stall, lin, source="test:lin")
    await reward(stall, mei, source="test:mei")
    async with stall.shop.context(viewer=STAFF) as ctx:
        stamps = await oneid.find_stamps(ctx, [lin.member_id, mei.member_id])
        wish = MergeWish(
            survivor_id=lin.member_id,
            merged_id=mei.member_id,
            expected_survivor=stamps[lin.member_id],
            expected_merged=stamps[mei.member_id],
        )
        merge = await oneid.merge_members(ctx, wish)
    assert (await codes(stall, lin.member_id), await codes(stall, mei.member_id)) == (2, 0)
    # A reward for the old id is the survivor's, and stays theirs.
    await reward(stall, mei, source="test:later")
    assert await codes(stall, lin.member_id) == 3
    async with stall.shop.context(viewer=STAFF) as ctx:
        await oneid.undo_merge(ctx, merge.id)
    assert (await codes(stall, lin.member_id), await codes(stall, mei.member_id)) == (2, 1)
