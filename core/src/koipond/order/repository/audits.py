"""SQL of what must always hold of orders, each as one statement, so that it sees one moment."""

from sqlalchemy import func, not_, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.idempotency import Step, idempotency
from koipond.kernel.ids import OrderId, OrderLineId
from koipond.order.tables import order, order_adjustment, order_line, order_line_payee

_claimed_by = (idempotency.c.operation == "placeOrder") & (idempotency.c.step != Step.CLAIMED)


async def find_uneven(db: AsyncConnection) -> list[tuple[OrderId, int, int]]:
    """Return [(order, its total, the sum of its adjustments)] where the two differ."""
    summed = func.coalesce(func.sum(order_adjustment.c.amount_minor), 0)
    counts = (order_adjustment.c.order_id == order.c.id) & not_(order_adjustment.c.included)
    rows = await db.execute(
        select(order.c.id, order.c.total_minor, summed)
        .outerjoin(order_adjustment, counts)
        .group_by(order.c.id, order.c.total_minor)
        .having(summed != order.c.total_minor)
        .order_by(order.c.id)
    )
    return [(OrderId(key), total, int(found)) for key, total, found in rows]


async def find_total(db: AsyncConnection, order_id: OrderId) -> int:
    """Return what an order costs, as it is kept beside its adjustments, in minor units."""
    rows = await db.execute(select(order.c.total_minor).where(order.c.id == order_id))
    return int(rows.scalar_one())


async def find_empty(db: AsyncConnection) -> list[OrderId]:
    """Return orders without any line."""
    line = select(order_line.c.id).where(order_line.c.order_id == order.c.id)
    rows = await db.execute(select(order.c.id).where(not_(line.exists())).order_by(order.c.id))
    return [OrderId(key) for key in rows.scalars()]


async def find_crowded_lines(db: AsyncConnection) -> list[tuple[OrderLineId, int]]:
    """Return [(line, its payees)] of lines for which more than two persons are paid."""
    count = func.count()
    rows = await db.execute(
        select(order_line_payee.c.line_id, count)
        .group_by(order_line_payee.c.line_id)
        .having(count > 2)
        .order_by(order_line_payee.c.line_id)
    )
    return [(OrderLineId(key), found) for key, found in rows]


async def find_unkept(db: AsyncConnection) -> list[OrderId]:
    """Return orders that a request was told are placed, and that are not there."""
    there = select(order.c.id).where(order.c.id == idempotency.c.subject_id)
    rows = await db.execute(
        select(idempotency.c.subject_id)
        .where(_claimed_by, not_(there.exists()))
        .order_by(idempotency.c.subject_id)
    )
    return [OrderId(key) for key in rows.scalars()]


async def find_doubled(db: AsyncConnection) -> list[tuple[OrderId, int]]:
    """Return [(order, how many)] of orders that more than one idempotency key has placed."""
    count = func.count()
    rows = await db.execute(
        select(idempotency.c.subject_id, count)
        .where(_claimed_by)
        .group_by(idempotency.c.subject_id)
        .having(count > 1)
        .order_by(idempotency.c.subject_id)
    )
    return [(OrderId(key), found) for key, found in rows]
