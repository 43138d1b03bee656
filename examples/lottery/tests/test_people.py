"""What becomes of entries when members are merged or erased, and what audits find."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from koipond_lottery import service
from koipond_lottery.errors import LotteryEnteredToday
from koipond_lottery.types import EntryState, Lottery, LotteryDraft, PrizeDraft
from koipond_sdk import Context, MemberId, Page, Viewer, encode, transaction
from koipond_sdk.testing import STAFF, Factory, RunningShop, dies_at

LOOK = "query($id: ID!) { member(id: $id) { mergeStamp } }"
MERGE = """mutation($input: MergeMembersInput!) {
  done: mergeMembers(input: $input) { merge { id } userErrors { code message } }
}"""
UNDO = """mutation($input: UndoMergeInput!) {
  done: undoMerge(input: $input) { merge { id } userErrors { code message } }
}"""
EXPORT = """mutation($input: ExportMemberInput!) {
  done: exportMember(input: $input) { request { id } userErrors { code message } }
}"""
EXPORTED = "query($id: ID!) { privacyRequests(memberId: $id) { state document } }"
ERASE = """mutation($input: EraseMemberInput!) {
  done: eraseMember(input: $input) { request { id } userErrors { code message } }
}"""

pytestmark = pytest.mark.story


def id_of(viewer: Viewer) -> MemberId:
    assert viewer.id is not None
    return MemberId(viewer.id)


def outside(viewer: Viewer) -> str:
    return encode(MemberId, id_of(viewer))


async def staff_ask(shop: RunningShop, document: str, **told: Any) -> dict[str, Any]:
    """Ask as staff; returns the data, with no refusal in it."""
    answer = await shop.graphql(document, told, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    assert data.get("done", {}).get("userErrors", []) == []
    return data


async def open_lottery(shop: RunningShop, *, units: int = 5) -> Lottery:
    """Make a lottery that everybody wins while it lasts, for ten days from now on."""
    now = shop.clock.now()
    draft = LotteryDraft(
        name="New Year",
        starts_at=now,
        ends_at=now + timedelta(days=10),
        prizes=(PrizeDraft(name="Gaiwan", units=units, odds_ppm=1_000_000),),
    )
    async with shop.context(viewer=STAFF) as ctx:
        return await service.make_lottery(ctx, draft)


async def enter(shop: RunningShop, lottery: Lottery, by: Viewer, *, key: str) -> EntryState:
    """Enter; returns what became of it. Raises what is refused."""
    async with shop.context(viewer=by) as ctx:
        return (await service.enter(ctx, lottery.id, id_of(by), key=key)).state


async def merge(shop: RunningShop, merged: Viewer, *, into: Viewer) -> str:
    """Let staff find that one member is another; returns the merge's id."""
    stamps = [
        (await staff_ask(shop, LOOK, id=outside(one)))["member"]["mergeStamp"]
        for one in (into, merged)
    ]
    told = {
        "survivorId": outside(into),
        "mergedId": outside(merged),
        "expectedSurvivor": stamps[0],
        "expectedMerged": stamps[1],
    }
    found: str = (await staff_ask(shop, MERGE, input=told))["done"]["merge"]["id"]
    await shop.work()
    return found


async def owners(shop: RunningShop) -> list[str]:
    """Return whose the entries are, in their order."""
    rows = sorted(await shop.rows("lottery_entry"), key=lambda row: str(row["id"]))
    return [str(row["member_id"]).replace("-", "") for row in rows]


async def test_entries_go_with_a_merge_and_come_back(shop: RunningShop, make: Factory) -> None:
    lin, wu = await make.member("lin@example.org"), await make.member("wu@example.org")
    lottery = await open_lottery(shop)
    await enter(shop, lottery, lin, key="lin, today")
    await enter(shop, lottery, wu, key="wu, today")
    assert await owners(shop) == [id_of(lin).hex, id_of(wu).hex]

    merged = await merge(shop, wu, into=lin)
    assert await owners(shop) == [id_of(lin).hex] * 2
    assert await shop.findings() == []

    await staff_ask(shop, UNDO, input={"mergeId": merged})
    assert await owners(shop) == [id_of(lin).hex, id_of(wu).hex]


