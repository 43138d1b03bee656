"""SQL of what becomes of an order's units."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Column, bindparam, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import OrderId, OrderLineId
from koipond.order.repository.orders import get
from koipond.order.tables import awaited, order, order_line
from koipond.order.types import Order


async def lock_whole(db: AsyncConnection, order_id: OrderId) -> Order:
    """Lock an order that is known to be there, then read it.

    Two statements: what was waited for is seen in its lines too, as in all that hangs on it.
    """
    await db.execute(
        select(order.c.id).where(order.c.id == order_id).with_for_update(key_share=True)
    )
    return await get(db, order_id)


async def count_fulfilled(db: AsyncConnection, units: Mapping[OrderLineId, int]) -> None:
    """Count {line: units} as fulfilled, or as not when negative; the table refuses too many."""
    await _count(db, order_line.c.fulfilled_quantity, units)


async def count_returned(db: AsyncConnection, units: Mapping[OrderLineId, int]) -> None:
    """Count {line: units} as in a return, or as not when negative; the table refuses too many."""
    await _count(db, order_line.c.returned_quantity, units)


async def set_close_at(
    db: AsyncConnection, order_id: OrderId, at: datetime | None, *, now: datetime
) -> None:
    """Store when a locked order is closed; None: not before that is known."""
    await db.execute(
        order.update().where(order.c.id == order_id).values(close_at=at, updated_at=now)
    )


async def find_closable(db: AsyncConnection, *, now: datetime, limit: int) -> list[OrderId]:
    """Return orders that are to be closed by now."""
    rows = await db.execute(
        select(order.c.id)
        .where(awaited, order.c.close_at <= now)
        .order_by(order.c.close_at, order.c.id)
        .limit(limit)
    )
    return [OrderId(key) for key in rows.scalars()]


async def _count(
    db: AsyncConnection, column: Column[int], units: Mapping[OrderLineId, int]
) -> None:
    rows = [{"of_line": key, "more": count} for key, count in units.items() if count]
    if rows:
        await db.execute(
            order_line.update()
            .where(order_line.c.id == bindparam("of_line"))
            .values({column.name: column + bindparam("more")}),
            rows,
        )
