"""Use-cases of letting go: what is held and not captured, so that it never can be."""

import structlog

from koipond.kernel.context import Context
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import OrderId
from koipond.payment.errors import PaymentUnresolved
from koipond.payment.service.charging import apply_result, resolve
from koipond.payment.service.providers import ask
from koipond.payment.service.reading import find_payment, find_payments
from koipond.payment.types import Payment, VoidPayment

log = structlog.get_logger("koipond")


async def void(ctx: Context, known: Payment) -> Payment:
    """Have a provider let go of what a payment holds; in no transaction.

    Returns the payment as it is then: captured, if that was faster.
    """
    result = await ask(ctx, known.provider, lambda it: it.void(known))
    crash_point("void.provider_answered.before_apply")
    return await apply_result(ctx, known.id, result)


async def run_void(ctx: Context, job: VoidPayment) -> None:
    """Do the job."""
    known = await find_payment(ctx, job.payment_id)
    if known is not None and _is_open(known):
        await void(ctx, known)


async def void_pending(ctx: Context, order_id: OrderId) -> bool:
    """Let go of payments that wait for the buyer, so that another can be begun in their place.

    Returns whether there were any; in no transaction.
    """
    waiting = [one for one in await find_payments(ctx, order_id) if _waits(one)]
    for one in waiting:
        await void(ctx, one)
    return bool(waiting)


async def close_open(ctx: Context, order_id: OrderId) -> bool:
    """Close at their providers all payments of an order that may still take money.

    Returns whether all are closed; in no transaction. False: a request is still at work.
    """
    await resolve(ctx, order_id)
    for one in await find_payments(ctx, order_id):
        if _is_open(one):
            await void(ctx, one)
    found = await find_payments(ctx, order_id)
    return not any(one.is_pending or one.held.amount_minor > 0 for one in found)


async def settle_voids(ctx: Context, order_id: OrderId) -> None:
    """Let go now of what is held for an order that is off; a job does what fails here."""
    for one in await find_payments(ctx, order_id):
        if not _is_open(one):
            continue
        try:
            await void(ctx, one)
        except PaymentUnresolved:
            # The job that was stored with the decision asks again.
            log.warning("a payment is not voided yet", payment_id=str(one.id))


def _waits(one: Payment) -> bool:
    """Tell whether the provider knows of a payment and waits for the buyer."""
    return one.is_pending and one.reference is not None


def _is_open(one: Payment) -> bool:
    return _waits(one) or one.held.amount_minor > 0
