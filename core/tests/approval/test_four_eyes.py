"""What staff may not do alone waits for a second one of them, and is done once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import pytest_asyncio
from core.tests.order.counter import Counter
from core.tests.payment.till import Till, codes, tender

from koipond.kernel.ids import OrderId, OrderLineId, StaffId, decode, encode, new_id
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.settings import FourEyesSettings
from koipond_sdk.testing import STAFF, running_shop

pytestmark = pytest.mark.story

REFUND = """mutation($input: RefundOrderInput!) { done: refundOrder(input: $input) {
  order { id paid { amount } } userErrors { __typename code message
    ... on ApprovalPending { approvalId askedUnits aloneUnits } } } }"""
CANCEL = """mutation($input: CancelOrderInput!) { done: cancelOrder(input: $input) {
  order { id state } userErrors { code ... on ApprovalPending { approvalId } } } }"""
ASKED = "userErrors { code ... on ApprovalPending { approvalId askedUnits } }"
EDIT = f"mutation($input: EditOrderInput!) {{ done: editOrder(input: $input) {{ {ASKED} }} }}"
APPROVE = """mutation($input: ApproveActInput!) { done: approveAct(input: $input) {
  approval { state decidedBy note } userErrors { code message } } }"""
DECLINE = APPROVE.replace("ApproveActInput", "DeclineActInput").replace("approveAct", "declineAct")
APPROVALS = (
    """{ approvals { nodes { id state operation act unit askedUnits requestedBy note } } }"""
)


def somebody(*permissions: str, kind: ViewerKind = ViewerKind.STAFF) -> Viewer:
    return Viewer(kind=kind, id=new_id(), permissions=frozenset(permissions or {"*"}))


@pytest_asyncio.fixture
async def till(database_url: str) -> AsyncIterator[Till]:
    """A shop in which a second one agrees to refunds of more than 15.00 EUR of one order."""
    policy = FourEyesSettings(act="refund", unit="EUR", above=15_00)
    async with running_shop(database_url, four_eyes=(policy,)) as shop:
        made = Till(shop)
        yield made
        assert await made.audit() == []


async def sell(till: Till) -> str:
    """Sell three units for 10.00 each; returns the order's outside id."""
    placed = await till.place(await till.stock(price="10.00"), tender(), quantity=3)
    key: str = placed["order"]["id"]
    return key


async def act(till: Till, document: str, viewer: Viewer = STAFF, **given: Any) -> dict[str, Any]:
    answer = await till.shop.graphql(document, {"input": given}, viewer=viewer, admin=True)
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["done"]
    return payload


def wish(order: str, amount: str, key: str | None = None) -> dict[str, Any]:
    money = {"amount": amount, "currency": "EUR"}
    return {"orderId": order, "amount": money, "idempotencyKey": key or str(uuid4())}


async def hold(till: Till, order: str, amount: str, key: str | None = None) -> str:
    """Ask for more than one may give back alone; returns the approval's id."""
    done = await act(till, REFUND, **wish(order, amount, key))
    assert codes(done) == ["APPROVAL_PENDING"], done
    approval: str = done["userErrors"][0]["approvalId"]
    return approval


async def all_but_approvals(till: Till) -> dict[str, Any]:
    found = await till.shop.snapshot()
    del found["approval"]
    return found


def document_of(mutation: str) -> str:
    kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
    return f"mutation($input: {kind}) {{ done: {mutation}(input: $input) {{ {ASKED} }} }}"


async def post(till: Till, document: str, token: str, given: dict[str, Any]) -> dict[str, Any]:
    """Ask as a program; returns the payload."""
    answer = await till.shop.http.post(
        "/admin/graphql",
        json={"query": document, "variables": {"input": given}},
        headers={"Authorization": f"Bearer {token}"},
    )
    payload: dict[str, Any] = answer.json()["data"]["done"]
    return payload


