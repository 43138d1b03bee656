"""Use-cases of placing: one transaction for the order, then the payment outside of any."""

import secrets

import msgspec

from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.idempotency import Claim, Step
from koipond.kernel.ids import OrderId, new_id
from koipond.member import service as member
from koipond.order import repository, rules
from koipond.order.errors import CartAlreadyPlaced, CartUnknown, LinesAmbiguous
from koipond.order.events import OrderConfirmed, OrderPlaced
from koipond.order.service.cart import read_wish
from koipond.order.service.paying import answer, begin_paying
from koipond.order.service.quoting import Quote, quote, scoped
from koipond.order.service.tokens import hash_token, order_token
from koipond.order.types import (
    Cart,
    CartLine,
    CheckoutDetails,
    Order,
    OrderState,
    OrderWish,
    Placed,
)
from koipond.payment import service as payment
from koipond.stock import service as stock

_OPERATION = "placeOrder"


async def place_order(ctx: Context, wish: OrderWish) -> Placed:
    """Place a cart, or lines, as an order, and pay it if the wish says how.

    One idempotency key, one order: a repeat resumes where the first try stopped and gives the same
    answer. A payment that is declined leaves the order placed; the answer says why.
    Raises LinesAmbiguous, CartUnknown, CartAlreadyPlaced, CartEmpty, CheckoutIncomplete,
    QuoteChanged, InsufficientStock, PaymentProviderUnknown, what is wrong with a line, contact,
    address or key; then nothing was changed.
    """
    if (wish.token is None) == (wish.lines is None):
        raise LinesAmbiguous
    cart = await _find_cart(ctx, wish.token) if wish.token is not None else None
    held = await idempotency.claim(
        ctx,
        principal=_principal(ctx, wish),
        operation=_OPERATION,
        key=wish.idempotency_key,
        request=wish,
        subject_id=cart.id if cart is not None else new_id(),
    )
    if held.step is not Step.DONE:
        await _carry_out(ctx, held, wish)
    return await answer(ctx, OrderId(held.subject_id))


async def _carry_out(ctx: Context, held: Claim, wish: OrderWish) -> None:
    """Do what of the wish has not been done yet."""
    try:
        if held.step is Step.CLAIMED:
            await _place(ctx, held, wish)
        if wish.payment is not None:
            await begin_paying(ctx, OrderId(held.subject_id), wish.payment, held)
    except DomainError:
        await idempotency.forget(ctx, held)
        raise
    await idempotency.advance(ctx, held, Step.DONE)


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


@transaction
async def _place(ctx: Context, held: Claim, wish: OrderWish) -> None:
    cart = await _lock_cart(ctx, wish)
    ctx = await scoped(ctx, cart) if cart is not None else ctx
    lines = cart.lines if cart is not None else _read_lines(ctx, wish)
    details = _check_details(wish.details)
    if cart is not None:
        details = rules.merge_details(cart.details, details)
    if wish.payment is not None:
        payment.check_provider(ctx, wish.payment.provider)
    quoted = await quote(ctx, lines, details)
    order_id = OrderId(held.subject_id)
    order = await _make_order(ctx, order_id, quoted, details, wish)
    await stock.allocate(ctx, order_id, rules.find_demands(quoted.lines, quoted.sellables))
    token_hash = hash_token(order_token(ctx, order_id))
    await repository.add_order(ctx.db, order, token_hash=token_hash, now=ctx.clock.now())
    if cart is not None:
        placed = msgspec.structs.replace(cart, placed=True)
        await repository.save_cart(ctx.db, placed, now=ctx.clock.now())
    _announce(ctx, order)
    await idempotency.advance(ctx, held, Step.PLACED)


async def _make_order(
    ctx: Context, order_id: OrderId, quoted: Quote, details: CheckoutDetails, wish: OrderWish
) -> Order:
    if quoted.problems:
        raise quoted.problems[0]
    rules.check_complete(quoted.lines, details, ships=quoted.ships)
    rules.check_total(quoted.price.total, wish.expected_total)
    assert details.contact is not None, "check_complete wants one"
    free = quoted.price.total.amount_minor == 0
    return Order(
        id=order_id,
        state=OrderState.CONFIRMED if free else OrderState.PLACED,
        number=rules.make_number([secrets.randbelow(32) for _ in range(rules.NUMBER_LENGTH)]),
        channel_id=ctx.scope.channel_id,
        locale=ctx.scope.locales[0],
        member_id=await member.ensure_buyer(ctx, details.contact),
        lines=quoted.lines,
        price=quoted.price,
        details=details,
        placed_at=ctx.clock.now(),
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


async def _find_cart(ctx: Context, token: str) -> Cart:
    async with ctx.reading() as db:
        cart = await repository.find_cart(db, hash_token(token))
    if cart is None:
        raise CartUnknown
    return cart


async def _lock_cart(ctx: Context, wish: OrderWish) -> Cart | None:
    if wish.token is None:
        return None
    cart = await repository.find_cart(ctx.db, hash_token(wish.token), lock=True)
    if cart is None:
        raise CartUnknown
    if cart.placed:
        raise CartAlreadyPlaced(order_id=cart.id)
    return cart


def _read_lines(ctx: Context, wish: OrderWish) -> tuple[CartLine, ...]:
    """Return the wished lines, those of one variant taken together."""
    lines: tuple[CartLine, ...] = ()
    for place, line in enumerate(wish.lines or ()):
        try:
            lines = rules.put_in(
                lines,
                read_wish(ctx, line),
                quantity_max=ctx.settings.order_line_quantity_max,
                lines_max=ctx.settings.order_lines_max,
            )
        except DomainError as error:
            raise error.located(f"lines.{place}") from None
    return lines


def _check_details(details: CheckoutDetails) -> CheckoutDetails:
    if details.shipping_address is None:
        return details
    checked = rules.check_address(details.shipping_address)
    return msgspec.structs.replace(details, shipping_address=checked)
