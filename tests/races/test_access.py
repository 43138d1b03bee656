"""Staff, their roles, the tokens of programs and approvals, changed by several at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
import pytest_asyncio
from core.tests.approval.test_four_eyes import APPROVE, DECLINE, act, given_back, hold, sell
from core.tests.payment.till import Till, codes
from core.tests.staff.test_staff import SET_ROLE, code, hire, send
from core.tests.staff.test_staff import act as manage
from tests.rig.naive import builds, raced

from koipond.approval import service as approvals
from koipond.approval.errors import ApprovalNotPending
from koipond.kernel.ids import ApprovalId, StaffId, decode, new_id
from koipond.kernel.viewer import SYSTEM, Viewer, ViewerKind
from koipond.settings import FourEyesSettings
from koipond.staff import service
from koipond.staff.types import ServiceTokenDraft
from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.databases import Databases, Kind

# A naive build may be lucky for a while.
ROUNDS, ROUNDS_NAIVE = 2, 8
SIDE_BY_SIDE = "changes of staff are made side by side"


@pytest_asyncio.fixture
async def on_postgres(databases: Databases) -> AsyncIterator[RunningShop]:
    """A shop on PostgreSQL; SQLite has one writer at a time, whoever locks what."""
    async with running_shop(await databases.emptied(Kind.POSTGRES)) as shop:
        yield shop


@pytest_asyncio.fixture
async def till(databases: Databases) -> AsyncIterator[Till]:
    """One in which a second one agrees to refunds of more than 15.00 EUR of one order."""
    policy = FourEyesSettings(act="refund", unit="EUR", above=15_00)
    url = await databases.emptied(Kind.POSTGRES)
    async with running_shop(url, four_eyes=(policy,)) as shop:
        yield Till(shop)


def rounds(build: str) -> int:
    return ROUNDS_NAIVE if build else ROUNDS


async def outcomes(*acts: Awaitable[Any]) -> Counter[str]:
    """Return {what it came to: how often} of acts at once; "" went well."""
    found = await asyncio.gather(*acts, return_exceptions=True)
    return Counter(type(one).__name__ if isinstance(one, Exception) else "" for one in found)


async def disable(shop: RunningShop, by: Viewer, whom: Viewer) -> None:
    assert whom.id is not None
    async with shop.context(viewer=by) as ctx:
        await service.disable_staff(ctx, StaffId(whom.id))


@builds(SIDE_BY_SIDE)
async def test_of_two_managers_who_disable_each_other_one_stays(
    on_postgres: RunningShop, build: str
) -> None:
    shop = on_postgres
    await manage(shop, SET_ROLE, key="people", permissions=["staff.write"])
    pairs = [
        [(await hire(shop, f"{name}{nth}@example.org", {"role": "people"}))[1] for name in "ab"]
        for nth in range(rounds(build))
    ]
    with raced(build):
        for lin, wu in pairs:
            found = await outcomes(disable(shop, lin, wu), disable(shop, wu, lin))
            assert found == {"": 1, "TokenInvalid": 1}


@builds(SIDE_BY_SIDE)
async def test_the_last_two_who_manage_staff_are_not_both_disabled(
    on_postgres: RunningShop, build: str
) -> None:
    shop = on_postgres
    await manage(shop, SET_ROLE, key="people", permissions=["staff.write"])
    hired = [(await hire(shop, f"{n}@example.org", {"role": "people"}))[1] for n in range(4)]
    kit = Viewer(kind=ViewerKind.STAFF, id=(await shop.rows("staff"))[0]["id"])
    await disable(shop, SYSTEM, kit)
    with raced(build):
        found = await outcomes(*(disable(shop, SYSTEM, one) for one in hired))
        assert found == {"": 3, "StaffUnmanaged": 1}


@builds("who changes staff holds what they held when they came")
async def test_who_was_disabled_meanwhile_makes_no_token(shop: RunningShop, build: str) -> None:
    """Their request was let in before, and waits for its turn."""
    await manage(shop, SET_ROLE, key="people", permissions=["staff.write"])
    _, lin = await hire(shop, "lin@example.org", {"role": "people"})
    held = Viewer(kind=lin.kind, id=lin.id, permissions=frozenset({"staff.write"}))
    draft = ServiceTokenDraft(name="back door", permissions=("staff.write",))
    async with shop.context(viewer=held) as ctx:
        await disable(shop, SYSTEM, lin)
        with raced(build):
            assert await outcomes(service.create_token(ctx, draft)) == {"TokenInvalid": 1}
            assert await shop.rows("service_token") == []


async def ask_until_refused(shop: RunningShop, token: str) -> None:
    while "errors" not in await send(shop, token):
        pass


@builds("who asks while a token is revoked keeps it")
async def test_a_revoked_token_is_not_accepted_by_who_was_asked_meanwhile(
    shop: RunningShop, build: str
) -> None:
    with raced(build):
        for nth in range(rounds(build)):
            draft = ServiceTokenDraft(name=f"till {nth}", permissions=("staff.read",))
            async with shop.context(viewer=SYSTEM) as ctx:
                made, text = await service.create_token(ctx, draft)
                asking = [asyncio.create_task(ask_until_refused(shop, text)) for _ in range(4)]
                await asyncio.sleep(0.02)
                await service.revoke_token(ctx, made.id)
            answer = await send(shop, text)
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            assert "errors" in answer
            assert code(answer) == "TOKEN_INVALID"


def somebody() -> Viewer:
    return Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"*"}))


@builds("an approval is looked at without its lock")
async def test_of_two_who_agree_at_once_one_has_it_done(till: Till, build: str) -> None:
    both = [somebody(), somebody()]
    for one in both:
        await till.shop.employ(one)
    with raced(build):
        for _ in range(rounds(build)):
            order = await sell(till)
            approval = await hold(till, order, "20.00")
            told = await asyncio.gather(
                *(act(till, APPROVE, one, approvalId=approval) for one in both)
            )
            assert sorted(map(codes, told)) == [[], ["APPROVAL_NOT_PENDING"]]
            assert await given_back(till, order) == [20_00]


@pytest.mark.slow
@builds("an approval is looked at without its lock")
async def test_of_two_who_find_an_act_left_alone_one_begins_it_again(
    till: Till, build: str
) -> None:
    gone, *both = [somebody() for _ in range(3)]
    for one in (gone, *both):
        await till.shop.employ(one)

    async def agree(viewer: Viewer, key: ApprovalId) -> bool:
        async with till.shop.context(viewer=viewer) as ctx:
            try:
                await approvals.approve(ctx, key)
            except ApprovalNotPending:
                return False
            return True

    with raced(build):
        for _ in range(rounds(build)):
            key = decode(ApprovalId, await hold(till, await sell(till), "20.00"))
            assert await agree(gone, key)
            till.shop.clock.advance(minutes=10)
            assert sorted(await asyncio.gather(*(agree(one, key) for one in both))) == [False, True]


@pytest.mark.slow
@builds("an approval is looked at without its lock")
async def test_what_one_declines_while_another_agrees_is_one_of_both(
    till: Till, build: str
) -> None:
    agrees, declines = somebody(), somebody()
    for one in (agrees, declines):
        await till.shop.employ(one)
    with raced(build):
        for _ in range(rounds(build)):
            order = await sell(till)
            approval = await hold(till, order, "20.00")
            told = await asyncio.gather(
                act(till, APPROVE, agrees, approvalId=approval),
                act(till, DECLINE, declines, approvalId=approval),
            )
            assert sorted(map(codes, told)) == [[], ["APPROVAL_NOT_PENDING"]]
            is_done = codes(told[0]) == []
            assert await given_back(till, order) == ([20_00] if is_done else [])
