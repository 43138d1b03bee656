"""Use-cases of capturing what is authorised: decided in a transaction, asked for outside of it."""

from datetime import timedelta

from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.faults import crash_point
from koipond.kernel.idempotency import Claim, Step
from koipond.kernel.ids import PaymentId, encode
from koipond.kernel.jobs import enqueue
from koipond.kernel.money import Money
from koipond.payment import repository
from koipond.payment.errors import (
    PaymentAmountInvalid,
    PaymentNotCapturable,
    PaymentUnknown,
    PaymentUnresolved,
)
from koipond.payment.service.charging import apply_result
from koipond.payment.service.providers import ask, unresolved
from koipond.payment.service.reading import find_payment
from koipond.payment.types import Capture, CapturePayment, Payment

_OPERATION = "capturePayment"


async def capture_payment(
    ctx: Context, payment_id: PaymentId, *, amount: Money | None, idempotency_key: str
) -> Payment:
    """Capture of what a payment holds; None is all of it. A repeat with the same key takes no more.

    Raises PaymentUnknown, PaymentNotCapturable, PaymentAmountInvalid, and PaymentUnresolved while
    the provider has not answered about this capture or the one before.
    """
    held = await idempotency.claim(
        ctx,
        principal=f"{ctx.viewer.kind}:{ctx.viewer.id}",
        operation=_OPERATION,
        key=idempotency_key,
        request=(payment_id, amount),
        subject_id=payment_id,
    )
    if held.step is Step.CLAIMED:
        try:
            await _plan(ctx, payment_id, amount, held)
        except DomainError:
            await idempotency.forget(ctx, held)
            raise
    if held.step is not Step.DONE:
        await _carry_out(ctx, payment_id, held)
        await idempotency.advance(ctx, held, Step.DONE)
    found = await find_payment(ctx, payment_id)
    assert found is not None, "payments are never deleted"
    return found


async def run_capture(ctx: Context, job: CapturePayment) -> None:
    """Do the job: capture what was decided, by the key of that decision; in no transaction."""
    known = await find_payment(ctx, job.payment_id)
    if known is None or known.capturing <= known.captured or known.released:
        return
    capture = Capture(payment=known, amount=known.capturing - known.captured, total=known.capturing)
    result = await ask(ctx, known.provider, lambda it: it.capture(capture))
    crash_point("capture.provider_answered.before_apply")
    await apply_result(ctx, known.id, result)


async def _carry_out(ctx: Context, payment_id: PaymentId, held: Claim) -> None:
    try:
        await run_capture(ctx, CapturePayment(payment_id=payment_id))
    except PaymentUnresolved:
        # It may have been taken: the job asks again by the same key, and so does a repeat.
        await idempotency.let_go(ctx, held)
        raise


@transaction
async def _plan(ctx: Context, payment_id: PaymentId, amount: Money | None, held: Claim) -> None:
    known = await repository.lock(ctx.db, payment_id)
    if known is None:
        raise PaymentUnknown(payment_id=payment_id)
    # Two at once could not be told apart by what was captured in all.
    if known.capturing > known.captured and not known.released:
        raise unresolved(ctx, known.provider)
    if known.held.amount_minor == 0:
        raise PaymentNotCapturable(state=known.state)
    wanted = amount if amount is not None else known.held
    if wanted.currency != known.held.currency or not 0 < wanted.amount_minor <= (
        known.held.amount_minor
    ):
        raise PaymentAmountInvalid(wanted=wanted, possible=known.held)
    total = known.captured + wanted
    await repository.raise_capturing(ctx.db, payment_id, total.amount_minor)
    await enqueue(
        ctx,
        CapturePayment(payment_id=payment_id),
        run_at=ctx.clock.now() + timedelta(seconds=ctx.settings.idempotency_lease_s),
        unique=f"payment.capture:{payment_id}:{total.amount_minor}",
    )
    await idempotency.advance(ctx, held, Step.PAYING)
    ctx.audited(
        encode(PaymentId, payment_id),
        before={"capturing": str(known.capturing)},
        after={"capturing": str(total)},
    )
    crash_point("capture.planned.before_commit")
