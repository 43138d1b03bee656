"""Use-cases of giving back: owed in a transaction, given by the provider outside of it."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from koipond.kernel.context import Context, transaction
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import OrderId, PaymentId, RefundId, new_id
from koipond.kernel.jobs import enqueue
from koipond.kernel.money import Money
from koipond.kernel.retries import backoff
from koipond.payment import repository, rules
from koipond.payment.errors import PaymentUnresolved, RefundTooLarge
from koipond.payment.events import Refunded, RefundFailed, RefundOwed
from koipond.payment.service.providers import ask
from koipond.payment.service.reading import find_refunds
from koipond.payment.types import (
    GiveRefund,
    PaidPart,
    Payment,
    Refund,
    RefundReason,
    RefundResult,
    RefundState,
    VoidPayment,
)

log = structlog.get_logger("koipond")


def freeze(
    ctx: Context, order_id: OrderId, parts: Mapping[UUID, int], payments: Sequence[Payment]
) -> None:
    """Keep what each payment of an order that is covered now paid for each of its parts.

    parts: {line, or the order itself: what it costs}, each >= 0. payments: those that count.
    """
    frozen = rules.freeze_parts(parts, payments)
    if frozen:
        currency = payments[0].amount.currency
        repository.add_parts(ctx.unsent, order_id, currency, frozen)


@transaction
async def refreeze(ctx: Context, order_id: OrderId, parts: Mapping[UUID, int]) -> int:
    """Let what came for a standing order pay for its parts as they are now; payments are locked.

    parts: {line, or the order itself: what it costs}, each >= 0. Returns what is not paid of them.
    What is too much `owe_surplus` gives back.
    """
    payments = await repository.lock_of_order(ctx.db, order_id)
    known = await repository.find_parts(ctx.db, order_id)
    gone = rules.given_up(await find_refunds(ctx, order_id))
    frozen = rules.refreeze_parts(parts, known, payments, gone)
    if payments:
        changed = [one for one in frozen if one not in known]
        await repository.set_parts(ctx.db, order_id, payments[0].amount.currency, changed)
    return rules.unpaid(parts, frozen)


@transaction
async def owe_refund(
    ctx: Context, order_id: OrderId, *, reason: RefundReason, note: str = ""
) -> list[Refund]:
    """Owe back everything that the shop has of an order, and let go of what is held for it.

    `settle_refunds` and `settle_voids` do it at once, jobs do it in any case.
    """
    payments = await repository.lock_of_order(ctx.db, order_id)
    parts = await repository.find_parts(ctx.db, order_id)
    owed = []
    for one in payments:
        await _let_go(ctx, one)
        if one.refundable.amount_minor > 0:
            own = [part for part in parts if part.payment_id == one.id]
            shares = _shares_of(one.refundable, own)
            owed.append(await _owe(ctx, one, one.refundable, shares, reason=reason, note=note))
    return owed


@transaction
async def owe_surplus(
    ctx: Context, order_id: OrderId, *, reason: RefundReason = RefundReason.SURPLUS
) -> list[Refund]:
    """Owe back what came for an order beyond what its parts cost; the order stands."""
    payments = await repository.lock_of_order(ctx.db, order_id)
    parts = await repository.find_parts(ctx.db, order_id)
    used = {part.payment_id for part in parts if part.paid_minor}
    owed = []
    for one in payments:
        if one.id not in used:
            await _let_go(ctx, one)
        too_much = min(rules.surplus(one, parts), one.refundable.amount_minor)
        if too_much > 0:
            amount = Money(too_much, one.amount.currency)
            owed.append(await _owe(ctx, one, amount, {}, reason=reason))
    return owed


@transaction
async def owe_parts(
    ctx: Context,
    payments: Sequence[Payment],
    plan: Mapping[tuple[UUID, UUID], int],
    *,
    reason: RefundReason,
    note: str,
) -> list[Refund]:
    """Owe back amounts of parts: {(payment, part): amount > 0}; `payments` are locked."""
    owed = []
    for one in payments:
        shares = {part: amount for (key, part), amount in plan.items() if key == one.id}
        if shares:
            amount = Money(sum(shares.values()), one.amount.currency)
            owed.append(await _owe(ctx, one, amount, shares, reason=reason, note=note))
    return owed


@transaction
async def owe_again(ctx: Context, failed: Refund) -> Refund:
    """Owe once more what a provider did not give back; payments are locked. Raises RefundTooLarge
    if less than that is left, because it went back otherwise meanwhile."""
    payments = await repository.lock_of_order(ctx.db, failed.order_id)
    one = next(one for one in payments if one.id == failed.payment_id)
    if failed.amount > one.refundable:
        raise RefundTooLarge(wanted=failed.amount, refundable=one.refundable)
    shares = await repository.find_shares(ctx.db, failed.id)
    left = {
        part.part_id: part.left_minor
        for part in await repository.find_parts(ctx.db, failed.order_id)
        if part.payment_id == one.id
    }
    # Of a part that went back otherwise it is of no part any more.
    kept = {part: min(amount, left.get(part, 0)) for part, amount in shares.items()}
    return await _owe(
        ctx,
        one,
        failed.amount,
        {part: amount for part, amount in kept.items() if amount > 0},
        reason=failed.reason,
        note=failed.note,
        retry_of=failed.id,
    )


async def settle_refunds(ctx: Context, order_id: OrderId) -> None:
    """Ask the providers now to give back what is owed for an order; a job does what fails here."""
    for one in await find_refunds(ctx, order_id):
        if one.state is not RefundState.PENDING:
            continue
        try:
            await give_refund(ctx, one.id)
        except PaymentUnresolved:
            # It is owed still: the job that was stored with the decision asks again.
            log.warning("a refund is not given yet", refund_id=str(one.id))


async def give_refund(ctx: Context, key: RefundId) -> Refund | None:
    """Ask the provider to give back what is owed, by the refund's id; in no transaction.

    Returns the refund as it is then.
    """
    async with ctx.reading() as db:
        one = await repository.find_refund(db, key)
    if one is None or one.state is not RefundState.PENDING:
        return one
    known = one
    result = await ask(ctx, known.provider, lambda it: it.create_refund(known))
    crash_point("refund.provider_answered.before_apply")
    return await apply_refund(ctx, known.payment_id, key, result)


async def run_refund(ctx: Context, job: GiveRefund) -> None:
    """Do the job; one that the provider has agreed to and not given yet is asked about again."""
    one = await give_refund(ctx, job.refund_id)
    if one is not None and one.state is RefundState.PENDING:
        await _ask_later(ctx, job)


@transaction
async def apply_refund(
    ctx: Context, payment_id: PaymentId, key: RefundId, result: RefundResult
) -> Refund | None:
    """Apply what a provider says of a refund; what comes again does nothing.

    Returns the refund as it is then, or None if that payment has no such refund.
    """
    await repository.lock(ctx.db, payment_id)
    one = await repository.lock_refund(ctx.db, key)
    if one is None or one.payment_id != payment_id or one.state is not RefundState.PENDING:
        return one
    now = ctx.clock.now()
    if result.state is RefundState.DONE:
        await repository.finish_refund(ctx.db, key, result, now=now)
        tell_refunded(ctx, one)
    elif result.state is RefundState.FAILED:
        failure = result.failure or "the provider gave no reason"
        await repository.take_back(ctx.db, one, failure=failure, now=now)
        _tell_failed(ctx, one, failure)
    elif result.reference is not None:
        await repository.name_refund(ctx.db, key, result.reference)
    crash_point("refund.applied.before_commit")
    return await repository.find_refund(ctx.db, key)


def tell_refunded(ctx: Context, one: Refund) -> None:
    """Tell that money was given back."""
    ctx.emit(
        Refunded(
            order_id=one.order_id,
            refund_id=one.id,
            amount_minor=one.amount.amount_minor,
            currency=one.amount.currency,
            reason=one.reason,
        )
    )


async def _owe(
    ctx: Context,
    payment: Payment,
    amount: Money,
    shares: Mapping[UUID, int],
    *,
    reason: RefundReason,
    note: str = "",
    retry_of: RefundId | None = None,
) -> Refund:
    owed = Refund(
        id=RefundId(new_id()),
        payment_id=payment.id,
        order_id=payment.order_id,
        provider=payment.provider,
        payment_reference=payment.reference,
        state=RefundState.PENDING,
        amount=amount,
        reason=reason,
        note=note,
        retry_of=retry_of,
    )
    await repository.owe(ctx.db, owed, shares, now=ctx.clock.now())
    await enqueue(ctx, GiveRefund(refund_id=owed.id), unique=f"refund:{owed.id}:0")
    ctx.emit(
        RefundOwed(
            order_id=owed.order_id,
            refund_id=owed.id,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
            reason=reason,
        )
    )
    return owed


async def _let_go(ctx: Context, one: Payment) -> None:
    if one.held.amount_minor > 0 or (one.is_pending and one.reference is not None):
        await enqueue(ctx, VoidPayment(payment_id=one.id), unique=f"payment.void:{one.id}")


@transaction
async def _ask_later(ctx: Context, job: GiveRefund) -> None:
    again = GiveRefund(refund_id=job.refund_id, round=job.round + 1)
    run_at = ctx.clock.now() + backoff(again.round, chance=0)
    await enqueue(ctx, again, run_at=run_at, unique=f"refund:{again.refund_id}:{again.round}")


def _shares_of(amount: Money, parts: Sequence[PaidPart]) -> dict[UUID, int]:
    """Split what goes back of one payment over what it paid for."""
    left = sum(part.left_minor for part in parts)
    plan = rules.plan_amount(min(amount.amount_minor, left), parts)
    return {part: share for (_, part), share in plan.items()}


def _tell_failed(ctx: Context, one: Refund, failure: str) -> None:
    ctx.emit(
        RefundFailed(
            order_id=one.order_id,
            refund_id=one.id,
            amount_minor=one.amount.amount_minor,
            currency=one.amount.currency,
            failure=failure,
        )
    )
