"""Use-cases of charging: a payment is stored, its provider asked, its answer applied once."""

from datetime import timedelta

from koipond.kernel.context import Context, transaction
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import OrderId, PaymentId, encode, new_id
from koipond.kernel.jobs import enqueue
from koipond.payment import repository, rules
from koipond.payment.errors import PaymentUnknown
from koipond.payment.service.applying import apply
from koipond.payment.service.providers import ask, check_provider
from koipond.payment.service.reading import find_payment, find_payments, hand_on
from koipond.payment.types import (
    Begun,
    Charge,
    ChargeResult,
    Payment,
    PaymentState,
    QueryPayment,
    QueryPayments,
    Tender,
)

_LOST = ChargeResult(state=PaymentState.FAILED, failure="the provider never heard of it")
_QUERIES_AT_ONCE = 200


def begin(ctx: Context, order_id: OrderId, tender: Tender) -> Begun:
    """Store, with what the transaction has unsent, a payment that its provider is about to be
    asked for; `ask_charge` asks. Raises PaymentProviderUnknown.
    """
    check_provider(ctx, tender.provider)
    now = ctx.clock.now()
    begun = rules.begin(PaymentId(new_id()), order_id, tender, now=now)
    repository.add(ctx.unsent, begun.payment, query_at=now + _lease(ctx))
    return begun


async def ask_charge(ctx: Context, charge: Charge, *, provider: str) -> ChargeResult:
    """Ask the provider to take the money; in no transaction. `apply_result` applies its answer.

    Raises PaymentUnresolved if the provider gave no answer: then the payment stays PENDING, and is
    asked about (`query`) before another one is begun.
    """
    crash_point("payment.begun")
    result = await ask(ctx, provider, lambda it: it.create_charge(charge))
    crash_point("payment.provider_answered.before_apply")
    return result


async def find_begun(ctx: Context, order_id: OrderId, request_key: str) -> Payment | None:
    """Return the payment that this request began before."""
    async with ctx.reading() as db:
        return await repository.find_by_request(db, order_id, request_key)


async def resolve(ctx: Context, order_id: OrderId) -> list[Payment]:
    """Ask the providers what became of this order's open payments; in no transaction.

    Returns those that are open still: their provider waits for the buyer, or never heard of them
    while the request that began them may be at work.
    """
    known = [one for one in await find_payments(ctx, order_id) if one.is_pending]
    asked = [await query(ctx, one) for one in known]
    return [one for one in asked if one.is_pending]


async def query(ctx: Context, known: Payment) -> Payment:
    """Ask what became of a payment and apply it; returns it as it is now; in no transaction.

    One that its provider never heard of counts as failed once the request that began it cannot be
    at work any more.
    """
    result = await ask(ctx, known.provider, lambda it: it.find_charge(known.id))
    if result is not None:
        return await apply_result(ctx, known.id, result)
    if ctx.clock.now() < known.created_at + _lease(ctx):
        return known
    return await _give_up(ctx, known.id)


async def run_query(ctx: Context, job: QueryPayment) -> None:
    """Do the job."""
    known = await find_payment(ctx, job.payment_id)
    if known is not None and known.is_pending:
        await query(ctx, known)


@transaction
async def query_unresolved(ctx: Context, job: QueryPayments) -> None:
    """Have those providers asked that have not told the end of a payment for a while."""
    due = await repository.find_unresolved(ctx.db, now=ctx.clock.now(), limit=_QUERIES_AT_ONCE)
    for key in due:
        await enqueue(ctx, QueryPayment(payment_id=key), unique=f"payment.query:{key}")


@transaction
async def apply_result(ctx: Context, key: PaymentId, result: ChargeResult) -> Payment:
    """Apply a provider's answer; one that comes again, or too late, does nothing.

    Returns the payment as it is then. Raises PaymentUnknown.
    """
    locked = await repository.lock_with_others(ctx.db, key)
    known = next((one for one in locked if one.id == key), None)
    if known is None:
        raise PaymentUnknown(payment_id=key)
    applied = await apply(ctx, known, result)
    ctx.audited(encode(PaymentId, key), before=_told(known), after=_told(applied))
    hand_on(ctx, known.order_id, [applied if one.id == key else one for one in locked])
    crash_point("payment.applied.before_commit")
    return applied


def _told(known: Payment) -> dict[str, object]:
    """Return what the audit keeps of a payment."""
    return {
        "state": known.state,
        "captured": str(known.captured),
        "held": str(known.held),
        "released": known.released,
    }


@transaction
async def apply_to_begun(ctx: Context, begun: Payment, result: ChargeResult) -> Payment:
    """Apply the first answer to the only payment of a new order, without reading it again.

    The transaction raises Outdated if something else was applied to it meanwhile.
    """
    applied = await apply(ctx, begun, result, unread=True)
    hand_on(ctx, begun.order_id, [applied])
    crash_point("payment.applied.before_commit")
    return applied


@transaction
async def _give_up(ctx: Context, key: PaymentId) -> Payment:
    known = await repository.lock(ctx.db, key)
    assert known is not None, "payments are never deleted"
    if not known.is_pending:
        return known
    # Nothing came of it, so a repeat of its request may begin another one.
    await repository.unname(ctx.db, key)
    return await apply(ctx, known, _LOST)


def _lease(ctx: Context) -> timedelta:
    return timedelta(seconds=ctx.settings.idempotency_lease_s)
