"""SQL of quotas themselves: making them, and every change of a capacity, written down."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, select

from koipond.kernel.db import Connection, insert
from koipond.kernel.ids import QuotaId, new_id
from koipond.quota.rules import Flow, sum_moves
from koipond.quota.tables import quota, quota_change
from koipond.quota.types import ChangeReason, QuotaSpec

_ADDED_AT_ONCE = 500
_SET_CAPACITY = (
    quota.update()
    .where(quota.c.id == bindparam("key"))
    .values(capacity=quota.c.capacity + bindparam("delta"))
)
_SET_TAKEN = (
    quota.update()
    .where(quota.c.id == bindparam("key"))
    .values(taken=quota.c.taken + bindparam("delta"))
)


def add_quotas(connection: Connection, specs: Iterable[QuotaSpec], *, now: datetime) -> int:
    """Store quotas, except those that there are; returns how many were new."""
    # Sorted, for the same reason as in `lock`.
    ordered = iter(sorted(specs, key=lambda spec: spec.id))
    added = 0
    while portion := list(islice(ordered, _ADDED_AT_ONCE)):
        statement = insert(connection, quota).values([_row(spec) for spec in portion])
        new = set(
            connection.execute(statement.on_conflict_do_nothing().returning(quota.c.id)).scalars()
        )
        added += len(new)
        created = {spec.id: spec.capacity for spec in portion if spec.id in new and spec.capacity}
        _write_down(connection, created, ChangeReason.CREATED, now)
    return added


def change_capacity(
    connection: Connection,
    deltas: Mapping[QuotaId, int],
    *,
    reason: ChangeReason,
    now: datetime,
) -> None:
    """Change capacities of locked quotas by {quota: units}. Changes of one move sum to zero."""
    changed = {key: delta for key, delta in deltas.items() if delta}
    if changed:
        connection.execute(_SET_CAPACITY, _pairs(changed))
        _write_down(connection, changed, reason, now)


def follow(connection: Connection, flow: Flow, *, now: datetime) -> None:
    """Do to locked quotas what a rule decided."""
    taken = {key: delta for key, delta in flow.taken.items() if delta}
    if taken:
        # Before the capacity, which never falls below it.
        connection.execute(_SET_TAKEN, _pairs(taken))
    change_capacity(connection, sum_moves(flow), reason=ChangeReason.MOVED, now=now)
    purged = {key: -units for key, units in flow.purged.items()}
    change_capacity(connection, purged, reason=ChangeReason.PURGED, now=now)


def mark_closed(connection: Connection, quota_id: QuotaId) -> None:
    """Close a locked quota for good."""
    connection.execute(quota.update().where(quota.c.id == quota_id).values(closed=True))


def set_times(
    connection: Connection,
    quota_ids: Iterable[QuotaId],
    *,
    starts_at: datetime | None,
    ends_at: datetime | None,
) -> None:
    """Give locked quotas another start and end."""
    connection.execute(
        quota.update()
        .where(quota.c.id.in_(list(quota_ids)))
        .values(starts_at=starts_at, ends_at=ends_at)
    )


def find_family(connection: Connection, quota_ids: Iterable[QuotaId]) -> list[QuotaId]:
    """Return quotas and all their ancestors; which those are never changes."""
    up = (
        select(quota.c.id, quota.c.parent_id)
        .where(quota.c.id.in_(list(quota_ids)))
        .cte("up", recursive=True)
    )
    parents = select(quota.c.id, quota.c.parent_id).join(up, quota.c.id == up.c.parent_id)
    return list(connection.execute(select(up.union(parents).c.id)).scalars())


def _write_down(
    connection: Connection, deltas: Mapping[QuotaId, int], reason: ChangeReason, now: datetime
) -> None:
    if not deltas:
        return
    move_id = new_id() if reason is ChangeReason.MOVED else None
    connection.execute(
        quota_change.insert(),
        [
            {
                "id": new_id(),
                "quota_id": key,
                "delta": delta,
                "reason": reason,
                "move_id": move_id,
                "changed_at": now,
            }
            for key, delta in deltas.items()
        ],
    )


def _pairs(deltas: Mapping[QuotaId, int]) -> list[dict[str, Any]]:
    return [{"key": key, "delta": delta} for key, delta in deltas.items()]


def _row(spec: QuotaSpec) -> dict[str, Any]:
    return {
        "id": spec.id,
        "capacity": spec.capacity,
        "taken": 0,
        "subject_limit": spec.subject_limit,
        "period": spec.period,
        "time_zone": spec.time_zone,
        "parent_id": spec.parent_id,
        "closed": False,
        "starts_at": spec.starts_at,
        "ends_at": spec.ends_at,
    }
