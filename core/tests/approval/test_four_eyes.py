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

from koipond.approval import rules, service
from koipond.approval.types import Approval, ApprovalState
from koipond.kernel.ids import ApprovalId, OrderId, OrderLineId, StaffId, decode, encode, new_id
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


async def agree(till: Till, approval: str) -> Approval:
    """Agree, and let the process end before the act is begun."""
    second = somebody()
    await till.shop.employ(second)
    async with till.shop.context(viewer=second) as ctx:
        return await service.approve(ctx, decode(ApprovalId, approval))


async def tell(till: Till, begun: Approval, problem: str = "") -> None:
    async with till.shop.context(viewer=somebody()) as ctx:
        await service.finish(ctx, begun, problem=problem)


async def state_of(till: Till) -> tuple[str, str]:
    (row,) = await till.shop.rows("approval")
    return row["state"], row["note"]


async def test_an_act_that_was_left_alone_is_begun_again_by_its_key(till: Till) -> None:
    order = await sell(till)
    approval = await hold(till, order, "20.00")
    await agree(till, approval)
    lease = till.shop.shop.settings.idempotency_lease_s
    till.shop.clock.advance(seconds=lease)
    third = somebody()
    assert codes(await act(till, APPROVE, third, approvalId=approval)) == ["APPROVAL_NOT_PENDING"]
    assert await given_back(till, order) == []
    till.shop.clock.advance(seconds=1)
    done = await act(till, APPROVE, third, approvalId=approval)
    assert (codes(done), done["approval"]["state"]) == ([], "DONE")
    assert await given_back(till, order) == [20_00]


async def test_an_act_without_a_key_is_begun_once_and_asked_for_anew(till: Till) -> None:
    order = await sell(till)
    asked = await act(till, CANCEL, orderId=order)
    approval = asked["userErrors"][0]["approvalId"]
    await agree(till, approval)
    till.shop.clock.advance(hours=1)
    before = await till.shop.snapshot()
    refused = await act(till, APPROVE, somebody(), approvalId=approval)
    assert codes(refused) == ["APPROVAL_NOT_PENDING"]
    assert await till.shop.snapshot() == before
    anew = (await act(till, CANCEL, orderId=order))["userErrors"][0]["approvalId"]
    assert anew != approval
    assert codes(await act(till, APPROVE, somebody(), approvalId=anew)) == []
    assert await given_back(till, order) == [30_00]


async def test_of_two_who_began_an_act_that_it_is_done_is_what_counts(till: Till) -> None:
    approval = await hold(till, await sell(till), "20.00")
    slow = await agree(till, approval)
    till.shop.clock.advance(hours=1)
    later = await agree(till, approval)
    # The first one is refused because the second has begun it: that says nothing.
    await tell(till, slow, "it is at work")
    assert await state_of(till) == ("approved", "")
    await tell(till, later, "it is at work")
    assert await state_of(till) == ("refused", "it is at work")
    await tell(till, slow)
    assert await state_of(till) == ("done", "")
    await tell(till, later, "too late")
    assert await state_of(till) == ("done", "")


async def test_only_what_was_agreed_to_is_ended(till: Till) -> None:
    begun = await agree(till, await hold(till, await sell(till), "20.00"))
    for state in (ApprovalState.DECLINED, ApprovalState.PENDING, ApprovalState.EXPIRED):
        known = msgspec.structs.replace(begun, state=state)
        assert not rules.ends(known, begun, ApprovalState.DONE)
        assert not rules.ends(known, begun, ApprovalState.REFUSED)
