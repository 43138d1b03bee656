"""Use-cases of placing: hold the units, one transaction for the order, then the payment."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from secrets import token_bytes

from msgspec import Struct

from koipond.catalog import service as catalog
from koipond.catalog.types import Sellable
from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.editions import expect_editions, forget_copies
from koipond.kernel.errors import DomainError
from koipond.kernel.faults import crash_point
from koipond.kernel.idempotency import Claim, Step
from koipond.kernel.ids import MemberId, OrderId, VariantId, encode, new_id
from koipond.kernel.money import Money
from koipond.kernel.questions import Answered, Question, ask_together
from koipond.kernel.troubles import Outdated
from koipond.member import service as member
from koipond.member.types import Contact
from koipond.order import repository, rules
from koipond.order.errors import CartAlreadyPlaced, LinesAmbiguous, QuoteChanged
from koipond.order.events import OrderConfirmed, OrderPlaced
from koipond.order.service.carrying import follow_buyer
from koipond.order.service.consulting import Consulted, consult, with_terms
from koipond.order.service.paying import FirstPayment, answer, begin_first, take_payments
from koipond.order.service.policies import policy_of
from koipond.order.service.preparing import (
    Prepared,
    Wished,
    asking_shelf,
    find_cart,
    in_scope,
    prepare,
)
from koipond.order.service.promoting import trace_of
from koipond.order.service.quoting import keys_of, quote
from koipond.order.service.tokens import hash_token, order_token
from koipond.order.types import Cart, Order, OrderState, OrderWish, PaymentWish, Placed
from koipond.quota.errors import (
    AlreadyPlaced,
    Lapsed,
    LimitReached,
    QuotaClosed,
    QuotaNotStarted,
    QuotaShort,
    QuotaUnknown,
)
from koipond.quota.types import Claim as QuotaClaim
from koipond.stock import service as stock

_OPERATION = "placeOrder"
# How often a purchase is priced anew because a price or the cart changed while it was placed.
_TRIES = 3


class _Fresh(Struct, frozen=True, kw_only=True):
    """What a placement goes by, as it is in the order's transaction. buyer: None: nobody known."""

    cart: Cart | None
    sellables: Mapping[VariantId, Sellable]
    buyer: MemberId | None


class _Wanted(Struct, frozen=True, kw_only=True):
    """What is to be placed. claims: what is held for it."""

    prepared: Prepared
    consulted: Consulted
    claims: Sequence[QuotaClaim]
    payments: Sequence[PaymentWish]

    @property
    def step(self) -> Step:
        """How far the request has come when it is placed."""
        return Step.PAYING if self.payments else Step.DONE


class _Written(Struct, frozen=True, kw_only=True):
    """What a placement stores. begun: the first payment, if there is one to be asked for."""

    order: Order
    begun: FirstPayment | None


class _Stale(Exception):
    """What was prepared is not what there is any more; nothing was changed."""

    def __init__(self, total: Money) -> None:
        super().__init__(total)
        self.total = total


# Raises if what is placed is not what was meant.
Check = Callable[[], Awaitable[None]]


async def place_order(ctx: Context, wish: OrderWish, *, check: Check | None = None) -> Placed:
    """Place a cart, or lines, as an order, and pay it if the wish says how.

    One idempotency key, one order: a repeat resumes where the first try stopped and gives the same
    answer. A payment that is declined leaves the order placed; the answer says why.
    check: is asked once the cart was read, each time that it was; what it raises refuses all.
    Raises LinesAmbiguous, CartUnknown, CartAlreadyPlaced, CartEmpty, CheckoutIncomplete,
    QuoteChanged, InsufficientStock, DeskBusy, PaymentProviderUnknown, what is wrong with a line,
    contact, address or key; then nothing was changed.
    """
    if (wish.token is None) == (wish.lines is None):
        raise LinesAmbiguous
    ctx, cart = await in_scope(ctx, wish)
    wanted = idempotency.make_claim(
        principal=_principal(ctx, wish),
        operation=_OPERATION,
        key=wish.idempotency_key,
        subject_id=cart.id if cart is not None else new_id(),
    )
    asking = asking_shelf(ctx, wish, cart)
    held, shelf = await idempotency.claim_and_ask(ctx, wanted, wish, asking)
    crash_point("order.claimed")
    confirmed: Order | None = None
    if held.step is not Step.DONE:
        wished = Wished(wish=wish, cart=cart, shelf=shelf)
        confirmed = await _carry_out(ctx, held, wished, check)
    return await answer(ctx, OrderId(held.subject_id), confirmed)


