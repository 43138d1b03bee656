"""Which units leave from where, and how far an order has come."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from koipond.fulfilment.errors import (
    FulfilmentNotCancellable,
    FulfilmentNotCollectable,
    FulfilmentNotDeliverable,
    FulfilmentNotReadiable,
    FulfilmentNotShippable,
    FulfilmentQuantityTooLarge,
)
from koipond.fulfilment.types import (
    Fulfilment,
    FulfilmentMethod,
    FulfilmentProgress,
    FulfilmentState,
    PackedUnits,
    UnitsWanted,
)
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import LocationId, OrderLineId, QuotaId
from koipond.kernel.quantity import Quantity
from koipond.kernel.state import Moves, allows
from koipond.stock.types import HeldUnits

_PENDING, _READY = FulfilmentState.PENDING, FulfilmentState.READY
_SHIPPED, _COLLECTED = FulfilmentState.SHIPPED, FulfilmentState.COLLECTED
_DELIVERED, _CANCELLED = FulfilmentState.DELIVERED, FulfilmentState.CANCELLED
# Where the units are with the buyer, and where they have left the house.
WITH_BUYER = {_DELIVERED, _COLLECTED}
OUT = {_SHIPPED, *WITH_BUYER}
FULFILMENT_MOVES: Mapping[FulfilmentMethod, Moves[FulfilmentState]] = {
    FulfilmentMethod.SHIPMENT: {
        _PENDING: {_SHIPPED, _CANCELLED},
        _SHIPPED: {_DELIVERED},
    },
    FulfilmentMethod.PICK_UP: {
        _PENDING: {_READY, _CANCELLED},
        _READY: {_COLLECTED, _CANCELLED},
    },
}


class Portion(Struct, frozen=True, kw_only=True):
    """What leaves one location together; None: nothing of it is counted."""

    location_id: LocationId | None
    parcels: tuple[PackedUnits, ...]


def check_move(known: Fulfilment, to: FulfilmentState) -> None:
    """Raise the refusal of its verb if a fulfilment cannot move to `to`."""
    if not allows(FULFILMENT_MOVES[known.method], known.state, to):
        raise _refusal(known, to)


def _refusal(known: Fulfilment, to: FulfilmentState) -> DomainError:
    state, method = known.state, known.method
    if to is _SHIPPED:
        return FulfilmentNotShippable(state=state, method=method)
    if to is _READY:
        return FulfilmentNotReadiable(state=state, method=method)
    if to is _DELIVERED:
        return FulfilmentNotDeliverable(state=state)
    if to is _COLLECTED:
        return FulfilmentNotCollectable(state=state)
    return FulfilmentNotCancellable(state=state)


def plan_portions(
    wanted: Sequence[UnitsWanted],
    held: Sequence[HeldUnits],
    known: Iterable[Fulfilment],
    *,
    location: str | None,
) -> list[Portion]:
    """Say what leaves from where: units are sent from where the order holds them.

    held: what the order holds, the location that is asked first first. known: its fulfilments,
    whose units are spoken for. location: the only one to be sent from.
    Raises FulfilmentQuantityTooLarge.
    """
    left = _left_of(held, known)
    found: dict[LocationId | None, list[PackedUnits]] = {}
    for line in sorted(wanted, key=lambda one: not one.tracked):
        if not line.tracked:
            # Counted nowhere: it goes with the first that leaves.
            where = next(iter(found), None)
            found.setdefault(where, []).append(_parcel(line, None, line.quantity))
            continue
        missing = line.quantity
        for one in _fitting(line, held, location):
            units = min(missing, left[one.quota_id])
            if units > 0:
                left[one.quota_id] -= units
                missing -= units
                found.setdefault(one.location_id, []).append(_parcel(line, one.quota_id, units))
        if missing:
            raise FulfilmentQuantityTooLarge(
                sku=line.sku,
                quantity=Quantity(line.quantity),
                left=Quantity(line.quantity - missing),
            )
    return [Portion(location_id=key, parcels=tuple(parcels)) for key, parcels in found.items()]


def _left_of(held: Iterable[HeldUnits], known: Iterable[Fulfilment]) -> Counter[QuotaId]:
    left: Counter[QuotaId] = Counter()
    for one in held:
        left[one.quota_id] += one.units
    for fulfilment in known:
        for parcel in fulfilment.parcels:
            if fulfilment.state is not _CANCELLED and parcel.quota_id is not None:
                left[parcel.quota_id] -= parcel.quantity - parcel.restocked_quantity
    return left


def _fitting(line: UnitsWanted, held: Sequence[HeldUnits], location: str | None) -> list[HeldUnits]:
    """Return what a line's units may be of: its own kind first, of the activity or of the shelf.

    All that an order holds of a variant is for its lines of that variant, so that who takes what
    changes nothing in the end.
    """
    own = [
        one
        for one in held
        if one.variant_id == line.variant_id and location in {None, one.location}
    ]
    return sorted(own, key=lambda one: one.apart != line.apart)


def _parcel(line: UnitsWanted, quota_id: QuotaId | None, quantity: int) -> PackedUnits:
    return PackedUnits(
        line_id=line.line_id, variant_id=line.variant_id, quantity=quantity, quota_id=quota_id
    )


def units_out(
    known: Iterable[Fulfilment], states: Iterable[FulfilmentState]
) -> Counter[OrderLineId]:
    """Return {line: units} of fulfilments in one of `states`."""
    wanted = set(states)
    units: Counter[OrderLineId] = Counter()
    for one in known:
        if one.state in wanted:
            for parcel in one.parcels:
                units[parcel.line_id] += parcel.quantity
    return units


def tell_progress(
    known: Sequence[Fulfilment], *, bought: int, fulfilled: int
) -> FulfilmentProgress:
    """Say how far an order has come. bought, fulfilled: units of all its lines, those that were
    exchanged counted in neither."""
    standing = [one for one in known if one.state is not _CANCELLED]
    is_whole = fulfilled >= bought
    if any(one.state in WITH_BUYER for one in standing):
        is_done = is_whole and all(one.state in WITH_BUYER for one in standing)
        return FulfilmentProgress.DELIVERED if is_done else FulfilmentProgress.PARTIALLY_DELIVERED
    if any(one.state in OUT for one in standing):
        is_done = is_whole and all(one.state in OUT for one in standing)
        return FulfilmentProgress.FULFILLED if is_done else FulfilmentProgress.PARTIALLY_FULFILLED
    return FulfilmentProgress.UNFULFILLED
