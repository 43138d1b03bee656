"""SQL of the jobs that lock quotas: giving back, purging, changing whom a row counts for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, exists, select

from koipond.kernel.db import Connection, insert
from koipond.kernel.ids import OwnerId, QuotaId, SubjectId
from koipond.quota.repository.rows import RESERVATION, to_reservations
from koipond.quota.tables import (
    IS_COUNTED,
    IS_DUE,
    quota,
    quota_carried,
    quota_excess,
    reservation,
)
from koipond.quota.types import Reservation, ReservationState

_r = reservation.c
_IS_DUE_NOW = and_(IS_DUE, _r.expires_at <= bindparam("now"))
_DUE = (
    select(_r.quota_id)
    .where(_IS_DUE_NOW)
    .order_by(_r.expires_at)
    .limit(bindparam("most"))
    .subquery()
)
_DUE_QUOTAS = select(_DUE.c.quota_id).distinct()
_DUE_ROWS = (
    select(*RESERVATION)
    .where(_IS_DUE_NOW, _r.quota_id.in_(bindparam("ids", expanding=True)))
    .order_by(_r.expires_at)
    .limit(bindparam("most"))
    # What an order is placing or returning just now is skipped: waiting for it while the quotas
    # are locked would stop every buyer, and waiting for several rows could deadlock.
    .with_for_update(skip_locked=True, key_share=True)
)


def find_due_quotas(connection: Connection, *, now: datetime, most: int) -> list[QuotaId]:
    """Return the quotas of the `most` rows that have been due for longest."""
    return list(connection.execute(_DUE_QUOTAS, {"now": now, "most": most}).scalars())


def take_due(
    connection: Connection, quota_ids: Iterable[QuotaId], *, now: datetime, most: int
) -> list[Reservation]:
    """Lock and return up to `most` due rows of locked quotas."""
    given = {"now": now, "ids": list(quota_ids), "most": most}
    return to_reservations(connection.execute(_DUE_ROWS, given))


def find_consumed_quotas(connection: Connection, owner_ids: Sequence[OwnerId]) -> list[QuotaId]:
    """Return the quotas without a subject limit of which these owners have consumed units."""
    rows = connection.execute(
        select(_r.quota_id)
        .distinct()
        .join(quota, quota.c.id == _r.quota_id)
        .where(
            _r.owner_id.in_(owner_ids),
            _r.state == ReservationState.CONSUMED,
            quota.c.subject_limit.is_(None),
        )
    )
    return list(rows.scalars())


def delete_consumed(
    connection: Connection, owner_ids: Sequence[OwnerId], quota_ids: Iterable[QuotaId]
) -> list[Reservation]:
    """Delete and return what these owners consumed of locked quotas."""
    rows = connection.execute(
        delete(reservation)
        .where(
            _r.owner_id.in_(owner_ids),
            _r.quota_id.in_(list(quota_ids)),
            _r.state == ReservationState.CONSUMED,
        )
        .returning(*RESERVATION)
    )
    return to_reservations(rows)


def delete_released(connection: Connection, owner_ids: Sequence[OwnerId]) -> int:
    """Delete what these owners gave back, which counts for nothing; returns how many rows."""
    return connection.execute(
        delete(reservation).where(_r.owner_id.in_(owner_ids), _r.state == ReservationState.RELEASED)
    ).rowcount


def find_limits_of(
    connection: Connection, subject_id: SubjectId, owners: Collection[OwnerId] | None = None
) -> list[QuotaId]:
    """Return the quotas with a subject limit of which a subject has units, in id order.

    owners: only what these have; None is all.
    """
    # One look into the index per quota: nothing else finds a subject's rows.
    own = exists().where(_r.quota_id == quota.c.id, _r.subject_id == subject_id, IS_COUNTED)
    if owners is not None:
        own = own.where(_r.owner_id.in_(sorted(owners)))
    rows = connection.execute(
        select(quota.c.id).where(quota.c.subject_limit.is_not(None), own).order_by(quota.c.id)
    )
    return list(rows.scalars())


def note_carried(connection: Connection, merge_id: UUID, rows: Iterable[Reservation]) -> None:
    """Store whose rows were before a merge."""
    noted = [
        {
            "merge_id": merge_id,
            "owner_id": row.owner_id,
            "quota_id": row.quota_id,
            "part": row.part,
            "subject_id": row.subject_id,
        }
        for row in rows
    ]
    if noted:
        connection.execute(insert(connection, quota_carried).on_conflict_do_nothing(), noted)


def find_carried_quotas(connection: Connection, merge_id: UUID, *, most: int) -> list[QuotaId]:
    """Return the quotas of which a merge moved rows, in id order."""
    key = quota_carried.c.quota_id
    rows = connection.execute(
        select(key).where(quota_carried.c.merge_id == merge_id).distinct().order_by(key).limit(most)
    )
    return list(rows.scalars())


def take_carried(
    connection: Connection, merge_id: UUID, quota_ids: Iterable[QuotaId]
) -> dict[tuple[OwnerId, QuotaId, int], SubjectId]:
    """Forget and return {(owner, quota, part): whose it was before a merge}."""
    c = quota_carried.c
    rows = connection.execute(
        delete(quota_carried)
        .where(c.merge_id == merge_id, c.quota_id.in_(list(quota_ids)))
        .returning(c.owner_id, c.quota_id, c.part, c.subject_id)
    )
    return {(row.owner_id, row.quota_id, row.part): row.subject_id for row in rows}


def forget_excess(connection: Connection, quota_id: QuotaId, subject_id: SubjectId) -> None:
    """Forget that a subject was let have more than its limit."""
    c = quota_excess.c
    connection.execute(
        delete(quota_excess).where(c.quota_id == quota_id, c.subject_id == subject_id)
    )


def record_excess(
    connection: Connection,
    quota_id: QuotaId,
    subject_id: SubjectId,
    units: Mapping[str, int],
    *,
    now: datetime,
) -> None:
    """Write down that a merge let a subject have more than its limit, {period: units}."""
    if not units:
        return
    statement = insert(connection, quota_excess).values(
        [
            {
                "quota_id": quota_id,
                "subject_id": subject_id,
                "period": period,
                "units": count,
                "merged_at": now,
            }
            for period, count in units.items()
        ]
    )
    keys = ["quota_id", "subject_id", "period"]
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys, set_={"units": new.units, "merged_at": new.merged_at}
        )
    )
