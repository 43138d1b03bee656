"""What people must look at, why, and what they can do about it."""

from typing import Any

import pytest
from core.tests.order.counter import Bought, Counter
from core.tests.payment.till import codes, tender
from hypothesis import given
from hypothesis import strategies as st

from koipond.app import make_schemas
from koipond.kernel.ids import OrderId, RefundId, VariantId, decode, encode, new_id
from koipond.order import rules
from koipond.order.types import AttentionReason
from koipond.stock import service as stock
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

LOOK = """query($id: ID) { order(id: $id) {
  attention { reason detail actions } refunds { id state } } }"""


async def look(bought: Bought) -> dict[str, Any]:
    answer = await bought.counter.till.shop.graphql(
        LOOK, {"id": bought.id}, viewer=STAFF, admin=True
    )
    found: dict[str, Any] = answer["data"]["order"]
    return found


def test_every_reason_has_a_way_out_that_staff_have() -> None:
    mutations = make_schemas(()).admin._schema.mutation_type
    assert mutations is not None
    named = {str(one) for some in rules.ATTENTION_ACTIONS.values() for one in some}
    assert set(rules.ATTENTION_ACTIONS) == set(AttentionReason)
    assert all(rules.ATTENTION_ACTIONS.values())
    assert named <= set(mutations.fields)


async def missing(counter: Counter, tea: str, units: int) -> None:
    """Count that many units of what is promised as missing, and do what follows."""
    async with counter.till.shop.context(viewer=STAFF) as ctx:
        await stock.adjust_stock(
            ctx, decode(VariantId, tea), delta=-units, reference="count", missing=True
        )
    await counter.till.work()


async def test_orders_that_lack_what_a_count_found_missing_are_raised_to_staff(
    counter: Counter,
) -> None:
    """Those that ordered last; what has left the house already is not missing."""
    tea = await counter.till.stock(price="10.00", units=5)
    sent, first, last = [await counter.buy([(tea, units)]) for units in (1, 2, 2)]
    await sent.ship()
    await missing(counter, tea, 3)
    assert (await look(sent))["attention"] == []
    assert [one["detail"] for one in (await look(first))["attention"]] == ["1 of TEA-1 are missing"]
    (one,) = (await look(last))["attention"]
    assert (one["reason"], one["detail"]) == ("STOCK_SHORT", "2 of TEA-1 are missing")
    assert one["actions"] == ["EDIT_ORDER", "CANCEL_ORDER", "CLEAR_ORDER_ATTENTION"]


async def test_an_order_that_was_sent_after_all_lacks_nothing_any_more(counter: Counter) -> None:
    tea = await counter.till.stock(price="10.00", units=2)
    bought = await counter.buy([(tea, 2)])
    await missing(counter, tea, 1)
    assert [one["reason"] for one in (await look(bought))["attention"]] == ["STOCK_SHORT"]
    async with counter.till.shop.context(viewer=STAFF) as ctx:
        await stock.adjust_stock(ctx, decode(VariantId, tea), delta=1, reference="it was found")
    await bought.ship()
    assert (await look(bought))["attention"] == []


@given(st.lists(st.integers(1, 5), max_size=6), st.integers(0, 40))
def test_no_order_lacks_more_than_it_was_promised_and_all_together_what_is_missing(
    promised: list[int], units: int
) -> None:
    waiting = [(OrderId(new_id()), one) for one in promised]
    lacking = rules.find_lacking(waiting, units)
    assert sum(lacking.values()) == min(units, sum(promised))
    assert all(0 < lacking[key] <= one for key, one in waiting if key in lacking)


async def failed_refund(counter: Counter) -> tuple[Bought, str]:
    """Return an order of which the provider did not give back what is owed, and the refund."""
    till = counter.till
    bought = await counter.buy([(await till.stock(price="10.00"), 3)], tender(refunds="agreed"))
    done = await counter.act("refundOrder", orderId=bought.id, lines=bought.units(2))
    assert codes(done) == []
    await finish(counter, bought, refused=True)
    found = await look(bought)
    (one,) = found["attention"]
    assert (one["reason"], one["actions"][0]) == ("REFUND_FAILED", "RETRY_REFUND")
    return bought, found["refunds"][0]["id"]


async def finish(counter: Counter, bought: Bought, *, refused: bool = False) -> None:
    """Have the provider tell how the last refund ended."""
    key = decode(RefundId, (await look(bought))["refunds"][-1]["id"])
    counter.till.sandbox.finish_refund(key, refused=refused)
    await counter.till.sandbox.deliver(counter.till.post)


async def test_money_that_a_provider_did_not_give_back_is_asked_for_again(
    counter: Counter,
) -> None:
    bought, key = await failed_refund(counter)
    done = await counter.act("retryRefund", refundId=key, idempotencyKey="once")
    assert codes(done) == []
    assert (await look(bought))["attention"] == []
    before = await counter.till.shop.snapshot()
    assert await counter.act("retryRefund", refundId=key, idempotencyKey="once") == done
    again = await counter.act("retryRefund", refundId=key)
    assert codes(again) == ["REFUND_NOT_RETRYABLE"]
    unknown = encode(RefundId, RefundId(new_id()))
    assert codes(await counter.act("retryRefund", refundId=unknown)) == ["REFUND_UNKNOWN"]
    assert await counter.till.shop.snapshot() == before
    await finish(counter, bought)
    assert [one[0] for one in await counter.till.refunds(bought.key)] == ["FAILED", "DONE"]
    done = await counter.act("refundOrder", orderId=bought.id, amount=eur("10.00"))
    assert codes(done) == []
    await finish(counter, bought)
    await counter.till.check_books()


async def test_what_went_back_otherwise_is_not_asked_for_again(counter: Counter) -> None:
    bought, key = await failed_refund(counter)
    done = await counter.act("refundOrder", orderId=bought.id, amount=eur("25.00"))
    assert codes(done) == []
    before = await counter.till.shop.snapshot()
    (error,) = (await counter.act("retryRefund", refundId=key))["userErrors"]
    assert error["code"] == "REFUND_TOO_LARGE"
    assert "20.00 EUR cannot be given back, at most 5.00 EUR can" in error["message"]
    assert await counter.till.shop.snapshot() == before


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}
