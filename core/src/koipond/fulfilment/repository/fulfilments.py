"""SQL of fulfilments. Whoever changes one has its order locked."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, func, select

from koipond.fulfilment.tables import fulfilment, fulfilment_line
from koipond.fulfilment.types import (
    Fulfilment,
    FulfilmentMethod,
    FulfilmentState,
    PackedUnits,
    ParcelUnits,
    Tracking,
)
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import FulfilmentId, OrderId, OrderLineId, QuotaId
from koipond.kernel.parts import Parts
from koipond.kernel.prepared import Prepared


async def add_fulfilment(db: AsyncConnection, new: Fulfilment, *, now: datetime) -> None:
    """Store a new fulfilment with its parcels."""
    await db.execute(
        fulfilment.insert().values(
            id=new.id,
            order_id=new.order_id,
            method=new.method,
            state=new.state,
            location_id=new.location_id,
            tracking=msgspec.to_builtins(new.tracking),
            code_round=new.code_round,
            wrong_codes=new.wrong_codes,
            created_at=new.created_at,
            updated_at=now,
        )
    )
    rows = [
        msgspec.structs.asdict(one) | {"fulfilment_id": new.id, "position": position}
        for position, one in enumerate(new.parcels)
    ]
    await db.execute(fulfilment_line.insert(), rows)


async def find_fulfilment(db: AsyncConnection, key: FulfilmentId) -> Fulfilment | None:
    """Return a fulfilment."""
    row = (await db.execute(_FULFILMENTS.where(fulfilment.c.id == key))).one_or_none()
    return None if row is None else _fulfilment(row)


async def find_fulfilments(db: AsyncConnection, order_ids: Collection[OrderId]) -> list[Fulfilment]:
    """Return the fulfilments of these orders, the oldest first."""
    rows = await _OF_ORDERS.rows(db, {"order_ids": sorted(order_ids)})
    return [_fulfilment(row) for row in rows]


async def move_fulfilment(
    db: AsyncConnection, key: FulfilmentId, state: FulfilmentState, *, now: datetime, **also: Any
) -> None:
    """Store the new state of a fulfilment, and what comes with it, by column."""
    await db.execute(
        fulfilment.update()
        .where(fulfilment.c.id == key)
        .values(state=state, updated_at=now, **also)
    )


async def renew_code(db: AsyncConnection, key: FulfilmentId, *, now: datetime) -> None:
    """Begin the next round of pick-up codes."""
    await db.execute(
        fulfilment.update()
        .where(fulfilment.c.id == key)
        .values(code_round=fulfilment.c.code_round + 1, wrong_codes=0, updated_at=now)
    )


async def count_wrong_code(db: AsyncConnection, key: FulfilmentId, *, now: datetime) -> None:
    """Count that a wrong code was tried."""
    await db.execute(
        fulfilment.update()
        .where(fulfilment.c.id == key)
        .values(wrong_codes=fulfilment.c.wrong_codes + 1, updated_at=now)
    )


async def count_restocked(
    db: AsyncConnection, key: FulfilmentId, line_id: OrderLineId, quota_id: QuotaId, units: int
) -> None:
    """Count units of a parcel as back on the shelf; the table's own ceiling refuses too many."""
    line = fulfilment_line.c
    await db.execute(
        fulfilment_line.update()
        .where(line.fulfilment_id == key, line.line_id == line_id, line.quota_id == quota_id)
        .values(restocked_quantity=line.restocked_quantity + units)
    )


def _parcel_units() -> Select[Any]:
    line = fulfilment_line.c
    return (
        select(
            fulfilment.c.order_id,
            fulfilment.c.id,
            fulfilment.c.state,
            line.variant_id,
            func.sum(line.quantity).label("units"),
            func.sum(line.restocked_quantity).label("restocked"),
        )
        .join(fulfilment_line, line.fulfilment_id == fulfilment.c.id)
        .where(line.quota_id.is_not(None))
        .group_by(fulfilment.c.order_id, fulfilment.c.id, fulfilment.c.state, line.variant_id)
        .order_by(fulfilment.c.id, line.variant_id)
    )


_PARCEL_UNITS = Prepared(_parcel_units())


async def find_parcel_units(db: AsyncConnection) -> list[ParcelUnits]:
    """Return all counted units that are in fulfilments, by fulfilment and variant."""
    return [
        ParcelUnits(
            order_id=row.order_id,
            fulfilment_id=row.id,
            state=FulfilmentState(row.state),
            variant_id=row.variant_id,
            quantity=int(row.units),
            restocked_quantity=int(row.restocked),
        )
        for row in await _PARCEL_UNITS.rows(db)
    ]


def _fulfilment(row: Any) -> Fulfilment:
    return Fulfilment(
        id=row.id,
        order_id=row.order_id,
        method=FulfilmentMethod(row.method),
        state=FulfilmentState(row.state),
        location_id=row.location_id,
        tracking=msgspec.convert(row.tracking, Tracking),
        parcels=_PARCELS.read(row.parcels),
        code_round=row.code_round,
        wrong_codes=row.wrong_codes,
        created_at=row.created_at,
        shipped_at=row.shipped_at,
        delivered_at=row.delivered_at,
    )


_PARCELS = Parts(fulfilment_line, PackedUnits)
_FULFILMENTS: Select[Any] = select(
    fulfilment,
    _PARCELS.of(fulfilment_line.c.fulfilment_id == fulfilment.c.id).label("parcels"),
)
_OF_ORDERS = Prepared(
    _FULFILMENTS.where(fulfilment.c.order_id.in_(bindparam("order_ids", expanding=True))).order_by(
        fulfilment.c.id
    ),
    by_arrays=True,
)
