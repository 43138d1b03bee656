"""Groups of members: made by staff, joined and left by plugins and staff."""

import pytest

from koipond.kernel.ids import MemberId, new_id
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.member import service
from koipond.member.errors import MemberGroupInvalid, MemberGroupUnknown, MemberUnknown
from koipond.member.types import Contact, MemberGroup
from koipond_sdk.testing import STAFF, RunningShop

pytestmark = pytest.mark.story


async def make_member(shop: RunningShop) -> MemberId:
    async with shop.context() as ctx:
        return await service.ensure_buyer(ctx, Contact(email="lin@example.org"))


async def groups_of(shop: RunningShop, key: MemberId) -> frozenset[str]:
    async with shop.context(viewer=Viewer(kind=ViewerKind.MEMBER, id=key)) as ctx:
        return await service.find_viewer_groups(ctx)


async def test_a_member_joins_and_leaves_groups_and_twice_changes_nothing(
    shop: RunningShop,
) -> None:
    key = await make_member(shop)
    async with shop.context(viewer=STAFF) as ctx:
        for code in ("gold", "staff"):
            await service.set_group(ctx, code, code.title())
        for _ in range(2):
            await service.change_groups(ctx, key, join=["gold", "staff"])
            assert await groups_of(shop, key) == {"gold", "staff"}
        for _ in range(2):
            await service.change_groups(ctx, key, leave=["gold"])
            assert await groups_of(shop, key) == {"staff"}
        await service.set_group(ctx, "gold", "Gold members")
        assert (await service.find_groups(ctx))["gold"] == MemberGroup(
            code="gold", name="Gold members", version=2
        )
        assert await service.find_groups_of(ctx, [key]) == {key: {"staff"}}


async def test_a_shop_without_groups_asks_nothing_of_them(shop: RunningShop) -> None:
    key = await make_member(shop)
    await groups_of(shop, key)
    with shop.count_statements() as sent:
        assert await groups_of(shop, key) == frozenset()
    assert [one for one in sent if "FROM channel" not in one] == []


async def test_what_there_is_none_of_is_refused_and_nothing_changes(shop: RunningShop) -> None:
    key = await make_member(shop)
    async with shop.context(viewer=STAFF) as ctx:
        await service.set_group(ctx, "gold", "Gold")
        before = await shop.snapshot()
        with pytest.raises(MemberGroupUnknown, match="There are: gold"):
            await service.change_groups(ctx, key, join=["gold", "vip"])
        with pytest.raises(MemberUnknown):
            await service.change_groups(ctx, MemberId(new_id()), join=["gold"])
        for code, name in (("G D", "Gold"), ("gold", " "), ("gold", "x" * 121)):
            with pytest.raises(MemberGroupInvalid):
                await service.set_group(ctx, code, name)
    assert await shop.snapshot() == before
