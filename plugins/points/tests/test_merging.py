"""Members who become one, and who are forgotten: their points."""

import pytest
from core.tests.oneid.people import People
from core.tests.payment.till import Till
from plugins.points.tests.conftest import make_member
from plugins.points.tests.test_points import correct, everything_holds, member_of, mine, reward

from koipond.privacy import service as privacy
from koipond_sdk import Viewer
from koipond_sdk.testing.shop import RunningShop

pytestmark = pytest.mark.story


@pytest.fixture
def people(shop: RunningShop) -> People:
    return People(Till(shop))


async def have(people: People, *who: Viewer) -> list[int]:
    return [(await mine(people.shop, one))["pointsBalance"] for one in who]


async def test_points_of_both_are_the_survivors_until_they_are_parted(
    people: People, shop: RunningShop, lin: Viewer
) -> None:
    mei = await make_member(shop, "mei@example.org")
    await reward(shop, lin, 50, "test:lin")
    await reward(shop, mei, 70, "test:mei")
    merge = await people.merge(member_of(lin), member_of(mei))
    assert await have(people, lin) == [120]
    # What is meant for the old id is the survivor's; a source counts once, whoever it was for.
    await reward(shop, mei, 5, "test:later")
    await reward(shop, lin, 70, "test:mei")
    assert await have(people, lin) == [125]
    assert (await correct(shop, "takePoints", lin, 126))["userErrors"][0]["code"] == "POINTS_SHORT"
    await people.undo(merge)
    assert await have(people, lin, mei) == [55, 70]
    await everything_holds(shop)


async def test_who_is_forgotten_leaves_the_ledger_as_it_was(
    people: People, shop: RunningShop, lin: Viewer
) -> None:
    await reward(shop, lin, 50, "test:lin", note="canaria was here")
    assert (await correct(shop, "grantPoints", lin, 10, reason="canaria waited"))[
        "userErrors"
    ] == []
    await people.till.work()
    before = await shop.rows("ledger_account")
    async with shop.context() as ctx:
        told = str(await privacy.export(ctx, member_of(lin)))
        assert "canaria was here" in told
        assert "canaria waited" in told
        await privacy.erase(ctx, member_of(lin))
    assert await shop.rows("ledger_account") == before
    left = str(await shop.snapshot())
    assert "canaria" not in left
    assert "lin@example.org" not in left
    await everything_holds(shop)
