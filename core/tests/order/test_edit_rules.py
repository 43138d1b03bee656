"""What an edit makes of an order and of its money, without a database."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
import pytest
from core.tests.order.test_paying_rules import (
    CARD,
    CUP,
    GIFT,
    ORDER,
    POT,
    TEA,
    eur,
    make_line,
    make_order,
    make_payment,
    part,
)
from hypothesis import example, given
from hypothesis import strategies as st

from koipond.kernel.ids import OrderLineId, PaymentId
from koipond.kernel.quantity import Quantity
from koipond.order import rules
from koipond.order.errors import OrderLineUnpaid, ShippingNotRefundable
from koipond.order.types import Addition, LineRefund, Order, OrderLine, RefundWish
from koipond.payment import rules as payment_rules
from koipond.payment.types import PaidPart, Payment
from koipond.pricing.types import Adjustment, Stage


def adjustment(line: OrderLineId, amount: int, stage: Stage = Stage.PRICE_LIST) -> Adjustment:
    return Adjustment(stage=stage, line_id=line, amount_minor=amount, label="", origin="koipond")


def amounts(order: Order) -> list[int]:
    return [one.amount_minor for one in order.price.adjustments]


def discounted() -> Order:
    """Three units of tea and two cups; 10.00 off all, split over the lines when it was placed."""
    order = make_order({TEA: 30_00, CUP: 20_00}, units=3)
    off = [
        adjustment(TEA, -6_00, Stage.ORDER_PROMOTION),
        adjustment(CUP, -4_00, Stage.ORDER_PROMOTION),
    ]
    adjustments = (*order.price.adjustments[:2], *off)
    price = msgspec.structs.replace(order.price, adjustments=adjustments)
    return msgspec.structs.replace(order, lines=(make_line(TEA, 3), make_line(CUP, 2)), price=price)


def test_ven_4811_the_discount_of_a_line_that_is_cut_does_not_slide_to_the_others() -> None:
    """Also SPR 5915, Solidus 512: the split is frozen, unit by unit."""
    after = rules.edit(discounted(), {TEA: 3}, Addition())
    assert amounts(after) == [0, 20_00, 0, -4_00]
    assert after.price.line_total(CUP) == eur(16_00)
    assert after.total == eur(16_00)
    some = rules.edit(discounted(), {TEA: 1}, Addition())
    assert amounts(some) == [20_00, 20_00, -4_00, -4_00]


def test_what_is_added_takes_nothing_from_what_was_there() -> None:
    new = make_line(POT, 1)
    added = Addition(lines=(new,), adjustments=(adjustment(POT, 7_00),))
    after = rules.edit(discounted(), {}, added)
    assert amounts(after) == [30_00, 20_00, -6_00, -4_00, 7_00]
    assert after.lines[-1] == new


def test_units_that_came_back_are_sent_no_more() -> None:
    order = make_order({TEA: 30_00}, units=3)
    (line,) = order.lines
    sent = msgspec.structs.replace(line, fulfilled_quantity=3, returned_quantity=2)
    order = msgspec.structs.replace(order, lines=(sent,))
    (after,) = rules.edit(order, {TEA: 2}, Addition(), came_back=True).lines
    assert (after.quantity, after.fulfilled_quantity, after.returned_quantity) == (1, 1, 0)


def test_what_two_discounts_leave_of_a_line_that_is_cut_is_not_below_nothing() -> None:
    """A third of 5.00 and of 25.00 are each a fraction, and together they are 10.00."""
    order = make_order({TEA: 30_00}, units=3)
    off = [adjustment(TEA, -5_00, Stage.LINE_PROMOTION), adjustment(TEA, -25_00, Stage.COUPON)]
    price = msgspec.structs.replace(order.price, adjustments=(*order.price.adjustments[:1], *off))
    order = msgspec.structs.replace(order, price=price)
    assert amounts(rules.edit(order, {TEA: 1}, Addition())) == [20_00, -3_33, -16_67]
    assert amounts(rules.edit(order, {TEA: 2}, Addition())) == [10_00, -1_66, -8_34]


@given(
    st.integers(1, 50),
    st.integers(0, 10**9),
    st.lists(st.integers(0, 10**9), max_size=4),
    st.lists(st.integers(1, 10), max_size=5),
)
def test_a_line_is_never_below_nothing_nor_dearer_than_it_was(
    units: int, price: int, offs: list[int], cuts: list[int]
) -> None:
    order = make_order({TEA: price}, units=units)
    left, discounts = price, []
    for off in offs:
        discounts.append(adjustment(TEA, -min(off, left), Stage.COUPON))
        left -= min(off, left)
    adjustments = (*order.price.adjustments, *discounts)
    order = msgspec.structs.replace(
        order, price=msgspec.structs.replace(order.price, adjustments=adjustments)
    )
    for cut in cuts:
        taken = min(cut, order.lines[0].quantity)
        if taken == 0:
            break
        before = order.price.line_total(TEA)
        order = rules.edit(order, {TEA: taken}, Addition())
        assert eur(0) <= order.price.line_total(TEA) <= before
    if order.lines[0].quantity == 0:
        assert order.price.line_total(TEA) == eur(0)


def freeze_again(
    order: Order,
    parts: list[PaidPart],
    *payments: Payment,
    gone: dict[PaymentId, int] | None = None,
) -> dict[tuple[UUID, UUID], int]:
    frozen = payment_rules.refreeze_parts(rules.parts_of(order), parts, payments, gone or {})
    return {one.key: one.paid_minor for one in frozen}


def test_what_a_part_does_not_need_any_more_pays_for_another() -> None:
    order = make_order({TEA: 10_00, CUP: 25_00})
    paid = freeze_again(order, [part(CARD, TEA, 30_00)], make_payment(CARD, 30_00))
    assert paid == {(CARD, TEA): 10_00, (CARD, CUP): 20_00}


def test_a_new_payment_pays_what_is_missing_and_no_more() -> None:
    order = make_order({TEA: 10_00, CUP: 25_00})
    known = [part(CARD, TEA, 10_00), part(CARD, CUP, 20_00)]
    cards = (make_payment(CARD, 30_00), make_payment(GIFT, 8_00))
    assert freeze_again(order, known, *cards) == {
        (CARD, TEA): 10_00,
        (CARD, CUP): 20_00,
        (GIFT, CUP): 5_00,
    }


def test_what_went_back_of_a_part_pays_for_no_other() -> None:
    order = make_order({TEA: 0, CUP: 30_00})
    paid = freeze_again(order, [part(CARD, TEA, 30_00, 10_00)], make_payment(CARD, 30_00, 10_00))
    assert paid == {(CARD, TEA): 10_00, (CARD, CUP): 20_00}


def test_what_went_back_because_it_was_not_needed_covers_nothing() -> None:
    order = make_order({TEA: 20_00, CUP: 10_00})
    known = [part(CARD, TEA, 20_00)]
    paid = freeze_again(order, known, make_payment(CARD, 30_00, 10_00), gone={CARD: 10_00})
    assert paid == {(CARD, TEA): 20_00}


def test_what_a_payment_pays_for_grows_and_shrinks_with_what_it_brings() -> None:
    order = make_order({TEA: 30_00})
    some, all_of_it = [part(CARD, TEA, 10_00)], [part(CARD, TEA, 30_00)]
    assert freeze_again(order, some, make_payment(CARD, 30_00)) == {(CARD, TEA): 30_00}
    card = make_payment(CARD, 30_00)
    for gone in (1, 10_00):
        paid = freeze_again(order, all_of_it, card, gone={CARD: gone})
        assert paid == {(CARD, TEA): 30_00 - gone}


def test_a_part_that_is_none_of_the_orders_any_more_is_paid_nothing() -> None:
    known = [part(CARD, TEA, 5_00), part(CARD, POT, 9_00)]
    (tea, pot) = payment_rules.refreeze_parts({TEA: 5_00}, known, [make_payment(CARD, 14_00)], {})
    assert (tea.paid_minor, pot.paid_minor) == (5_00, 0)


def test_what_is_not_paid_is_told_of_the_parts_that_there_are() -> None:
    known = [part(CARD, TEA, 60), part(GIFT, TEA, 10), part(CARD, CUP, 55), part(CARD, POT, 9)]
    assert payment_rules.unpaid({TEA: 100, CUP: 50, ORDER: 7}, known) == 30 + 0 + 7
    assert payment_rules.unpaid({TEA: 70, CUP: 55}, known) == 0


class Books:
    """An order's money as the tables keep it, and what a buyer has paid and got back of it."""

    def __init__(self, costs: list[int], units: list[int], tenders: list[int]) -> None:
        keys = [OrderLineId(UUID(int=100 + place)) for place in range(len(costs))]
        self.order = make_order(dict(zip(keys, costs, strict=True)), whole=4_99)
        self.order = msgspec.structs.replace(
            self.order,
            lines=tuple(make_line(key, count) for key, count in zip(keys, units, strict=True)),
        )
        self.payments: dict[PaymentId, Payment] = {}
        self.gone: dict[PaymentId, int] = {}
        self.parts: list[PaidPart] = []
        left = self.order.total.amount_minor
        for share in tenders:
            self.pay(min(share, left))
            left -= min(share, left)
        self.pay(left)

    def pay(self, amount: int) -> None:
        """Take money by a tender of its own; what is not needed goes back."""
        if amount:
            key = PaymentId(UUID(int=1_000 + len(self.payments)))
            self.payments[key] = make_payment(key, amount)
        self.settle()

    def settle(self) -> None:
        costs = rules.parts_of(self.order)
        payments = list(self.payments.values())
        self.parts = payment_rules.refreeze_parts(costs, self.parts, payments, self.gone)
        for one in payments:
            too_much = payment_rules.surplus(one, self.parts)
            if too_much:
                self.gone[one.id] = self.gone.get(one.id, 0) + too_much
                self._give(one.id, too_much)

    @property
    def lacking(self) -> int:
        return payment_rules.unpaid(rules.parts_of(self.order), self.parts)

    @property
    def kept(self) -> int:
        return sum(one.refundable.amount_minor for one in self.payments.values())

    def cut(self, place: int, units: int) -> None:
        line = self.order.lines[place]
        free = line.quantity - line.refunded_quantity
        taken = min(units, free)
        if taken:
            self.order = rules.edit(self.order, {line.id: taken}, Addition())
            self.settle()
            self._pay_back(rules.plan_rest(self.order, self.parts))

    def add(self, cost: int, units: int) -> None:
        new = make_line(OrderLineId(UUID(int=100 + len(self.order.lines))), units)
        added = Addition(lines=(new,), adjustments=(adjustment(new.id, cost),))
        self.order = rules.edit(self.order, {}, added)
        self.settle()

    def refund_units(self, place: int, units: int) -> None:
        line = self.order.lines[place]
        count = min(units, line.quantity - line.refunded_quantity)
        if count:
            one = LineRefund(line_id=line.id, quantity=Quantity(count))
            with suppress(OrderLineUnpaid):
                self._refund(RefundWish(order_id=ORDER, lines=(one,)))

    def refund_amount(self, amount: int) -> None:
        most = min(self.kept, sum(one.left_minor for one in self.parts))
        if min(amount, most):
            self._refund(RefundWish(order_id=ORDER, amount=eur(min(amount, most))))

    def refund_all(self) -> None:
        """Every unit that is left, line by line, then what was paid for the whole."""
        for place, line in enumerate(self.order.lines):
            self.refund_units(place, line.quantity)
        with suppress(ShippingNotRefundable):
            self._refund(RefundWish(order_id=ORDER, shipping=True))

    def _refund(self, wish: RefundWish) -> None:
        plan = rules.plan_refund(self.order, self.parts, list(self.payments.values()), wish)
        self._pay_back(plan)
        counted = rules.refunded_units(wish)
        lines = tuple(_refunded(line, counted.get(line.id, 0)) for line in self.order.lines)
        self.order = msgspec.structs.replace(self.order, lines=lines)

    def _pay_back(self, plan: Mapping[tuple[UUID, UUID], int]) -> None:
        for (key, place), amount in plan.items():
            self._give(PaymentId(key), amount)
            self.parts = [
                msgspec.structs.replace(one, refunded_minor=one.refunded_minor + amount)
                if one.key == (key, place)
                else one
                for one in self.parts
            ]

    def _give(self, key: PaymentId, amount: int) -> None:
        one = self.payments[key]
        self.payments[key] = msgspec.structs.replace(one, refunded=one.refunded + eur(amount))

    def check(self) -> None:
        """Assert the ceilings that the tables hold: I4."""
        for one in self.parts:
            assert 0 <= one.refunded_minor <= one.paid_minor
        for payment in self.payments.values():
            assert eur(0) <= payment.refunded <= payment.captured
            paid = sum(one.paid_minor for one in self.parts if one.payment_id == payment.id)
            assert paid <= payment.captured.amount_minor
        costs = rules.parts_of(self.order)
        for key, cost in costs.items():
            own = [one for one in self.parts if one.part_id == key]
            back = sum(one.refunded_minor for one in own)
            assert sum(one.paid_minor for one in own) <= max(cost, back)


