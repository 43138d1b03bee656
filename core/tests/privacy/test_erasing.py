"""Export and erasure: canaries in every place that a member can write to, looked for everywhere."""

import logging
from typing import Any
from uuid import uuid4

import pytest
from core.tests.oneid.people import People
from core.tests.payment.till import PLACE, Till, tender

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId, OrderId, VariantId, decode, encode
from koipond.member import service as members
from koipond.member.types import Contact
from koipond.notify import service as notify
from koipond.notify.types import MessageWish, Purpose
from koipond.order import service as orders
from koipond.privacy import service as privacy
from koipond.privacy.errors import ErasureBlocked
from koipond_sdk.testing import STAFF, RunningShop

pytestmark = pytest.mark.story

CANARY = "canaria"
EMAIL = f"{CANARY}@example.org"
PHONE = "+8613800138000"
CONTACT = {"name": f"{CANARY} Lin", "email": EMAIL, "phone": PHONE}
ADDRESS = {
    "name": f"{CANARY} Lin",
    "line1": f"1 {CANARY} Road",
    "line2": CANARY,
    "city": CANARY,
    "region": CANARY,
    "postalCode": CANARY,
    "country": "CN",
}
ADD = """mutation($input: AddToCartInput!) { done: addToCart(input: $input) {
  token userErrors { code message } } }"""
SET = """mutation($input: SetCheckoutInput!) { done: setCheckout(input: $input) {
  token userErrors { code message } } }"""


@pytest.fixture
def people(shop: RunningShop) -> People:
    return People(Till(shop))


@pytest.fixture
def plugins() -> list[str]:
    return ["checkin", "flashsale", "groupbuy", "points", "promotions"]


async def write_everywhere(people: People) -> tuple[MemberId, OrderId]:
    """Let a member write the canary wherever one can; returns them, and their open order."""
    till, shop = people.till, people.shop
    made = await shop.make_product("TEA-1", price="10.00", stock=100)
    tea = encode(VariantId, made.variants["TEA-1"])
    await till.ask(ADD, variantId=tea, quantity=1)
    cart = await till.ask(ADD, variantId=tea, quantity=1)
    await till.ask(SET, token=cart["token"], contact=CONTACT, shippingAddress=ADDRESS)
    wish: dict[str, Any] = {
        "lines": [{"variantId": tea, "quantity": 1}],
        "contact": CONTACT,
        "shippingAddress": ADDRESS,
        "idempotencyKey": f"{CANARY}-{uuid4()}",
        "payment": [tender()],
    }
    async with shop.context() as ctx:
        lin = await members.ensure_buyer(ctx, Contact(name=CANARY, email=EMAIL, phone=PHONE))
    guest = await till.ask(PLACE, **(wish | {"idempotencyKey": str(uuid4())}))
    assert guest["userErrors"] == [], guest
    answer = await shop.graphql(PLACE, {"input": wish}, viewer=people.viewer(lin))
    placed = answer["data"]["done"]
    assert placed["userErrors"] == [], placed
    async with shop.context(viewer=people.viewer(lin)) as ctx:
        await members.set_consent(ctx, lin, Purpose.MARKETING, given=True, source=CANARY)
        await members.set_time_zone(ctx, lin, "Asia/Shanghai")
        await write_to(ctx, lin)
    await people.earn(lin, 10)
    await till.work()
    return lin, decode(OrderId, placed["order"]["id"])


@transaction
async def write_to(ctx: Context, lin: MemberId) -> None:
    """Have a message sent to a member that tells what they wrote."""
    wish = MessageWish(
        kind="order.shipped",
        act=f"canary:{lin}",
        to=await members.find_recipient(ctx, lin),
        values={"number": CANARY, "carrier": CANARY},
    )
    await notify.send(ctx, wish)


async def cancel_all(people: People, lin: MemberId) -> None:
    async with people.shop.context(viewer=STAFF) as ctx:
        for one in await people.orders_of(lin):
            await orders.cancel_any_order(ctx, order_id=one, reason=CANARY)
    for _ in range(3):
        await people.till.work()


def found_in(value: Any) -> bool:
    text = str(value).lower()
    return CANARY in text or PHONE in text or PHONE.strip("+") in text


