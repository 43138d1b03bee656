"""SQL of a batch: lock the quotas, read what is reserved, write what was decided.

PostgreSQL gets few statements with arrays, SQLite the plain ones.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from koipond.kernel.db import Connection
from koipond.kernel.ids import OwnerId, QuotaId, SubjectId
from koipond.kernel.troubles import RunAgain
from koipond.quota.repository import postgresql, sqlite
from koipond.quota.repository.capacity import add_quotas
from koipond.quota.rules import Writes
from koipond.quota.types import Quota, Reservation, ReservationState


class Seen(Struct, frozen=True, kw_only=True):
    """Quotas as they were. stamps: by which each is known again."""

    quotas: Mapping[QuotaId, Quota]
    stamps: Mapping[QuotaId, str]


def lock(connection: Connection, quota_ids: Iterable[QuotaId]) -> dict[QuotaId, Quota]:
    """Lock quotas and return those that there are.

    Sorted: two batches that share quotas take them in one order and cannot deadlock.
    """
    found = _statements(connection).lock(connection, sorted(set(quota_ids)))
    return {quota.id: quota for quota in found}


def look(
    connection: Connection, quota_ids: Iterable[QuotaId], owner_ids: Collection[OwnerId]
) -> Seen | None:
    """Return quotas as they are, locking none, for `insert_if_still`.

    None if there are none to look at, an owner has something, a quota is not there, or there is
    nobody to be faster: the one writer of SQLite.
    """
    wanted = set(quota_ids)
    if not wanted or connection.dialect.name != "postgresql":
        return None
    found, stamps = postgresql.look(connection, sorted(wanted), owner_ids)
    if len(found) < len(wanted):
        return None
    return Seen(quotas={quota.id: quota for quota in found}, stamps=stamps)


def insert_if_still(connection: Connection, writes: Writes, seen: Seen) -> bool:
    """Store what was decided by what was seen, as a transaction of its own; False if it is not so
    any more, or an owner has something by now: then nothing was changed."""
    assert not writes.was, "nobody who has something already"
    assert not writes.created, "no quota that is not there"
    rows = list(writes.rows.values())
    return postgresql.insert_if_still(connection, rows, writes.taken, seen.stamps)


def read(
    connection: Connection,
    owner_ids: Collection[OwnerId],
    pairs: Collection[tuple[QuotaId, SubjectId]],
) -> list[Reservation]:
    """Return the owners' rows, and those not released of `pairs` and of the owners' own subjects.

    Each once. Their quotas must have been locked before, by another statement.
    """
    rows: list[Reservation] = _statements(connection).read(connection, owner_ids, pairs)
    return rows


def write(connection: Connection, writes: Writes, *, now: datetime) -> None:
    """Store what was decided. Raises RunAgain if a row changed since it was read."""
    if writes.created and add_quotas(connection, writes.created.values(), now=now) < len(
        writes.created
    ):
        raise RunAgain("another process made the same quota")
    new = [row for key, row in writes.rows.items() if key not in writes.was]
    taken = {key: delta for key, delta in writes.taken.items() if delta}
    if new:
        assert taken, "a new reservation takes units"
        _statements(connection).insert_and_move(connection, new, taken)
    elif taken:
        _statements(connection).move(connection, taken)
    change_rows(
        connection, [writes.rows[key] for key in writes.was], before=list(writes.was.values())
    )


def insert_rows(connection: Connection, rows: Sequence[Reservation]) -> None:
    """Store rows that are new; what they take is counted already."""
    _statements(connection).insert(connection, rows)


def change_rows(
    connection: Connection, rows: Sequence[Reservation], *, before: Sequence[ReservationState]
) -> None:
    """Store rows that are there already. before: the states they must be in, or it is RunAgain."""
    if rows and _statements(connection).change(connection, rows, before) != len(rows):
        raise RunAgain("a reservation was placed or returned meanwhile")


def _statements(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite
