"""SQL of what must always hold, each as one statement, so that it sees one moment."""

from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.invariants import Finding
from koipond.kernel.prepared import Prepared
from koipond.quota.tables import IS_COUNTED, quota, quota_change, quota_excess, reservation

_q, _r, _c = quota.c, reservation.c, quota_change.c


def _drifted() -> Select[Any]:
    sums = (
        select(_r.quota_id, func.sum(_r.quantity).label("units"))
        .where(IS_COUNTED)
        .group_by(_r.quota_id)
        .subquery()
    )
    counted = func.coalesce(sums.c.units, 0)
    return (
        select(_q.id, _q.capacity, _q.taken, counted.label("counted"))
        .outerjoin(sums, sums.c.quota_id == _q.id)
        .where(or_(_q.taken != counted, _q.taken > _q.capacity))
        .order_by(_q.id)
    )


_DRIFTED = Prepared(_drifted())


async def find_drift(db: AsyncConnection) -> list[Finding]:
    """Find counters that are not the sum of their rows, or are more than there is."""
    return [
        Finding(
            invariant="I1",
            problem=f"quota {row.id} of {row.capacity} says that {row.taken} units are taken, "
            f"its reservations say {row.counted}",
            fix="Stop selling it; then set quota.taken to the sum, and look for what wrote to it",
        )
        for row in await _DRIFTED.rows(db)
    ]


def _invented() -> Select[Any]:
    sums = select(_c.quota_id, func.sum(_c.delta).label("units")).group_by(_c.quota_id).subquery()
    summed = func.coalesce(sums.c.units, 0)
    return (
        select(_q.id, _q.capacity, summed.label("summed"))
        .outerjoin(sums, sums.c.quota_id == _q.id)
        .where(_q.capacity.is_not(None), _q.capacity != summed)
        .order_by(_q.id)
    )


_INVENTED = Prepared(_invented())


async def find_invented(db: AsyncConnection) -> list[Finding]:
    """Find capacities that are not the sum of their changes: units that came from nowhere."""
    return [
        Finding(
            invariant="I1",
            problem=f"quota {row.id} has a capacity of {row.capacity}, "
            f"its changes add up to {row.summed}",
            fix="Compare its quota_change rows with what came in and went out",
        )
        for row in await _INVENTED.rows(db)
    ]


_UNBALANCED = Prepared(
    select(_c.move_id, func.sum(_c.delta).label("units"))
    .where(_c.move_id.is_not(None))
    .group_by(_c.move_id)
    .having(func.sum(_c.delta) != 0)
    .order_by(_c.move_id)
)


async def find_unbalanced(db: AsyncConnection) -> list[Finding]:
    """Find moves between quotas that made or lost units."""
    return [
        Finding(
            invariant="I1",
            problem=f"move {row.move_id} between quotas made {row.units} units",
            fix="Look at its quota_change rows, and change the capacity that is wrong",
        )
        for row in await _UNBALANCED.rows(db)
    ]


def _over_limit() -> Select[Any]:
    excess = quota_excess.c
    key = (_r.quota_id, _r.subject_id, _r.period)
    units = func.sum(_r.quantity)
    return (
        select(*key, units.label("units"), _q.subject_limit)
        .join(quota, _q.id == _r.quota_id)
        .outerjoin(
            quota_excess,
            and_(*(excess[column.name] == column for column in key)),
        )
        .where(IS_COUNTED, _q.subject_limit.is_not(None))
        .group_by(*key, _q.subject_limit, excess.units)
        .having(units > _q.subject_limit, units > func.coalesce(excess.units, 0))
        .order_by(*key)
    )


_OVER_LIMIT = Prepared(_over_limit())


async def find_over_limit(db: AsyncConnection) -> list[Finding]:
    """Find subjects with more than their limit, except what a merge left them with."""
    return [
        Finding(
            invariant="I9",
            problem=f"subject {row.subject_id} has {row.units} units of quota {row.quota_id} "
            f"in period {row.period or 'ever'}, {row.subject_limit} are allowed",
            fix="Look at its orders; cancel what is too much",
        )
        for row in await _OVER_LIMIT.rows(db)
    ]
