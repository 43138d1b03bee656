"""Use-cases of paying: the provider is asked in no transaction, its answer applied once."""

from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.idempotency import Claim, Step
from koipond.kernel.ids import OrderId
from koipond.order import repository
from koipond.order.errors import OrderNotPayable, OrderUnknown
from koipond.order.events import OrderConfirmed
from koipond.order.service.reading import find_own_order
from koipond.order.service.tokens import hash_token, order_token
from koipond.order.types import OrderState, PaymentWish, Placed
from koipond.payment import rules as payment_rules
from koipond.payment import service as payment
from koipond.payment.errors import PaymentDeclined, PaymentUnresolved
from koipond.payment.events import PaymentCaptured
from koipond.payment.types import Charge, PaymentState

_OPERATION = "payOrder"


async def pay_order(
    ctx: Context, order_id: OrderId, wish: PaymentWish, *, token: str | None, idempotency_key: str
) -> Placed:
    """Pay what is due of a placed order. A repeat with the same key takes nothing twice.

    Raises OrderUnknown, OrderNotPayable, PaymentProviderUnknown, PaymentUnresolved.
    """
    order = await find_own_order(ctx, order_id=order_id, token=token)
    if order is None:
        raise OrderUnknown
    payment.check_provider(ctx, wish.provider)
    held = await idempotency.claim(
        ctx,
        principal=f"order:{order_id}",
        operation=_OPERATION,
        key=idempotency_key,
        request=(order_id, wish),
        subject_id=order_id,
    )
    if held.step is not Step.DONE:
        try:
            await begin_paying(ctx, order_id, wish, held)
        except DomainError:
            await idempotency.forget(ctx, held)
            raise
        await idempotency.advance(ctx, held, Step.DONE)
    return await answer(ctx, order_id)


async def begin_paying(ctx: Context, order_id: OrderId, wish: PaymentWish, held: Claim) -> None:
    """Take what is due by the wished provider, or learn what became of an earlier try.

    A declined payment is no error here: it is stored, and `answer` tells it.
    Raises OrderNotPayable, PaymentUnresolved.
    """
    charge = await _begin(ctx, order_id, wish, held)
    if charge is None:
        return
    try:
        await payment.settle(ctx, charge, provider=wish.provider)
    except PaymentDeclined:
        return
    except PaymentUnresolved:
        await idempotency.let_go(ctx, held)
        raise


async def answer(ctx: Context, order_id: OrderId) -> Placed:
    """Return an order to its buyer, with its token, and why its last payment was declined."""
    token = order_token(ctx, order_id)
    async with ctx.reading() as db:
        visible = repository.visible_to(member_id=None, token_hash=hash_token(token))
        order = await repository.find_order(db, visible, order_id=order_id)
    assert order is not None, "a placed order is there"
    refusal = None
    if order.state is OrderState.PLACED:
        last = (await payment.find_payments(ctx, order_id))[-1:]
        refusal = next((_declined(one.provider, one.failure) for one in last if one.failure), None)
    return Placed(order=order, token=token, refusal=refusal)


@transaction
async def confirm_paid(ctx: Context, event: PaymentCaptured) -> None:
    """Confirm an order that is covered now; money for one that is off is owed back.

    Runs in the transaction that applies the payment (app.py's table).
    """
    order = await repository.lock(ctx.db, event.order_id)
    if order.state is not OrderState.PLACED:
        await payment.owe_refund(ctx, event.order_id)
        return
    payments = await payment.find_payments(ctx, event.order_id)
    if payment_rules.paid(payments, order.total.currency) >= order.total:
        await repository.move(ctx.db, event.order_id, OrderState.CONFIRMED, now=ctx.clock.now())
        ctx.emit(OrderConfirmed(order_id=event.order_id))


async def _begin(ctx: Context, order_id: OrderId, wish: PaymentWish, held: Claim) -> Charge | None:
    """Return what to ask the provider for, or None if earlier tries have paid the order."""
    known = await payment.resolve(ctx, order_id)
    if known is not None and known.provider == wish.provider:
        # Asked for again by the same id: the provider takes it once.
        return Charge(id=known.id, order_id=order_id, amount=known.amount, data=wish.data)
    return await _store_payment(ctx, order_id, wish, held)


@transaction
async def _store_payment(
    ctx: Context, order_id: OrderId, wish: PaymentWish, held: Claim
) -> Charge | None:
    order = await repository.lock(ctx.db, order_id)
    if order.state is OrderState.CONFIRMED:
        return None
    if order.state is not OrderState.PLACED:
        raise OrderNotPayable(state=order.state)
    payments = await payment.find_payments(ctx, order_id)
    if any(one.state is PaymentState.PENDING for one in payments):
        raise payment.unresolved(ctx, wish.provider)
    due = order.total - payment_rules.paid(payments, order.total.currency)
    await idempotency.advance(ctx, held, Step.PAYING)
    return await payment.begin(ctx, order_id, amount=due, provider=wish.provider, data=wish.data)


def _declined(provider: str, failure: str | None) -> PaymentDeclined:
    return PaymentDeclined(provider=provider, reason=failure or "it gave no reason")
