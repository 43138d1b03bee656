"""SQL of carts and orders."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, bindparam, not_, null, or_, select, true

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import ChannelId, MemberId, OrderId, OrderLineId
from koipond.kernel.money import Currency
from koipond.kernel.pages import Page, Slice, cut
from koipond.kernel.parts import Parts
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Question
from koipond.kernel.unsent import Unsent
from koipond.kernel.viewer import Viewer
from koipond.order.tables import (
    cart,
    flagged,
    order,
    order_adjustment,
    order_line,
    order_line_payee,
    unpaid,
)
from koipond.order.types import (
    Attention,
    Cart,
    CartLine,
    CheckoutDetails,
    Order,
    OrderFilter,
    OrderHold,
    OrderLine,
    OrderState,
    PayeeSlot,
)
from koipond.pricing.types import Adjustment, PricedOrder, PriceTrace


async def add_cart(db: AsyncConnection, new: Cart, *, token_hash: str, now: datetime) -> None:
    """Store a new cart."""
    await db.execute(
        cart.insert().values(
            id=new.id,
            token_hash=token_hash,
            channel_id=new.channel_id,
            currency=new.currency,
            lines=msgspec.to_builtins(new.lines),
            details=msgspec.to_builtins(new.details),
            placed=False,
            created_at=now,
            updated_at=now,
        )
    )


async def find_cart(
    db: AsyncConnection, token_hash: str, viewer: Viewer, *, lock: bool = False
) -> Cart | None:
    """Return the cart that a token opens to a viewer; locked, if so asked.

    A member's opens to nobody else: who finds the token on their device sees nothing.
    """
    is_open: ColumnElement[bool] = cart.c.member_id.is_(None)
    if viewer.member_id is not None:
        is_open |= cart.c.member_id == viewer.member_id
    statement = select(cart).where(cart.c.token_hash == token_hash, is_open)
    rows = await db.execute(statement.with_for_update(key_share=True) if lock else statement)
    row = rows.one_or_none()
    return None if row is None else read_cart(row)


def asking_cart(key: OrderId) -> Question[Cart]:
    """Ask for a cart that is known to be there."""
    return Question(_CART, {"key": key}, lambda rows: read_cart(*rows))


def locking_cart(key: OrderId) -> Question[Cart]:
    """Ask the same, and lock it."""
    return Question(_LOCK_CART, {"key": key}, lambda rows: read_cart(*rows))


async def save_cart(db: AsyncConnection, changed: Cart, *, now: datetime) -> None:
    """Store a cart that is locked."""
    await db.execute(
        cart.update()
        .where(cart.c.id == changed.id)
        .values(
            lines=msgspec.to_builtins(changed.lines),
            details=msgspec.to_builtins(changed.details),
            placed=changed.placed,
            updated_at=now,
        )
    )


def close_cart(unsent: Unsent, key: OrderId, *, now: datetime) -> None:
    """Store that a locked cart is placed."""
    unsent.change(cart, {"id": key, "placed": True, "updated_at": now})


def add_order(unsent: Unsent, new: Order, *, token_hash: str) -> None:
    """Store a new order with its lines and adjustments."""
    unsent.add(order, order_row(new, token_hash=token_hash))
    for row in line_rows(new):
        unsent.add(order_line, row)
    for row in adjustment_rows(new):
        unsent.add(order_adjustment, row)


def order_row(new: Order, *, token_hash: str) -> dict[str, Any]:
    """Return the row of a new order."""
    return {
        "id": new.id,
        "number": new.number,
        "token_hash": token_hash,
        "channel_id": new.channel_id,
        "currency": new.price.currency,
        "locale": new.locale,
        "member_id": new.member_id,
        "subject_id": new.subject,
        "state": new.state,
        "details": new.details,
        **_source(new),
        "total_minor": new.total.amount_minor,
        "attributes": new.attributes,
        "price_trace": new.trace,
        "placed_at": new.placed_at,
        "pay_until": new.pay_until,
        "updated_at": new.placed_at,
        # None is NULL only where nothing is said.
        **({"holds": new.holds} if new.holds else {}),
    }


def line_rows(new: Order) -> list[dict[str, Any]]:
    """Return the rows of a new order's lines."""
    return [
        msgspec.structs.asdict(line) | {"order_id": new.id, "position": position}
        for position, line in enumerate(new.lines)
    ]


def adjustment_rows(new: Order) -> list[dict[str, Any]]:
    """Return the rows of a new order's adjustments."""
    return [
        msgspec.structs.asdict(one) | {"order_id": new.id, "position": position}
        for position, one in enumerate(new.price.adjustments)
    ]


