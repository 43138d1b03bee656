"""Giving money back, by line and by tender. Battery 20 and 25."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import uuid4

import pytest
from core.tests.payment.till import Till, codes, tender
from core.tests.quota.rebuilt import rebuilt
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from koipond.fulfilment.service import ensure_methods
from koipond.kernel.ids import OrderId, OrderLineId, decode, encode, new_id
from koipond.kernel.money import Currency, Money
from koipond.order import service as orders
from koipond.order.types import OrderState, RefundWish
from koipond.payment.errors import RefundTooLarge
from koipond.payment.tables import payment
from koipond.settings import ChannelSettings, ShippingSettings
from koipond_sdk.testing import STAFF, running_shop

REFUND = """mutation($input: RefundOrderInput!) { done: refundOrder(input: $input) {
  order { id state paid { amount } refunds { state amount { amount } reason }
    lines { id refundedQuantity } } userErrors { code message field } } }"""
EUR = Currency("EUR")
_WAITING = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
""")


async def bought(
    till: Till, *tenders: dict[str, Any], price: str = "10.00", quantity: int = 3
) -> tuple[OrderId, str]:
    """Return a paid order of one line, and the line's outside id."""
    tea = await till.stock(price=price)
    placed = await till.place(tea, *(tenders or (tender(),)), quantity=quantity)
    assert placed["order"]["state"] == "CONFIRMED", placed
    return decode(OrderId, placed["order"]["id"]), placed["order"]["lines"][0]["id"]


async def refund(till: Till, order_id: OrderId, **given: Any) -> dict[str, Any]:
    """Give back as staff do."""
    wish = {"orderId": encode(OrderId, order_id), "idempotencyKey": str(uuid4())} | given
    return await till.staff(REFUND, **wish)


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def line(line_id: str, quantity: int) -> dict[str, Any]:
    return {"lineId": line_id, "quantity": quantity}


async def back(till: Till, order_id: OrderId) -> list[int]:
    """Return what each payment has given back, the oldest payment first."""
    return [one.refunded.amount_minor for one in await till.payments(order_id)]


async def test_units_of_a_line_give_back_what_was_paid_for_them(till: Till) -> None:
    order_id, line_id = await bought(till)
    done = await refund(till, order_id, lines=[line(line_id, 1)])
    assert (codes(done), done["order"]["paid"]) == ([], {"amount": "20.00"})
    assert done["order"]["lines"] == [{"id": line_id, "refundedQuantity": 1}]
    assert done["order"]["refunds"] == [
        {"state": "DONE", "amount": {"amount": "10.00"}, "reason": "STAFF"}
    ]
    assert done["order"]["state"] == "CONFIRMED"
    await till.check_books()


async def test_the_last_unit_takes_what_remains(till: Till) -> None:
    """100.00 over three units, and an amount in between."""
    tea = await till.stock(price="33.33")
    cup = await till.stock(sku="CUP-1", price="0.01")
    placed = await till.place(
        "",
        tender(),
        lines=[{"variantId": tea, "quantity": 3}, {"variantId": cup, "quantity": 1}],
    )
    order_id = decode(OrderId, placed["order"]["id"])
    first, second = (one["id"] for one in placed["order"]["lines"])
    await refund(till, order_id, amount=eur("0.05"))
    for wanted in (line(first, 2), line(second, 1), line(first, 1)):
        assert codes(await refund(till, order_id, lines=[wanted])) == []
    assert await back(till, order_id) == [100_00]
    await till.check_books()


async def test_what_goes_back_is_split_over_the_tenders_as_it_was_paid(till: Till) -> None:
    order_id, line_id = await bought(till, tender("10.00"), tender())
    await refund(till, order_id, lines=[line(line_id, 1)])
    assert await back(till, order_id) == [3_33, 6_67]
    await refund(till, order_id, lines=[line(line_id, 2)])
    assert await back(till, order_id) == [10_00, 20_00]
    await till.check_books()


async def test_shipping_goes_back_when_it_is_asked_for(database_url: str) -> None:
    post = ShippingSettings(code="post", name={"en": "Post"}, prices={"EUR": "5.00"})
    channel = ChannelSettings(
        code="main", name="Main", currencies=("EUR",), locales=("en",), shipping=(post,)
    )
    async with running_shop(database_url, channels=(channel,)) as shop:
        async with shop.context(viewer=STAFF) as ctx:
            await ensure_methods(ctx)
        till = Till(shop)
        placed = await till.place(
            await till.stock(price="10.00"),
            tender(),
            shippingMethod="post",
            shippingAddress={"line1": "1 Tea Road", "city": "Hangzhou", "country": "CN"},
        )
        assert placed["order"]["total"] == {"amount": "15.00"}
        order_id = decode(OrderId, placed["order"]["id"])
        done = await refund(till, order_id, shipping=True)
        assert done["order"]["paid"] == {"amount": "10.00"}
        line_id = placed["order"]["lines"][0]["id"]
        before = await shop.snapshot()
        for lines in ([], [line(line_id, 1)]):
            refused = await refund(till, order_id, lines=lines, shipping=True)
            (error,) = refused["userErrors"]
            assert (error["code"], error["field"]) == ("SHIPPING_NOT_REFUNDABLE", "shipping")
            assert error["message"] == (
                "Of 5.00 EUR that was paid for shipping 5.00 EUR was given back: nothing is left. "
                "Leave `shipping` out."
            )
        assert await shop.snapshot() == before
        done = await refund(till, order_id, lines=[line(line_id, 1)])
        assert done["order"]["paid"] == {"amount": "0.00"}
        assert await till.audit() == []