async def _carry_out(
    ctx: Context, held: Claim, wished: Wished, check: Check | None
) -> Order | None:
    """Do what of the wish has not been done yet; returns the order if that confirmed it last."""
    order_id = OrderId(held.subject_id)
    begun: FirstPayment | None = None
    try:
        if held.step is Step.CLAIMED:
            begun = await _reserve_and_place(ctx, held, wished, check)
        if wished.wish.payments:
            return await take_payments(ctx, order_id, wished.wish.payments, held, begun=begun)
    except DomainError:
        await idempotency.forget(ctx, held)
        raise
    return None


async def _reserve_and_place(
    ctx: Context, held: Claim, wished: Wished, check: Check | None
) -> FirstPayment | None:
    """Hold the units, then write the order; anew if the cart, a price or the hold went stale.

    Returns what to ask the first payment's provider for. A try that loses releases nothing: the
    units may be another try's of the same order, which has just placed them. What is left over
    lapses.
    """
    order_id = OrderId(held.subject_id)
    stale: _Stale | Lapsed | None = None
    for _ in range(_TRIES):
        if check is not None:
            await check()
        prepared = await prepare(ctx, order_id, wished)
        consulted = await consult(ctx, order_id, prepared)
        try:
            claims = await _reserve(ctx, prepared, consulted)
            crash_point("order.reserved")
            wanted = _Wanted(
                prepared=prepared,
                consulted=consulted,
                claims=claims,
                payments=wished.wish.payments,
            )
            return await _place(ctx, held, wanted)
        except AlreadyPlaced as error:
            raise CartAlreadyPlaced(order_id=order_id) from error
        except (_Stale, Lapsed) as error:
            stale = error
            # Else an offer that has ended would be tried again for as long as it is believed in.
            await catalog.refresh_activities(ctx)
            forget_copies(ctx.shop)
            ctx.editions.clear()
            cart = await find_cart(ctx, wished.wish)
            wished = Wished(wish=wished.wish, cart=cart, shelf=None)
    if isinstance(stale, _Stale):
        raise QuoteChanged(expected=prepared.quote.price.total, total=stale.total)
    assert stale is not None, "the loop ended by one or the other"
    raise stale


async def _reserve(ctx: Context, prepared: Prepared, consulted: Consulted) -> list[QuotaClaim]:
    """Hold all that an order wants: its units, and what plugins ask for."""
    order_id = consulted.checkout.order_id
    try:
        return await stock.reserve(
            ctx, order_id, prepared.demands, others=consulted.claims, known=prepared.levels
        )
    except (QuotaShort, LimitReached, QuotaUnknown, QuotaNotStarted, QuotaClosed) as error:
        raise consulted.refusal_of(error, error.quota) from error


async def _place(ctx: Context, held: Claim, wanted: _Wanted) -> FirstPayment | None:
    """Store the order; nearly always nothing of what it was prepared by has changed since."""
    # What is free is paid as it is placed: its units would change twice in one statement.
    if wanted.prepared.is_believed and wanted.prepared.quote.price.total.amount_minor:
        try:
            return await _place_unread(ctx, held, wanted)
        except Outdated:
            pass  # as it is now, then
    return await _place_read(ctx, held, wanted)


@transaction
async def _place_unread(ctx: Context, held: Claim, wanted: _Wanted) -> FirstPayment | None:
    """Store the order if all is as it was read: the key, the cart, the prices, the buyer.

    Raises Outdated.
    """
    prepared, shelf = wanted.prepared, wanted.prepared.shelf
    assert shelf is not None, "it was read"
    assert shelf.buyer is not None, "it was read"
    sellables = catalog.asking_sellables(ctx, keys_of(prepared.lines))
    ctx.unsent.expect(sellables, shelf.sellables)
    buyer = member.asking_buyer(ctx, _contact_of(prepared), hold=True)
    ctx.unsent.expect(buyer, shelf.buyer)
    if shelf.cart is not None:
        ctx.unsent.expect(repository.locking_cart(shelf.cart.answer.id), shelf.cart)
    expect_editions(ctx, prepared.editions)
    idempotency.advance_unread(ctx, held, wanted.step)
    placed = await _write(ctx, held, wanted, shelf.buyer.answer)
    await stock.place_unread(ctx, placed.order.id, wanted.claims)
    crash_point("order.placed.before_commit")
    return placed.begun


@transaction
async def _place_read(ctx: Context, held: Claim, wanted: _Wanted) -> FirstPayment | None:
    """Store the order as all of this is now; None if another try has placed it."""
    found = await _find_fresh(ctx, idempotency.advancing(held, wanted.step), wanted.prepared)
    if found is None:
        return None
    await _check_fresh(ctx, wanted.prepared, found)
    placed = await _write(ctx, held, wanted, found.buyer)
    # Last: while these rows are locked, batches that change this order's claims wait.
    await stock.place(ctx, placed.order.id, wanted.claims)
    if placed.order.state is OrderState.CONFIRMED:
        await stock.consume(ctx, placed.order.id)
    crash_point("order.placed.before_commit")
    return placed.begun


