"""Staff look for members, and note what is known of one."""

from typing import Any

import pytest

from koipond.kernel.ids import MemberId, encode
from koipond.kernel.viewer import SYSTEM
from koipond.member import service
from koipond.member.types import Contact
from koipond_sdk.testing import STAFF, RunningShop

MEMBERS = """query($filter: MemberFilter, $first: Int, $after: String) {
  members(filter: $filter, first: $first, after: $after) {
    nodes { id name } pageInfo { hasNextPage endCursor } } }"""
UPDATE = """mutation($input: UpdateMemberInput!) { updateMember(input: $input) {
  member { name locale } userErrors { code } } }"""


async def make(shop: RunningShop, name: str, **known: str) -> str:
    async with shop.context(viewer=SYSTEM) as ctx:
        return encode(MemberId, await service.ensure_buyer(ctx, Contact(name=name, **known)))


async def ask(shop: RunningShop, document: str = MEMBERS, **given: Any) -> Any:
    return await shop.graphql(document, given, viewer=STAFF, admin=True)


async def names(shop: RunningShop, **wanted: Any) -> list[str]:
    answer = await ask(shop, filter=wanted)
    assert "errors" not in answer, answer
    return [one["name"] for one in answer["data"]["members"]["nodes"]]


async def test_members_are_found_by_what_is_known_of_them(shop: RunningShop) -> None:
    lin = await make(shop, "Lin Wang", email="lin@example.org")
    await make(shop, "Linus %", phone="+8613800000000")
    async with shop.context(viewer=SYSTEM) as ctx:
        await service.set_group(ctx, "trade", "Trade")
    join = """mutation($input: ChangeMemberGroupsInput!) { changeMemberGroups(input: $input) {
      userErrors { code } } }"""
    await ask(shop, join, input={"memberId": lin, "join": ["trade"]})
    assert await names(shop) == ["Linus %", "Lin Wang"]
    assert await names(shop, email=" LIN@example.org") == ["Lin Wang"]
    assert await names(shop, phone="+86 138 0000 0000") == ["Linus %"]
    assert await names(shop, name="lin") == ["Linus %", "Lin Wang"]
    assert await names(shop, name="linus") == ["Linus %"]
    assert await names(shop, name="%") == []
    assert await names(shop, group="trade") == ["Lin Wang"]
    assert await names(shop, group="trade", name="Linus") == []
    assert await names(shop, state="GUEST") == ["Linus %", "Lin Wang"]
    assert await names(shop, state="MERGED") == []
    first = (await ask(shop, first=1))["data"]["members"]
    assert first["pageInfo"]["hasNextPage"] is True
    second = (await ask(shop, first=1, after=first["pageInfo"]["endCursor"]))["data"]["members"]
    assert [one["name"] for one in second["nodes"]] == ["Lin Wang"]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [({"email": "nobody"}, "CONTACT_INVALID"), ({"group": "none"}, "MEMBER_GROUP_UNKNOWN")],
)
async def test_what_nobody_can_be_known_by_is_refused(
    shop: RunningShop, wanted: dict[str, str], code: str
) -> None:
    answer = await ask(shop, filter=wanted)
    assert answer["errors"][0]["extensions"]["code"] == code


async def test_staff_call_a_member_otherwise_and_the_audit_holds_no_name(
    shop: RunningShop,
) -> None:
    lin = await make(shop, "Lin Wang", email="lin@example.org")
    given = {"memberId": lin, "name": "Lin Wang-Li", "locale": "zh-Hans"}
    done = (await ask(shop, UPDATE, input=given))["data"]["updateMember"]
    assert done == {"member": {"name": "Lin Wang-Li", "locale": "zh-Hans"}, "userErrors": []}
    records = await shop.rows("audit_record")
    (record,) = [one for one in records if one["operation"] == "updateMember"]
    assert record["subject"] == lin
    assert "zh-Hans" in str(record["after"])
    assert "Wang" not in str(record)
    before = await shop.snapshot()
    nobody = {**given, "memberId": "mem_01k0000000e008000000000001"}
    refused = (await ask(shop, UPDATE, input=nobody))["data"]["updateMember"]
    assert [one["code"] for one in refused["userErrors"]] == ["MEMBER_UNKNOWN"]
    assert await shop.snapshot() == before
