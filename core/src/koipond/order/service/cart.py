"""Use-cases of the cart."""

import msgspec

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderId, OrderLineId, VariantId, decode, new_id, new_token
from koipond.kernel.inputs import ChosenInputs, keep
from koipond.kernel.quantity import Quantity
from koipond.order import repository, rules
from koipond.order.errors import CartAlreadyPlaced, CartLineUnknown, CartUnknown
from koipond.order.service.quoting import scoped, show_cart
from koipond.order.service.tokens import hash_token
from koipond.order.types import Cart, CartLine, CheckoutDetails, LineWish, Order, Placed


@transaction
async def add_to_cart(ctx: Context, wish: LineWish, *, token: str | None) -> Placed:
    """Put units of a variant into a cart; without a token into a new one, whose token comes back.

    Raises QuantityOutOfRange, VariantUnknown, VariantNotPriced, CartUnknown, CartAlreadyPlaced,
    TooManyLines.
    """
    known = await _lock_cart(ctx, token) if token is not None else None
    if known is not None:
        ctx = await scoped(ctx, known)
    line = read_wish(ctx, wish)
    cart = known if known is not None else _new_cart(ctx)
    lines = rules.put_in(
        cart.lines,
        line,
        quantity_max=ctx.settings.order_line_quantity_max,
        lines_max=ctx.settings.order_lines_max,
    )
    cart = msgspec.structs.replace(cart, lines=lines)
    shown = await show_cart(ctx, cart)
    for problem in rules.find_problems_of(line.variant_id, cart.lines, shown.problems):
        raise problem.located("variantId")
    return Placed(order=shown, token=await _store(ctx, cart, token))


@transaction
async def update_cart_line(
    ctx: Context,
    *,
    token: str,
    line_id: str,
    quantity: Quantity,
    inputs: ChosenInputs | None = None,
) -> Placed:
    """Set how many units a line of the cart has; 0 takes the line out.

    inputs: what the buyer tells plugins about it now, in place of all that was told; None leaves
    it. A line that then equals another one is taken together with it.

    Raises CartUnknown, CartAlreadyPlaced, CartLineUnknown, QuantityOutOfRange.
    """
    cart = await _lock_cart(ctx, token)
    wanted = rules.check_quantity(quantity, minimum=0, maximum=ctx.settings.order_line_quantity_max)
    key = decode(OrderLineId, line_id)
    known = next((line for line in cart.lines if line.id == key), None)
    if known is None:
        raise CartLineUnknown(line_id=line_id)
    kept = known.inputs if inputs is None else keep(inputs)
    lines = rules.change_line(
        cart.lines,
        msgspec.structs.replace(known, quantity=wanted, inputs=kept),
        quantity_max=ctx.settings.order_line_quantity_max,
    )
    cart = msgspec.structs.replace(cart, lines=lines)
    await _store(ctx, cart, token)
    return Placed(order=await show_cart(ctx, cart), token=token)


@transaction
async def set_checkout(ctx: Context, given: CheckoutDetails, *, token: str) -> Placed:
    """Lay contact, address and shipping method over what the cart knows.

    Raises CartUnknown, CartAlreadyPlaced, AddressInvalid, of a method that is given now
    ShippingMethodUnknown, ShippingPlaceNotServed, ParcelTooHeavy, GoodsTotalTooLow, and of coupons
    that are given now CouponUnknown, CouponBelowMinimum, CouponNotCombinable, CouponNotEligible and
    what plugins refuse them by.
    """
    cart = await _lock_cart(ctx, token)
    given = rules.check_details(given)
    details = rules.merge_details(cart.details, given)
    cart = msgspec.structs.replace(cart, details=details)
    await _store(ctx, cart, token)
    shown = await show_cart(ctx, cart)
    # What was given just now is refused, and changes nothing; what no longer fits is a problem.
    given_now = {
        "couponCodes": bool(given.coupon_codes),
        "shippingMethod": given.shipping_method is not None,
    }
    for problem in shown.problems:
        if given_now.get(problem.at or ""):
            raise problem
    return Placed(order=shown, token=token)


async def find_cart(ctx: Context, token: str) -> Order | None:
    """Return the cart that a token opens, with today's prices; None if placed or unknown."""
    async with ctx.reading() as db:
        cart = await repository.find_cart(db, hash_token(token), ctx.viewer)
    return await show_cart(ctx, cart) if cart is not None and not cart.placed else None


def read_wish(ctx: Context, wish: LineWish) -> CartLine:
    """Return a wished line whose quantity is possible; what it names is not looked up yet.

    Raises QuantityOutOfRange, IdInvalid.
    """
    quantity = rules.check_quantity(
        wish.quantity, minimum=1, maximum=ctx.settings.order_line_quantity_max
    )
    variant_id = decode(VariantId, wish.variant_id)
    return CartLine(
        id=OrderLineId(new_id()),
        variant_id=variant_id,
        quantity=quantity,
        inputs=keep(wish.inputs),
    )


async def _lock_cart(ctx: Context, token: str) -> Cart:
    cart = await repository.find_cart(ctx.db, hash_token(token), ctx.viewer, lock=True)
    if cart is None:
        raise CartUnknown
    if cart.placed:
        raise CartAlreadyPlaced(order_id=cart.id)
    return cart


def _new_cart(ctx: Context) -> Cart:
    return Cart(
        id=OrderId(new_id()),
        channel_id=ctx.scope.channel_id,
        currency=ctx.scope.currency,
        lines=(),
        details=CheckoutDetails(),
        placed=False,
    )


async def _store(ctx: Context, cart: Cart, token: str | None) -> str:
    """Store a cart; returns its token, a new one for a new cart."""
    now = ctx.clock.now()
    if token is not None:
        await repository.save_cart(ctx.db, cart, now=now)
        return token
    made = new_token()
    await repository.add_cart(ctx.db, cart, token_hash=hash_token(made), now=now)
    return made