async def places_of_the_canary(shop: RunningShop) -> set[str]:
    """Return the columns of all tables that hold it."""
    return {
        f"{table}.{column}"
        for table, rows in (await shop.snapshot()).items()
        for row in rows
        for column, value in row.items()
        if found_in(value)
    }


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


async def test_nothing_of_an_erased_member_is_anywhere(
    people: People, logged: pytest.LogCaptureFixture
) -> None:
    lin, _ = await write_everywhere(people)
    written = await places_of_the_canary(people.shop)
    assert {"identity.value", "order.details", "cart.details", "member.name"} <= written
    assert {"message.recipient", "member_consent.source", "idempotency.key"} <= written
    await cancel_all(people, lin)
    sums = await money_of(people)
    async with people.shop.context(viewer=STAFF) as ctx:
        await privacy.request_export(ctx, lin)
        await people.till.work()
        [request] = await privacy.find_requests(ctx, lin)
        assert request.document is not None
        assert CANARY in request.document
        await privacy.request_erasure(ctx, lin)
    await people.till.work()
    assert await places_of_the_canary(people.shop) == set()
    assert await money_of(people) == sums
    assert await people.till.audit() == []
    # But for the sender that shows messages instead of sending them, which is not for production.
    told = [one.getMessage() for one in logged.records]
    assert not [one for one in told if found_in(one) and not one.startswith("event='a message'")]
    async with people.shop.context(viewer=STAFF) as ctx:
        assert [one.state for one in await privacy.find_requests(ctx, lin)] == ["done", "done"]


async def money_of(people: People) -> list[Any]:
    """Return what orders, payments and the ledger come to."""
    shop = people.shop
    lines = [(row["id"], row["total_minor"]) for row in await shop.rows("order")]
    paid = [(row["id"], row["captured_minor"]) for row in await shop.rows("payment")]
    booked = [(row["account_id"], row["units"]) for row in await shop.rows("ledger_entry")]
    return [sorted(lines), sorted(paid), sorted(booked)]


async def test_an_open_order_is_in_the_way_and_nothing_changes(people: People) -> None:
    lin, _ = await write_everywhere(people)
    before = await people.shop.snapshot()
    async with people.shop.context(viewer=STAFF) as ctx:
        with pytest.raises(ErasureBlocked, match="2 orders are open") as refused:
            await privacy.request_erasure(ctx, lin)
        with pytest.raises(ErasureBlocked):
            await privacy.erase(ctx, lin)
    assert (refused.value.open_orders, refused.value.owed_refunds) == (2, 0)
    after = await people.shop.snapshot()
    # Whom limits count the guest's order for is no secret between the two.
    assert {name for name in after if after[name] != before[name]} == set()


async def test_who_asks_for_themselves_says_who_they_are(people: People) -> None:
    lin = await people.meet("lin@example.org")
    document = """mutation($input: EraseMeInput!) { done: eraseMe(input: $input) {
      request { kind state } userErrors { code } } }"""
    for confirm, codes in (("mei@example.org", ["ERASURE_UNCONFIRMED"]), ("LIN@example.org", [])):
        answer = await people.shop.graphql(
            document, {"input": {"confirm": confirm}}, viewer=people.viewer(lin)
        )
        assert [one["code"] for one in answer["data"]["done"]["userErrors"]] == codes
    await people.till.work()
    [row] = await people.shop.rows("member")
    assert (row["name"], row["state"]) == ("", "erased")
    assert await people.shop.rows("identity") == []


async def test_an_export_has_what_plugins_keep_and_what_merged_members_had(
    people: People,
) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    for one in (lin, mei):
        answer = await people.shop.graphql(
            "mutation { checkIn { checkIn { day } userErrors { code } } }",
            viewer=people.viewer(one),
        )
        assert answer["data"]["checkIn"]["userErrors"] == []
    await people.merge(lin, mei)
    async with people.shop.context(viewer=STAFF) as ctx:
        found = await privacy.export(ctx, lin)
    assert {one["value"] for one in found["core"]["identity"]} == {
        "lin@example.org",
        "mei@example.org",
    }
    assert len(found["plugins"]["checkin"]["checkin_day"]) == 2
