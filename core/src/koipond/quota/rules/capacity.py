"""Where units go: changes of capacity, what is given back, what a closed quota leaves."""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from koipond.kernel.ids import QuotaId
from koipond.kernel.quantity import Quantity
from koipond.quota.errors import CapacityTaken, QuotaUnknown
from koipond.quota.types import Quota, ReleasePolicy, Reservation, ReservationState


class Flow(Struct, frozen=True, kw_only=True):
    """What happens to the units of locked quotas.

    taken: {quota: change}. moved: {(from, to): units of capacity}. purged: {quota: units of
    capacity that are not counted any more}.
    """

    taken: dict[QuotaId, int] = field(default_factory=dict)
    moved: dict[tuple[QuotaId, QuotaId], int] = field(default_factory=dict)
    purged: dict[QuotaId, int] = field(default_factory=dict)


def check_change(quotas: Mapping[QuotaId, Quota], deltas: Mapping[QuotaId, int]) -> None:
    """Refuse a change of capacities, {quota: units}, if one would fall below what is taken.

    Raises QuotaUnknown, CapacityTaken.
    """
    for key, delta in deltas.items():
        quota = _counted(quotas, key)
        assert quota.capacity is not None
        if quota.capacity + delta < quota.taken:
            raise CapacityTaken(
                quota=key,
                delta=Quantity(delta),
                capacity=Quantity(quota.capacity),
                taken=Quantity(quota.taken),
            )


def fit_change(
    quotas: Mapping[QuotaId, Quota], deltas: Mapping[QuotaId, int]
) -> tuple[dict[QuotaId, int], dict[QuotaId, int]]:
    """Return what of a change is possible, and {quota: units short}, only those that are.

    For a stock count that finds less than was promised. Raises QuotaUnknown.
    """
    possible, short = {}, {}
    for key, delta in deltas.items():
        free = _counted(quotas, key).free
        assert free is not None
        possible[key] = max(delta, -free)
        if possible[key] > delta:
            short[key] = possible[key] - delta
    return possible, short


def check_known(quotas: Mapping[QuotaId, Quota], wanted: Iterable[QuotaId]) -> None:
    """Raise QuotaUnknown for the first of `wanted` that there is none of."""
    for key in wanted:
        if key not in quotas:
            raise QuotaUnknown(quota=key)


def plan_give_back(rows: Iterable[Reservation], quotas: Mapping[QuotaId, Quota]) -> Flow:
    """Say where the units of lapsed and returned `rows` go.

    quotas: those of the rows, and all their ancestors. Back to the row's own quota, unless that
    is closed or the claim said so: then to its heir.
    """
    taken: Counter[QuotaId] = Counter()
    moved: Counter[tuple[QuotaId, QuotaId]] = Counter()
    for row in rows:
        quota = quotas[row.quota_id]
        taken[quota.id] -= row.quantity
        # What was let go before it was consumed carries the policy RETURN by now; what lapsed
        # was never consumed.
        up = row.state is ReservationState.RETURNING and row.release is ReleasePolicy.TO_PARENT
        heir = find_heir(quota, quotas) if up or quota.closed else None
        if heir is not None:
            moved[quota.id, heir] += row.quantity
    return Flow(taken=dict(taken), moved=dict(moved))


def plan_purge(rows: Iterable[Reservation], quotas: Mapping[QuotaId, Quota]) -> Flow:
    """Say what is not counted any more when consumed `rows` are deleted: capacity and taken."""
    units: Counter[QuotaId] = Counter()
    for row in rows:
        units[row.quota_id] += row.quantity
    return Flow(
        taken={key: -count for key, count in units.items()},
        purged={key: count for key, count in units.items() if quotas[key].capacity is not None},
    )


def plan_close(quota: Quota, quotas: Mapping[QuotaId, Quota]) -> Flow:
    """Say where the free units of a quota go that is closed: to its heir, or nowhere."""
    heir = find_heir(quota, quotas)
    if heir is None or not quota.free:
        return Flow()
    return Flow(moved={(quota.id, heir): quota.free})


def find_heir(quota: Quota, quotas: Mapping[QuotaId, Quota]) -> QuotaId | None:
    """Return the nearest ancestor that is open, else the topmost; None if it has no parent."""
    heir = None
    while quota.parent_id is not None:
        quota = quotas[quota.parent_id]
        heir = quota.id
        if not quota.closed:
            break
    return heir


def sum_moves(flow: Flow) -> dict[QuotaId, int]:
    """Return {quota: change of its capacity} of all moves together; the changes sum to zero."""
    deltas: Counter[QuotaId] = Counter()
    for (source, target), units in flow.moved.items():
        deltas[source] -= units
        deltas[target] += units
    return dict(deltas)


def _counted(quotas: Mapping[QuotaId, Quota], key: QuotaId) -> Quota:
    check_known(quotas, [key])
    assert quotas[key].capacity is not None, f"quota {key} has no end: its capacity cannot change"
    return quotas[key]