def _refunded(line: OrderLine, units: int) -> OrderLine:
    return msgspec.structs.replace(line, refunded_quantity=line.refunded_quantity + units)


places = st.integers(0, 5)
acts = st.lists(
    st.one_of(
        st.tuples(st.just("cut"), places, st.integers(1, 5)),
        st.tuples(st.just("add"), st.integers(0, 10_000), st.integers(1, 5)),
        st.tuples(st.just("refund_units"), places, st.integers(1, 5)),
        st.tuples(st.just("refund_amount"), st.integers(1, 10_000)),
        st.tuples(st.just("pay"), st.integers(0, 10_000)),
    ),
    max_size=12,
)


@pytest.mark.slow
@example([(1, 2)], [], [("refund_units", 0, 1), ("cut", 0, 1)])
@given(
    st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 9)), min_size=1, max_size=5),
    st.lists(st.integers(0, 100_000), max_size=3),
    acts,
)
def test_refunding_everything_in_any_order_and_split_gives_back_exactly_what_was_paid(
    lines: list[tuple[int, int]], tenders: list[int], then: list[tuple[Any, ...]]
) -> None:
    """Whatever was cut, added, paid and given back before."""
    books = Books([cost for cost, _ in lines], [units for _, units in lines], tenders)
    books.check()
    for name, *given_to in then:
        if name in {"cut", "refund_units"}:
            given_to[0] %= len(books.order.lines)
        if name == "pay":
            given_to[0] = min(given_to[0], books.lacking)
        getattr(books, name)(*given_to)
        books.check()
    books.pay(books.lacking)
    assert books.lacking == 0
    books.refund_all()
    books.check()
    assert books.kept == 0


@pytest.mark.parametrize("paid", [1, 2, 100, 3_333])
def test_the_last_of_three_units_takes_what_remains(paid: int) -> None:
    books = Books([paid], [3], [])
    for _ in range(3):
        books.refund_units(0, 1)
    assert sum(one.left_minor for one in books.parts if one.part_id != ORDER) == 0
