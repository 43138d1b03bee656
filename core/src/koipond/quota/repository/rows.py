"""Rows of the tables as the snapshots that rules work with, and back."""

from collections.abc import Iterable, Sequence
from typing import Any

from koipond.quota.tables import quota, reservation
from koipond.quota.types import Period, Quota, ReleasePolicy, Reservation, ReservationState

# In the order of `to_quota` and `to_reservation`.
QUOTA = [
    quota.c[name]
    for name in (
        "id",
        "capacity",
        "taken",
        "subject_limit",
        "period",
        "time_zone",
        "parent_id",
        "closed",
        "starts_at",
        "ends_at",
    )
]
RESERVATION = [
    reservation.c[name]
    for name in (
        "owner_id",
        "quota_id",
        "part",
        "subject_id",
        "period",
        "quantity",
        "state",
        "expires_at",
        "release",
    )
]
# Quicker than the calls of the enums, which count in a batch.
_PERIODS = {one.value: one for one in Period}
_STATES = {one.value: one for one in ReservationState}
_POLICIES = {one.value: one for one in ReleasePolicy}


def to_quotas(rows: Iterable[Sequence[Any]]) -> list[Quota]:
    """Return the quotas of rows with the columns QUOTA."""
    return [
        Quota(
            id=row[0],
            capacity=row[1],
            taken=row[2],
            subject_limit=row[3],
            period=_PERIODS[row[4]],
            time_zone=row[5],
            parent_id=row[6],
            closed=row[7],
            starts_at=row[8],
            ends_at=row[9],
        )
        for row in rows
    ]


def to_reservations(rows: Iterable[Sequence[Any]]) -> list[Reservation]:
    """Return the reservations of rows with the columns RESERVATION."""
    return [
        Reservation(
            owner_id=row[0],
            quota_id=row[1],
            part=row[2],
            subject_id=row[3],
            period=row[4],
            quantity=row[5],
            state=_STATES[row[6]],
            expires_at=row[7],
            release=_POLICIES[row[8]],
        )
        for row in rows
    ]


def from_reservation(row: Reservation) -> dict[str, Any]:
    """Return a row as the values of its columns."""
    return {name: getattr(row, name) for name in Reservation.__struct_fields__}
