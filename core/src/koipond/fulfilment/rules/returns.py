"""What may come back, and what becomes of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from koipond.fulfilment.errors import (
    ReturnLineUnknown,
    ReturnNotApprovable,
    ReturnNotCancellable,
    ReturnNotExchangeable,
    ReturnNotInspectable,
    ReturnNotReceivable,
    ReturnNotRefundable,
    ReturnNotRejectable,
    ReturnUnitsInvalid,
)
from koipond.fulfilment.rules.parcels import WITH_BUYER
from koipond.fulfilment.types import (
    Fulfilment,
    Inspected,
    LineUnits,
    PackedUnits,
    Return,
    ReturnedUnits,
    ReturnProgress,
    ReturnState,
)
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import FulfilmentId, LocationId, OrderLineId
from koipond.kernel.quantity import Quantity
from koipond.kernel.state import Moves, allows

_REQUESTED, _APPROVED = ReturnState.REQUESTED, ReturnState.APPROVED
_RECEIVED, _INSPECTED = ReturnState.RECEIVED, ReturnState.INSPECTED
_REJECTED, _CANCELLED = ReturnState.REJECTED, ReturnState.CANCELLED
_REFUNDED, _EXCHANGED = ReturnState.REFUNDED, ReturnState.EXCHANGED
RETURN_MOVES: Moves[ReturnState] = {
    _REQUESTED: {_APPROVED, _REJECTED, _CANCELLED},
    _APPROVED: {_RECEIVED, _CANCELLED},
    _RECEIVED: {_INSPECTED},
    _INSPECTED: {_REFUNDED, _EXCHANGED, _REJECTED},
}
# While one is in such a state its order is not closed.
OPEN_RETURNS = frozenset(RETURN_MOVES)
_REFUSALS: Mapping[ReturnState, Callable[..., DomainError]] = {
    _APPROVED: ReturnNotApprovable,
    _REJECTED: ReturnNotRejectable,
    _CANCELLED: ReturnNotCancellable,
    _RECEIVED: ReturnNotReceivable,
    _INSPECTED: ReturnNotInspectable,
    _REFUNDED: ReturnNotRefundable,
    _EXCHANGED: ReturnNotExchangeable,
}


class Restocking(Struct, frozen=True, kw_only=True):
    """Units that go back to the shelf that they came from, in the place of their parcel."""

    fulfilment_id: FulfilmentId
    location_id: LocationId
    parcel: PackedUnits
    quantity: int


def check_return_move(known: Return, to: ReturnState) -> None:
    """Raise the refusal of its verb if a return cannot move to `to`."""
    # Of an inspected one, only if nothing was accepted: what is on the shelf is to be paid for.
    is_owed = to is _REJECTED and any(one.accepted_quantity for one in known.lines)
    if is_owed or not allows(RETURN_MOVES, known.state, to):
        raise _REFUSALS[to](state=known.state)


def units_returnable(
    known: Iterable[Fulfilment], *, window: timedelta, now: datetime
) -> tuple[Counter[OrderLineId], Counter[OrderLineId]]:
    """Return {line: units} that the buyer has, and those of them that were not had for too long."""
    had: Counter[OrderLineId] = Counter()
    in_time: Counter[OrderLineId] = Counter()
    for one in known:
        if one.state not in WITH_BUYER:
            continue
        assert one.delivered_at is not None, "what is with the buyer was delivered at some time"
        is_in_time = now <= one.delivered_at + window
        for parcel in one.parcels:
            had[parcel.line_id] += parcel.quantity
            in_time[parcel.line_id] += parcel.quantity if is_in_time else 0
    return had, in_time


def plan_reception(
    known: Return, told: Sequence[LineUnits], skus: Mapping[OrderLineId, str]
) -> tuple[ReturnedUnits, ...]:
    """Return the lines of a return with what came. told: of each line; none: all of it came.

    Raises ReturnLineUnknown, ReturnUnitsInvalid.
    """
    _check_lines(known, [one.line_id for one in told])
    came = {one.line_id: one.quantity for one in told}
    lines = []
    for place, line in enumerate(known.lines):
        units = came.get(line.line_id, 0) if told else line.quantity
        _check_units(units, line.quantity, skus[line.line_id], f"lines.{place}.quantity")
        lines.append(msgspec.structs.replace(line, received_quantity=units))
    return tuple(lines)


def plan_inspection(
    known: Return, told: Sequence[Inspected], skus: Mapping[OrderLineId, str]
) -> tuple[ReturnedUnits, ...]:
    """Return the lines of a return with what is accepted and what is sold again. told: of each
    line; none: all of it is both. Raises ReturnLineUnknown, ReturnUnitsInvalid.
    """
    _check_lines(known, [one.line_id for one in told])
    found = {one.line_id: one for one in told}
    lines = []
    for place, line in enumerate(known.lines):
        most = line.received_quantity
        accepted = restocked = 0 if told else most
        if line.line_id in found:
            one = found[line.line_id]
            accepted, restocked = one.accepted, one.restocked
        _check_units(accepted, most, skus[line.line_id], f"lines.{place}.accepted")
        # What is not accepted is the buyer's still.
        _check_units(restocked, accepted, skus[line.line_id], f"lines.{place}.restocked")
        lines.append(
            msgspec.structs.replace(line, accepted_quantity=accepted, restocked_quantity=restocked)
        )
    return tuple(lines)


def plan_restocking(
    lines: Iterable[ReturnedUnits], fulfilments: Sequence[Fulfilment]
) -> list[Restocking]:
    """Say which parcels' units go back to the shelf, the earliest delivered first.

    Units that are counted nowhere go nowhere. A parcel's unit goes back once.
    """
    delivered = sorted(
        (one for one in fulfilments if one.state in WITH_BUYER),
        key=lambda one: (one.delivered_at, one.id),
    )
    plan = []
    for line in lines:
        missing = line.restocked_quantity
        for one in delivered:
            for parcel in one.parcels:
                room = parcel.quantity - parcel.restocked_quantity
                if parcel.line_id != line.line_id or parcel.quota_id is None or room == 0:
                    continue
                units = min(missing, room)
                missing -= units
                if units and one.location_id is not None:
                    plan.append(
                        Restocking(
                            fulfilment_id=one.id,
                            location_id=one.location_id,
                            parcel=parcel,
                            quantity=units,
                        )
                    )
    return plan


def with_restocked(
    lines: Sequence[ReturnedUnits], plan: Sequence[Restocking]
) -> tuple[ReturnedUnits, ...]:
    """Return lines with what does go back to a shelf: units that are counted nowhere do not."""
    units = {line.line_id: 0 for line in lines}
    for one in plan:
        units[one.parcel.line_id] += one.quantity
    return tuple(
        msgspec.structs.replace(line, restocked_quantity=units[line.line_id]) for line in lines
    )


def tell_return_progress(
    known: Sequence[Return], *, bought: Mapping[OrderLineId, int]
) -> ReturnProgress:
    """Say what came back of an order. bought: {line: units}, those exchanged not counted."""
    states = [one.state for one in known]
    if any(state in OPEN_RETURNS for state in states):
        return ReturnProgress.OPEN
    back: Counter[OrderLineId] = Counter()
    for one in known:
        if one.state is _REFUNDED:
            for line in one.lines:
                back[line.line_id] += line.accepted_quantity
    if not any(state in {_REFUNDED, _EXCHANGED} for state in states):
        return ReturnProgress.NONE
    is_whole = all(back[key] >= units for key, units in bought.items()) and any(bought.values())
    return ReturnProgress.RETURNED if is_whole else ReturnProgress.PARTIALLY_RETURNED


def _check_lines(known: Return, named: Sequence[OrderLineId]) -> None:
    own = {line.line_id for line in known.lines}
    for place, key in enumerate(named):
        if key not in own or key in named[:place]:
            raise ReturnLineUnknown().located(f"lines.{place}.lineId")


def _check_units(units: int, most: int, sku: str, at: str) -> None:
    if not 0 <= units <= most:
        raise ReturnUnitsInvalid(sku=sku, quantity=Quantity(units), maximum=most).located(at)
