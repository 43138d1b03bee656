"""Use-cases of paying: the provider is asked in no transaction, its answer applied once."""

import hashlib
from collections.abc import Mapping, Sequence

from msgspec import Struct

from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.faults import crash_point
from koipond.kernel.idempotency import Claim, Step
from koipond.kernel.ids import OrderId, PaymentId
from koipond.kernel.money import Money
from koipond.kernel.troubles import Outdated
from koipond.order import repository, rules
from koipond.order.errors import OrderNotPayable, OrderUnknown, PaymentWindowOver
from koipond.order.service.covering import AsPlaced, confirmed, is_owing
from koipond.order.service.policies import find_policy, policy_of
from koipond.order.service.reading import find_own_order
from koipond.order.service.tokens import order_token
from koipond.order.types import Order, OrderState, PaymentPolicy, PaymentWish, Placed
from koipond.payment import rules as payment_rules
from koipond.payment import service as payment
from koipond.payment.errors import PaymentDeclined, PaymentUnresolved
from koipond.payment.types import Begun, Charge, ChargeResult, Payment, PaymentState, Tender

_OPERATION = "payOrder"


class FirstPayment(Struct, frozen=True, kw_only=True):
    """What this request has stored itself: a new order, and the first payment of it."""

    order: Order
    begun: Begun


class _Applied(Struct, frozen=True, kw_only=True):
    """What a provider's answer came to. is_done: whether that was all of the request."""

    payment: Payment
    is_done: bool
    confirmed: Order | None