def move(
    unsent: Unsent,
    order_id: OrderId,
    state: OrderState,
    *,
    now: datetime,
    cancel_reason: str | None = None,
    unread: Order | None = None,
) -> None:
    """Store an order's new state; the row is locked and the move is allowed.

    unread: it is not locked but believed to be as it was placed, which is this. What sends it
    raises Outdated if it is not.
    """
    row: dict[str, Any] = {"id": order_id, "state": state, "updated_at": now, "closing_at": None}
    if cancel_reason is not None:
        row["cancel_reason"] = cancel_reason
    if state is OrderState.EXPIRED:
        row["expired_at"] = now
    if unread is None:
        unsent.change(order, row)
        return
    as_placed: dict[str, list[Any]] = {"state": [unread.state], "closing_at": [None]}
    # Whatever is done to an order is done later.
    as_placed["updated_at"] = [unread.placed_at]
    if not unread.holds:
        as_placed["holds"] = [None]
    unsent.change(order, row, only_if=as_placed, must=True)


async def begin_closing(db: AsyncConnection, order_id: OrderId, *, now: datetime) -> None:
    """Store that the payments of an order are being closed; the row is locked."""
    await db.execute(
        order.update().where(order.c.id == order_id).values(closing_at=now, updated_at=now)
    )


async def find_unpaid(db: AsyncConnection, *, due_by: datetime, limit: int) -> list[OrderId]:
    """Return orders that might have been paid until then, and are not."""
    rows = await db.execute(
        select(order.c.id)
        .where(unpaid, order.c.pay_until <= due_by)
        .order_by(order.c.pay_until, order.c.id)
        .limit(limit)
    )
    return [OrderId(key) for key in rows.scalars()]


async def save_holds(
    db: AsyncConnection, order_id: OrderId, holds: Sequence[OrderHold], *, now: datetime
) -> None:
    """Store the holds of an order; the row is locked."""
    kept = msgspec.to_builtins(tuple(holds)) or null()
    await db.execute(
        order.update().where(order.c.id == order_id).values(holds=kept, updated_at=now)
    )


async def set_attention(
    db: AsyncConnection, order_id: OrderId, attention: Sequence[Attention], *, now: datetime
) -> None:
    """Store what people must look at; the row is locked."""
    noted = msgspec.to_builtins(list(attention)) if attention else null()
    await db.execute(
        order.update().where(order.c.id == order_id).values(attention=noted, updated_at=now)
    )


async def count_refunded(db: AsyncConnection, units: Mapping[OrderLineId, int]) -> None:
    """Count {line: units} as given back; the table's own ceiling refuses too many."""
    if not units:
        return
    await db.execute(
        order_line.update()
        .where(order_line.c.id == bindparam("of_line"))
        .values(refunded_quantity=order_line.c.refunded_quantity + bindparam("more")),
        [{"of_line": key, "more": count} for key, count in units.items()],
    )


async def get(db: AsyncConnection, order_id: OrderId) -> Order:
    """Return an order that is known to be there."""
    (row,) = await _BY_ID.rows(db, {"key": order_id})
    return _order(row)


async def lock(db: AsyncConnection, order_id: OrderId) -> Order:
    """Lock and return an order that is known to be there.

    What was waited for is seen in the order's own row only: whoever changes its lines must have
    locked its payments, and wants to read them too.
    """
    (row,) = await _LOCK.rows(db, {"key": order_id})
    return _order(row)


async def find_channel(db: AsyncConnection, order_id: OrderId) -> ChannelId:
    """Return the channel of an order that is known to be there."""
    rows = await db.execute(select(order.c.channel_id).where(order.c.id == order_id))
    return ChannelId(rows.scalar_one())


def _source(new: Order) -> dict[str, str | None]:
    told = new.details.source
    return {
        "source_class": None if told is None else told.kind,
        "source_entry": None if told is None else told.entry,
        "source_campaign": None if told is None else told.campaign,
    }


def visible_to(*, member_id: MemberId | None, token_hash: str | None) -> ColumnElement[bool]:
    """The condition that an order is this caller's: by membership, or by its token."""
    conditions: list[ColumnElement[bool]] = []
    if member_id is not None:
        conditions.append(order.c.member_id == member_id)
    if token_hash is not None:
        conditions.append(order.c.token_hash == token_hash)
    return or_(False, *conditions)


def visible_to_staff(reach: Collection[ChannelId] | None) -> ColumnElement[bool]:
    """The condition that an order is of one of the channels that staff look after; None: of any."""
    return true() if reach is None else order.c.channel_id.in_(sorted(reach))


def ids_in_reach(reach: Collection[ChannelId]) -> Select[tuple[UUID]]:
    """The ids of the orders of these channels, for a condition of another statement."""
    return select(order.c.id).where(visible_to_staff(reach))


