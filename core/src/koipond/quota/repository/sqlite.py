"""The statements of a batch for SQLite, whose one writer needs no locks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import json
from sqlalchemy import Connection, and_, bindparam, select, text

from koipond.kernel.ids import OwnerId, QuotaId, SubjectId
from koipond.quota.repository.rows import (
    QUOTA,
    RESERVATION,
    from_reservation,
    to_quotas,
    to_reservations,
)
from koipond.quota.tables import quota, reservation
from koipond.quota.types import Quota, Reservation, ReservationState

_r = reservation.c
_LOCK = select(*QUOTA).where(quota.c.id.in_(bindparam("ids", expanding=True)))
_OWN = select(*RESERVATION).where(_r.owner_id.in_(bindparam("owners", expanding=True)))
# A cross join, which SQLite does not turn around: one look into the index per pair. For a list of
# pairs after IN it would read all of the index, under the lock.
_USED = text(
    f"""
    SELECT {", ".join(f"r.{column.name}" for column in RESERVATION)}
    FROM json_each(:pairs) AS pair CROSS JOIN reservation AS r
      ON r.quota_id = json_extract(pair.value, '$[0]')
     AND r.subject_id = json_extract(pair.value, '$[1]') AND r.state <> 'released'
    """  # noqa: S608  our own columns
).columns(*RESERVATION)
_INSERT = reservation.insert()
_MOVE = (
    quota.update()
    .where(quota.c.id == bindparam("key"))
    .values(taken=quota.c.taken + bindparam("delta"))
)
_CHANGED = ("subject_id", "period", "quantity", "state", "expires_at", "release")
_CHANGE = (
    reservation.update()
    .where(
        and_(
            _r.owner_id == bindparam("of_owner"),
            _r.quota_id == bindparam("of_quota"),
            _r.part == bindparam("of_part"),
            _r.state == bindparam("before"),
        )
    )
    .values({name: bindparam(name) for name in _CHANGED})
)


def lock(connection: Connection, quota_ids: Sequence[QuotaId]) -> list[Quota]:
    return to_quotas(connection.execute(_LOCK, {"ids": quota_ids}))


def read(
    connection: Connection,
    owner_ids: Collection[OwnerId],
    pairs: Collection[tuple[QuotaId, SubjectId]],
) -> list[Reservation]:
    own = to_reservations(connection.execute(_OWN, {"owners": list(owner_ids)}))
    limited = {quota_id for quota_id, _ in pairs}
    wanted = {(row.quota_id, row.subject_id) for row in own if row.quota_id in limited}
    wanted.update(pairs)
    if not wanted:
        return own
    pairs_as_text = json.encode([(quota_id.hex, subject_id.hex) for quota_id, subject_id in wanted])
    used = to_reservations(connection.execute(_USED, {"pairs": pairs_as_text.decode()}))
    return own + [row for row in used if row.owner_id not in owner_ids]


def insert(connection: Connection, rows: Sequence[Reservation]) -> None:
    connection.execute(_INSERT, [from_reservation(row) for row in rows])


def move(connection: Connection, taken: Mapping[QuotaId, int]) -> None:
    connection.execute(_MOVE, [{"key": key, "delta": delta} for key, delta in taken.items()])


def insert_and_move(
    connection: Connection, rows: Sequence[Reservation], taken: Mapping[QuotaId, int]
) -> None:
    insert(connection, rows)
    move(connection, taken)


def change(
    connection: Connection, rows: Sequence[Reservation], before: Sequence[ReservationState]
) -> int:
    changes: list[dict[str, Any]] = [
        {
            "of_owner": row.owner_id,
            "of_quota": row.quota_id,
            "of_part": row.part,
            "before": was,
            **{name: getattr(row, name) for name in _CHANGED},
        }
        for row, was in zip(rows, before, strict=True)
    ]
    return connection.execute(_CHANGE, changes).rowcount