async def pay_order(
    ctx: Context, order_id: OrderId, wish: PaymentWish, *, token: str | None, idempotency_key: str
) -> Placed:
    """Pay what is due of an order, or a part. A repeat with the same key takes nothing twice.

    Raises OrderUnknown, OrderNotPayable, PaymentWindowOver, PaymentAmountInvalid,
    PaymentProviderUnknown, PaymentUnresolved.
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
    confirmed: Order | None = None
    if held.step is not Step.DONE:
        try:
            confirmed = await take_payments(ctx, order_id, [wish], held)
        except DomainError:
            await idempotency.forget(ctx, held)
            raise
    return await answer(ctx, order_id, confirmed)


async def find_due(
    ctx: Context, orders: Sequence[Order], payments: Mapping[OrderId, Sequence[Payment]]
) -> dict[OrderId, Money]:
    """Return {order: what another payment may ask for}; what is being paid just now counts as paid.

    Of one that stands: what an edit made it cost more, and nobody has paid yet.
    """
    found = {}
    for one in orders:
        nothing = Money(0, one.total.currency)
        if one.state is OrderState.PLACED:
            found[one.id] = payment_rules.due(one.total, payments[one.id])
        elif one.state is OrderState.CONFIRMED and is_owing(one):
            parts = await payment.find_parts(ctx, one.id)
            lacking = payment_rules.unpaid(rules.parts_of(one), parts)
            pending = sum(p.amount.amount_minor for p in payments[one.id] if p.is_pending)
            found[one.id] = max(Money(lacking - pending, nothing.currency), nothing)
        else:
            found[one.id] = nothing
    return found


def begin_first(ctx: Context, order: Order, wish: PaymentWish, held: Claim) -> FirstPayment:
    """Store the first payment of a new order with it; `take_payments` has it asked for.

    Raises PaymentAmountInvalid, PaymentProviderUnknown.
    """
    policy = policy_of(ctx, ctx.scope.channel)
    key = _request_key(held, 0)
    begun = _begin(ctx, order, wish, due=order.total, request_key=key, policy=policy)
    return FirstPayment(order=order, begun=begun)


async def take_payments(
    ctx: Context,
    order_id: OrderId,
    wishes: Sequence[PaymentWish],
    held: Claim,
    *,
    begun: FirstPayment | None = None,
) -> Order | None:
    """Take what is due by the wished tenders, one after the other, or learn what became of them;
    then the request is done. Returns the order if the last of them confirmed it.

    begun: what `begin_first` stored. A declined payment is no error here: it is stored, the tenders
    behind it are left out, and `answer` tells it.
    Raises OrderNotPayable, PaymentWindowOver, PaymentAmountInvalid, PaymentUnresolved.
    """
    is_done = False
    confirmed: Order | None = None
    try:
        for place, wish in enumerate(wishes):
            key = _request_key(held, place)
            charge, known = None if begun is None else begun.begun.charge, None
            if charge is None:
                charge, known = await _find_or_begin(ctx, order_id, wish, held, key)
            if charge is not None:
                told = await payment.ask_charge(ctx, charge, provider=wish.provider)
                is_last = place == len(wishes) - 1
                applied = await _apply(ctx, charge.id, told, held, is_last=is_last, first=begun)
                known, is_done, confirmed = applied.payment, applied.is_done, applied.confirmed
                crash_point("payment.applied")
            if known is not None and known.state is PaymentState.FAILED:
                break
            begun = None
    except DomainError:
        # A repeat resumes at once: nobody is at work any more.
        await idempotency.let_go(ctx, held)
        raise
    if not is_done:
        await idempotency.advance(ctx, held, Step.DONE)
    return confirmed


async def answer(ctx: Context, order_id: OrderId, confirmed: Order | None = None) -> Placed:
    """Return an order to its buyer, with its token, and why its last payment was declined.

    confirmed: the order, if this request has just confirmed it and need not read it.
    """
    order = confirmed
    if order is None:
        async with ctx.reading() as db:
            order = await repository.get(db, order_id)
    refusal = None
    if order.state is OrderState.PLACED:
        last = (await payment.find_payments(ctx, order_id))[-1:]
        refusal = next((_declined(one) for one in last if one.state is PaymentState.FAILED), None)
    return Placed(order=order, token=order_token(ctx, order_id), refusal=refusal)


async def _apply(
    ctx: Context,
    key: PaymentId,
    told: ChargeResult,
    held: Claim,
    *,
    is_last: bool,
    first: FirstPayment | None,
) -> _Applied:
    """Apply a provider's answer, and all that follows from it.

    first: what it is of, if this request has stored it; nearly always nobody has touched it since.
    """
    if first is not None and is_last:
        order, begun = first.order, first.begun.payment
        if payment_rules.brings_all(begun, told, order.total):
            try:
                known = await _apply_unread(ctx, first, told, held)
            except Outdated:
                pass  # as it is now, then
            else:
                return _Applied(payment=known, is_done=True, confirmed=confirmed(order))
    return await _apply_read(ctx, key, told, held, is_last=is_last)


@transaction
async def _apply_unread(
    ctx: Context, first: FirstPayment, told: ChargeResult, held: Claim
) -> Payment:
    """Confirm an order by the answer that pays all of it. Raises Outdated."""
    known = await payment.apply_to_begun(ctx, first.begun.payment, told)
    ctx.handed[AsPlaced] = AsPlaced(order=first.order)
    idempotency.finish(ctx, held)
    return known


@transaction
async def _apply_read(
    ctx: Context, key: PaymentId, told: ChargeResult, held: Claim, *, is_last: bool
) -> _Applied:
    known = await payment.apply_result(ctx, key, told)
    is_done = is_last or known.state is PaymentState.FAILED
    if is_done:
        idempotency.finish(ctx, held)
    order = next((one for one in await ctx.settle() if isinstance(one, Order)), None)
    return _Applied(payment=known, is_done=is_done, confirmed=order)


async def _find_or_begin(
    ctx: Context, order_id: OrderId, wish: PaymentWish, held: Claim, request_key: str
) -> tuple[Charge | None, Payment | None]:
    """Return what to ask the provider for, and what an earlier try of this request has begun."""
    known = await _find_begun(ctx, order_id, request_key)
    if known is None:
        return await _make_room(ctx, order_id, wish, held=held, request_key=request_key), None
    if not known.is_pending or known.reference is not None:
        return None, known
    policy = await _find_policy(ctx, order_id)
    # Asked for again by the same id: the provider takes it once.
    charge = Charge(
        id=known.id,
        order_id=order_id,
        amount=known.amount,
        data=wish.data,
        capture=policy.capture_at_once,
    )
    return charge, known


async def _find_begun(ctx: Context, order_id: OrderId, request_key: str) -> Payment | None:
    """Return the payment that an earlier try of this request began, as its provider knows it.

    None also if nothing came of it: then another one is begun.
    """
    known = await payment.find_begun(ctx, order_id, request_key)
    if known is None or not known.is_pending:
        return known
    await payment.query(ctx, known)
    return await payment.find_begun(ctx, order_id, request_key)


async def _make_room(
    ctx: Context, order_id: OrderId, wish: PaymentWish, *, held: Claim, request_key: str
) -> Charge | None:
    """Return what to ask the provider for, or None if the order is paid already."""
    await payment.resolve(ctx, order_id)
    policy = await _find_policy(ctx, order_id)
    try:
        return await _store(ctx, order_id, wish, held=held, request_key=request_key, policy=policy)
    except PaymentUnresolved:
        # Earlier payments that wait for the buyer make room: here the buyer wants to pay otherwise.
        if not await payment.void_pending(ctx, order_id):
            raise
    return await _store(ctx, order_id, wish, held=held, request_key=request_key, policy=policy)


@transaction
async def _store(
    ctx: Context,
    order_id: OrderId,
    wish: PaymentWish,
    *,
    held: Claim,
    request_key: str,
    policy: PaymentPolicy,
) -> Charge | None:
    order = await repository.lock(ctx.db, order_id)
    if order.state is OrderState.CONFIRMED and not is_owing(order):
        return None
    _check_payable(ctx, order)
    # Under the order's lock, and those whose outcome is not known count in full: tenders that are
    # begun at the same time never ask for more than is due.
    payments = await payment.find_payments(ctx, order_id)
    due = (await find_due(ctx, [order], {order.id: payments}))[order.id]
    if due.amount_minor == 0:
        raise payment.unresolved(ctx, wish.provider)
    await idempotency.advance(ctx, held, Step.PAYING)
    return _begin(ctx, order, wish, due=due, request_key=request_key, policy=policy).charge


def _begin(
    ctx: Context,
    order: Order,
    wish: PaymentWish,
    *,
    due: Money,
    request_key: str,
    policy: PaymentPolicy,
) -> Begun:
    tender = Tender(
        provider=wish.provider,
        amount=rules.tender_amount(wish.amount, due),
        request_key=request_key,
        capture=policy.capture_at_once,
        data=wish.data,
    )
    begun = payment.begin(ctx, order.id, tender)
    crash_point("payment.stored.before_commit")
    return begun


def _check_payable(ctx: Context, order: Order) -> None:
    if order.state is OrderState.CONFIRMED:
        return  # what an edit made it cost more has no window
    if order.state is not OrderState.PLACED:
        raise OrderNotPayable(state=order.state)
    assert order.placed_at is not None, "it is placed"
    assert order.pay_until is not None, "it is placed"
    if order.is_closing or order.pay_until <= ctx.clock.now():
        window = order.pay_until - order.placed_at
        raise PaymentWindowOver(minutes=int(window.total_seconds()) // 60)


async def _find_policy(ctx: Context, order_id: OrderId) -> PaymentPolicy:
    async with ctx.reading() as db:
        channel_id = await repository.find_channel(db, order_id)
    return await find_policy(ctx, channel_id)


def _request_key(held: Claim, place: int) -> str:
    """Return the name of one tender of one request, of those of its order."""
    named = f"{held.operation} {held.principal} {held.key} {place}"
    return hashlib.sha256(named.encode()).hexdigest()


def _declined(one: Payment) -> PaymentDeclined:
    return PaymentDeclined(provider=one.provider, reason=one.failure or "it gave no reason")
