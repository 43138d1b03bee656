"""What members say of themselves: where they live, and what they agree to."""

from typing import Any

import pytest

from koipond.kernel.ids import MemberId
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.member import service
from koipond.member.types import Contact
from koipond_sdk.testing import RunningShop

pytestmark = pytest.mark.story

ME = "member { timeZone consents { purpose source givenAt } } userErrors { code message field }"
ZONE = f"mutation($zone: String!) {{ done: setTimeZone(input: {{ timeZone: $zone }}) {{ {ME} }} }}"
CONSENT = f"""mutation($purpose: Purpose!, $given: Boolean!) {{
  done: setConsent(input: {{ purpose: $purpose, given: $given }}) {{ {ME} }} }}"""


async def lin(shop: RunningShop) -> MemberId:
    async with shop.context() as ctx:
        return await service.ensure_buyer(ctx, Contact(email="lin@example.org"))


async def ask(shop: RunningShop, document: str, key: MemberId, **given: Any) -> dict[str, Any]:
    viewer = Viewer(kind=ViewerKind.MEMBER, id=key)
    answer = await shop.graphql(document, given, viewer=viewer)
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    return done


async def test_a_member_says_where_they_live(shop: RunningShop) -> None:
    done = await ask(shop, ZONE, await lin(shop), zone="Asia/Shanghai")
    assert done == {"member": {"timeZone": "Asia/Shanghai", "consents": []}, "userErrors": []}


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../../etc/passwd", "x" * 200, "Asia/", "/UTC"])
async def test_a_place_that_has_no_time_is_refused(shop: RunningShop, zone: str) -> None:
    key = await lin(shop)
    before = await shop.snapshot()
    done = await ask(shop, ZONE, key, zone=zone)
    assert [(one["code"], one["field"]) for one in done["userErrors"]] == [
        ("TIME_ZONE_UNKNOWN", "timeZone")
    ]
    assert await shop.snapshot() == before


async def test_every_yes_is_kept_also_when_it_is_taken_back(shop: RunningShop) -> None:
    key = await lin(shop)
    for _ in range(2):
        done = await ask(shop, CONSENT, key, purpose="MARKETING", given=True)
        assert [one["source"] for one in done["member"]["consents"]] == ["storefront"]
    shop.clock.advance(days=1)
    for _ in range(2):
        done = await ask(shop, CONSENT, key, purpose="MARKETING", given=False)
        assert done["member"]["consents"] == []
    await ask(shop, CONSENT, key, purpose="MARKETING", given=True)
    rows = await shop.rows("member_consent")
    assert sorted(row["withdrawn_at"] is None for row in rows) == [False, True]


async def test_what_needs_no_consent_is_not_asked_for(shop: RunningShop) -> None:
    done = await ask(shop, CONSENT, await lin(shop), purpose="TRANSACTIONAL", given=False)
    assert [one["code"] for one in done["userErrors"]] == ["CONSENT_NOT_NEEDED"]


async def test_a_guest_says_nothing(shop: RunningShop) -> None:
    answer = await shop.graphql(ZONE, {"zone": "UTC"})
    assert answer["errors"][0]["extensions"]["code"] == "PERMISSION_MISSING"
