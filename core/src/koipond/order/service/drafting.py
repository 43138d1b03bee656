"""Use-cases of orders that staff put together: a cart that is theirs until it is placed.

It is priced, checked and placed as its buyer would do it; whose act it was the audit knows.
"""

from __future__ import annotations

import msgspec

from koipond.channel import service as channels
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import check_version
from koipond.kernel.ids import MemberId, OrderId, encode, new_id
from koipond.kernel.money import Money
from koipond.kernel.pages import Page, Slice
from koipond.kernel.viewer import GUEST, Viewer, ViewerKind
from koipond.member import service as members
from koipond.member.errors import MemberUnknown
from koipond.order import repository, rules
from koipond.order.errors import CartAlreadyPlaced, DraftUnknown
from koipond.order.service.placing import place_order
from koipond.order.service.preparing import read_lines
from koipond.order.service.quoting import scoped, show_cart
from koipond.order.service.reading import find_reach
from koipond.order.service.tokens import hash_token, order_token
from koipond.order.types import (
    Cart,
    CheckoutDetails,
    Draft,
    DraftWish,
    Order,
    OrderWish,
    Placed,
)

_NOTE_MAX = 200
WRITES_ORDERS = "order.write"


@transaction
async def create_draft(
    ctx: Context, wish: DraftWish, *, member_id: MemberId | None = None
) -> Draft:
    """Begin an order for a member, or for a guest, in the channel and currency of the request.

    Raises ChannelNotHeld, MemberUnknown, AddressInvalid, TooManyLines, QuantityOutOfRange.
    """
    channels.check_reach(ctx, WRITES_ORDERS, ctx.scope.channel)
    buyer = None if member_id is None else await _find_member(ctx, member_id)
    now = ctx.clock.now()
    empty = Cart(
        id=OrderId(new_id()),
        channel_id=ctx.scope.channel_id,
        currency=ctx.scope.currency,
        lines=(),
        details=CheckoutDetails(),
        placed=False,
    )
    cart = _changed(ctx, empty, wish)
    draft = Draft(
        cart=cart,
        member_id=buyer,
        note=(wish.note or "").strip()[:_NOTE_MAX],
        made_by=f"{ctx.viewer.kind}:{ctx.viewer.id}",
        created_at=now,
        version=1,
    )
    token = order_token(ctx, cart.id)
    await repository.add_cart(ctx.db, cart, token_hash=hash_token(token), now=now)
    await repository.add_draft(ctx.db, draft)
    ctx.audited(encode(OrderId, draft.id), after=_told(draft))
    return draft


@transaction
async def update_draft(
    ctx: Context, key: OrderId, wish: DraftWish, *, expected_version: int | None = None
) -> Draft:
    """Change what staff put together; what is not told stays as it was.

    Raises DraftUnknown, CartAlreadyPlaced, VersionConflict, AddressInvalid, TooManyLines,
    QuantityOutOfRange.
    """
    known = await _lock(ctx, key, expected_version)
    cart = _changed(await scoped(ctx, known.cart), known.cart, wish)
    note = known.note if wish.note is None else wish.note.strip()[:_NOTE_MAX]
    changed = msgspec.structs.replace(known, cart=cart, note=note, version=known.version + 1)
    await repository.save_cart(ctx.db, cart, now=ctx.clock.now())
    await repository.save_draft(ctx.db, changed)
    ctx.audited(encode(OrderId, key), before=_told(known), after=_told(changed))
    return changed


@transaction
async def remove_draft(ctx: Context, key: OrderId, *, expected_version: int | None = None) -> Draft:
    """Throw away what staff put together.

    Raises DraftUnknown, CartAlreadyPlaced, VersionConflict.
    """
    known = await _lock(ctx, key, expected_version)
    await repository.remove_draft(ctx.db, key)
    ctx.audited(encode(OrderId, key), before=_told(known))
    return known


async def place_draft(
    ctx: Context,
    key: OrderId,
    *,
    idempotency_key: str,
    expected_total: Money | None = None,
    expected_version: int | None = None,
) -> Placed:
    """Place what staff put together, by the very use-case that places a buyer's cart.

    It is paid as any other order, by whoever has the token that is answered. Raises DraftUnknown,
    VersionConflict, and what `place_order` does.
    """
    known = await get_draft(ctx, key)

    async def check() -> None:
        current = (await get_draft(ctx, key)).version
        check_version(encode(OrderId, key), expected=expected_version, current=current)

    wish = OrderWish(
        idempotency_key=idempotency_key,
        token=order_token(ctx, key),
        expected_total=expected_total,
    )
    return await place_order(_for_buyer(ctx, known), wish, check=check)


async def show_draft(ctx: Context, draft: Draft) -> Order:
    """Return a draft as an order in state CART, as its buyer would see it today."""
    return await show_cart(_for_buyer(ctx, draft), draft.cart)


async def get_draft(ctx: Context, key: OrderId) -> Draft:
    """Return a draft, placed or not. Raises DraftUnknown."""
    found = await find_draft(ctx, key)
    if found is None:
        raise DraftUnknown(draft_order_id=encode(OrderId, key))
    return found


async def find_draft(ctx: Context, key: OrderId) -> Draft | None:
    """Return a draft, placed or not; staff of some channels see no others'."""
    reach = await find_reach(ctx)
    async with ctx.reading() as db:
        found = await repository.find_draft(db, key)
    is_seen = found is not None and (reach is None or found.cart.channel_id in reach)
    return found if is_seen else None


async def find_drafts(ctx: Context, page: Page) -> Slice[Draft]:
    """Return a page of the drafts that are not placed, the newest first."""
    reach = await find_reach(ctx)
    async with ctx.reading() as db:
        return await repository.find_drafts(db, page, reach=reach)


async def _lock(ctx: Context, key: OrderId, expected_version: int | None) -> Draft:
    await get_draft(ctx, key)
    known = await repository.find_draft(ctx.db, key, lock=True)
    if known is None:
        raise DraftUnknown(draft_order_id=encode(OrderId, key))
    if known.cart.placed:
        raise CartAlreadyPlaced(order_id=key)
    check_version(encode(OrderId, key), expected=expected_version, current=known.version)
    return known


async def _find_member(ctx: Context, key: MemberId) -> MemberId:
    found = await members.find_member(ctx, key)
    if found is None:
        raise MemberUnknown(member=encode(MemberId, key)).located("memberId")
    return found.id


def _changed(ctx: Context, cart: Cart, wish: DraftWish) -> Cart:
    details = rules.merge_details(cart.details, rules.check_details(wish.details))
    lines = cart.lines if wish.lines is None else read_lines(ctx, wish.lines)
    return msgspec.structs.replace(cart, lines=lines, details=details)


def _for_buyer(ctx: Context, draft: Draft) -> Context:
    """Return the request as who buys sees it."""
    buyer = GUEST
    if draft.member_id is not None:
        buyer = Viewer(kind=ViewerKind.MEMBER, id=draft.member_id)
    return ctx.on_behalf_of(buyer)


def _told(draft: Draft) -> dict[str, object]:
    """Return what the audit keeps of a draft: nothing of whose it is but their id."""
    return {
        "member": None if draft.member_id is None else encode(MemberId, draft.member_id),
        "lines": {str(one.variant_id): one.quantity for one in draft.cart.lines},
        "shipping_method": draft.cart.details.shipping_method,
        "version": draft.version,
    }
