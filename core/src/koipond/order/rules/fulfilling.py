"""Which units of an order may be sent, and which come back."""

from collections.abc import Iterable, Mapping, Sequence

from koipond.fulfilment.errors import (
    FulfilmentQuantityTooLarge,
    NothingToFulfil,
    ReturnEmpty,
    ReturnQuantityTooLarge,
    ReturnWindowOver,
)
from koipond.fulfilment.rules import OPEN_RETURNS, units_out
from koipond.fulfilment.rules.parcels import OUT, WITH_BUYER
from koipond.fulfilment.types import (
    Fulfilment,
    FulfilmentState,
    LineUnits,
    Return,
    UnitsWanted,
)
from koipond.kernel.ids import OrderLineId, QuotaId
from koipond.kernel.quantity import Quantity
from koipond.kernel.state import allows
from koipond.order.errors import (
    OrderLineUnknown,
    OrderNotCancellable,
    OrderNotFulfillable,
    OrderNotReturnable,
    OrderOnHold,
    OrderPartlyFulfilled,
)
from koipond.order.rules.placing import ORDER_MOVES
from koipond.order.types import Order, OrderLine, OrderState


def check_cancellable(order: Order, known: Sequence[Fulfilment]) -> None:
    """Raise OrderNotCancellable, or OrderPartlyFulfilled, for an order that must stand."""
    if not allows(ORDER_MOVES, order.state, OrderState.CANCELLED):
        raise OrderNotCancellable(state=order.state)
    units = count_sent(known)
    if units:
        raise OrderPartlyFulfilled(fulfilled=units)


def count_sent(known: Sequence[Fulfilment]) -> int:
    """Return how many units are being sent, or were.

    By the fulfilments: lines count units no more that were sent and then exchanged, and to let go
    of those would sell what is not in the house.
    """
    return units_out(known, set(FulfilmentState) - {FulfilmentState.CANCELLED}).total()


def check_fulfillable(order: Order) -> None:
    """Raise OrderNotFulfillable, or OrderOnHold, for an order of which nothing may be sent."""
    if order.state is not OrderState.CONFIRMED:
        raise OrderNotFulfillable(state=order.state)
    if order.holds:
        raise OrderOnHold(holds=", ".join(f"{one.name} ({one.reason})" for one in order.holds))


def plan_fulfilment(order: Order, asked: Sequence[LineUnits]) -> list[UnitsWanted]:
    """Return what is to be packed. asked: none is all that is left.

    Raises NothingToFulfil, OrderLineUnknown, FulfilmentQuantityTooLarge.
    """
    left = {line.id: line.quantity - line.fulfilled_quantity for line in order.lines}
    if not any(left.values()):
        raise NothingToFulfil
    if not asked:
        return [_wanted(line, left[line.id]) for line in order.lines if left[line.id]]
    lines = find_named(order, asked)
    wanted = []
    for place, (line, units) in enumerate(lines):
        if not 0 < units <= left[line.id]:
            raise FulfilmentQuantityTooLarge(
                sku=line.sku, quantity=Quantity(units), left=Quantity(left[line.id])
            ).located(f"lines.{place}.quantity")
        wanted.append(_wanted(line, units))
    return wanted


def plan_return(
    order: Order,
    asked: Sequence[LineUnits],
    had: Mapping[OrderLineId, int],
    in_time: Mapping[OrderLineId, int],
    *,
    days: int,
) -> dict[OrderLineId, int]:
    """Return {line: units} that a buyer may send back.

    had, in_time: units that the buyer has got, and those of them in the last `days`. Units in other
    returns are taken off both. Raises OrderNotReturnable, ReturnEmpty, OrderLineUnknown,
    ReturnQuantityTooLarge, ReturnWindowOver.
    """
    if order.state is not OrderState.CONFIRMED:
        raise OrderNotReturnable(state=order.state)
    if not asked:
        raise ReturnEmpty
    units = {}
    for place, (line, count) in enumerate(find_named(order, asked)):
        left = min(had.get(line.id, 0), line.fulfilled_quantity) - line.returned_quantity
        still = min(left, max(0, in_time.get(line.id, 0) - line.returned_quantity))
        if not 0 < count <= left:
            raise ReturnQuantityTooLarge(
                sku=line.sku, quantity=Quantity(count), left=Quantity(max(0, left))
            ).located(f"lines.{place}.quantity")
        if count > still:
            raise ReturnWindowOver(sku=line.sku, days=days, left=Quantity(still)).located(
                f"lines.{place}.quantity"
            )
        units[line.id] = int(count)
    return units


def has_open(returns: Iterable[Return]) -> bool:
    """Tell whether units of an order are on their way back."""
    return any(one.state in OPEN_RETURNS for one in returns)


def is_given_back(order: Order) -> bool:
    """Tell whether the money was given back for every unit of an order."""
    return all(line.refunded_quantity == line.quantity for line in order.lines)


def find_named(order: Order, asked: Sequence[LineUnits]) -> list[tuple[OrderLine, int]]:
    """Return [(line, units)] of lines that are named. Raises OrderLineUnknown, also for one that
    is named twice."""
    lines = {line.id: line for line in order.lines}
    for place, one in enumerate(asked):
        if one.line_id not in lines or any(o.line_id == one.line_id for o in asked[:place]):
            raise OrderLineUnknown(order_line_id=one.line_id).located(f"lines.{place}.lineId")
    return [(lines[one.line_id], one.quantity) for one in asked]


def has_left(order: Order, known: Sequence[Fulfilment]) -> bool:
    """Tell whether all units of an order have left the house."""
    return _is_whole(order, known, OUT)


def has_arrived(order: Order, known: Sequence[Fulfilment]) -> bool:
    """Tell whether the buyer has got all units of an order."""
    return _is_whole(order, known, WITH_BUYER)


def units_left_house(known: Sequence[Fulfilment], quota_id: QuotaId) -> int:
    """Return how many units of a quota have left the house in fulfilments, and are not back."""
    return sum(
        parcel.quantity - parcel.restocked_quantity
        for one in known
        if one.state in OUT
        for parcel in one.parcels
        if parcel.quota_id == quota_id
    )


def _is_whole(order: Order, known: Sequence[Fulfilment], states: set[FulfilmentState]) -> bool:
    """Units that were exchanged are in fulfilments, and in the order no more."""
    standing = [one for one in known if one.state is not FulfilmentState.CANCELLED]
    is_packed = all(line.fulfilled_quantity == line.quantity for line in order.lines)
    return (
        is_packed
        and bool(standing)
        and units_out(standing, states).total()
        == sum(parcel.quantity for one in standing for parcel in one.parcels)
    )


def _wanted(line: OrderLine, units: int) -> UnitsWanted:
    return UnitsWanted(
        line_id=line.id,
        variant_id=line.variant_id,
        sku=line.sku,
        quantity=units,
        tracked=line.tracked,
        apart=line.activity_id is not None,
    )
