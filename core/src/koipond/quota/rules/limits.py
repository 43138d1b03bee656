"""Limits of subjects outside a batch: a seat that changes hands, two members that become one."""

from collections import Counter
from collections.abc import Iterable, Sequence

from koipond.kernel.ids import SubjectId
from koipond.kernel.quantity import Quantity
from koipond.quota.errors import LimitReached
from koipond.quota.types import Quota, Reservation, ReservationState


def check_transfer(
    quota: Quota, moving: Sequence[Reservation], of_target: Iterable[Reservation]
) -> None:
    """Refuse if the new subject of the rows `moving` would have more than the quota allows.

    of_target: what it has of the quota, not released. Raises LimitReached.
    """
    limit = quota.subject_limit
    if limit is None:
        return
    has = count_by_period(of_target)
    for period, units in count_by_period(moving).items():
        if has[period] + units > limit:
            left = max(0, limit - has[period])
            raise LimitReached(quota=quota.id, asked=Quantity(units), left=Quantity(left))


def find_excess(quota: Quota, rows: Iterable[Reservation], subject_id: SubjectId) -> dict[str, int]:
    """Return {period: units} of the periods in which a subject has more than its limit.

    rows: all of its own on this quota that are not released.
    """
    limit = quota.subject_limit
    if limit is None:
        return {}
    own = [row for row in rows if row.subject_id == subject_id]
    return {period: units for period, units in count_by_period(own).items() if units > limit}


def count_by_period(rows: Iterable[Reservation]) -> Counter[str]:
    """Return {period: units} of the rows that are not released."""
    units: Counter[str] = Counter()
    for row in rows:
        if row.state is not ReservationState.RELEASED:
            units[row.period] += row.quantity
    return units