async def line_of(till: Till, order: str) -> str:
    (line,) = (await till.order(decode(OrderId, order))).lines
    return encode(OrderLineId, line.id)


async def given_back(till: Till, order: str) -> list[int]:
    return [amount for _, amount, _ in await till.refunds(decode(OrderId, order))]


async def test_what_is_within_the_policy_is_done_at_once(till: Till) -> None:
    order = await sell(till)
    assert codes(await act(till, REFUND, **wish(order, "15.00"))) == []
    assert await given_back(till, order) == [15_00]


async def test_a_refund_above_it_waits_and_is_done_when_another_agrees(till: Till) -> None:
    order = await sell(till)
    done = await act(till, REFUND, **wish(order, "15.01"))
    (error,) = done["userErrors"]
    assert (error["__typename"], error["askedUnits"], error["aloneUnits"]) == (
        "ApprovalPending",
        1501,
        1500,
    )
    assert await given_back(till, order) == []
    second = somebody()
    agreed = await act(till, APPROVE, second, approvalId=error["approvalId"])
    assert agreed == {
        "approval": {
            "state": "DONE",
            "decidedBy": encode(StaffId, StaffId(second.id)),
            "note": "",
        },
        "userErrors": [],
    }
    assert await given_back(till, order) == [15_01]
    again = await act(till, APPROVE, second, approvalId=error["approvalId"])
    assert codes(again) == ["APPROVAL_NOT_PENDING"]
    assert await given_back(till, order) == [15_01]


async def test_small_parts_count_together(till: Till) -> None:
    order = await sell(till)
    for _ in range(3):
        assert codes(await act(till, REFUND, **wish(order, "5.00"))) == []
    await hold(till, order, "0.01")
    assert await given_back(till, order) == [5_00] * 3


async def test_who_asked_does_not_agree_and_nor_does_a_program(till: Till) -> None:
    approval = await hold(till, await sell(till), "20.00")
    assert codes(await act(till, APPROVE, approvalId=approval)) == ["APPROVAL_BY_SELF"]
    made = await act(
        till,
        """mutation($input: CreateServiceTokenInput!) { done: createServiceToken(input: $input) {
          token userErrors { code } } }""",
        name="robot",
        permissions=["*"],
    )
    answer = await till.shop.http.post(
        "/admin/graphql",
        json={"query": APPROVE, "variables": {"input": {"approvalId": approval}}},
        headers={"Authorization": f"Bearer {made['token']}"},
    )
    assert codes(answer.json()["data"]["done"]) == ["APPROVAL_BY_SELF"]


@pytest.mark.slow
async def test_who_made_a_programs_token_does_not_agree_to_what_it_asks_for(till: Till) -> None:
    make = """mutation($input: CreateServiceTokenInput!) { done: createServiceToken(input: $input) {
      token userErrors { code } } }"""
    first = (await act(till, make, name="robot", permissions=["*"]))["token"]
    given = {"name": "robot's robot", "permissions": ["payment.write"]}
    second = (await post(till, make, first, given))["token"]
    for token in (first, second):
        asked = await post(till, REFUND, token, wish(await sell(till), "20.00"))
        assert codes(asked) == ["APPROVAL_PENDING"]
        approval = asked["userErrors"][0]["approvalId"]
        for document in (APPROVE, DECLINE):
            assert codes(await act(till, document, approvalId=approval)) == ["APPROVAL_BY_SELF"]
        assert codes(await act(till, APPROVE, somebody(), approvalId=approval)) == []


async def test_an_edit_by_which_much_goes_back_waits_too(till: Till) -> None:
    order = await sell(till)
    line = await line_of(till, order)

    async def cut(quantity: int) -> dict[str, Any]:
        lines = [{"lineId": line, "quantity": quantity}]
        return await act(till, EDIT, orderId=order, lines=lines, idempotencyKey=str(uuid4()))

    assert codes(await cut(2)) == []
    assert await given_back(till, order) == [10_00]
    before = await all_but_approvals(till)
    asked = await cut(1)
    assert (codes(asked), asked["userErrors"][0]["askedUnits"]) == (["APPROVAL_PENDING"], 20_00)
    assert await all_but_approvals(till) == before
    approval = asked["userErrors"][0]["approvalId"]
    assert codes(await act(till, APPROVE, somebody(), approvalId=approval)) == []
    assert await given_back(till, order) == [10_00, 10_00]