async def test_the_same_request_again_gives_nothing_twice(till: Till) -> None:
    order_id, line_id = await bought(till)
    wish = {"lines": [line(line_id, 1)], "idempotencyKey": "once"}
    first = await refund(till, order_id, **wish)
    before = await till.shop.snapshot()
    assert await refund(till, order_id, **wish) == first
    assert await till.shop.snapshot() == before
    other = await refund(till, order_id, lines=[line(line_id, 2)], idempotencyKey="once")
    assert codes(other) == ["IDEMPOTENCY_KEY_REUSED"]
    assert await till.shop.snapshot() == before


async def test_what_cannot_be_given_back_is_refused(till: Till) -> None:
    order_id, line_id = await bought(till)
    await refund(till, order_id, lines=[line(line_id, 1)])
    stranger = encode(OrderLineId, OrderLineId(new_id()))
    wrong: list[tuple[dict[str, Any], str, str | None]] = [
        ({}, "REFUND_AMBIGUOUS", None),
        ({"lines": [line(line_id, 1)], "amount": eur("1.00")}, "REFUND_AMBIGUOUS", None),
        ({"lines": [line(line_id, 3)]}, "REFUND_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ({"lines": [line(line_id, 0)]}, "REFUND_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ({"lines": [line(line_id, -1)]}, "REFUND_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ({"lines": [line(line_id, 2**70)]}, "REFUND_QUANTITY_TOO_LARGE", "lines.0.quantity"),
        ({"lines": [line(stranger, 1)]}, "ORDER_LINE_UNKNOWN", "lines.0.lineId"),
        (
            {"lines": [line(line_id, 1), line(line_id, 1)]},
            "ORDER_LINE_UNKNOWN",
            "lines.1.lineId",
        ),
        ({"amount": eur("20.01")}, "REFUND_TOO_LARGE", None),
        ({"amount": eur("0.00")}, "REFUND_TOO_LARGE", None),
        ({"amount": {"amount": "1.00", "currency": "CNY"}}, "REFUND_TOO_LARGE", None),
    ]
    before = await till.shop.snapshot()
    for given, code, field in wrong:
        (error,) = (await refund(till, order_id, **given))["userErrors"]
        assert (error["code"], error["field"]) == (code, field), given
    unknown = await refund(till, OrderId(new_id()), amount=eur("1.00"))
    assert codes(unknown) == ["ORDER_UNKNOWN"]
    assert await till.shop.snapshot() == before


async def test_nothing_is_given_back_of_orders_that_are_off_or_not_paid(till: Till) -> None:
    placed = await till.place(await till.stock(), tender("30.00"), tender(outcome="declined"))
    order_id = decode(OrderId, placed["order"]["id"])
    assert codes(await refund(till, order_id, amount=eur("1.00"))) == ["ORDER_NOT_REFUNDABLE"]
    await till.cancel(order_id, placed["token"])
    assert codes(await refund(till, order_id, amount=eur("1.00"))) == ["ORDER_NOT_REFUNDABLE"]
    assert await back(till, order_id) == [30_00, 0]


async def test_what_is_held_and_not_captured_cannot_be_given_back(till: Till) -> None:
    order_id, line_id = await bought(till, tender(outcome="authorised"))
    before = await till.shop.snapshot()
    assert codes(await refund(till, order_id, amount=eur("1.00"))) == ["REFUND_TOO_LARGE"]
    assert codes(await refund(till, order_id, lines=[line(line_id, 1)])) == ["REFUND_TOO_LARGE"]
    assert await till.shop.snapshot() == before


async def test_a_cancelled_order_gives_back_what_is_left_of_each_part(till: Till) -> None:
    tea = await till.stock(price="10.00")
    placed = await till.place(tea, tender("10.00"), tender(), quantity=3)
    order_id = decode(OrderId, placed["order"]["id"])
    await refund(till, order_id, lines=[line(placed["order"]["lines"][0]["id"], 1)])
    await till.cancel(order_id, placed["token"])
    assert await back(till, order_id) == [10_00, 20_00]
    assert all(
        row["paid_minor"] == row["refunded_minor"] for row in await till.shop.rows("paid_part")
    )
    await till.check_books()


async def test_a_refund_whose_answer_was_lost_is_given_once(till: Till) -> None:
    """Battery 20: the same id again, by the job."""
    tea = await till.stock()
    wish = {"idempotencyKey": str(uuid4())}
    await till.place(tea, tender(answer="lost"), **wish)
    placed = await till.place(tea, tender(answer="lost"), **wish)
    order_id = decode(OrderId, placed["order"]["id"])
    done = await refund(till, order_id, amount=eur("60.00"))
    assert done["order"]["refunds"][0]["state"] == "PENDING"
    await till.work()
    assert await till.refunds(order_id) == [("DONE", 60_00, "STAFF")]
    (record,) = till.sandbox.charges
    assert [one.amount_minor for one in record.refunds] == [60_00]
    await till.check_books()


async def race(till: Till, build: Any, order_id: OrderId) -> list[str]:
    """Give back 60.00 twice at once; returns how each ended."""

    async def give() -> str:
        async with till.shop.context(viewer=STAFF) as ctx:
            wish = RefundWish(order_id=order_id, amount=Money(60_00, EUR))
            try:
                await build.refund_order(ctx, wish, idempotency_key=str(uuid4()))
            except RefundTooLarge as error:
                return f"at most {error.refundable}"
            except IntegrityError:
                return "an error nobody can act on"
            return "given"

    return sorted(await meet_at_the_payments(till, order_id, [give(), give()]))


async def meet_at_the_payments(
    till: Till, order_id: OrderId, acts: list[Coroutine[Any, Any, str]]
) -> list[str]:
    """Do all acts at once; none gets at the order's payments before all of them want to.

    So each has read by then what it reads without a lock. SQLite has one writer at a time anyway.
    """
    database = till.shop.shop.database
    if database.is_sqlite:
        return await asyncio.gather(*acts)
    async with database.writer.begin() as db:
        ours = select(payment.c.id).where(payment.c.order_id == order_id)
        await db.execute(ours.with_for_update())
        racing = asyncio.gather(*acts)
        while (await db.execute(_WAITING)).scalar_one() < len(acts):
            assert not racing.done(), "they end without touching a payment"
            await db.execute(text("SELECT pg_stat_clear_snapshot()"))
            await asyncio.sleep(0.01)
    return await racing


@pytest.mark.slow
async def test_of_two_refunds_of_60_on_a_capture_of_100_one_is_refused(till: Till) -> None:
    for _ in range(5):
        order_id, _ = await till.buy()
        assert await race(till, orders, order_id) == ["at most 40.00 EUR", "given"]
        assert await back(till, order_id) == [60_00]
    await till.check_books()


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_on_a_naive_build_the_second_refund_meets_the_tables_own_ceiling(
    till: Till,
) -> None:
    """It differs by one line: it reads the payments and their order without locking them.

    SQLite has one writer, who needs no lock.
    """
    naive = rebuilt(
        "koipond.order.service.refunding",
        "    await payment.lock_payments(ctx, wish.order_id)\n"
        "    order = await repository.lock_whole(ctx.db, wish.order_id)\n",
        "    order = await repository.get(ctx.db, wish.order_id)\n",
    )
    failed = 0
    for _ in range(10):
        order_id, _ = await till.buy()
        ends = await race(till, naive, order_id)
        failed += ends != ["at most 40.00 EUR", "given"]
        assert sum(await back(till, order_id)) <= 100_00
    assert failed >= 9


@pytest.mark.story
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payment SET refunded_minor = captured_minor + 1",
        "UPDATE payment SET captured_minor = authorised_minor + 1",
        "UPDATE payment SET authorised_minor = amount_minor + 1",
        "UPDATE payment SET refunded_minor = -1",
        "UPDATE payment SET capturing_minor = captured_minor - 1",
        "UPDATE paid_part SET refunded_minor = paid_minor + 1",
        "UPDATE order_line SET refunded_quantity = quantity + 1",
    ],
)
async def test_the_database_itself_holds_the_ceilings(till: Till, change: str) -> None:
    await bought(till)
    before = await till.shop.snapshot()
    with pytest.raises(IntegrityError):
        await till.shop.shop.database.transact(lambda db: db.execute(text(change)))
    assert await till.shop.snapshot() == before


async def test_a_free_order_has_nothing_to_give_back(till: Till) -> None:
    placed = await till.place(await till.stock(price="0.00"))
    order_id = decode(OrderId, placed["order"]["id"])
    assert (await till.order(order_id)).state is OrderState.CONFIRMED
    assert codes(await refund(till, order_id, amount=eur("1.00"))) == ["REFUND_TOO_LARGE"]
    line_id = placed["order"]["lines"][0]["id"]
    assert codes(await refund(till, order_id, lines=[line(line_id, 1)])) == []
    assert await till.refunds(order_id) == []
