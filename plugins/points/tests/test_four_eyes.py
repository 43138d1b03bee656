"""More points in a day than one of the staff may give alone are given by two."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from tests.rig.naive import builds, raced

from koipond.settings import FourEyesSettings
from koipond_sdk import MemberId, Viewer, ViewerKind, encode, new_id
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

GRANT = """mutation($input: PointsCorrectionInput!) { done: grantPoints(input: $input) {
  balance userErrors { code ... on ApprovalPending { approvalId askedUnits } } } }"""
TAKE = GRANT.replace("grantPoints", "takePoints")
APPROVE = """mutation($input: ApproveActInput!) { done: approveAct(input: $input) {
  userErrors { code } } }"""
ALONE = 100


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[RunningShop]:
    """A shop in which a second one agrees to more than 100 points of a member and day."""
    policy = FourEyesSettings(act="grant", unit="points", above=ALONE)
    async with running_shop(database_url, plugins=["points"], four_eyes=(policy,)) as made:
        yield made


def somebody() -> Viewer:
    return Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"*"}))


async def act(
    shop: RunningShop, document: str, *, by: Viewer = STAFF, **given: Any
) -> dict[str, Any]:
    answer = await shop.graphql(document, {"input": given}, viewer=by, admin=True)
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    return done


def wish(member: Viewer, points: int) -> dict[str, Any]:
    assert member.member_id is not None
    return {
        "memberId": encode(MemberId, member.member_id),
        "points": points,
        "reason": "sorry",
        "idempotencyKey": str(uuid4()),
    }


def codes(done: dict[str, Any]) -> list[str]:
    return [one["code"] for one in done["userErrors"]]


async def test_what_is_given_in_a_day_counts_together(shop: RunningShop, lin: Viewer) -> None:
    assert (await act(shop, GRANT, **wish(lin, 60)))["balance"] == 60
    assert (await act(shop, GRANT, **wish(lin, 40)))["balance"] == 100
    # What is taken back makes no room.
    assert (await act(shop, TAKE, **wish(lin, 50)))["balance"] == 50
    asked = await act(shop, GRANT, **wish(lin, 1))
    assert (codes(asked), asked["userErrors"][0]["askedUnits"]) == (["APPROVAL_PENDING"], 101)
    assert (await act(shop, TAKE, **wish(lin, 1)))["balance"] == 49
    approval = asked["userErrors"][0]["approvalId"]
    assert codes(await act(shop, APPROVE, approvalId=approval)) == ["APPROVAL_BY_SELF"]
    assert codes(await act(shop, APPROVE, by=somebody(), approvalId=approval)) == []
    assert (await act(shop, TAKE, **wish(lin, 1)))["balance"] == 49
    shop.clock.advance(days=1)
    assert (await act(shop, GRANT, **wish(lin, 100)))["balance"] == 149


@builds("grants are counted before they are booked")
async def test_of_two_grants_at_once_that_are_too_much_together_one_waits(
    shop: RunningShop, lin: Viewer, build: str
) -> None:
    both = [somebody(), somebody()]
    for one in both:
        await shop.employ(one)
    with raced(build):
        told = await asyncio.gather(*(act(shop, GRANT, by=one, **wish(lin, 60)) for one in both))
        assert sorted(map(codes, told)) == [[], ["APPROVAL_PENDING"]]
    if not build:
        assert (await act(shop, TAKE, **wish(lin, 1)))["balance"] == 59
