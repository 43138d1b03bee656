"""SQL of returns. Whoever changes one has its order locked."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, bindparam, func, select

from koipond.fulfilment.tables import order_return, order_return_line
from koipond.fulfilment.types import Return, ReturnedUnits, ReturnState
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import OrderId, ReturnId
from koipond.kernel.pages import Page, Slice, cut
from koipond.kernel.parts import Parts
from koipond.kernel.prepared import Prepared


async def add_return(db: AsyncConnection, new: Return) -> None:
    """Store a new return with its lines."""
    await db.execute(
        order_return.insert().values(
            id=new.id,
            order_id=new.order_id,
            state=new.state,
            reason=new.reason,
            note=new.note,
            requested_at=new.requested_at,
            updated_at=new.updated_at,
        )
    )
    rows = [
        msgspec.structs.asdict(one) | {"return_id": new.id, "position": position}
        for position, one in enumerate(new.lines)
    ]
    await db.execute(order_return_line.insert(), rows)


async def find_return(db: AsyncConnection, key: ReturnId) -> Return | None:
    """Return a return."""
    row = (await db.execute(_RETURNS.where(order_return.c.id == key))).one_or_none()
    return None if row is None else _return(row)


async def find_returns(db: AsyncConnection, order_ids: Collection[OrderId]) -> list[Return]:
    """Return the returns of these orders, the oldest first."""
    rows = await _OF_ORDERS.rows(db, {"order_ids": sorted(order_ids)})
    return [_return(row) for row in rows]


async def list_returns(
    db: AsyncConnection,
    state: ReturnState | None,
    page: Page,
    *,
    orders: Select[tuple[UUID]] | None = None,
) -> Slice[Return]:
    """Return one page of all returns, or of those in a state, the newest first.

    orders: selects the ids of the orders of which alone they are wanted.
    """
    statement = _RETURNS
    if orders is not None:
        statement = statement.where(order_return.c.order_id.in_(orders))
    if state is not None:
        statement = statement.where(order_return.c.state == state)
    if page.after is not None:
        before = msgspec.convert(page.after[0], UUID)
        statement = statement.where(order_return.c.id < before)
    rows = await db.execute(statement.order_by(order_return.c.id.desc()).limit(page.first + 1))
    found = [_return(row) for row in rows]
    return cut(found, [(one.id.hex,) for one in found], page)


async def move_return(
    db: AsyncConnection, key: ReturnId, state: ReturnState, *, note: str | None, now: datetime
) -> None:
    """Store the new state of a return. note: None leaves it as it is."""
    said = {} if note is None else {"note": note}
    await db.execute(
        order_return.update()
        .where(order_return.c.id == key)
        .values(state=state, updated_at=now, **said)
    )


async def save_return_lines(
    db: AsyncConnection, key: ReturnId, lines: Sequence[ReturnedUnits]
) -> None:
    """Store what was received, accepted and restocked of a return."""
    rows = [
        {
            "of_line": one.line_id,
            "received": one.received_quantity,
            "accepted": one.accepted_quantity,
            "restocked": one.restocked_quantity,
        }
        for one in lines
    ]
    await db.execute(
        order_return_line.update()
        .where(
            order_return_line.c.return_id == key,
            order_return_line.c.line_id == bindparam("of_line"),
        )
        .values(
            received_quantity=bindparam("received"),
            accepted_quantity=bindparam("accepted"),
            restocked_quantity=bindparam("restocked"),
        ),
        rows,
    )


_RESTOCKED = Prepared(
    select(
        order_return.c.id,
        order_return.c.order_id,
        func.sum(order_return_line.c.restocked_quantity),
    )
    .join(order_return_line, order_return_line.c.return_id == order_return.c.id)
    .group_by(order_return.c.id, order_return.c.order_id)
    .order_by(order_return.c.id)
)


async def sum_restocked(db: AsyncConnection) -> dict[ReturnId, tuple[OrderId, int]]:
    """Return {return: (its order, units that went back to the shelf)}."""
    rows = await _RESTOCKED.rows(db)
    return {ReturnId(row[0]): (OrderId(row[1]), int(row[2])) for row in rows}


def _return(row: Any) -> Return:
    return Return(
        id=row.id,
        order_id=row.order_id,
        state=ReturnState(row.state),
        reason=row.reason,
        note=row.note,
        lines=_LINES.read(row.lines),
        requested_at=row.requested_at,
        updated_at=row.updated_at,
    )


_LINES = Parts(order_return_line, ReturnedUnits)
_RETURNS: Select[Any] = select(
    order_return,
    _LINES.of(order_return_line.c.return_id == order_return.c.id).label("lines"),
)
_OF_ORDERS = Prepared(
    _RETURNS.where(order_return.c.order_id.in_(bindparam("order_ids", expanding=True))).order_by(
        order_return.c.id
    ),
    by_arrays=True,
)