async def test_who_was_merged_does_not_enter_again_that_day(
    shop: RunningShop, make: Factory
) -> None:
    lin, wu = await make.member("lin@example.org"), await make.member("wu@example.org")
    lottery = await open_lottery(shop)
    await enter(shop, lottery, wu, key="wu, today")
    await merge(shop, wu, into=lin)
    before = await shop.snapshot()
    with pytest.raises(LotteryEnteredToday):
        await enter(shop, lottery, lin, key="lin, today")
    assert await shop.snapshot() == before
    shop.clock.advance(days=1)
    assert await enter(shop, lottery, lin, key="lin, tomorrow") is EntryState.GIVEN


async def test_an_export_has_the_entries_of_the_member(shop: RunningShop, make: Factory) -> None:
    lin = await make.member("lin@example.org")
    lottery = await open_lottery(shop)
    await enter(shop, lottery, lin, key="lin, today")
    await staff_ask(shop, EXPORT, input={"memberId": outside(lin)})
    await shop.work()
    (request,) = (await staff_ask(shop, EXPORTED, id=outside(lin)))["privacyRequests"]
    (entry,) = json.loads(request["document"])["plugins"]["lottery"]["lottery_entry"]
    assert (entry["number"], entry["state"]) == (1, "given")


async def test_draws_of_who_is_erased_can_still_be_checked(
    shop: RunningShop, make: Factory
) -> None:
    lin = await make.member("lin@example.org")
    lottery = await open_lottery(shop)
    await enter(shop, lottery, lin, key="lin, today")
    before = await shop.rows("lottery_entry")
    await staff_ask(shop, ERASE, input={"memberId": outside(lin)})
    await shop.work()
    assert await shop.rows("lottery_entry") == before
    assert await shop.findings() == []


async def test_it_is_not_turned_off_while_somebody_waits(shop: RunningShop, make: Factory) -> None:
    lin = await make.member("lin@example.org")
    async with shop.context(viewer=STAFF) as ctx:
        assert await service.find_blockers(ctx) == []
        lottery = await open_lottery(shop)
        await enter(shop, lottery, lin, key="lin, today")
        assert await service.find_blockers(ctx) == [
            "1 lotteries are not over. Wait until they are.",
            "1 prizes are not delivered. Deliver them: lotteryWinners.",
        ]


@transaction
async def change(ctx: Context, statement: str) -> None:
    """Change rows past the plugin."""
    await ctx.db.execute(text(statement))


@pytest.mark.breaks_invariants
@pytest.mark.parametrize(
    ("broken", "found"),
    [
        ("UPDATE lottery_prize SET given = 2", ["lottery.units"]),
        ("UPDATE lottery_entry SET roll = (roll + 1) % 1000000", ["lottery.draws"]),
        ("UPDATE lottery_lottery SET seed = '" + "5e" * 32 + "'", ["lottery.draws"]),
        ("UPDATE lottery_entry SET state = 'sold_out'", ["lottery.draws", "lottery.units"]),
    ],
)
async def test_what_was_changed_is_found(
    shop: RunningShop, make: Factory, broken: str, found: list[str]
) -> None:
    lin = await make.member("lin@example.org")
    await enter(shop, await open_lottery(shop), lin, key="lin, today")
    assert await shop.findings() == []
    async with shop.context(viewer=STAFF) as ctx:
        await change(ctx, broken)
    assert sorted(one.invariant for one in await shop.findings()) == found


async def enter_once(shop: RunningShop) -> None:
    """Let Lin enter the one lottery there is; for a process of its own."""
    async with shop.context(viewer=STAFF) as ctx:
        found = await service.find_lotteries(ctx, Page(first=1))
    lin = await Factory(shop).member("lin@example.org")
    await enter(shop, found.rows[0], lin, key="lin, today")


@pytest.mark.slow
async def test_a_process_that_is_killed_gives_nothing_and_its_key_is_good(
    shop: RunningShop, database_url: str
) -> None:
    await open_lottery(shop, units=1)
    named = ["lottery", "points"]
    await dies_at("lottery.entered.before_commit", enter_once, database_url, plugins=named)
    assert await shop.rows("lottery_entry") == []
    shop.clock.advance(minutes=1)
    await enter_once(shop)
    await enter_once(shop)
    (entry,) = await shop.rows("lottery_entry")
    assert entry["state"] == "given"
