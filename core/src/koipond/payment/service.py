"""Use-cases of payments: ask a provider outside of any transaction, apply its answer once."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderId, PaymentId, RefundId, new_id
from koipond.kernel.money import Money
from koipond.kernel.state import allows
from koipond.payment import repository, rules
from koipond.payment.errors import PaymentDeclined, PaymentProviderUnknown, PaymentUnresolved
from koipond.payment.events import PaymentCaptured, PaymentFailed, Refunded, RefundOwed
from koipond.payment.types import (
    Charge,
    ChargeResult,
    Payment,
    PaymentProvider,
    PaymentState,
    Refund,
    RefundState,
)

_LOST = ChargeResult(
    state=PaymentState.FAILED,
    captured_minor=0,
    reference=None,
    failure="the provider never heard of it",
)


def provider_keys(ctx: Context) -> list[str]:
    """Return the keys of the payment providers of this shop, by name."""
    return sorted(ctx.shop.providers[PaymentProvider])


def check_provider(ctx: Context, provider: str) -> None:
    """Raise PaymentProviderUnknown if this shop does not offer `provider`."""
    keys = provider_keys(ctx)
    if provider not in keys:
        raise PaymentProviderUnknown(provider=provider, known=", ".join(keys))


@transaction
async def begin(
    ctx: Context, order_id: OrderId, *, amount: Money, provider: str, data: Mapping[str, str]
) -> Charge:
    """Store a payment that its provider is about to be asked for; `settle` asks.

    Raises PaymentProviderUnknown.
    """
    check_provider(ctx, provider)
    charge = Charge(id=PaymentId(new_id()), order_id=order_id, amount=amount, data=data)
    await repository.add(ctx.db, charge, provider=provider, now=ctx.clock.now())
    return charge


async def settle(ctx: Context, charge: Charge, *, provider: str) -> None:
    """Ask the provider to take the money and apply its answer; in no transaction.

    Raises PaymentDeclined, and PaymentUnresolved if the provider gave no answer.
    """
    try:
        result = await _provider(ctx, provider).create_charge(charge)
    # Whatever went wrong on the way, the money may have been taken: the payment stays PENDING and
    # is asked about (`resolve`) before another one is begun.
    except Exception as error:
        raise unresolved(ctx, provider) from error
    await apply_result(ctx, charge.id, result)
    if result.state is PaymentState.FAILED:
        raise PaymentDeclined(provider=provider, reason=result.failure or "it gave no reason")


async def resolve(ctx: Context, order_id: OrderId) -> Payment | None:
    """Ask the providers what became of this order's open payments; in no transaction.

    Returns the one that its provider never heard of, if the request that began it may still be at
    work: it may be asked for again, by the same id. An older one counts as failed.
    """
    lease = timedelta(seconds=ctx.settings.idempotency_lease_s)
    for one in await find_payments(ctx, order_id):
        if one.state is not PaymentState.PENDING:
            continue
        result = await _provider(ctx, one.provider).find_charge(one.id)
        if result is None and ctx.clock.now() < one.created_at + lease:
            return one
        await apply_result(ctx, one.id, result or _LOST)
    return None


@transaction
async def apply_result(ctx: Context, key: PaymentId, result: ChargeResult) -> None:
    """Apply a provider's answer; one that comes again, or too late, does nothing."""
    known = await repository.lock(ctx.db, key)
    if not allows(rules.PAYMENT_MOVES, known.state, result.state):
        return
    await repository.apply(ctx.db, key, result, now=ctx.clock.now())
    if result.state is PaymentState.CAPTURED:
        ctx.emit(
            PaymentCaptured(
                order_id=known.order_id,
                payment_id=key,
                amount_minor=result.captured_minor,
                currency=known.amount.currency,
            )
        )
    else:
        ctx.emit(PaymentFailed(order_id=known.order_id, payment_id=key))


async def find_payments(ctx: Context, order_id: OrderId) -> list[Payment]:
    """Return the payments of an order, the oldest first."""
    return (await find_payments_of(ctx, [order_id]))[order_id]


async def find_payments_of(
    ctx: Context, order_ids: Sequence[OrderId]
) -> dict[OrderId, list[Payment]]:
    """Return {order: its payments, the oldest first} for each of `order_ids`."""
    async with ctx.reading() as db:
        found = await repository.find_by_orders(db, order_ids)
    return {key: [one for one in found if one.order_id == key] for key in order_ids}


@transaction
async def owe_refund(ctx: Context, order_id: OrderId) -> list[Refund]:
    """Owe back everything that the shop holds for an order; `settle_refunds` gives it."""
    now = ctx.clock.now()
    owed = [
        Refund(
            id=RefundId(new_id()),
            payment_id=one.id,
            order_id=order_id,
            provider=one.provider,
            reference=one.reference,
            state=RefundState.PENDING,
            amount=one.refundable,
        )
        for one in await find_payments(ctx, order_id)
        if one.refundable.amount_minor > 0
    ]
    if owed:
        await repository.owe(ctx.db, owed, now=now)
    for one in owed:
        ctx.emit(
            RefundOwed(
                order_id=order_id,
                refund_id=one.id,
                amount_minor=one.amount.amount_minor,
                currency=one.amount.currency,
            )
        )
    return owed


async def settle_refunds(ctx: Context, order_id: OrderId) -> None:
    """Ask the providers to give back what is owed for an order; in no transaction.

    One that gives no answer leaves its refund PENDING, to be asked for again by the same id.
    """
    for one in await find_refunds(ctx, order_id):
        if one.state is RefundState.PENDING:
            await _provider(ctx, one.provider).create_refund(one)
            await _finish_refund(ctx, one)


async def find_refunds(ctx: Context, order_id: OrderId) -> list[Refund]:
    """Return the refunds of an order, the oldest first."""
    async with ctx.reading() as db:
        return await repository.find_refunds(db, [order_id])


@transaction
async def _finish_refund(ctx: Context, given: Refund) -> None:
    if await repository.finish_refund(ctx.db, given.id):
        ctx.emit(
            Refunded(
                order_id=given.order_id,
                refund_id=given.id,
                amount_minor=given.amount.amount_minor,
                currency=given.amount.currency,
            )
        )


def _provider(ctx: Context, key: str) -> PaymentProvider:
    provider: PaymentProvider = ctx.shop.providers[PaymentProvider][key]
    return provider


def unresolved(ctx: Context, provider: str) -> PaymentUnresolved:
    """Return the refusal of an act that must wait for a provider's answer."""
    return PaymentUnresolved(provider=provider, retry_after_s=ctx.settings.idempotency_lease_s)
