"""SQL of what must always hold of orders, each as one statement, so that it sees one moment."""

from typing import Any

from sqlalchemy import Select, func, not_, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.idempotency import Step, idempotency
from koipond.kernel.ids import OrderId, OrderLineId
from koipond.kernel.prepared import Prepared
from koipond.order.tables import order, order_adjustment, order_line, order_line_payee

_claimed_by = (idempotency.c.operation == "placeOrder") & (idempotency.c.step != Step.CLAIMED)


def _uneven() -> Select[Any]:
    summed = func.coalesce(func.sum(order_adjustment.c.amount_minor), 0)
    counts = (order_adjustment.c.order_id == order.c.id) & not_(order_adjustment.c.included)
    return (
        select(order.c.id, order.c.total_minor, summed)
        .outerjoin(order_adjustment, counts)
        .group_by(order.c.id, order.c.total_minor)
        .having(summed != order.c.total_minor)
        .order_by(order.c.id)
    )


_UNEVEN = Prepared(_uneven())


async def find_uneven(db: AsyncConnection) -> list[tuple[OrderId, int, int]]:
    """Return [(order, its total, the sum of its adjustments)] where the two differ."""
    rows = await _UNEVEN.rows(db)
    return [(OrderId(key), total, int(found)) for key, total, found in rows]


async def find_total(db: AsyncConnection, order_id: OrderId) -> int:
    """Return what an order costs, as it is kept beside its adjustments, in minor units."""
    rows = await db.execute(select(order.c.total_minor).where(order.c.id == order_id))
    return int(rows.scalar_one())


_EMPTY = Prepared(
    select(order.c.id)
    .where(not_(select(order_line.c.id).where(order_line.c.order_id == order.c.id).exists()))
    .order_by(order.c.id)
)


async def find_empty(db: AsyncConnection) -> list[OrderId]:
    """Return orders without any line."""
    return [OrderId(key) for (key,) in await _EMPTY.rows(db)]


_CROWDED_LINES = Prepared(
    select(order_line_payee.c.line_id, func.count())
    .group_by(order_line_payee.c.line_id)
    .having(func.count() > 2)
    .order_by(order_line_payee.c.line_id)
)


async def find_crowded_lines(db: AsyncConnection) -> list[tuple[OrderLineId, int]]:
    """Return [(line, its payees)] of lines for which more than two persons are paid."""
    return [(OrderLineId(key), found) for key, found in await _CROWDED_LINES.rows(db)]


_UNKEPT = Prepared(
    select(idempotency.c.subject_id)
    .where(
        _claimed_by,
        not_(select(order.c.id).where(order.c.id == idempotency.c.subject_id).exists()),
    )
    .order_by(idempotency.c.subject_id)
)


async def find_unkept(db: AsyncConnection) -> list[OrderId]:
    """Return orders that a request was told are placed, and that are not there."""
    return [OrderId(key) for (key,) in await _UNKEPT.rows(db)]


_DOUBLED = Prepared(
    select(idempotency.c.subject_id, func.count())
    .where(_claimed_by)
    .group_by(idempotency.c.subject_id)
    .having(func.count() > 1)
    .order_by(idempotency.c.subject_id)
)


async def find_doubled(db: AsyncConnection) -> list[tuple[OrderId, int]]:
    """Return [(order, how many)] of orders that more than one idempotency key has placed."""
    return [(OrderId(key), found) for key, found in await _DOUBLED.rows(db)]