async def find_order(
    db: AsyncConnection,
    visible: ColumnElement[bool],
    *,
    order_id: OrderId | None = None,
    number: str | None = None,
) -> Order | None:
    """Return the order with this id or number, if it is visible."""
    named = order.c.id == order_id if order_id is not None else order.c.number == number
    found = await _find(db, _ORDERS.where(named, visible))
    return found[0] if found else None


async def find_member_orders(db: AsyncConnection, member_id: MemberId, page: Page) -> Slice[Order]:
    """Return one page of a member's orders, the newest first."""
    statement = _ORDERS.where(order.c.member_id == member_id)
    if page.after is not None:
        statement = statement.where(order.c.id < OrderId(_uuid(page.after[0])))
    found = await _find(db, statement.order_by(order.c.id.desc()).limit(page.first + 1))
    return cut(found, [(one.id.hex,) for one in found], page)


async def find_orders(
    db: AsyncConnection, visible: ColumnElement[bool], wanted: OrderFilter, page: Page
) -> Slice[Order]:
    """Return one page of the visible orders that fit, the newest first."""
    statement = _ORDERS.where(visible)
    if wanted.state is not None:
        statement = statement.where(order.c.state == wanted.state)
    if wanted.needs_attention is not None:
        statement = statement.where(flagged if wanted.needs_attention else not_(flagged))
    if page.after is not None:
        statement = statement.where(order.c.id < OrderId(_uuid(page.after[0])))
    found = await _find(db, statement.order_by(order.c.id.desc()).limit(page.first + 1))
    return cut(found, [(one.id.hex,) for one in found], page)


async def add_payee(db: AsyncConnection, new: PayeeSlot, *, now: datetime) -> bool:
    """Store who has a slot of a line; False if it is taken, or the person has one."""
    row = msgspec.structs.asdict(new) | {"created_at": now}
    statement = insert(db, order_line_payee).values(row).on_conflict_do_nothing()
    added = await db.execute(statement.returning(order_line_payee.c.slot))
    return added.one_or_none() is not None


async def find_payees(db: AsyncConnection, line_id: OrderLineId) -> list[PayeeSlot]:
    """Return who has the slots of a line."""
    rows = await db.execute(
        select(order_line_payee)
        .where(order_line_payee.c.line_id == line_id)
        .order_by(order_line_payee.c.slot)
    )
    return [
        PayeeSlot(line_id=row.line_id, slot=row.slot, person=row.person, source=row.source)
        for row in rows
    ]


async def _find(db: AsyncConnection, statement: Select[Any]) -> list[Order]:
    return [_order(row) for row in await db.execute(statement)]


def read_cart(row: Any) -> Cart:
    """Return the cart of a row that has all its columns."""
    return Cart(
        id=row.id,
        channel_id=row.channel_id,
        currency=row.currency,
        lines=msgspec.convert(row.lines, tuple[CartLine, ...]),
        details=msgspec.convert(row.details, CheckoutDetails),
        placed=row.placed,
    )


def _order(row: Any) -> Order:
    trace = msgspec.convert(row.price_trace, PriceTrace)
    return Order(
        id=row.id,
        state=OrderState(row.state),
        number=row.number,
        channel_id=row.channel_id,
        locale=row.locale,
        member_id=row.member_id,
        lines=_LINES.read(row.lines),
        price=PricedOrder(
            currency=Currency(row.currency),
            adjustments=_ADJUSTMENTS.read(row.adjustments),
            considered=trace.considered,
            judged=trace.judged,
            rounding=trace.rounding,
        ),
        trace=trace,
        details=msgspec.convert(row.details, CheckoutDetails),
        placed_at=row.placed_at,
        expired_at=row.expired_at,
        is_closing=row.closing_at is not None,
        attention=msgspec.convert(row.attention or (), tuple[Attention, ...]),
        pay_until=row.pay_until,
        holds=msgspec.convert(row.holds or (), tuple[OrderHold, ...]),
        attributes=row.attributes,
        close_at=row.close_at,
        subject=row.subject_id,
        imported_from=row.imported_from,
    )


def _uuid(text: Any) -> Any:
    return msgspec.convert(text, UUID)


_LINES = Parts(order_line, OrderLine)
_ADJUSTMENTS = Parts(order_adjustment, Adjustment)
_ORDERS: Select[Any] = select(
    order,
    _LINES.of(order_line.c.order_id == order.c.id).label("lines"),
    _ADJUSTMENTS.of(order_adjustment.c.order_id == order.c.id).label("adjustments"),
)
_cart = select(cart).where(cart.c.id == bindparam("key"))
_CART = Prepared(_cart)
_LOCK_CART = Prepared(_cart.with_for_update(key_share=True))
_by_id = _ORDERS.where(order.c.id == bindparam("key"))
_BY_ID = Prepared(_by_id)
_LOCK = Prepared(_by_id.with_for_update(key_share=True, of=order))
