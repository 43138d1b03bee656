"""SQL of edits, and of what they change of an order."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import OrderEditId, OrderId
from koipond.kernel.money import Currency, Money
from koipond.order.tables import order, order_adjustment, order_edit, order_line
from koipond.order.types import CheckoutDetails, Order, OrderEdit
from koipond.pricing.types import PriceTrace


async def add_edit(db: AsyncConnection, new: OrderEdit, *, currency: Currency) -> None:
    """Store that an edit of a locked order is at work."""
    await db.execute(
        order_edit.insert().values(
            id=new.id,
            order_id=new.order_id,
            part=new.part,
            currency=currency,
            note=new.note,
            made_by=new.made_by,
            created_at=new.created_at,
        )
    )


async def find_edit(db: AsyncConnection, key: OrderEditId) -> OrderEdit | None:
    """Return an edit."""
    row = (await db.execute(select(order_edit).where(order_edit.c.id == key))).one_or_none()
    return None if row is None else _edit(row)


async def find_edits(db: AsyncConnection, order_ids: Collection[OrderId]) -> list[OrderEdit]:
    """Return the edits of these orders that came to an end, the oldest first."""
    rows = await db.execute(
        select(order_edit)
        .where(order_edit.c.order_id.in_(sorted(order_ids)), order_edit.c.applied_at.is_not(None))
        .order_by(order_edit.c.order_id, order_edit.c.part)
    )
    return [_edit(row) for row in rows]


async def find_last_part(db: AsyncConnection, order_id: OrderId) -> int | None:
    """Return the part of the reservations that the last edit of an order has."""
    rows = await db.execute(
        select(func.max(order_edit.c.part)).where(order_edit.c.order_id == order_id)
    )
    last: int | None = rows.scalar_one()
    return last


async def finish_edit(
    db: AsyncConnection, key: OrderEditId, delta_minor: int, *, now: datetime
) -> None:
    """Store that an edit came to its end, and by how much it changed the total."""
    await db.execute(
        order_edit.update()
        .where(order_edit.c.id == key)
        .values(delta_minor=delta_minor, applied_at=now)
    )


async def save_details(
    db: AsyncConnection, key: OrderId, details: CheckoutDetails, *, now: datetime
) -> None:
    """Store what a locked order's checkout collected."""
    told = {"details": msgspec.to_builtins(details), "updated_at": now}
    await db.execute(order.update().where(order.c.id == key).values(told))


async def save_edited(db: AsyncConnection, before: Order, after: Order, *, now: datetime) -> None:
    """Store a locked order as an edit left it: lines and adjustments keep their places, new ones
    come behind them."""
    await db.execute(
        order.update()
        .where(order.c.id == after.id)
        .values(
            total_minor=after.total.amount_minor,
            price_trace=msgspec.to_builtins(_trace_of(after)),
            updated_at=now,
        )
    )
    for place, line in enumerate(after.lines):
        if place >= len(before.lines):
            row = msgspec.structs.asdict(line) | {"order_id": after.id, "position": place}
            await db.execute(order_line.insert().values(row))
        elif line != before.lines[place]:
            await db.execute(
                order_line.update()
                .where(order_line.c.id == line.id)
                .values(
                    quantity=line.quantity,
                    fulfilled_quantity=line.fulfilled_quantity,
                    returned_quantity=line.returned_quantity,
                )
            )
    known = before.price.adjustments
    for place, adjustment in enumerate(after.price.adjustments):
        if place >= len(known):
            row = msgspec.structs.asdict(adjustment) | {"order_id": after.id, "position": place}
            await db.execute(order_adjustment.insert().values(row))
        elif adjustment != known[place]:
            own = (order_adjustment.c.order_id == after.id) & (order_adjustment.c.position == place)
            await db.execute(
                order_adjustment.update().where(own).values(amount_minor=adjustment.amount_minor)
            )


def _trace_of(after: Order) -> PriceTrace:
    """Return what is kept of a price that was edited: what plugins were told when it was placed is
    what promotions go on to count by."""
    told = after.trace
    return msgspec.structs.replace(PriceTrace.of(after.price), traced=told.traced, asked=told.asked)


def _edit(row: Any) -> OrderEdit:
    delta = None if row.delta_minor is None else Money(row.delta_minor, Currency(row.currency))
    return OrderEdit(
        id=row.id,
        order_id=row.order_id,
        part=row.part,
        delta=delta,
        note=row.note,
        made_by=row.made_by,
        created_at=row.created_at,
        applied_at=row.applied_at,
    )
