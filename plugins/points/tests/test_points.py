import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from tests.rig.naive import built

from koipond.duties import audits_of
from koipond.kernel.invariants import run_audits
from koipond.kernel.viewer import GUEST
from koipond.ledger.tables import ledger_account, ledger_transfer
from koipond_points import service
from koipond_points.types import ExpirePoints, account_of
from koipond_sdk import Context, MemberId, Viewer, encode, new_id, transaction
from koipond_sdk.services import ledger
from koipond_sdk.services.rewards import Reward, grant_reward
from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.story

MINE = """
query ($first: Int, $after: String) {
  me { points }
  pointsBalance
  pointsEntries(first: $first, after: $after) {
    nodes { points note createdAt }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CORRECT = """
mutation ($input: PointsCorrectionInput!) {
  %s(input: $input) {
    entry { points note createdAt }
    balance
    userErrors {
      __typename code message field
      ... on PointsShort { points balance }
      ... on PointsAmountInvalid { points maximum }
    }
  }
}
"""
OTHER_STAFF = Viewer(kind=STAFF.kind, id=UUID(int=7), permissions=frozenset({"points.manage"}))
NO_LOCK = "accounts of the ledger are not locked"

MakeMember = Callable[[RunningShop, str], Awaitable[Viewer]]


def member_of(viewer: Viewer) -> MemberId:
    assert viewer.member_id is not None
    return viewer.member_id


async def mine(shop: RunningShop, viewer: Viewer, **page: Any) -> dict[str, Any]:
    answer = await shop.graphql(MINE, page, viewer=viewer)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]
    return found


async def reward(
    shop: RunningShop, viewer: Viewer, amount: int, source: str, note: str = "For a test"
) -> None:
    given = Reward(
        kind="points", member_id=member_of(viewer), amount=amount, source=source, note=note
    )
    async with shop.context() as ctx:
        await grant_reward(ctx, given)


async def correct(
    shop: RunningShop, verb: str, viewer: Viewer, points: int, *, staff: Viewer = STAFF, **more: str
) -> dict[str, Any]:
    given = {
        "memberId": encode(MemberId, member_of(viewer)),
        "points": points,
        "reason": "Sorry for the wait",
        "idempotencyKey": str(new_id()),
        **more,
    }
    answer = await shop.graphql(CORRECT % verb, {"input": given}, viewer=staff, admin=True)
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"][verb]
    return payload


async def refused(shop: RunningShop, *given: Any, **more: Any) -> dict[str, Any]:
    """Return a refusal that changed nothing."""
    before = await shop.snapshot()
    payload = await correct(shop, *given, **more)
    assert (payload["entry"], payload["balance"]) == (None, None)
    assert await shop.snapshot() == before
    (error,) = payload["userErrors"]
    return {key: value for key, value in error.items() if key != "__typename"}


async def everything_holds(shop: RunningShop) -> None:
    assert await run_audits(shop.shop, audits_of(shop.shop)) == []


async def test_who_never_had_a_point_has_none(shop: RunningShop, lin: Viewer) -> None:
    assert await mine(shop, lin) == {
        "me": {"points": 0},
        "pointsBalance": 0,
        "pointsEntries": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}},
    }


async def test_a_reward_adds_to_the_balance_and_says_what_for(
    shop: RunningShop, lin: Viewer
) -> None:
    await reward(shop, lin, 5, "test:1", "Welcome")
    shop.clock.advance(days=1)
    await reward(shop, lin, 7, "test:2", "Welcome back")
    found = await mine(shop, lin)
    assert (found["me"]["points"], found["pointsBalance"]) == (12, 12)
    assert found["pointsEntries"]["nodes"] == [
        {"points": 7, "note": "Welcome back", "createdAt": "2026-01-02T12:00:00+00:00"},
        {"points": 5, "note": "Welcome", "createdAt": "2026-01-01T12:00:00+00:00"},
    ]
    await everything_holds(shop)


async def test_a_reward_of_a_source_that_was_given_changes_nothing(
    shop: RunningShop, lin: Viewer, new_member: MakeMember
) -> None:
    wang = await new_member(shop, "wang@example.org")
    await reward(shop, lin, 5, "test:1")
    before = await shop.snapshot()
    await reward(shop, lin, 5, "test:1")
    await reward(shop, wang, 9, "test:1")
    assert await shop.snapshot() == before


async def test_a_reward_goes_with_the_transaction_that_it_is_for(
    shop: RunningShop, lin: Viewer
) -> None:
    @transaction
    async def fail(ctx: Context) -> None:
        given = Reward(kind="points", member_id=member_of(lin), amount=5, source="test:1")
        await grant_reward(ctx, given)
        raise ArithmeticError

    before = await shop.snapshot()
    with pytest.raises(ArithmeticError):
        async with shop.context() as ctx:
            await fail(ctx)
    assert await shop.snapshot() == before


async def test_entries_are_paged_the_newest_first(shop: RunningShop, lin: Viewer) -> None:
    for nth in range(1, 6):
        await reward(shop, lin, nth, f"test:{nth}")
    pages, after = [], None
    while True:
        found = (await mine(shop, lin, first=2, after=after))["pointsEntries"]
        pages.append([one["points"] for one in found["nodes"]])
        # What comes in front of a page does not move it.
        await reward(shop, lin, 100, f"test:front:{len(pages)}")
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]
    assert pages == [[5, 4], [3, 2], [1]]


@pytest.mark.one_database
@pytest.mark.parametrize("page", [{"first": 0}, {"first": 101}, {"after": "nonsense"}])
async def test_a_page_that_cannot_be_is_refused(
    shop: RunningShop, lin: Viewer, page: dict[str, Any]
) -> None:
    answer = await shop.graphql(MINE, page, viewer=lin)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_members_see_their_own_points_only(
    shop: RunningShop, lin: Viewer, new_member: MakeMember
) -> None:
    wang = await new_member(shop, "wang@example.org")
    await reward(shop, lin, 5, "test:1")
    found = await mine(shop, wang)
    assert (found["me"]["points"], found["pointsBalance"]) == (0, 0)
    assert found["pointsEntries"]["nodes"] == []


@pytest.mark.one_database
@pytest.mark.parametrize("viewer", [GUEST, STAFF], ids=["guest", "staff"])
@pytest.mark.parametrize("field", ["pointsBalance", "pointsEntries { nodes { points } }"])
async def test_only_members_have_points(shop: RunningShop, viewer: Viewer, field: str) -> None:
    answer = await shop.graphql(f"{{ {field} }}", viewer=viewer)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["PERMISSION_MISSING"]


async def test_staff_give_and_take_points_with_a_reason(shop: RunningShop, lin: Viewer) -> None:
    now = "2026-01-01T12:00:00+00:00"
    assert await correct(shop, "grantPoints", lin, 100) == {
        "entry": {"points": 100, "note": "Sorry for the wait", "createdAt": now},
        "balance": 100,
        "userErrors": [],
    }
    assert await correct(shop, "takePoints", lin, 30, reason=" Given twice ") == {
        "entry": {"points": -30, "note": "Given twice", "createdAt": now},
        "balance": 70,
        "userErrors": [],
    }
    assert (await correct(shop, "takePoints", lin, 70))["balance"] == 0
    await everything_holds(shop)


async def test_a_balance_never_falls_below_zero(shop: RunningShop, lin: Viewer) -> None:
    assert await refused(shop, "takePoints", lin, 1) == {
        "code": "POINTS_SHORT",
        "message": "1 points were to be taken, and the member has 0. Take at most that.",
        "field": "points",
        "points": 1,
        "balance": 0,
    }
    await correct(shop, "grantPoints", lin, 100)
    assert await refused(shop, "takePoints", lin, 101) == {
        "code": "POINTS_SHORT",
        "message": "101 points were to be taken, and the member has 100. Take at most that.",
        "field": "points",
        "points": 101,
        "balance": 100,
    }


@pytest.mark.parametrize("verb", ["grantPoints", "takePoints"])
async def test_what_cannot_be_booked_is_refused_in_words(
    shop: RunningShop, lin: Viewer, verb: str
) -> None:
    await correct(shop, "grantPoints", lin, 100)
    for points, shown in ((0, "0"), (-5, "-5"), (1_000_000_001, "1,000,000,001")):
        assert await refused(shop, verb, lin, points) == {
            "code": "POINTS_AMOUNT_INVALID",
            "message": f"{shown} points cannot be booked: 1 to 1,000,000,000 at once are.",
            "field": "points",
            "points": points,
            "maximum": 1_000_000_000,
        }
    for reason in (" ", "x" * 201):
        assert await refused(shop, verb, lin, 1, reason=reason) == {
            "code": "POINTS_REASON_MISSING",
            "message": "Say in 1 to 200 characters why; the member reads it beside the points.",
            "field": "reason",
        }
    for key in ("", "x" * 121):
        found = await refused(shop, verb, lin, 1, idempotencyKey=key)
        assert found["code"] == "IDEMPOTENCY_KEY_INVALID"


@pytest.mark.parametrize("verb", ["grantPoints", "takePoints"])
async def test_a_member_that_there_is_none_of_is_refused(shop: RunningShop, verb: str) -> None:
    before = await shop.snapshot()
    stranger = encode(MemberId, MemberId(UUID(int=1)))
    given = {"memberId": stranger, "points": 1, "reason": "x", "idempotencyKey": "k"}
    answer = await shop.graphql(CORRECT % verb, {"input": given}, viewer=STAFF, admin=True)
    (error,) = answer["data"][verb]["userErrors"]
    assert (error["code"], error["field"]) == ("MEMBER_UNKNOWN", "memberId")
    assert await shop.snapshot() == before


@pytest.mark.parametrize("verb", ["grantPoints", "takePoints"])
async def test_corrections_need_the_permission(shop: RunningShop, lin: Viewer, verb: str) -> None:
    nobody = Viewer(kind=STAFF.kind, id=STAFF.id, permissions=frozenset({"stock.write"}))
    before = await shop.snapshot()
    given = {
        "memberId": encode(MemberId, member_of(lin)),
        "points": 1,
        "reason": "x",
        "idempotencyKey": "k",
    }
    answer = await shop.graphql(CORRECT % verb, {"input": given}, viewer=nobody, admin=True)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["PERMISSION_MISSING"]
    assert await shop.snapshot() == before


async def test_a_repeat_with_the_same_key_happens_once(shop: RunningShop, lin: Viewer) -> None:
    first = await correct(shop, "grantPoints", lin, 100, idempotencyKey="monday")
    await correct(shop, "takePoints", lin, 40, idempotencyKey="tuesday")
    before = await shop.snapshot()
    again = await correct(shop, "grantPoints", lin, 100, idempotencyKey="monday")
    assert again == {**first, "balance": 60}
    again = await correct(shop, "takePoints", lin, 40, idempotencyKey="tuesday")
    assert (again["entry"]["points"], again["balance"]) == (-40, 60)
    assert await shop.snapshot() == before
    # Another's key is another key.
    other = await correct(shop, "grantPoints", lin, 1, staff=OTHER_STAFF, idempotencyKey="monday")
    assert other["balance"] == 61


async def test_a_key_of_another_act_is_refused(
    shop: RunningShop, lin: Viewer, new_member: MakeMember
) -> None:
    wang = await new_member(shop, "wang@example.org")
    await correct(shop, "grantPoints", lin, 100, idempotencyKey="monday")
    for verb, member, points, more in (
        ("grantPoints", lin, 99, {}),
        ("grantPoints", wang, 100, {}),
        ("takePoints", lin, 100, {}),
        ("grantPoints", lin, 100, {"reason": "Another"}),
    ):
        found = await refused(shop, verb, member, points, idempotencyKey="monday", **more)
        assert (found["code"], found["field"]) == ("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")


@pytest.mark.slow
async def test_a_refusal_keeps_no_key(shop: RunningShop, lin: Viewer) -> None:
    found = await refused(shop, "takePoints", lin, 5, idempotencyKey="monday")
    assert found["code"] == "POINTS_SHORT"
    await correct(shop, "grantPoints", lin, 5)
    assert (await correct(shop, "takePoints", lin, 5, idempotencyKey="monday"))["balance"] == 0


async def reward_at_once(shop: RunningShop, viewer: Viewer, *, times: int = 50) -> None:
    """Give rewards of 1, 2, 3 … points at once; fails unless all of them are in the balance."""
    await reward(shop, viewer, 1, "test:first")
    await asyncio.gather(*(reward(shop, viewer, nth, f"test:{nth}") for nth in range(1, times + 1)))
    assert (await mine(shop, viewer))["pointsBalance"] == 1 + sum(range(1, times + 1))
    await everything_holds(shop)


async def test_of_fifty_rewards_at_once_none_is_lost(shop: RunningShop, lin: Viewer) -> None:
    await reward_at_once(shop, lin)


async def test_the_first_rewards_of_a_member_at_once_are_all_kept(
    shop: RunningShop, lin: Viewer
) -> None:
    await asyncio.gather(*(reward(shop, lin, 2, f"test:{nth}") for nth in range(50)))
    assert (await mine(shop, lin))["pointsBalance"] == 100
    await everything_holds(shop)


# SQLite has one writer, which reads what the one before it wrote.
@pytest.mark.postgres
async def test_a_build_that_does_not_lock_loses_some(
    databases: Databases, new_member: MakeMember
) -> None:
    async with running_shop(await databases.emptied(Kind.POSTGRES), plugins=["points"]) as shop:
        lin = await new_member(shop, "lin@example.org")
        with built(NO_LOCK), pytest.raises(AssertionError):
            await reward_at_once(shop, lin)
        found = await run_audits(shop.shop, audits_of(shop.shop))
        assert {one.invariant for one in found} == {"I3"}


async def test_of_fifty_rewards_of_one_source_at_once_one_counts(
    shop: RunningShop, lin: Viewer
) -> None:
    await asyncio.gather(*(reward(shop, lin, 5, "test:1") for _ in range(50)))
    assert (await mine(shop, lin))["pointsBalance"] == 5
    assert len(await shop.rows(ledger_transfer)) == 1


@pytest.mark.slow
async def test_of_fifty_at_once_who_take_what_there_is_as_many_get_it_as_there_is(
    shop: RunningShop, lin: Viewer
) -> None:
    await correct(shop, "grantPoints", lin, 100)
    taken = await asyncio.gather(*(correct(shop, "takePoints", lin, 9) for _ in range(50)))
    outcomes = Counter(one["userErrors"][0]["code"] if one["userErrors"] else "" for one in taken)
    assert outcomes == {"": 11, "POINTS_SHORT": 39}
    assert (await mine(shop, lin))["pointsBalance"] == 1
    await everything_holds(shop)


@pytest.mark.slow
async def test_of_fifty_repeats_at_once_one_counts(shop: RunningShop, lin: Viewer) -> None:
    repeats = (correct(shop, "grantPoints", lin, 9, idempotencyKey="monday") for _ in range(50))
    answers = await asyncio.gather(*repeats)
    assert [one["userErrors"] for one in answers] == [[]] * 50
    assert {one["balance"] for one in answers} == {9}
    assert len(await shop.rows(ledger_transfer)) == 1


@pytest.mark.breaks_invariants
async def test_a_balance_that_is_off_its_entries_is_found(shop: RunningShop, lin: Viewer) -> None:
    await reward(shop, lin, 5, "test:1")
    own = ledger_account.c.owner_kind == "member"
    async with shop.shop.database.writer.begin() as db:
        await db.execute(ledger_account.update().where(own).values(balance=8))
    found = await run_audits(shop.shop, audits_of(shop.shop))
    assert [one.problem for one in found] == [
        f"member {member_of(lin)} has a balance of 8 points, 0 of debt and 0 set aside; its "
        "entries come to 5, its buckets to 5 and 0"
    ]


async def test_a_reward_takes_two_statements(shop: RunningShop, lin: Viewer) -> None:
    await reward(shop, lin, 5, "test:1")
    with shop.count_statements() as sent:
        await reward(shop, lin, 5, "test:2")
    # One that locks and looks, one that writes; on SQLite one that writes for each table.
    writes = 4 if shop.shop.database.is_sqlite else 1
    assert len([one for one in sent if "ledger_" in one]) == 1 + writes


SET = """
mutation ($input: SetPluginSettingsInput!) {
  setPluginSettings(input: $input) { userErrors { code message } }
}
"""
ACCOUNT = """{
  pointsAccount { active pending debt expiring { points expiresOn } }
  pointsEntries { nodes { kind points balanceAfter } }
}"""


async def put(shop: RunningShop, **values: Any) -> list[dict[str, Any]]:
    wanted = {"plugin": "points", "values": values, "expectedVersion": 0}
    answer = await shop.graphql(SET, {"input": wanted}, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    refusals: list[dict[str, Any]] = answer["data"]["setPluginSettings"]["userErrors"]
    return refusals


async def account(shop: RunningShop, viewer: Viewer) -> dict[str, Any]:
    answer = await shop.graphql(ACCOUNT, viewer=viewer)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]
    return found


async def test_points_are_good_as_long_as_staff_say_and_then_expire(
    shop: RunningShop, lin: Viewer
) -> None:
    await reward(shop, lin, 3, "test:before")
    assert await put(shop, valid_days=30, time_zone="Asia/Shanghai") == []
    await reward(shop, lin, 5, "test:1")
    expiring = [{"points": 5, "expiresOn": "2026-01-31"}]
    assert (await account(shop, lin))["pointsAccount"] == {
        "active": 8,
        "pending": 0,
        "debt": 0,
        "expiring": expiring,
    }
    # Midnight there is 16:00 in UTC.
    for at, left in ((datetime(2026, 1, 31, 15, 59), 8), (datetime(2026, 1, 31, 16), 3)):
        shop.clock.set(at.replace(tzinfo=UTC))
        async with shop.context() as ctx:
            await service.expire_points(ctx, ExpirePoints())
        assert (await mine(shop, lin))["pointsBalance"] == left
    assert (await account(shop, lin))["pointsEntries"]["nodes"] == [
        {"kind": "EXPIRE", "points": -5, "balanceAfter": 3},
        {"kind": "EARN", "points": 5, "balanceAfter": 8},
        {"kind": "EARN", "points": 3, "balanceAfter": 3},
    ]
    await everything_holds(shop)


async def test_what_is_set_aside_and_owed_is_shown(shop: RunningShop, lin: Viewer) -> None:
    await reward(shop, lin, 10, "test:1")
    slip = ledger.Slip(source="test:order", day=date(2026, 1, 1))
    async with shop.context() as ctx:
        await ledger.set_aside(ctx, account_of(member_of(lin)), 6, slip)
        earned = await ledger.find_booked(ctx, ledger.TransferKind.EARN, "points:test:1")
        assert earned is not None
        await ledger.reverse(ctx, earned.id, slip)
    found = await account(shop, lin)
    assert found["pointsAccount"] == {"active": 0, "pending": 6, "debt": 6, "expiring": []}
    assert found["pointsEntries"]["nodes"][0] == {
        "kind": "REVERSE",
        "points": -10,
        "balanceAfter": 0,
    }
    assert (await mine(shop, lin))["pointsBalance"] == 0
    assert (await refused(shop, "takePoints", lin, 1))["code"] == "POINTS_SHORT"


@pytest.mark.one_database
async def test_a_time_zone_that_there_is_none_of_is_refused(shop: RunningShop) -> None:
    (refusal,) = await put(shop, time_zone="Mars/Olympus")
    assert "'Mars/Olympus' is no time zone" in refusal["message"]


@pytest.mark.one_database
async def test_the_job_that_expires_points_comes_again_and_again(shop: RunningShop) -> None:
    every = {type(one.job): one.seconds for one in shop.shop.recurring}
    assert every[ExpirePoints] == 900
