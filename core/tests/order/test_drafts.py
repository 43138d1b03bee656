"""Staff put orders together for members and guests, and place them as a buyer would."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from core.tests.payment.till import KEY, Till, codes, tender

from koipond.kernel.ids import MemberId, OrderId, decode, encode, new_id
from koipond_sdk.testing import STAFF

DRAFT = """draftOrder { id version note memberId placed
  order { state total { amount } lines { quantity } contact { email } problems { code } } }
  userErrors { code message field }"""
CREATE = (
    "mutation($input: CreateDraftOrderInput!) "
    f"{{ done: createDraftOrder(input: $input) {{ {DRAFT} }} }}"
)
UPDATE = CREATE.replace("CreateDraft", "UpdateDraft").replace("createDraft", "updateDraft")
PLACE = """mutation($input: PlaceDraftOrderInput!) { done: placeDraftOrder(input: $input) {
  token order { id state number total { amount } lines { quantity } }
  userErrors { code message field } } }"""
REMOVE = """mutation($input: RemoveDraftOrderInput!) { done: removeDraftOrder(input: $input) {
  userErrors { code } } }"""
LIST = "{ draftOrders { nodes { id } } }"
CONTACT = {"email": "mei@example.org"}


async def draft(till: Till, variant: str, quantity: int = 1, **given: Any) -> dict[str, Any]:
    lines = [{"variantId": variant, "quantity": quantity}]
    done = await till.staff(CREATE, **({"lines": lines, "contact": CONTACT} | given))
    assert codes(done) == [], done
    made: dict[str, Any] = done["draftOrder"]
    return made


async def place(till: Till, key: str, **given: Any) -> dict[str, Any]:
    return await till.staff(PLACE, **({"draftOrderId": key, "idempotencyKey": "1"} | given))


async def open_drafts(till: Till) -> list[str]:
    answer = await till.shop.graphql(LIST, viewer=STAFF, admin=True)
    return [one["id"] for one in answer["data"]["draftOrders"]["nodes"]]


async def buyers(till: Till) -> set[UUID]:
    return {UUID(str(row["member_id"])) for row in await till.shop.rows("order")}


async def test_a_draft_for_a_guest_is_put_together_placed_and_paid_by_its_token(till: Till) -> None:
    tea = await till.stock(price="10.00")
    made = await draft(till, tea, 2, note="By phone")
    key = made["id"]
    assert made == {
        "id": key,
        "version": 1,
        "note": "By phone",
        "memberId": None,
        "placed": False,
        "order": {
            "state": "CART",
            "total": {"amount": "20.00"},
            "lines": [{"quantity": 2}],
            "contact": {"email": "mei@example.org"},
            "problems": [],
        },
    }
    changed = await till.staff(
        UPDATE, draftOrderId=key, lines=[{"variantId": tea, "quantity": 3}], expectedVersion=1
    )
    assert (codes(changed), changed["draftOrder"]["version"]) == ([], 2)
    assert changed["draftOrder"]["note"] == "By phone"
    assert await open_drafts(till) == [key]
    done = await place(till, key, expectedVersion=2)
    assert codes(done) == []
    assert done["order"]["id"] == key
    assert (done["order"]["state"], done["order"]["total"]) == ("PLACED", {"amount": "30.00"})
    assert await open_drafts(till) == []
    paid = await till.pay(decode(OrderId, key), done["token"], provider=KEY)
    assert paid["order"]["state"] == "CONFIRMED"


async def test_a_draft_for_a_member_is_the_members_order_and_the_staffs_act(till: Till) -> None:
    tea = await till.stock(price="10.00")
    await till.place(tea, tender(), contact=CONTACT)
    (buyer,) = await buyers(till)
    member = encode(MemberId, MemberId(buyer))
    made = await draft(till, tea, memberId=member, contact={"email": "other@example.org"})
    assert made["memberId"] == member
    done = await place(till, made["id"])
    assert codes(done) == []
    assert await buyers(till) == {buyer}
    records = [
        (row["actor_kind"], row["subject"])
        for row in await till.shop.rows("audit_record")
        if row["operation"] == "placeDraftOrder"
    ]
    assert ("staff", made["id"]) in records
    assert {kind for kind, _ in records} == {"staff"}


async def test_a_draft_is_placed_once_by_whatever_keys_at_once(till: Till) -> None:
    tea = await till.stock(units=10)
    key = (await draft(till, tea))["id"]
    done = await asyncio.gather(
        *(place(till, key, idempotencyKey=str(number // 2)) for number in range(6))
    )
    assert {one["order"]["id"] for one in done if one["order"]} == {key}
    refused = {code for one in done for code in codes(one)}
    assert refused <= {"CART_ALREADY_PLACED", "REQUEST_IN_FLIGHT"}
    assert len(await till.shop.rows("order")) == 1


async def test_what_was_changed_since_is_neither_edited_nor_placed(till: Till) -> None:
    tea = await till.stock()
    key = (await draft(till, tea))["id"]
    await till.staff(UPDATE, draftOrderId=key, note="Twice")
    before = await till.shop.snapshot()
    for document, given in [
        (UPDATE, {"note": "Thrice"}),
        (REMOVE, {}),
        (PLACE, {"idempotencyKey": str(uuid4())}),
    ]:
        done = await till.staff(document, draftOrderId=key, expectedVersion=1, **given)
        assert codes(done) == ["VERSION_CONFLICT"]
    assert await till.shop.snapshot() == before


async def test_what_cannot_be_placed_is_refused_and_stays_a_draft(till: Till) -> None:
    tea = await till.stock(units=1)
    key = (await draft(till, tea, 2))["id"]
    before = await till.shop.snapshot()
    assert codes(await place(till, key)) == ["INSUFFICIENT_STOCK"]
    seen = {"amount": "1.00", "currency": "EUR"}
    assert codes(await place(till, key, expectedTotal=seen)) == ["QUOTE_CHANGED"]
    nobody = encode(OrderId, OrderId(new_id()))
    assert codes(await place(till, nobody)) == ["DRAFT_UNKNOWN"]
    unknown = encode(MemberId, MemberId(new_id()))
    assert codes(await till.staff(CREATE, memberId=unknown)) == ["MEMBER_UNKNOWN"]
    assert await till.shop.snapshot() == before


async def test_a_draft_is_thrown_away_and_a_placed_one_is_not(till: Till) -> None:
    tea = await till.stock()
    first, second = (await draft(till, tea))["id"], (await draft(till, tea))["id"]
    assert codes(await till.staff(REMOVE, draftOrderId=first)) == []
    assert await open_drafts(till) == [second]
    await place(till, second)
    before = await till.shop.snapshot()
    assert codes(await till.staff(REMOVE, draftOrderId=second)) == ["CART_ALREADY_PLACED"]
    assert codes(await till.staff(UPDATE, draftOrderId=second)) == ["CART_ALREADY_PLACED"]
    assert await till.shop.snapshot() == before
