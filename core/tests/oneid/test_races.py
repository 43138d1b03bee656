"""Merges among themselves, and beside purchases and spending; builds that one line less fails."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import pytest
from core.tests.oneid.people import People
from tests.rig.naive import built

from koipond.kernel.ids import MemberId
from koipond.member import service as members

pytestmark = pytest.mark.story

ROUNDS = 6


async def outcomes(*acts: Awaitable[Any]) -> Counter[str]:
    """Return {what it came to: how often} of acts at once; "" went well."""
    found = await asyncio.gather(*acts, return_exceptions=True)
    return Counter(type(one).__name__ if isinstance(one, BaseException) else "" for one in found)


async def merge_both_ways(people: People, nth: int) -> None:
    """Merge two into each other at once; fails unless one of them stands."""
    lin = await people.meet(f"lin{nth}@example.org")
    mei = await people.meet(f"mei{nth}@example.org")
    for one in (lin, mei):
        await people.earn(one, 10)
    found = await outcomes(people.merge(lin, mei), people.merge(mei, lin))
    assert found[""] == 1, found
    assert sum(found.values()) == 2
    async with people.shop.context() as ctx:
        into = (await members.find_people(ctx, [lin, mei])).values()
    roots = [one.id for one in into if one.merged_into is None]
    assert len(roots) == 1
    assert (await people.balance(roots[0])).available == 20


async def buy_while_merging(people: People, tea: str, nth: int) -> None:
    """Place orders of a member who is being merged; fails unless all are the survivor's."""
    lin = await people.meet(f"lin{nth}@example.org")
    mei = await people.meet(f"mei{nth}@example.org")

    async def merge_soon() -> None:
        await asyncio.sleep(0.01 * nth)
        await people.merge(lin, mei)

    bought, *_ = await asyncio.gather(_buy_some(people, mei, tea), merge_soon())
    await people.till.work()
    assert await people.orders_of(lin) == set(bought)
    assert await people.orders_of(mei) == set()


async def buy_while_merging_often(people: People, tea: str) -> None:
    """As `buy_while_merging`, with the merge at different moments."""
    for nth in range(ROUNDS):
        await buy_while_merging(people, tea, nth)


async def _buy_some(people: People, key: MemberId, tea: str) -> list[Any]:
    return [await people.buy(key, tea) for _ in range(4)]


async def spend_while_merging(people: People, nth: int) -> None:
    """Spend what a member has while they are merged; fails unless nothing is lost or doubled."""
    lin = await people.meet(f"lin{nth}@example.org")
    mei = await people.meet(f"mei{nth}@example.org")
    await people.earn(mei, 100)
    found = await outcomes(*(people.burn(mei, 10) for _ in range(15)), people.merge(lin, mei))
    assert found == {"": 11, "LedgerShort": 5}
    assert (await people.balance(lin)).available == 0
    assert (await people.balance(mei)).available == 0


async def test_of_two_merges_the_opposite_way_one_stands(people: People) -> None:
    for nth in range(ROUNDS):
        await merge_both_ways(people, nth)


@pytest.mark.slow
async def test_what_is_bought_during_a_merge_is_the_survivors(people: People) -> None:
    await buy_while_merging_often(people, await people.tea(1_000))


@pytest.mark.slow
async def test_what_is_spent_during_a_merge_is_spent_once(people: People) -> None:
    for nth in range(ROUNDS):
        await spend_while_merging(people, nth)


@pytest.mark.slow
async def test_a_build_that_does_not_hold_the_buyer_loses_orders(people: People) -> None:
    tea = await people.tea(1_000)
    with built("a buyer is not held against a merge"), pytest.raises(AssertionError):
        await buy_while_merging_often(people, tea)
    await put_right(people)


@pytest.mark.slow
async def test_a_build_whose_accounts_have_no_heirs_loses_value(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    await people.earn(mei, 100)
    with built("an account is booked on whoever its heir is"):
        await people.merge(lin, mei)
        found = await outcomes(people.burn(mei, 10))
    assert found == {"LedgerShort": 1}
    assert (await people.balance(lin)).available == 100


async def put_right(people: People) -> None:
    """Give strays to whom they belong, as the audit at the end of each test wants it."""
    from koipond.order.tables import order

    rows = {row["id"]: row["merged_into"] for row in await people.shop.rows("member")}
    async with people.shop.shop.database.writer.begin() as db:
        for key, into in rows.items():
            if into is not None:
                await db.execute(
                    order.update().where(order.c.member_id == _id(key)).values(member_id=_id(into))
                )


def _id(value: Any) -> Any:
    from uuid import UUID

    return value if isinstance(value, UUID) else UUID(str(value))
