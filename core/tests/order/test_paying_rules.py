"""What money does to an order, and what goes back of it: without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond.kernel.ids import ChannelId, OrderId, OrderLineId, PaymentId, ProductId, VariantId
from koipond.kernel.money import Currency, Money
from koipond.kernel.quantity import Quantity
from koipond.kernel.texts import Locale
from koipond.order import rules
from koipond.order.errors import (
    OrderLineUnknown,
    OrderLineUnpaid,
    OrderNotRefundable,
    RefundAmbiguous,
    RefundQuantityTooLarge,
    ShippingNotRefundable,
    TooManyPayments,
)
from koipond.order.rules import Covering
from koipond.order.types import (
    Attention,
    AttentionReason,
    CheckoutDetails,
    LineRefund,
    Order,
    OrderLine,
    OrderState,
    PaymentWish,
    RefundWish,
)
from koipond.payment.errors import PaymentAmountInvalid, RefundTooLarge
from koipond.payment.types import PaidPart, Payment, PaymentState
from koipond.pricing.types import Adjustment, PricedOrder, Stage

EUR, CNY = Currency("EUR"), Currency("CNY")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
GRACE = timedelta(hours=48)
ORDER = OrderId(UUID(int=1))
TEA, CUP, POT = (OrderLineId(UUID(int=number)) for number in (11, 12, 13))
CARD, GIFT = PaymentId(UUID(int=21)), PaymentId(UUID(int=22))
MISMATCH, SHORT = AttentionReason.PAYMENT_MISMATCH, AttentionReason.STOCK_SHORT


def eur(amount_minor: int) -> Money:
    return Money(amount_minor, EUR)


def make_order(
    costs: dict[OrderLineId, int], *, whole: int = 0, units: int = 1, **given: Any
) -> Order:
    """Return a confirmed order: {line: what it costs}, and what the order costs as a whole."""
    amounts = [*costs.items(), (None, whole)]
    plain: dict[str, Any] = {
        "id": ORDER,
        "state": OrderState.CONFIRMED,
        "number": "2",
        "channel_id": ChannelId(UUID(int=2)),
        "locale": Locale("en"),
        "member_id": None,
        "lines": tuple(make_line(key, units) for key in costs),
        "price": PricedOrder(
            currency=EUR,
            adjustments=tuple(
                Adjustment(
                    stage=Stage.PRICE_LIST,
                    line_id=key,
                    amount_minor=amount,
                    label="",
                    origin="koipond",
                )
                for key, amount in amounts
            ),
        ),
        "details": CheckoutDetails(),
        "placed_at": NOON,
    }
    return Order(**(plain | given))


def make_line(key: OrderLineId, quantity: int, refunded: int = 0) -> OrderLine:
    return OrderLine(
        id=key,
        variant_id=VariantId(UUID(int=3)),
        product_id=ProductId(UUID(int=4)),
        sku=f"SKU-{key.int}",
        name="Tea",
        quantity=quantity,
        unit_price_minor=0,
        refunded_quantity=refunded,
    )


def make_payment(key: PaymentId, captured: int, refunded: int = 0) -> Payment:
    return Payment(
        id=key,
        order_id=ORDER,
        provider="sandbox",
        state=PaymentState.CAPTURED,
        amount=eur(captured),
        authorised=eur(captured),
        captured=eur(captured),
        refunded=eur(refunded),
        capturing=eur(captured),
        released=False,
        reference=None,
        failure=None,
        action={},
        request_key=None,
        created_at=NOON,
    )


def part(of: PaymentId, key: UUID, paid: int, refunded: int = 0) -> PaidPart:
    return PaidPart(payment_id=of, part_id=key, paid_minor=paid, refunded_minor=refunded)


def wish(*lines: tuple[OrderLineId, int], **given: Any) -> RefundWish:
    """Wish for units of lines back: (line, units)."""
    wanted = tuple(LineRefund(line_id=key, quantity=Quantity(units)) for key, units in lines)
    return RefundWish(order_id=ORDER, lines=wanted, **given)


@pytest.mark.parametrize(
    ("given", "covered", "follows"),
    [
        ({"state": OrderState.PLACED}, 100, Covering.CONFIRM),
        ({"state": OrderState.PLACED}, 101, Covering.CONFIRM),
        ({"state": OrderState.PLACED}, 99, Covering.WAIT),
        ({"state": OrderState.PLACED, "is_closing": True}, 100, Covering.WAIT),
        ({"state": OrderState.CONFIRMED}, 0, Covering.KEEP),
        ({"state": OrderState.CLOSED}, 200, Covering.KEEP),
        ({"state": OrderState.CANCELLED}, 100, Covering.GIVE_BACK),
        ({"state": OrderState.EXPIRED, "expired_at": NOON - GRACE}, 100, Covering.REVIVE),
        ({"state": OrderState.EXPIRED, "expired_at": NOON}, 99, Covering.GIVE_BACK),
        (
            {"state": OrderState.EXPIRED, "expired_at": NOON - GRACE - timedelta(seconds=1)},
            100,
            Covering.GIVE_BACK,
        ),
    ],
)
def test_what_follows_when_money_came(
    given: dict[str, Any], covered: int, follows: Covering
) -> None:
    order = make_order({TEA: 100}, **given)
    assert rules.plan_covering(order, covered=eur(covered), now=NOON, grace=GRACE) is follows


def test_a_cart_that_was_paid_is_our_bug() -> None:
    cart = make_order({TEA: 100}, state=OrderState.CART)
    with pytest.raises(AssertionError, match="a cart was paid"):
        rules.plan_covering(cart, covered=eur(100), now=NOON, grace=GRACE)


def test_when_an_order_has_expired_is_known() -> None:
    expired = make_order({TEA: 100}, state=OrderState.EXPIRED)
    with pytest.raises(AssertionError, match=r"^an expired order has expired at some time"):
        rules.plan_covering(expired, covered=eur(100), now=NOON, grace=GRACE)


def test_parts_of_an_order_are_its_lines_and_what_belongs_to_none() -> None:
    order = make_order({TEA: 100, CUP: 50}, whole=49)
    assert rules.parts_of(order) == {TEA: 100, CUP: 50, ORDER: 49}
    assert rules.parts_of(make_order({TEA: 100})) == {TEA: 100, ORDER: 0}
    assert rules.parts_of(make_order({TEA: 0})) == {TEA: 0, ORDER: 0}


def test_what_is_taken_off_the_order_as_a_whole_every_line_bears() -> None:
    order = make_order({TEA: 200, CUP: 100}, whole=-30)
    assert rules.parts_of(order) == {TEA: 180, CUP: 90, ORDER: 0}
    assert rules.parts_of(make_order({TEA: 200, CUP: 100}, whole=-1)) == {
        TEA: 199,
        CUP: 100,
        ORDER: 0,
    }


def test_a_line_below_nothing_costs_nothing_and_the_others_bear_it() -> None:
    assert rules.parts_of(make_order({TEA: 100, CUP: -40})) == {TEA: 60, CUP: 0, ORDER: 0}


@pytest.mark.slow
@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=3).filter(any), st.floats(-1, 1))
def test_parts_sum_to_the_total(costs: list[int], off: float) -> None:
    order = make_order(dict(zip((TEA, CUP, POT), costs, strict=True)), whole=int(off * sum(costs)))
    parts = rules.parts_of(order)
    assert sum(parts.values()) == order.total.amount_minor
    assert min(parts.values()) >= 0


@pytest.mark.parametrize("amounts", [[None], [100], [60, 40], [60, None], [60], [1, 98, 1]])
def test_tenders_that_fit_the_order_are_taken(amounts: list[int | None]) -> None:
    rules.check_tenders([pay(amount) for amount in amounts], eur(100))


@pytest.mark.parametrize(
    ("amounts", "at", "wanted", "possible"),
    [
        ([101], 0, 101, 100),
        ([0], 0, 0, 100),
        ([-1], 0, -1, 100),
        ([60, 41], 1, 41, 40),
        ([60, 40, 1], 2, 1, 0),
        ([None, 1], 1, 1, 0),
        ([60, None, 1], 2, 1, 0),
    ],
)
def test_tenders_that_do_not_fit_the_order_are_refused(
    amounts: list[int | None], at: int, wanted: int, possible: int
) -> None:
    with pytest.raises(PaymentAmountInvalid) as refused:
        rules.check_tenders([pay(amount) for amount in amounts], eur(100))
    assert refused.value.at == f"payment.{at}.amount"
    assert (refused.value.wanted, refused.value.possible) == (eur(wanted), eur(possible))


def test_more_than_ten_payments_at_once_are_refused() -> None:
    rules.check_tenders([pay(10)] * 10, eur(100))
    with pytest.raises(TooManyPayments) as refused:
        rules.check_tenders([pay(1)] * 11, eur(100))
    assert (refused.value.payments, refused.value.maximum) == (11, 10)


def pay(amount: int | None) -> PaymentWish:
    return PaymentWish(provider="sandbox", amount=None if amount is None else eur(amount))


def test_a_payment_asks_for_what_is_wanted_or_for_all_that_is_due() -> None:
    assert rules.tender_amount(None, eur(100)) == eur(100)
    assert rules.tender_amount(eur(1), eur(100)) == eur(1)
    assert rules.tender_amount(eur(100), eur(100)) == eur(100)


@pytest.mark.parametrize(
    ("wanted", "due"),
    [(eur(0), eur(100)), (eur(101), eur(100)), (Money(100, CNY), eur(100)), (None, eur(0))],
)
def test_an_amount_that_is_not_due_is_refused(wanted: Money | None, due: Money) -> None:
    with pytest.raises(PaymentAmountInvalid) as refused:
        rules.tender_amount(wanted, due)
    assert (refused.value.wanted, refused.value.possible) == (wanted or due, due)


def test_what_people_must_look_at_is_said_once_and_in_order() -> None:
    later = NOON + timedelta(hours=1)
    short = rules.add_attention((), SHORT, "TEA-1", now=NOON)
    assert short == (Attention(reason=SHORT, detail="TEA-1", at=NOON),)
    assert rules.add_attention(short, SHORT, "TEA-1", now=later) == short
    other = Attention(reason=SHORT, detail="CUP-1", at=later)
    assert rules.add_attention(short, SHORT, "CUP-1", now=later) == (other, *short)
    mismatch = Attention(reason=MISMATCH, detail="TEA-1", at=later)
    assert rules.add_attention(short, MISMATCH, "TEA-1", now=later) == (mismatch, *short)


def test_what_is_settled_need_not_be_looked_at() -> None:
    known = rules.add_attention((), SHORT, "TEA-1", now=NOON)
    known = rules.add_attention(known, MISMATCH, "1", now=NOON)
    assert [one.reason for one in rules.without_attention(known, [SHORT])] == [MISMATCH]
    assert rules.without_attention(known, [SHORT, MISMATCH]) == ()
    assert rules.without_attention(known, []) == known


@pytest.mark.parametrize("state", set(OrderState) - {OrderState.CONFIRMED, OrderState.CLOSED})
def test_of_an_order_that_does_not_stand_nothing_is_given_back(state: OrderState) -> None:
    order = make_order({TEA: 100}, state=state)
    with pytest.raises(OrderNotRefundable) as refused:
        rules.plan_refund(order, [], [], wish((TEA, 1)))
    assert refused.value.state == state


@pytest.mark.parametrize(
    "wanted", [wish(), wish((TEA, 1), amount=eur(1)), wish(shipping=True, amount=eur(1))]
)
def test_a_refund_of_lines_and_an_amount_or_of_neither_is_refused(wanted: RefundWish) -> None:
    with pytest.raises(RefundAmbiguous):
        rules.plan_refund(make_order({TEA: 100}), [part(CARD, TEA, 100)], [], wanted)


def test_units_give_back_their_share_of_each_payment_and_the_last_one_the_rest() -> None:
    parts = [part(CARD, TEA, 60), part(CARD, CUP, 5), part(GIFT, TEA, 40)]
    payments = [make_payment(CARD, 65), make_payment(GIFT, 40)]
    order = make_order({TEA: 100, CUP: 5}, units=3, state=OrderState.CLOSED)
    plan = rules.plan_refund(order, parts, payments, wish((TEA, 1)))
    assert plan == {(CARD, TEA): 20, (GIFT, TEA): 13}
    parts = [part(CARD, TEA, 60, 40), part(CARD, CUP, 5), part(GIFT, TEA, 40, 26)]
    order = make_order({TEA: 100, CUP: 5}, lines=(make_line(TEA, 3, 2), make_line(CUP, 1)))
    plan = rules.plan_refund(order, parts, payments, wish((TEA, 1), (CUP, 1)))
    assert plan == {(CARD, TEA): 20, (GIFT, TEA): 14, (CARD, CUP): 5}


def test_of_a_line_that_is_not_paid_yet_no_unit_goes_back() -> None:
    """Its units would go back for less than is paid for them later."""
    order = make_order({TEA: 100, CUP: 50})
    parts = [part(CARD, TEA, 60), part(GIFT, TEA, 39), part(CARD, CUP, 50)]
    payments = [make_payment(CARD, 110), make_payment(GIFT, 39)]
    with pytest.raises(OrderLineUnpaid) as refused:
        rules.plan_refund(order, parts, payments, wish((TEA, 1)))
    told = refused.value
    assert (told.sku, told.paid, told.total) == ("SKU-11", eur(99), eur(100))
    assert rules.plan_refund(order, parts, payments, wish((CUP, 1))) == {(CARD, CUP): 50}


def test_of_lines_that_are_paid_back_to_the_last_unit_the_rest_goes_back_too() -> None:
    lines = (make_line(TEA, 2, 2), make_line(CUP, 2, 1), make_line(POT, 0))
    parts = [
        part(CARD, TEA, 60, 59),
        part(GIFT, TEA, 40, 40),
        part(CARD, CUP, 50, 25),
        part(CARD, POT, 9, 8),
        part(CARD, ORDER, 7),
    ]
    order = make_order({TEA: 100, CUP: 50, POT: 9}, lines=lines)
    assert rules.plan_rest(order, parts) == {(CARD, TEA): 1}


def test_shipping_gives_back_what_is_left_of_the_order_as_a_whole() -> None:
    parts = [part(CARD, TEA, 60), part(CARD, ORDER, 10, 4), part(GIFT, ORDER, 7)]
    payments = [make_payment(CARD, 70, 4), make_payment(GIFT, 7)]
    order = make_order({TEA: 60}, whole=17)
    shipping = {(CARD, ORDER): 6, (GIFT, ORDER): 7}
    assert rules.plan_refund(order, parts, payments, wish(shipping=True)) == shipping
    both = rules.plan_refund(order, parts, payments, wish((TEA, 1), shipping=True))
    assert both == {(CARD, TEA): 60, **shipping}


def test_shipping_that_was_given_back_is_not_given_back_again() -> None:
    parts = [part(CARD, TEA, 60), part(CARD, ORDER, 10, 10), part(GIFT, ORDER, 7, 7)]
    payments = [make_payment(CARD, 70, 10), make_payment(GIFT, 7, 7)]
    with pytest.raises(ShippingNotRefundable) as refused:
        rules.plan_refund(make_order({TEA: 60}, whole=17), parts, payments, wish(shipping=True))
    assert (refused.value.paid, refused.value.refunded) == (eur(17), eur(17))
    assert refused.value.at == "shipping"


@pytest.mark.parametrize(
    ("lines", "place"),
    [([(CUP, 1)], 0), ([(TEA, 1), (TEA, 1)], 1), ([(TEA, 1), (POT, 1), (CUP, 1)], 2)],
)
def test_a_line_that_is_not_the_orders_or_named_twice_is_refused(
    lines: list[tuple[OrderLineId, int]], place: int
) -> None:
    parts = [part(CARD, TEA, 60), part(CARD, POT, 1)]
    order = make_order({TEA: 60, POT: 1}, units=2)
    with pytest.raises(OrderLineUnknown) as refused:
        rules.plan_refund(order, parts, [make_payment(CARD, 61)], wish(*lines))
    assert refused.value.at == f"lines.{place}.lineId"
    assert refused.value.order_line_id == lines[place][0]


@pytest.mark.parametrize("units", [0, -1, 3])
def test_more_units_than_are_left_or_none_are_refused(units: int) -> None:
    order = make_order({TEA: 90, CUP: 1}, lines=(make_line(TEA, 3, 1), make_line(CUP, 1)))
    parts = [part(CARD, TEA, 90, 30), part(CARD, CUP, 1)]
    payments = [make_payment(CARD, 91, 30)]
    assert rules.plan_refund(order, parts, payments, wish((TEA, 2))) == {(CARD, TEA): 60}
    with pytest.raises(RefundQuantityTooLarge) as refused:
        rules.plan_refund(order, parts, payments, wish((CUP, 1), (TEA, units)))
    assert refused.value.at == "lines.1.quantity"
    assert (refused.value.sku, refused.value.quantity, refused.value.left) == ("SKU-11", units, 2)


def test_an_amount_is_given_back_in_proportion_to_what_is_left_of_each_payment() -> None:
    parts = [part(CARD, TEA, 40), part(CARD, CUP, 20), part(GIFT, TEA, 40, 10)]
    payments = [make_payment(CARD, 60), make_payment(GIFT, 40, 10)]
    order = make_order({TEA: 80, CUP: 20})
    assert rules.plan_refund(order, parts, payments, wish(amount=eur(9))) == {
        (CARD, TEA): 4,
        (CARD, CUP): 2,
        (GIFT, TEA): 3,
    }
    assert rules.plan_refund(order, parts, payments, wish(amount=eur(90))) == {
        (CARD, TEA): 40,
        (CARD, CUP): 20,
        (GIFT, TEA): 30,
    }
    assert rules.plan_refund(order, parts, payments, wish(amount=eur(1))) == {(CARD, TEA): 1}
    by_card = rules.plan_refund(order, parts[:2], payments[:1], wish(amount=eur(6)))
    assert by_card == {(CARD, TEA): 4, (CARD, CUP): 2}


@pytest.mark.parametrize(
    "amount", [eur(0), eur(-1), eur(91), Money(9, CNY)], ids=["none", "less", "more", "CNY"]
)
def test_an_amount_that_is_not_left_is_refused(amount: Money) -> None:
    parts = [part(CARD, TEA, 60), part(GIFT, TEA, 40, 10)]
    payments = [make_payment(CARD, 60), make_payment(GIFT, 40, 10)]
    with pytest.raises(RefundTooLarge) as refused:
        rules.plan_refund(make_order({TEA: 100}), parts, payments, wish(amount=amount))
    assert (refused.value.wanted, refused.value.refundable) == (amount, eur(90))


def test_of_a_payment_goes_back_what_it_has_and_what_its_parts_have_whichever_is_less() -> None:
    # The card captured more than it paid for; of the gift card more went back elsewhere.
    parts = [part(CARD, TEA, 60), part(GIFT, TEA, 40)]
    payments = [make_payment(CARD, 80), make_payment(GIFT, 40, 30)]
    order = make_order({TEA: 100})
    most = {(CARD, TEA): 60, (GIFT, TEA): 10}
    assert rules.plan_refund(order, parts, payments, wish(amount=eur(70))) == most
    with pytest.raises(RefundTooLarge) as refused:
        rules.plan_refund(order, parts, payments, wish(amount=eur(71)))
    assert refused.value.refundable == eur(70)


def test_of_a_free_order_no_amount_goes_back() -> None:
    with pytest.raises(RefundTooLarge) as refused:
        rules.plan_refund(make_order({TEA: 0}), [], [], wish(amount=eur(1)))
    assert (refused.value.wanted, refused.value.refundable) == (eur(1), eur(0))
    assert rules.plan_refund(make_order({TEA: 0}), [], [], wish((TEA, 1))) == {}


def test_units_of_a_payment_that_has_less_than_they_cost_are_refused() -> None:
    parts = [part(CARD, TEA, 60), part(GIFT, TEA, 40), part(GIFT, CUP, 5)]
    payments = [make_payment(CARD, 60), make_payment(GIFT, 45, 6)]
    order = make_order({TEA: 100, CUP: 5})
    with pytest.raises(RefundTooLarge) as refused:
        rules.plan_refund(order, parts, payments, wish((TEA, 1)))
    assert (refused.value.wanted, refused.value.refundable) == (eur(40), eur(39))
    payments = [make_payment(CARD, 60), make_payment(GIFT, 45, 5)]
    plan = rules.plan_refund(order, parts, payments, wish((TEA, 1)))
    assert plan == {(CARD, TEA): 60, (GIFT, TEA): 40}


def test_the_units_of_a_wish_are_told_by_line() -> None:
    assert rules.refunded_units(wish((TEA, 2), (CUP, 1))) == {TEA: 2, CUP: 1}