@pytest.mark.slow
@pytest.mark.parametrize("settled", ["refundReturn", "exchangeReturn"])
async def test_what_comes_back_is_paid_back_by_two(till: Till, settled: str) -> None:
    counter = Counter(till)
    bought = await counter.bought(3)
    cheap = await till.stock(sku="CUP-1", price="1.00")
    await bought.deliver()
    key = await bought.send_back(2)
    assert codes(await counter.act("inspectReturn", returnId=key)) == []
    more = {} if settled == "refundReturn" else {"added": [{"variantId": cheap, "quantity": 1}]}
    before = await all_but_approvals(till)
    asked = await act(
        till,
        document_of(settled),
        returnId=key,
        idempotencyKey=str(uuid4()),
        **more,
    )
    assert codes(asked) == ["APPROVAL_PENDING"]
    assert await all_but_approvals(till) == before
    approval = asked["userErrors"][0]["approvalId"]
    assert codes(await act(till, APPROVE, somebody(), approvalId=approval)) == []
    back = {"refundReturn": 20_00, "exchangeReturn": 19_00}[settled]
    assert await given_back(till, bought.id) == [back]


async def test_who_agrees_must_hold_what_the_act_asks_for(till: Till) -> None:
    approval = await hold(till, await sell(till), "20.00")
    clerk = somebody("approval.write", "order.read")
    done = await act(till, APPROVE, clerk, approvalId=approval)
    assert codes(done) == ["PERMISSION_MISSING"]
    assert codes(await act(till, DECLINE, clerk, approvalId=approval)) == ["PERMISSION_MISSING"]
    cashier = somebody("approval.write", "payment.write")
    assert codes(await act(till, APPROVE, cashier, approvalId=approval)) == []


async def test_who_asks_for_the_same_again_is_told_of_the_same_approval(till: Till) -> None:
    order, key = await sell(till), str(uuid4())
    approval = await hold(till, order, "20.00", key)
    assert await hold(till, order, "20.00", key) == approval
    await act(till, APPROVE, somebody(), approvalId=approval)
    # It was done under the key of who asked.
    done = await act(till, REFUND, **wish(order, "20.00", key))
    assert (codes(done), done["order"]["paid"]) == ([], {"amount": "10.00"})
    assert await given_back(till, order) == [20_00]


async def test_an_act_that_is_declined_is_not_done(till: Till) -> None:
    order = await sell(till)
    approval = await hold(till, order, "20.00")
    second = somebody()
    declined = await act(till, DECLINE, second, approvalId=approval, note="Too much")
    assert (declined["approval"]["state"], declined["approval"]["note"]) == ("DECLINED", "Too much")
    assert codes(await act(till, APPROVE, second, approvalId=approval)) == ["APPROVAL_NOT_PENDING"]
    assert await given_back(till, order) == []


async def test_an_act_that_waits_too_long_is_not_done(till: Till) -> None:
    order, key = await sell(till), str(uuid4())
    approval = await hold(till, order, "20.00", key)
    till.shop.clock.advance(days=7)
    assert codes(await act(till, APPROVE, somebody(), approvalId=approval)) == [
        "APPROVAL_NOT_PENDING"
    ]
    listed = await till.shop.graphql(APPROVALS, viewer=STAFF, admin=True)
    assert listed["data"]["approvals"]["nodes"][0]["state"] == "EXPIRED"
    assert await hold(till, order, "20.00", key) != approval
    assert await given_back(till, order) == []


