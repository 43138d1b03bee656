"""What money does to an order, and what an order's money is for."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from koipond.kernel.errors import DomainError
from koipond.kernel.ids import OrderLineId, PaymentId
from koipond.kernel.money import Money, split
from koipond.kernel.quantity import Quantity
from koipond.order.errors import (
    OrderLineUnknown,
    OrderLineUnpaid,
    OrderNotRefundable,
    RefundAmbiguous,
    RefundQuantityTooLarge,
    ShippingNotRefundable,
    TooManyPayments,
)
from koipond.order.types import (
    LineRefund,
    Order,
    OrderLine,
    OrderState,
    PaymentWish,
    RefundWish,
)
from koipond.payment.errors import PaymentAmountInvalid, RefundTooLarge
from koipond.payment.rules import plan_amount, plan_whole, refund_units
from koipond.payment.types import PaidPart, Payment

# Of one request: each asks a provider, and the request waits.
TENDERS_MAX = 10
REFUNDABLE = {OrderState.CONFIRMED, OrderState.CLOSED}
# {(payment, part): amount}
RefundPlan = dict[tuple[UUID, UUID], int]


class Covering(StrEnum):
    """What follows when money came for an order."""

    # Not enough yet, or its payments are being closed: whoever closes them decides.
    WAIT = "wait"
    CONFIRM = "confirm"
    # Late, but all of it may still be had.
    REVIVE = "revive"
    # The order is off.
    GIVE_BACK = "give_back"
    # The order stands already; what it does not need goes back.
    KEEP = "keep"


def plan_covering(order: Order, *, covered: Money, now: datetime, grace: timedelta) -> Covering:
    """Return what follows when money came. covered: all that came and was not sent back before."""
    enough = covered >= order.total
    match order.state:
        case OrderState.PLACED:
            return Covering.CONFIRM if enough and not order.is_closing else Covering.WAIT
        case OrderState.CONFIRMED | OrderState.CLOSED:
            return Covering.KEEP
        case OrderState.EXPIRED:
            assert order.expired_at is not None, "an expired order has expired at some time"
            in_time = now <= order.expired_at + grace
            return Covering.REVIVE if enough and in_time else Covering.GIVE_BACK
        case OrderState.CANCELLED:
            return Covering.GIVE_BACK
        case OrderState.CART:
            raise AssertionError(f"a cart was paid: {covered}")
    assert_never(order.state)


def parts_of(order: Order) -> dict[UUID, int]:
    """Return what each part of an order costs: {line: amount}, and under the order's own id what
    belongs to no line, such as shipping. They sum to its total, each >= 0."""
    lines: dict[UUID, int] = {
        line.id: max(0, order.price.line_total(line.id).amount_minor) for line in order.lines
    }
    total = order.total.amount_minor
    whole = total - sum(lines.values())
    if whole >= 0:
        return lines | {order.id: whole}
    # Something was taken off the order as a whole: every line bears its share.
    return split(total, lines) | {order.id: 0}


def check_tenders(wishes: Sequence[PaymentWish], total: Money) -> None:
    """Raise if tenders are too many, or name amounts that an order of `total` cannot take.

    Raises TooManyPayments, PaymentAmountInvalid.
    """
    if len(wishes) > TENDERS_MAX:
        raise TooManyPayments(payments=len(wishes), maximum=TENDERS_MAX)
    left = total
    for place, wish in enumerate(wishes):
        if wish.amount is None:
            left = Money(0, total.currency)
        else:
            try:
                left -= tender_amount(wish.amount, left)
            except DomainError as error:
                raise error.located(f"payment.{place}.amount") from None


def tender_amount(wanted: Money | None, due: Money) -> Money:
    """Return how much a payment asks for: what is wanted, or all that is due.

    Raises PaymentAmountInvalid.
    """
    amount = due if wanted is None else wanted
    if amount.currency != due.currency or not 0 < amount.amount_minor <= due.amount_minor:
        raise PaymentAmountInvalid(wanted=amount, possible=due)
    return amount


def plan_refund(
    order: Order, parts: Sequence[PaidPart], payments: Sequence[Payment], wish: RefundWish
) -> RefundPlan:
    """Return what goes back of each payment for each part: {(payment, part): amount > 0}.

    Raises OrderNotRefundable, RefundAmbiguous, OrderLineUnknown, OrderLineUnpaid,
    RefundQuantityTooLarge, ShippingNotRefundable, RefundTooLarge.
    """
    if order.state not in REFUNDABLE:
        raise OrderNotRefundable(state=order.state)
    by_parts = bool(wish.lines) or wish.shipping
    if by_parts == (wish.amount is not None):
        raise RefundAmbiguous
    if wish.amount is not None:
        plan = _plan_sum(wish.amount, parts, payments)
    else:
        plan = _plan_lines(order, parts, wish)
    _check_refundable(plan, payments, order.total)
    return plan


def plan_rest(order: Order, parts: Sequence[PaidPart]) -> RefundPlan:
    """Return what is left of lines whose every unit was paid back: {(payment, part): amount > 0}.

    A cut may leave a line without a unit that could take the remainder with it.
    """
    done = {line.id for line in order.lines if 0 < line.quantity == line.refunded_quantity}
    return plan_whole(part for part in parts if part.part_id in done and part.left_minor)


def _plan_lines(order: Order, parts: Sequence[PaidPart], wish: RefundWish) -> RefundPlan:
    plan: RefundPlan = {}
    lines = {line.id: line for line in order.lines}
    for place, one in enumerate(wish.lines):
        if one.line_id not in lines or any(o.line_id == one.line_id for o in wish.lines[:place]):
            raise OrderLineUnknown(order_line_id=one.line_id).located(f"lines.{place}.lineId")
        try:
            plan |= _plan_line(order, lines[one.line_id], parts, one)
        except RefundQuantityTooLarge as error:
            raise error.located(f"lines.{place}.quantity") from None
    if wish.shipping:
        plan |= _plan_shipping(order, parts)
    return plan


def _plan_shipping(order: Order, parts: Sequence[PaidPart]) -> RefundPlan:
    own = [part for part in parts if part.part_id == order.id]
    if not any(part.left_minor for part in own):
        paid = sum(part.paid_minor for part in own)
        currency = order.total.currency
        raise ShippingNotRefundable(
            paid=Money(paid, currency), refunded=Money(paid, currency)
        ).located("shipping")
    return plan_whole(own)


def _plan_line(
    order: Order, line: OrderLine, parts: Sequence[PaidPart], wish: LineRefund
) -> RefundPlan:
    cost = parts_of(order)[line.id]
    left = line.quantity - line.refunded_quantity
    if not 0 < wish.quantity <= left:
        raise RefundQuantityTooLarge(sku=line.sku, quantity=wish.quantity, left=Quantity(left))
    own = [part for part in parts if part.part_id == line.id]
    paid = sum(part.paid_minor for part in own)
    # Else its units would be given back by less than is paid for them later.
    if paid < cost:
        currency = order.total.currency
        raise OrderLineUnpaid(sku=line.sku, paid=Money(paid, currency), total=Money(cost, currency))
    amount = refund_units(
        paid_minor=paid,
        left_minor=sum(part.left_minor for part in own),
        units=line.quantity,
        before=line.refunded_quantity,
        more=wish.quantity,
    )
    return plan_amount(amount, own)


def _plan_sum(wanted: Money, parts: Sequence[PaidPart], payments: Sequence[Payment]) -> RefundPlan:
    own = {one.id: [part for part in parts if part.payment_id == one.id] for one in payments}
    possible = {
        one.id: min(one.refundable.amount_minor, sum(part.left_minor for part in own[one.id]))
        for one in payments
    }
    most = sum(possible.values())
    currency = payments[0].amount.currency if payments else wanted.currency
    if wanted.currency != currency or not 0 < wanted.amount_minor <= most:
        raise RefundTooLarge(wanted=wanted, refundable=Money(most, currency))
    plan: RefundPlan = {}
    for key, share in split(wanted.amount_minor, possible).items():
        plan |= plan_amount(share, own[key])
    return plan


def _check_refundable(plan: RefundPlan, payments: Sequence[Payment], total: Money) -> None:
    """Raise RefundTooLarge if a payment has not captured, or has given back, what a plan takes."""
    for one in payments:
        taken = sum(amount for (key, _), amount in plan.items() if PaymentId(key) == one.id)
        if taken > one.refundable.amount_minor:
            wanted = Money(taken, total.currency)
            raise RefundTooLarge(wanted=wanted, refundable=one.refundable)


def refunded_units(wish: RefundWish) -> dict[OrderLineId, int]:
    """Return {line: units} that a wish gives back."""
    return {one.line_id: one.quantity for one in wish.lines}
