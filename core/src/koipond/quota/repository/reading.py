"""SQL that reads quotas and reservations without locking them."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Select, bindparam, case, func, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import OwnerId, QuotaId, SubjectId
from koipond.kernel.prepared import Prepared
from koipond.quota.repository.rows import QUOTA, RESERVATION, to_quotas, to_reservations
from koipond.quota.tables import IS_COUNTED, quota, reservation
from koipond.quota.types import Quota, Reservation, ReservationState

_QUOTAS = Prepared(
    select(*QUOTA).where(quota.c.id.in_(bindparam("keys", expanding=True))), by_arrays=True
)


async def find_quotas(db: AsyncConnection, quota_ids: Iterable[QuotaId]) -> dict[QuotaId, Quota]:
    """Return {id: quota}, without those that there are none of."""
    rows = await _QUOTAS.rows(db, {"keys": sorted(set(quota_ids))})
    return {found.id: found for found in to_quotas(rows)}


def free_of(named: Select[Any]) -> Prepared:
    """Return a statement of the rows (key, free) of `named`, rows of keys and quotas."""
    keys = named.subquery()
    key, quota_id = keys.c
    free = case((quota.c.closed, 0), else_=quota.c.capacity - quota.c.taken)
    joined = keys.join(quota, quota.c.id == quota_id)
    return Prepared(select(key.label("key"), free.label("free")).select_from(joined))


async def find_reservations(db: AsyncConnection, owner_id: OwnerId) -> list[Reservation]:
    """Return all that an owner has or had, by quota and part."""
    r = reservation.c
    rows = await db.execute(
        select(*RESERVATION).where(r.owner_id == owner_id).order_by(r.quota_id, r.part)
    )
    return to_reservations(rows)


async def find_taken(
    db: AsyncConnection, subject_id: SubjectId, quota_ids: Collection[QuotaId]
) -> dict[QuotaId, int]:
    """Return {quota: units that a subject has of it}, of those it has any of."""
    r = reservation.c
    rows = await db.execute(
        select(r.quota_id, func.sum(r.quantity))
        .where(r.quota_id.in_(sorted(quota_ids)), r.subject_id == subject_id, IS_COUNTED)
        .group_by(r.quota_id)
    )
    return {QuotaId(key): int(units) for key, units in rows}


_KEPT = Prepared(
    select(reservation.c.owner_id, reservation.c.quota_id, func.sum(reservation.c.quantity))
    .where(
        reservation.c.owner_id.in_(bindparam("owners", expanding=True)),
        reservation.c.state.in_([ReservationState.PLACED, ReservationState.CONSUMED]),
    )
    .group_by(reservation.c.owner_id, reservation.c.quota_id),
    by_arrays=True,
)


async def find_kept(
    db: AsyncConnection, owner_ids: Collection[OwnerId]
) -> list[tuple[OwnerId, QuotaId, int]]:
    """Return [(owner, quota, units)] of what these owners have placed or consumed."""
    rows = await _KEPT.rows(db, {"owners": sorted(owner_ids)})
    return [(OwnerId(owner), QuotaId(key), int(units)) for owner, key, units in rows]


async def find_holders(db: AsyncConnection, quota_id: QuotaId) -> list[Reservation]:
    """Return what is taken of a quota, by owner: such as who sits in a team."""
    r = reservation.c
    rows = await db.execute(
        select(*RESERVATION).where(r.quota_id == quota_id, IS_COUNTED).order_by(r.owner_id, r.part)
    )
    return to_reservations(rows)
