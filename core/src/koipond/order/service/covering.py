"""Use-cases of money that came: it confirms its order, or goes back. It always has an owner."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from msgspec import Struct

from koipond.kernel.context import Context, transaction
from koipond.kernel.jobs import enqueue
from koipond.order import repository, rules
from koipond.order.events import OrderConfirmed
from koipond.order.rules import Covering
from koipond.order.service.attention import flag_order, settle_attention
from koipond.order.service.holding import lift_hold, place_hold
from koipond.order.types import AttentionReason, HoldWish, Order, OrderState, ReviveOrder
from koipond.payment import rules as payment_rules
from koipond.payment import service as payment
from koipond.payment.events import PaymentAuthorised, PaymentCaptured, PaymentVoided
from koipond.payment.types import Payment, RefundReason
from koipond.pricing.rules import CORE
from koipond.quota.types import Claim
from koipond.stock import service as stock

# The part of an order's reservations that late money had reserved again.
LATE = 1
# What keeps an order from being sent that an edit made dearer, until that is paid.
PAYMENT_HOLD = "payment"


class AsPlaced(Struct, frozen=True):
    """Hands `cover_order` an order that is not locked, but believed to be as it was placed."""

    order: Order


async def cover_order(ctx: Context, event: PaymentAuthorised | PaymentCaptured) -> Order | None:
    """Confirm an order that is covered now; money for one that is off goes back.

    Authorised money covers: it is the provider's promise. Runs in the transaction that applies the
    payment (duties.py), which has the payment locked. Returns the order that it confirmed.
    """
    believed: AsPlaced | None = ctx.handed.pop(AsPlaced, None)
    if believed is not None:
        payments = await payment.find_applied(ctx, believed.order.id)
        return await confirm(ctx, believed.order, payments, unread=True)
    order = await repository.lock(ctx.db, event.order_id)
    payments = await _standing(ctx, order, await payment.find_applied(ctx, order.id))
    plan = rules.plan_covering(
        order,
        covered=payment_rules.covered(payments, order.total.currency),
        now=ctx.clock.now(),
        grace=timedelta(seconds=ctx.settings.late_payment_grace_s),
    )
    match plan:
        case Covering.CONFIRM:
            return await confirm(ctx, order, payments)
        case Covering.REVIVE:
            await enqueue(ctx, ReviveOrder(order_id=order.id), unique=f"order.revive:{order.id}")
        case Covering.GIVE_BACK:
            await payment.owe_refund(ctx, order.id, reason=RefundReason.LATE)
        case Covering.KEEP:
            if is_owing(order):
                await recount_cover(ctx, order)
            await payment.owe_surplus(ctx, order.id)
            await _settle_cover(ctx, order, payments)
        case Covering.WAIT:
            pass
    return None


async def check_cover(ctx: Context, event: PaymentVoided) -> None:
    """Have people look at an order that stands although what was held for it is gone.

    Runs in the transaction that applies the payment (duties.py).
    """
    order = await repository.lock(ctx.db, event.order_id)
    if order.state not in {OrderState.CONFIRMED, OrderState.CLOSED}:
        return
    payments = await find_standing(ctx, order)
    covered = payment_rules.covered(payments, order.total.currency)
    if covered < order.total:
        detail = f"{covered} of {order.total} is covered"
        await flag_order(ctx, order.id, AttentionReason.UNCOVERED, detail)
        await recount_cover(ctx, order)


def is_owing(order: Order) -> bool:
    """Tell whether money is due of an order that stands."""
    return any(one.name == PAYMENT_HOLD for one in order.holds)


@transaction
async def recount_cover(ctx: Context, order: Order) -> int:
    """Let what came for a standing order pay for it as it is now; nothing is sent while it lacks
    some. Its payments and it are locked. Returns what it lacks, in minor units."""
    lacking = await payment.refreeze(ctx, order.id, rules.parts_of(order))
    if lacking and not is_owing(order):
        wish = HoldWish(name=PAYMENT_HOLD, reason="it is not paid in full any more")
        await place_hold(ctx, order.id, wish, source=CORE)
    elif not lacking and is_owing(order):
        await lift_hold(ctx, order.id, PAYMENT_HOLD)
    return lacking


async def find_standing(ctx: Context, order: Order) -> list[Payment]:
    """Return the payments of an order that count: not those that went back when it was off."""
    return await _standing(ctx, order, await payment.find_payments(ctx, order.id))


async def _standing(ctx: Context, order: Order, payments: list[Payment]) -> list[Payment]:
    if order.state is not OrderState.EXPIRED:
        return payments
    refunds = await payment.find_refunds(ctx, order.id)
    return payment_rules.standing(payments, refunds)


@transaction
async def confirm(
    ctx: Context,
    order: Order,
    payments: Sequence[Payment],
    *,
    late: Sequence[Claim] = (),
    unread: bool = False,
) -> Order:
    """Confirm a locked order that these payments cover; returns it as it is then.

    late: what was reserved again for it. unread: it is not locked but believed to be as it was
    placed; the transaction raises Outdated if it is not.
    """
    now, as_placed = ctx.clock.now(), order if unread else None
    repository.move(ctx.unsent, order.id, OrderState.CONFIRMED, now=now, unread=as_placed)
    payment.freeze(ctx, order.id, rules.parts_of(order), payments)
    ctx.emit(OrderConfirmed(order_id=order.id))
    if late:
        await stock.place(ctx, order.id, late, part=LATE)
    await stock.consume(ctx, order.id)
    return confirmed(order)


def confirmed(order: Order) -> Order:
    """Return an order as it is once it is confirmed."""
    return msgspec.structs.replace(order, state=OrderState.CONFIRMED, is_closing=False)


def is_covered(order: Order, payments: Sequence[Payment]) -> bool:
    """Tell whether an order has what it costs."""
    return payment_rules.covered(payments, order.total.currency) >= order.total


async def _settle_cover(ctx: Context, order: Order, payments: Sequence[Payment]) -> None:
    if is_covered(order, payments):
        await settle_attention(ctx, order, AttentionReason.UNCOVERED)
