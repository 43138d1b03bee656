"""Two members become one: the days of both make one run, and are told apart again."""

import pytest
from plugins.checkin.tests.test_checkin import MakeMember, check_in, status, streak_on

from koipond.oneid import service as oneid
from koipond.oneid.types import MemberMerge, MergeWish
from koipond_sdk import Viewer
from koipond_sdk.testing.shop import STAFF, RunningShop

pytestmark = pytest.mark.story


async def merge(shop: RunningShop, survivor: Viewer, merged: Viewer) -> MemberMerge:
    first, second = survivor.member_id, merged.member_id
    assert first is not None
    assert second is not None
    async with shop.context(viewer=STAFF) as ctx:
        stamps = await oneid.find_stamps(ctx, [first, second])
        wish = MergeWish(
            survivor_id=first,
            merged_id=second,
            expected_survivor=stamps[first],
            expected_merged=stamps[second],
        )
        return await oneid.merge_members(ctx, wish)


async def test_the_days_of_both_are_one_run_until_they_are_parted(
    shop: RunningShop, lin: Viewer, new_member: MakeMember
) -> None:
    mei = await new_member(shop, "mei@example.org")
    for day in (1, 2, 4):
        assert await streak_on(shop, mei, f"2026-11-0{day}T12:00") > 0
    # Both were here on the 4th: it counts once.
    for day in (3, 4):
        assert await streak_on(shop, lin, f"2026-11-0{day}T13:00") > 0
    made = await merge(shop, lin, mei)
    assert (await status(shop, lin))["streak"] == 4
    # The old id is the survivor: nobody is rewarded twice for a day.
    refused = await check_in(shop, mei)
    assert [one["code"] for one in refused["userErrors"]] == ["ALREADY_CHECKED_IN"]
    assert await streak_on(shop, mei, "2026-11-05T12:00") == 5
    async with shop.context(viewer=STAFF) as ctx:
        await oneid.undo_merge(ctx, made.id)
    # The day since the merge stays: 3, 4 and 5.
    assert (await status(shop, lin))["streak"] == 3
    shop.clock.advance(days=-1)
    assert (await status(shop, mei))["streak"] == 1
