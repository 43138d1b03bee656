"""Which rows a partial return lowers, and what it splits off."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from koipond.kernel.ids import QuotaId
from koipond.kernel.quantity import Quantity
from koipond.quota.errors import UnitsNotHeld
from koipond.quota.rules.deciding import SETTLED
from koipond.quota.types import ReleasePolicy, Reservation, ReservationState


class PartialReturn(Struct, frozen=True, kw_only=True):
    """Rows as they are to be: those that are stored already, and those split off of them."""

    changed: list[Reservation] = field(default_factory=list)
    new: list[Reservation] = field(default_factory=list)


def plan_return(
    rows: Sequence[Reservation], quota_id: QuotaId, quantity: int, *, now: datetime
) -> PartialReturn:
    """Take `quantity` units out of what an owner has of a quota, the latest part first.

    rows: all of the owner's on it. Units whose policy is to stay used are returned too, in that
    they stay where they are. Raises UnitsNotHeld.
    """
    settled = [row for row in rows if row.state in SETTLED]
    there = sum(row.quantity for row in settled)
    if there < quantity:
        raise UnitsNotHeld(quota=quota_id, asked=Quantity(quantity), left=Quantity(there))
    plan = PartialReturn()
    lowest = min([0, *(row.part for row in rows)])
    for row in sorted(settled, key=lambda row: -row.part):
        units = min(row.quantity, quantity)
        quantity -= units
        if units == 0 or stays_used(row):
            continue
        if units == row.quantity:
            plan.changed.append(_returning(row, now))
            continue
        lowest -= 1
        plan.changed.append(replace(row, quantity=row.quantity - units))
        plan.new.append(_returning(replace(row, part=lowest, quantity=units), now))
    return plan


def stays_used(row: Reservation) -> bool:
    """Tell whether a row's units never come back from the state that it is in."""
    if row.state is ReservationState.CONSUMED:
        return row.release in {ReleasePolicy.KEEP_CONSUMED, ReleasePolicy.KEEP_PLACED}
    return row.state is ReservationState.PLACED and row.release is ReleasePolicy.KEEP_PLACED


def _returning(row: Reservation, now: datetime) -> Reservation:
    # The policy speaks of what was consumed; what was not is simply free again.
    consumed = row.state is ReservationState.CONSUMED
    return replace(
        row,
        state=ReservationState.RETURNING,
        expires_at=now,
        release=row.release if consumed else ReleasePolicy.RETURN,
    )
