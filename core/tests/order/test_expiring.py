"""Orders that are not paid in time, and money that comes late. Battery 23 and 24."""

from datetime import timedelta
from typing import Any

import pytest
from core.tests.payment.till import Till, codes, tender
from core.tests.quota.rebuilt import rebuilt

from koipond.kernel.ids import OrderId, PaymentId, decode
from koipond.order import service as orders
from koipond.order.types import ExpireOrder, OrderState
from koipond.payment import service as payments
from koipond.payment.types import ChargeResult, PaymentState
from koipond.settings import ChannelSettings
from koipond_sdk.testing import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.story

WINDOW = timedelta(minutes=30)


async def unpaid(till: Till, **given: Any) -> tuple[OrderId, str]:
    """Return a placed order of one of one unit, and its token."""
    placed = await till.place(await till.stock(units=1), **given)
    return decode(OrderId, placed["order"]["id"]), placed["token"]


async def state(till: Till, order_id: OrderId) -> OrderState:
    return (await till.order(order_id)).state


async def test_an_order_that_is_not_paid_expires_and_frees_its_units(till: Till) -> None:
    order_id, token = await unpaid(till)
    assert await till.taken() == 1
    await till.pass_time(minutes=29, seconds=45)
    assert await state(till, order_id) is OrderState.PLACED
    await till.pass_time(seconds=15)
    assert await state(till, order_id) is OrderState.EXPIRED
    await till.pass_time(seconds=5)
    assert await till.taken() == 0
    assert codes(await till.pay(order_id, token)) == ["ORDER_NOT_PAYABLE"]
    names = [row["name"] for row in await till.shop.rows("outbox_event")]
    assert names.count("OrderExpired") == 1


async def test_when_its_window_is_over_an_order_takes_no_new_payment(till: Till) -> None:
    order_id, token = await unpaid(till)
    till.shop.clock.advance(minutes=30)
    before = await till.shop.snapshot()
    refused = await till.pay(order_id, token)
    assert codes(refused) == ["PAYMENT_WINDOW_OVER"]
    assert "within 30 minutes" in refused["userErrors"][0]["message"]
    assert await till.shop.snapshot() == before


async def test_paid_and_free_orders_do_not_expire(till: Till) -> None:
    paid, _ = await till.buy()
    held, _ = await till.buy(outcome="authorised")
    await till.pass_time(days=1)
    assert await state(till, paid) is OrderState.CONFIRMED
    assert await state(till, held) is OrderState.CONFIRMED


async def test_each_channel_has_its_own_window(database_url: str) -> None:
    slow = ChannelSettings(
        code="main", name="Main", currencies=("EUR",), locales=("en",), payment_window_minutes=120
    )
    async with running_shop(database_url, channels=(slow,)) as shop:
        till = Till(shop)
        order_id, _ = await unpaid(till)
        await till.pass_time(minutes=119, seconds=45)
        assert await state(till, order_id) is OrderState.PLACED
        await till.pass_time(seconds=15)
        assert await state(till, order_id) is OrderState.EXPIRED


async def test_a_channel_may_hold_money_for_staff_to_capture(database_url: str) -> None:
    careful = ChannelSettings(
        code="main", name="Main", currencies=("EUR",), locales=("en",), capture_at_once=False
    )
    async with running_shop(database_url, channels=(careful,)) as shop:
        till = Till(shop)
        order_id, _ = await till.buy()
        assert (await till.payment(order_id)).state is PaymentState.AUTHORISED
        assert await state(till, order_id) is OrderState.CONFIRMED


async def test_what_waits_for_the_buyer_is_closed_at_the_provider_first(till: Till) -> None:
    order_id, _ = await till.buy(outcome="pending")
    await till.pass_time(minutes=30)
    assert await state(till, order_id) is OrderState.EXPIRED
    (record,) = till.sandbox.charges
    assert (record.result.state, record.result.released) == (PaymentState.VOIDED, True)
    assert (await till.payment(order_id)).state is PaymentState.VOIDED


