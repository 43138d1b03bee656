"""SQL of what must always hold, each as one statement, so that it sees one moment."""

from sqlalchemy import and_, func, or_, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.invariants import Finding
from koipond.quota.tables import IS_COUNTED, quota, quota_change, quota_excess, reservation

_q, _r = quota.c, reservation.c


async def find_drift(db: AsyncConnection) -> list[Finding]:
    """Find counters that are not the sum of their rows, or are more than there is."""
    sums = (
        select(_r.quota_id, func.sum(_r.quantity).label("units"))
        .where(IS_COUNTED)
        .group_by(_r.quota_id)
        .subquery()
    )
    counted = func.coalesce(sums.c.units, 0)
    rows = await db.execute(
        select(_q.id, _q.capacity, _q.taken, counted.label("counted"))
        .outerjoin(sums, sums.c.quota_id == _q.id)
        .where(or_(_q.taken != counted, _q.taken > _q.capacity))
        .order_by(_q.id)
    )
    return [
        Finding(
            invariant="I1",
            problem=f"quota {row.id} of {row.capacity} says that {row.taken} units are taken, "
            f"its reservations say {row.counted}",
            fix="Stop selling it; then set quota.taken to the sum, and look for what wrote to it",
        )
        for row in rows
    ]


async def find_invented(db: AsyncConnection) -> list[Finding]:
    """Find capacities that are not the sum of their changes: units that came from nowhere."""
    sums = (
        select(quota_change.c.quota_id, func.sum(quota_change.c.delta).label("units"))
        .group_by(quota_change.c.quota_id)
        .subquery()
    )
    summed = func.coalesce(sums.c.units, 0)
    rows = await db.execute(
        select(_q.id, _q.capacity, summed.label("summed"))
        .outerjoin(sums, sums.c.quota_id == _q.id)
        .where(_q.capacity.is_not(None), _q.capacity != summed)
        .order_by(_q.id)
    )
    return [
        Finding(
            invariant="I1",
            problem=f"quota {row.id} has a capacity of {row.capacity}, "
            f"its changes add up to {row.summed}",
            fix="Compare its quota_change rows with what came in and went out",
        )
        for row in rows
    ]


async def find_unbalanced(db: AsyncConnection) -> list[Finding]:
    """Find moves between quotas that made or lost units."""
    change = quota_change.c
    rows = await db.execute(
        select(change.move_id, func.sum(change.delta).label("units"))
        .where(change.move_id.is_not(None))
        .group_by(change.move_id)
        .having(func.sum(change.delta) != 0)
        .order_by(change.move_id)
    )
    return [
        Finding(
            invariant="I1",
            problem=f"move {row.move_id} between quotas made {row.units} units",
            fix="Look at its quota_change rows, and change the capacity that is wrong",
        )
        for row in rows
    ]


async def find_over_limit(db: AsyncConnection) -> list[Finding]:
    """Find subjects with more than their limit, except what a merge left them with."""
    excess = quota_excess.c
    key = (_r.quota_id, _r.subject_id, _r.period)
    units = func.sum(_r.quantity)
    rows = await db.execute(
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
    return [
        Finding(
            invariant="I9",
            problem=f"subject {row.subject_id} has {row.units} units of quota {row.quota_id} "
            f"in period {row.period or 'ever'}, {row.subject_limit} are allowed",
            fix="Look at its orders; cancel what is too much",
        )
        for row in rows
    ]
