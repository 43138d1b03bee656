"""Two members become one: what each had is the survivor's."""

from datetime import date

import pytest
from core.tests.oneid.people import People

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId, encode, new_id
from koipond.ledger.types import Balance, Expiring
from koipond.member import service as members
from koipond.member.errors import MemberUnknown
from koipond.member.events import IdentityContested
from koipond.notify.types import Purpose
from koipond.oneid import service as oneid
from koipond.oneid.errors import IdentityDisputed, MemberChanged, MergeImpossible
from koipond.oneid.types import MergeReason, MergeWish
from koipond.quota.errors import LimitReached
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

JAN, FEB = date(2027, 1, 31), date(2027, 2, 28)
MERGE = """mutation($input: MergeMembersInput!) { done: mergeMembers(input: $input) {
  merge { id survivorId mergedId reason undoneAt } userErrors { code message } } }"""


async def test_identities_orders_and_groups_of_both_are_the_survivors(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    tea = await people.tea()
    bought = {await people.buy(one, tea) for one in (lin, mei)}
    async with people.shop.context(viewer=STAFF) as ctx:
        for key, code in ((lin, "gold"), (mei, "staff")):
            await members.set_group(ctx, code, code)
            await members.change_groups(ctx, key, join=[code])
    await people.merge(lin, mei)
    assert await people.orders_of(lin) == bought
    assert await people.orders_of(mei) == set()
    assert await people.identities(lin) == {"lin@example.org", "mei@example.org"}
    async with people.shop.context(viewer=STAFF) as ctx:
        assert (await members.find_groups_of(ctx, [lin]))[lin] == {"gold", "staff"}
        # Whoever has the old id finds the survivor.
        assert (await members.find_member(ctx, mei)).id == lin


async def test_the_ledger_is_the_survivors_bucket_by_bucket(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    await people.earn(lin, 10, JAN)
    await people.earn(mei, 5, JAN)
    await people.earn(mei, 7, FEB)
    await people.merge(lin, mei)
    expiring = (Expiring(expires_on=JAN, units=15), Expiring(expires_on=FEB, units=7))
    assert await people.balance(lin) == Balance(available=22, expiring=expiring)
    assert await people.balance(mei) == Balance()
    # What still comes for the old id goes on, and so does what it spends.
    await people.earn(mei, 3, FEB)
    await people.burn(mei, 20)
    assert await people.balance(lin) == Balance(
        available=5, expiring=(Expiring(expires_on=FEB, units=5),)
    )


async def test_limits_count_both_and_may_be_passed_by_the_merge_alone(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    flash = await people.limited(2)
    await people.take(lin, flash, 2)
    await people.take(mei, flash, 2)
    await people.merge(lin, mei)
    assert (await people.taken(lin, flash), await people.taken(mei, flash)) == (4, 0)
    with pytest.raises(LimitReached):
        await people.take(lin, flash, 1)
    [excess] = await people.shop.rows("quota_excess")
    assert excess["units"] == 4
    [row] = await people.shop.rows("quota")
    assert row["taken"] == 4


@pytest.mark.parametrize("who", ["survivor", "merged"])
async def test_who_said_no_on_either_side_said_no(people: People, who: str) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    no = {"survivor": lin, "merged": mei}[who]
    async with people.shop.context() as ctx:
        for key in (lin, mei):
            await members.set_consent(ctx, key, Purpose.MARKETING, given=True, source="test")
        await members.set_consent(ctx, no, Purpose.MARKETING, given=False, source="test")
    merge = await people.merge(lin, mei)
    async with people.shop.context() as ctx:
        assert (await members.find_consents(ctx, [lin])).get(lin, []) == []
    await people.undo(merge)
    async with people.shop.context() as ctx:
        found = await members.find_consents(ctx, [lin, mei])
    assert set(found) == {lin, mei} - {no}


async def test_a_yes_that_the_survivor_never_gave_is_carried(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    async with people.shop.context() as ctx:
        await members.set_consent(ctx, mei, Purpose.MARKETING, given=True, source="page")
    merge = await people.merge(lin, mei)
    async with people.shop.context() as ctx:
        [given] = (await members.find_consents(ctx, [lin]))[lin]
    assert given.source == "page"
    await people.undo(merge)
    async with people.shop.context() as ctx:
        assert set(await members.find_consents(ctx, [lin, mei])) == {mei}


async def test_merges_of_merges_end_at_one(people: People) -> None:
    keys = [await people.meet(f"{name}@example.org") for name in ("a", "b", "c")]
    first, second, third = keys
    for one in keys:
        await people.earn(one, 10)
    await people.merge(second, first)
    await people.merge(third, second)
    assert (await people.balance(third)).available == 30
    await people.earn(first, 1)
    assert (await people.balance(third)).available == 31
    async with people.shop.context(viewer=STAFF) as ctx:
        assert {(await members.find_member(ctx, one)).id for one in keys} == {third}
        assert await members.find_keys(ctx, third) == [third, first, second]


async def test_what_cannot_be_merged_is_refused_and_nothing_changes(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    zoe = await people.meet("zoe@example.org")
    await people.merge(lin, mei)
    before = await people.shop.snapshot()
    with pytest.raises(MergeImpossible, match="one member already"):
        await people.merge(lin, lin)
    for pair in ((lin, mei), (mei, zoe), (zoe, mei)):
        with pytest.raises(MergeImpossible, match=encode(MemberId, lin)):
            await people.merge(*pair)
    with pytest.raises(MemberUnknown):
        await people.merge(lin, MemberId(new_id()))
    async with people.shop.context(viewer=STAFF) as ctx:
        stale = MergeWish(
            survivor_id=lin, merged_id=zoe, expected_survivor="before", expected_merged="before"
        )
        with pytest.raises(MemberChanged, match="Look again"):
            await oneid.merge_members(ctx, stale)
    assert await people.shop.snapshot() == before


async def test_staff_merge_by_what_they_looked_at(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    stamps = {}
    for key in (lin, mei):
        answer = await people.shop.graphql(
            "query($id: ID!) { member(id: $id) { mergeStamp identities { kind value } } }",
            {"id": encode(MemberId, key)},
            viewer=STAFF,
            admin=True,
        )
        stamps[key] = answer["data"]["member"]["mergeStamp"]
    wish = {
        "survivorId": encode(MemberId, lin),
        "mergedId": encode(MemberId, mei),
        "expectedSurvivor": stamps[lin],
        "expectedMerged": stamps[mei],
    }
    done = await people.till.staff(MERGE, **wish)
    assert done["merge"] | {"id": ""} == {
        "id": "",
        "survivorId": wish["survivorId"],
        "mergedId": wish["mergedId"],
        "reason": "STAFF",
        "undoneAt": None,
    }
    again = await people.till.staff(MERGE, **wish)
    assert [one["code"] for one in again["userErrors"]] == ["MERGE_IMPOSSIBLE"]


@transaction
async def contest(ctx: Context, member: MemberId, owner: MemberId, kind: str) -> None:
    """Tell that a member has proven what is proven to be another's, as a login does."""
    ctx.emit(IdentityContested(member_id=member, owner_id=owner, kind=kind))


async def test_what_both_have_proven_merges_them_if_the_policy_says_so(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    async with people.shop.context(viewer=people.viewer(mei)) as ctx:
        before = await people.shop.snapshot()
        with pytest.raises(IdentityDisputed, match="phone"):
            await contest(ctx, mei, lin, "phone")
        assert await people.shop.snapshot() == before
        await contest(ctx, mei, lin, "unionid")
        # A second time they are one already.
        await contest(ctx, mei, lin, "unionid")
        await people.till.work()
        [merge] = (await oneid.find_merges(ctx, [lin]))[lin]
    # Of two guests who is known longer survives.
    assert (merge.survivor_id, merge.merged_id) == (lin, mei)
    assert (merge.reason, merge.kind) == (MergeReason.POLICY, "unionid")
