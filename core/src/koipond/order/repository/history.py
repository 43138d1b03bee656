"""SQL of past purchases: many at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import OrderId
from koipond.order.repository.orders import adjustment_rows, line_rows, order_row
from koipond.order.tables import order, order_adjustment, order_line
from koipond.order.types import Order


async def find_imported(db: AsyncConnection, told: Sequence[str]) -> Mapping[str, OrderId]:
    """Return {imported_from: its order} of those that there are."""
    rows = await db.execute(
        select(order.c.imported_from, order.c.id).where(order.c.imported_from.in_(told))
    )
    return {row.imported_from: OrderId(row.id) for row in rows}


async def add_imported(
    db: AsyncConnection, new: Sequence[Order], *, token_hashes: Sequence[str], now: datetime
) -> Mapping[str, OrderId]:
    """Store orders that are not there yet, with their lines; returns {imported_from: its order}.

    An order of another id was there before; one that is missing was refused for its number, which
    another order has.
    """
    if not new:
        return {}
    rows = [
        order_row(one, token_hash=token_hash)
        | {"updated_at": now, "imported_from": one.imported_from}
        for one, token_hash in zip(new, token_hashes, strict=True)
    ]
    await db.execute(insert(db, order).on_conflict_do_nothing(), rows)
    there = await find_imported(db, [one.imported_from or "" for one in new])
    added = [one for one in new if there.get(one.imported_from or "") == one.id]
    if added:
        await db.execute(order_line.insert(), [row for one in added for row in line_rows(one)])
        amounts = [row for one in added for row in adjustment_rows(one)]
        await db.execute(order_adjustment.insert(), amounts)
    return there
