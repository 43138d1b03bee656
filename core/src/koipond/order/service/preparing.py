"""What placing needs to know beforehand: read and priced outside of any transaction."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from koipond.catalog import service as catalog
from koipond.catalog.types import Sellable
from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import CategoryId, MemberId, OrderId, ProductId, VariantId
from koipond.kernel.questions import Answered, Asked, combine
from koipond.kernel.sealing import Known, sealed
from koipond.member import service as member
from koipond.order import repository, rules
from koipond.order.errors import CartAlreadyPlaced, CartUnknown, TooManyLines
from koipond.order.service.cart import read_wish
from koipond.order.service.quoting import Quote, keys_of, quote, scoped
from koipond.order.service.tokens import hash_token
from koipond.order.types import Cart, CartLine, CheckoutDetails, LineWish, OrderWish
from koipond.payment import service as payment
from koipond.stock import service as stock
from koipond.stock.types import Demand, Level


class Shelf(NamedTuple):
    """What the shop has of what is wished for, and who buys, as it was a moment ago.

    cart, buyer: None: there is none, or nobody said who it is.
    """

    sellables: Known[dict[VariantId, Sellable]]
    levels: Mapping[VariantId, Sequence[Level]]
    categories: Mapping[ProductId, frozenset[CategoryId]]
    cart: Known[Cart] | None
    buyer: Known[MemberId | None] | None


class Prepared(Struct, frozen=True, kw_only=True):
    """A purchase that could be placed, as it was a moment ago."""

    cart: Cart | None
    lines: tuple[CartLine, ...]
    details: CheckoutDetails
    quote: Quote
    # What it was read from; None for an edit, which reads by itself.
    shelf: Shelf | None = None
    # Of what the process keeps and it was decided by.
    editions: Mapping[str, int | None] = {}

    @property
    def levels(self) -> Mapping[VariantId, Sequence[Level]]:
        """Those of its variants, where they were read with it."""
        return {} if self.shelf is None else self.shelf.levels

    @property
    def is_believed(self) -> bool:
        """Whether it is as it was for as long as its rows are as they were read."""
        found = self.shelf
        return found is not None and (
            self.quote.rests_on_rows(found.sellables.answer)
            and found.buyer is not None
            and self.cart == (None if found.cart is None else found.cart.answer)
        )

    @property
    def demands(self) -> list[Demand]:
        """What it wants of the stock."""
        return rules.find_demands(self.quote.lines, self.quote.sellables, self.quote.activities)


def asking_shelf(ctx: Context, wish: OrderWish, cart: Cart | None) -> Asked[Shelf]:
    """Ask for a Shelf, together with something else."""
    keys = keys_of(_find_lines(ctx, wish, cart))
    contact = wish.details.contact or (cart.details.contact if cart is not None else None)
    has_carts, nothing = ctx.hooks.adjusts_carts, Answered(None)
    return combine(
        Shelf,
        (
            sealed(catalog.asking_sellables(ctx, keys)),
            stock.asking_levels(keys),
            catalog.asking_category_ids(keys) if has_carts else Answered({}),
            nothing if cart is None else sealed(repository.asking_cart(cart.id)),
            nothing if contact is None else sealed(member.asking_buyer(ctx, contact, hold=False)),
        ),
    )


class Wished(Struct, frozen=True, kw_only=True):
    """A wish, and what was read for it. cart: None for lines. shelf: None if not looked at yet."""

    wish: OrderWish
    cart: Cart | None
    shelf: Shelf | None


async def prepare(ctx: Context, order_id: OrderId, wished: Wished) -> Prepared:
    """Return what a wish comes to, checked and priced in the scope of `ctx` (see `in_scope`).

    Raises whatever keeps it from being placed as it is, but for the stock.
    """
    wish, cart, shelf = wished.wish, wished.cart, wished.shelf
    if cart is not None and cart.placed:
        raise CartAlreadyPlaced(order_id=cart.id)
    details = rules.check_details(wish.details)
    if cart is not None:
        details = rules.merge_details(cart.details, details)
    for tender in wish.payments:
        payment.check_provider(ctx, tender.provider)
    lines = cart.lines if cart is not None else read_lines(ctx, wish.lines or ())
    if shelf is None:
        async with ctx.reading() as db:
            shelf = await asking_shelf(ctx, wish, cart).ask(db)
    quoted = await quote(
        ctx,
        lines,
        details,
        order_id=order_id,
        sellables=shelf.sellables.answer,
        categories=shelf.categories,
    )
    if quoted.problems:
        raise quoted.problems[0]
    rules.check_complete(quoted.lines, details, needs_address=quoted.needs_address)
    rules.check_total(quoted.price, wish.expected_total)
    rules.check_tenders(wish.payments, quoted.price.total)
    return Prepared(
        cart=cart,
        lines=lines,
        details=details,
        quote=quoted,
        shelf=shelf,
        editions=dict(ctx.editions),
    )


async def in_scope(ctx: Context, wish: OrderWish) -> tuple[Context, Cart | None]:
    """Return the request seen from where its cart is sold, and the cart, placed or not.

    Raises CartUnknown.
    """
    cart = await find_cart(ctx, wish)
    return (ctx, None) if cart is None else (await scoped(ctx, cart), cart)


async def find_cart(ctx: Context, wish: OrderWish) -> Cart | None:
    """Return the cart that is wished for, placed or not; None for lines. Raises CartUnknown."""
    if wish.token is None:
        return None
    async with ctx.reading() as db:
        cart = await repository.find_cart(db, hash_token(wish.token), ctx.viewer)
    if cart is None:
        raise CartUnknown
    return cart


def _find_lines(ctx: Context, wish: OrderWish, cart: Cart | None) -> tuple[CartLine, ...]:
    """Return what is wished for, or nothing if that is refused: `prepare` will say why."""
    try:
        return cart.lines if cart is not None else read_lines(ctx, wish.lines or ())
    except DomainError:
        return ()


def read_lines(ctx: Context, wished: Sequence[LineWish]) -> tuple[CartLine, ...]:
    """Return the wished lines, those of one variant taken together.

    Raises TooManyLines, QuantityOutOfRange, IdInvalid.
    """
    lines: tuple[CartLine, ...] = ()
    # Before any is looked at, of one variant or not: a request could name thousands.
    if len(wished) > ctx.settings.order_lines_max:
        raise TooManyLines(lines=len(wished), maximum=ctx.settings.order_lines_max)
    for place, line in enumerate(wished):
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