async def test_parts_that_were_paid_go_back_when_the_rest_does_not_come(till: Till) -> None:
    tea = await till.stock()
    placed = await till.place(
        tea, tender("30.00"), tender("30.00", outcome="authorised"), tender(outcome="declined")
    )
    order_id = decode(OrderId, placed["order"]["id"])
    await till.pass_time(minutes=30)
    assert await state(till, order_id) is OrderState.EXPIRED
    assert await till.refunds(order_id) == [("DONE", 30_00, "EXPIRED")]
    states = [one.state.name for one in await till.payments(order_id)]
    assert states == ["CAPTURED", "VOIDED", "FAILED"]
    await till.check_books()


@pytest.mark.slow
async def test_an_order_with_a_payment_at_work_is_not_expired_before_it_is_resolved(
    till: Till,
) -> None:
    order_id, token = await unpaid(till)
    till.shop.clock.advance(minutes=29, seconds=50)
    data = tender(answer="never")["data"]
    assert codes(await till.pay(order_id, token, data=data)) == ["PAYMENT_UNRESOLVED"]
    await till.pass_time(seconds=10)
    assert await state(till, order_id) is OrderState.PLACED
    await till.pass_time(seconds=30)
    assert await state(till, order_id) is OrderState.EXPIRED
    assert (await till.payment(order_id)).state is PaymentState.FAILED


async def test_who_paid_at_the_last_moment_has_the_order(till: Till) -> None:
    """The provider has taken the money, and nobody told us: it is asked before the order ends."""
    order_id, token = await unpaid(till)
    till.shop.clock.advance(minutes=29)
    data = tender(answer="lost")["data"]
    assert codes(await till.pay(order_id, token, data=data)) == ["PAYMENT_UNRESOLVED"]
    till.shop.clock.advance(minutes=1)
    async with till.shop.context(viewer=STAFF) as ctx:
        await orders.expire_order(ctx, ExpireOrder(order_id=order_id))
    assert await state(till, order_id) is OrderState.CONFIRMED
    assert await till.refunds(order_id) == []


async def test_on_a_naive_build_an_order_expires_under_its_payment(till: Till) -> None:
    """It differs by one line: it does not wait until its payments are closed."""
    naive = rebuilt(
        "koipond.order.service.expiring",
        "    if not await payment.close_open(ctx, job.order_id):\n        return\n",
        "",
    )
    order_id, token = await unpaid(till)
    till.shop.clock.advance(minutes=29)
    await till.pay(order_id, token, data=tender(answer="lost")["data"])
    till.shop.clock.advance(minutes=1)
    async with till.shop.context(viewer=STAFF) as ctx:
        await naive.expire_order(ctx, ExpireOrder(order_id=order_id))
    assert await state(till, order_id) is OrderState.EXPIRED
    await till.work()


async def test_a_payment_that_is_authorised_while_its_order_is_closed_does_not_confirm_it(
    till: Till,
) -> None:
    order_id, _ = await till.buy(outcome="pending")
    payment_id = (await till.payment(order_id)).id
    till.shop.clock.advance(minutes=30)
    held = ChargeResult(state=PaymentState.AUTHORISED, authorised_minor=100_00, reference="sandbox")
    real = till.sandbox.void

    async def late(payment: Any) -> ChargeResult:
        async with till.shop.context(viewer=STAFF) as ctx:
            await payments.apply_result(ctx, payment_id, held)
        return await real(payment)

    till.sandbox.void = late  # type: ignore[method-assign]  # the provider is not ours
    async with till.shop.context(viewer=STAFF) as ctx:
        await orders.expire_order(ctx, ExpireOrder(order_id=order_id))
    assert await state(till, order_id) is OrderState.EXPIRED
    assert (await till.payment(order_id)).state is PaymentState.VOIDED


async def expired(till: Till, *, units: int = 1) -> tuple[OrderId, PaymentId]:
    """Return an expired order whose buyer pays now, whatever was closed: providers are late."""
    till_order, _ = await till.buy_of(await till.stock(units=units), outcome="pending")
    payment_id = (await till.payment(till_order)).id
    await till.pass_time(minutes=30)
    await till.pass_time(seconds=5)
    assert await state(till, till_order) is OrderState.EXPIRED
    return till_order, payment_id