async def test_what_the_act_is_refused_by_is_told_to_who_agrees(till: Till) -> None:
    order = await sell(till)
    first, second = [await hold(till, order, amount) for amount in ("20.00", "25.00")]
    assert codes(await act(till, APPROVE, somebody(), approvalId=first)) == []
    refused = await act(till, APPROVE, somebody(), approvalId=second)
    assert codes(refused) == ["REFUND_TOO_LARGE"]
    assert refused["approval"]["state"] == "REFUSED"
    assert await given_back(till, order) == [20_00]


async def test_of_two_who_agree_at_once_one_has_it_done(till: Till) -> None:
    order = await sell(till)
    approval = await hold(till, order, "20.00")
    both = [somebody(), somebody()]
    for one in both:
        await till.shop.employ(one)
    told = await asyncio.gather(*(act(till, APPROVE, one, approvalId=approval) for one in both))
    assert sorted(map(codes, told)) == [[], ["APPROVAL_NOT_PENDING"]]
    assert await given_back(till, order) == [20_00]


async def test_a_cancelled_order_is_a_refund_of_all(till: Till) -> None:
    order = await sell(till)
    done = await act(till, CANCEL, orderId=order)
    assert codes(done) == ["APPROVAL_PENDING"]
    assert (await till.order(decode(OrderId, order))).state.name == "CONFIRMED"
    approval = done["userErrors"][0]["approvalId"]
    assert codes(await act(till, APPROVE, somebody(), approvalId=approval)) == []
    assert (await till.order(decode(OrderId, order))).state.name == "CANCELLED"
    assert await given_back(till, order) == [30_00]


async def test_what_waits_and_who_agreed_are_in_the_audit(till: Till) -> None:
    second = somebody()
    approval = await hold(till, await sell(till), "20.00")
    await act(till, APPROVE, second, approvalId=approval)
    answer = await till.shop.graphql(
        "{ auditRecords { nodes { actorId operation subject after } } }", viewer=STAFF, admin=True
    )
    told = [
        (one["actorId"], one["operation"], (one["after"] or {}).get("state"))
        for one in answer["data"]["auditRecords"]["nodes"]
        if one["subject"] == approval
    ]
    asked, agreed = encode(StaffId, StaffId(STAFF.id)), encode(StaffId, StaffId(second.id))
    assert told == [
        (agreed, "approveAct", "done"),
        (agreed, "approveAct", "approved"),
        (asked, "refundOrder", None),
    ]


def limited(viewer: Viewer, **channels: str) -> Viewer:
    """Return one of the staff who holds permissions in one channel each: `payment_write="eu"`."""
    return msgspec.structs.replace(
        viewer,
        limited={name.replace("_", "."): frozenset({code}) for name, code in channels.items()},
    )


async def test_staff_of_another_channel_decide_nothing_that_waits_here(till: Till) -> None:
    approval = await hold(till, await sell(till), "20.00")
    there = limited(
        somebody("approval.write", "payment.write"), approval_write="eu", payment_write="eu"
    )
    before = await till.shop.snapshot()
    for document in (APPROVE, DECLINE):
        done = await act(till, document, there, approvalId=approval)
        assert codes(done) == ["APPROVAL_UNKNOWN"]
    # Who may agree to anything, and give back money of the other channel alone.
    agrees = limited(somebody("approval.write", "payment.write"), payment_write="eu")
    for document in (APPROVE, DECLINE):
        done = await act(till, document, agrees, approvalId=approval)
        assert [(one["code"], one["message"]) for one in done["userErrors"]] == [
            (
                "PERMISSION_LIMITED",
                "You hold payment.write in eu, and this is not of those channels alone. Ask "
                "somebody who holds it in all channels.",
            )
        ]
    assert await till.shop.snapshot() == before
    here = limited(
        somebody("approval.write", "payment.write"), approval_write="main", payment_write="main"
    )
    done = await act(till, APPROVE, here, approvalId=approval)
    assert done["approval"]["state"] == "DONE"