async def _write(
    ctx: Context, held: Claim, wanted: _Wanted, known_buyer: MemberId | None
) -> _Written:
    """Write the order, and all that is stored with it but what it holds."""
    prepared, consulted = wanted.prepared, wanted.consulted
    order_id, now = OrderId(held.subject_id), ctx.clock.now()
    source = prepared.details.source
    buyer = member.add_buyer(ctx, _contact_of(prepared), known_buyer, source=source)
    order = with_terms(_make_order(ctx, order_id, buyer, prepared, consulted), consulted)
    order = await follow_buyer(ctx, order)
    repository.add_order(ctx.unsent, order, token_hash=hash_token(order_token(ctx, order_id)))
    if prepared.cart is not None:
        repository.close_cart(ctx.unsent, prepared.cart.id, now=now)
    begun: FirstPayment | None = None
    if wanted.payments and order.state is OrderState.PLACED:
        begun = begin_first(ctx, order, wanted.payments[0], held)
    _announce(ctx, order)
    if ctx.act is not None:
        placed = {"state": order.state, "total": str(order.total), "number": order.number}
        ctx.audited(encode(OrderId, order_id), after=placed)
    await ctx.hooks.order_creating(ctx, order, consulted.checkout)
    return _Written(order=order, begun=begun)


async def _find_fresh(ctx: Context, advancing: Question[bool], prepared: Prepared) -> _Fresh | None:
    """Lock what this placement goes by and read it anew; None if another try has placed it.

    Of two requests that hold one key, the second waits here, and finds it done. The cart stays
    locked until it is placed.
    """
    assert ctx.in_transaction, "what is locked stays so until the order is stored"
    keys = keys_of(prepared.lines, prepared.quote)
    is_first, cart, sellables, buyer = await ask_together(
        ctx.db,
        advancing,
        Answered(None) if prepared.cart is None else repository.locking_cart(prepared.cart.id),
        catalog.asking_sellables(ctx, keys),
        member.asking_buyer(ctx, _contact_of(prepared), hold=True),
    )
    return _Fresh(cart=cart, sellables=sellables, buyer=buyer) if is_first else None


async def _check_fresh(ctx: Context, prepared: Prepared, found: _Fresh) -> None:
    """Raise if the cart or a price is not what was prepared; nothing of a plugin is loaded here."""
    if found.cart is not None and found.cart.placed:
        raise CartAlreadyPlaced(order_id=found.cart.id)
    if found.cart != prepared.cart:
        raise _Stale(prepared.quote.price.total)
    lines, details, earlier = prepared.lines, prepared.details, prepared.quote
    if earlier.rests_on(found.sellables):
        return
    fresh = await quote(ctx, lines, details, earlier=earlier, sellables=found.sellables)
    if not fresh.is_like(prepared.quote):
        raise _Stale(fresh.price.total)


def _contact_of(prepared: Prepared) -> Contact:
    contact = prepared.details.contact
    assert contact is not None, "check_complete wants one"
    return contact


def _make_order(
    ctx: Context, order_id: OrderId, buyer: MemberId, prepared: Prepared, consulted: Consulted
) -> Order:
    policy = policy_of(ctx, ctx.scope.channel)
    now = ctx.clock.now()
    free = prepared.quote.price.total.amount_minor == 0
    return Order(
        id=order_id,
        state=OrderState.CONFIRMED if free else OrderState.PLACED,
        number=rules.make_number(token_bytes(rules.NUMBER_LENGTH)),
        channel_id=ctx.scope.channel_id,
        locale=ctx.scope.locales[0],
        member_id=buyer,
        lines=prepared.quote.lines,
        price=prepared.quote.price,
        trace=trace_of(ctx, prepared.quote.price, prepared.quote.inputs, prepared.quote.promoted),
        details=prepared.details,
        placed_at=now,
        pay_until=now + consulted.window(policy.window),
    )


def _announce(ctx: Context, order: Order) -> None:
    assert order.member_id is not None, "an order has a buyer"
    ctx.emit(
        OrderPlaced(
            order_id=order.id,
            member_id=order.member_id,
            total_minor=order.total.amount_minor,
            currency=order.total.currency,
        )
    )
    if order.state is OrderState.CONFIRMED:
        ctx.emit(OrderConfirmed(order_id=order.id))


def _principal(ctx: Context, wish: OrderWish) -> str:
    """Return whose idempotency key it is: the login's, else the cart's.

    A guest who orders lines is nobody: the key alone opens the answer, so it must be unguessable.
    """
    if ctx.viewer.id is not None:
        return f"{ctx.viewer.kind}:{ctx.viewer.id}"
    if wish.token is not None:
        return f"token:{hash_token(wish.token)}"
    idempotency.check_unguessable(wish.idempotency_key)
    return "guest"