async def pay_late(till: Till, payment_id: PaymentId) -> None:
    """Let the provider tell that it has taken the money after all."""
    till.sandbox.take_anyway(payment_id)
    assert await till.send(till.sandbox.notices[-1]) == 200
    await till.work()


@pytest.mark.slow
async def test_money_that_comes_within_the_grace_revives_the_order(till: Till) -> None:
    order_id, payment_id = await expired(till)
    await pay_late(till, payment_id)
    assert await state(till, order_id) is OrderState.CONFIRMED
    assert (await till.taken(), await till.refunds(order_id)) == (1, [])
    await till.pass_time(days=1)
    assert (await till.taken(), await state(till, order_id)) == (1, OrderState.CONFIRMED)


async def test_money_for_units_that_are_gone_goes_back(till: Till) -> None:
    """Battery 24: paid, but the stock is gone."""
    order_id, payment_id = await expired(till)
    await till.buy_of(await till.stock(units=0))
    await pay_late(till, payment_id)
    assert await state(till, order_id) is OrderState.EXPIRED
    assert await till.refunds(order_id) == [("DONE", 100_00, "LATE")]
    await till.check_books()


@pytest.mark.slow
@pytest.mark.parametrize("days", [0, 3])
async def test_money_that_comes_after_the_grace_goes_back(till: Till, days: int) -> None:
    order_id, payment_id = await expired(till)
    till.shop.clock.advance(days=days, minutes=61)
    await pay_late(till, payment_id)
    assert await state(till, order_id) is OrderState.EXPIRED
    assert await till.refunds(order_id) == [("DONE", 100_00, "LATE")]
    await till.check_books()


async def test_money_that_comes_late_and_is_not_enough_goes_back(till: Till) -> None:
    tea = await till.stock(units=1)
    placed = await till.place(tea, tender("30.00"), tender(outcome="pending"))
    order_id = decode(OrderId, placed["order"]["id"])
    await till.pass_time(minutes=30)
    _, second = await till.payments(order_id)
    await pay_late(till, second.id)
    assert await state(till, order_id) is OrderState.EXPIRED
    assert await till.refunds(order_id) == [("DONE", 30_00, "EXPIRED"), ("DONE", 70_00, "LATE")]
    await till.check_books()


@pytest.mark.slow
async def test_money_for_a_cancelled_order_goes_back(till: Till) -> None:
    order_id, token = await till.buy(outcome="pending")
    payment_id = (await till.payment(order_id)).id
    assert codes(await till.cancel(order_id, token)) == []
    await pay_late(till, payment_id)
    assert await state(till, order_id) is OrderState.CANCELLED
    assert await till.refunds(order_id) == [("DONE", 100_00, "LATE")]
    await till.check_books()


async def test_money_that_is_only_held_for_a_cancelled_order_is_let_go(till: Till) -> None:
    order_id, token = await till.buy(outcome="authorised")
    assert codes(await till.cancel(order_id, token)) == []
    assert (await till.payment(order_id)).state is PaymentState.VOIDED
    assert await till.refunds(order_id) == []
    (record,) = till.sandbox.charges
    assert record.result.released


async def test_an_order_is_not_cancelled_under_a_payment_without_an_answer(till: Till) -> None:
    order_id, token = await unpaid(till)
    await till.pay(order_id, token, data=tender(answer="never")["data"])
    before = await till.shop.snapshot()
    assert codes(await till.cancel(order_id, token)) == ["PAYMENT_UNRESOLVED"]
    assert await till.shop.snapshot() == before


async def test_a_worker_asks_about_payments_that_nobody_told_the_end_of(till: Till) -> None:
    order_id, token = await unpaid(till)
    await till.pay(order_id, token, data=tender(answer="lost")["data"])
    assert await state(till, order_id) is OrderState.PLACED
    await till.pass_time(seconds=15)
    assert await state(till, order_id) is OrderState.PLACED
    await till.pass_time(seconds=15)
    assert await state(till, order_id) is OrderState.CONFIRMED


async def test_expiry_costs_no_provider_call_for_orders_without_payments(
    shop: RunningShop,
) -> None:
    till = Till(shop)
    await unpaid(till)
    await till.pass_time(minutes=30)
    assert till.sandbox.charges == []
