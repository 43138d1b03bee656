"""What must always hold of an order, whatever was done to it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from koipond.fulfilment.rules import units_out
from koipond.fulfilment.types import Fulfilment, FulfilmentState, Return, ReturnState
from koipond.kernel.ids import OrderLineId, VariantId
from koipond.kernel.state import allows
from koipond.order.events import (
    OrderCancelled,
    OrderClosed,
    OrderConfirmed,
    OrderExpired,
    OrderPlaced,
)
from koipond.order.rules.placing import ORDER_MOVES
from koipond.order.types import Order, OrderState

# Of orders in these states the stock keeps the units.
_KEEPS = {OrderState.PLACED, OrderState.CONFIRMED}
# Of orders in these states units may be on their way, or have been.
_SENDS = {OrderState.CONFIRMED, OrderState.CLOSED}
# What each event tells that an order has become.
TELLING: Mapping[str, OrderState] = {
    OrderPlaced.name(): OrderState.PLACED,
    OrderConfirmed.name(): OrderState.CONFIRMED,
    OrderCancelled.name(): OrderState.CANCELLED,
    OrderExpired.name(): OrderState.EXPIRED,
    OrderClosed.name(): OrderState.CLOSED,
}


def find_unheld(
    order: Order, kept: Mapping[VariantId, int], returns: Sequence[Return]
) -> dict[VariantId, int]:
    """Return {variant: units that an order should have and that the stock does not keep for it}.

    kept: what it does keep; below 0 it keeps more than it should. Units stay kept until they are
    back on the shelf, whether or not money was given back for them.
    """
    if order.state not in _KEEPS:
        return {}
    wanted: Counter[VariantId] = Counter()
    for line in order.lines:
        if line.tracked:
            wanted[line.variant_id] += line.quantity + exchanged(returns)[line.id]
            wanted[line.variant_id] -= sum(
                one.restocked_quantity
                for known in returns
                for one in known.lines
                if one.line_id == line.id
            )
    return {
        key: wanted[key] - kept.get(key, 0)
        for key in sorted(wanted.keys() | kept.keys())
        if wanted[key] != kept.get(key, 0)
    }


def find_miscounted(
    order: Order, fulfilments: Sequence[Fulfilment], returns: Sequence[Return]
) -> list[str]:
    """Return what of an order's parcels and returns is not what its lines count."""
    packed = units_out(fulfilments, set(FulfilmentState) - {FulfilmentState.CANCELLED})
    gone, back = exchanged(returns), _returned(returns)
    problems = [
        f"counts {line.fulfilled_quantity} units of {line.sku} as fulfilled, its fulfilments have "
        f"{packed[line.id] - gone[line.id]}"
        for line in order.lines
        if line.fulfilled_quantity != packed[line.id] - gone[line.id]
    ]
    problems += [
        f"counts {line.returned_quantity} units of {line.sku} as sent back, its returns have "
        f"{back[line.id]}"
        for line in order.lines
        if line.returned_quantity != back[line.id]
    ]
    if packed and order.state not in _SENDS:
        problems.append(f"is {order.state}, and {packed.total()} units of it are being sent")
    return problems


def exchanged(returns: Iterable[Return]) -> Counter[OrderLineId]:
    """Return {line: units} that others were given for: they are of the order no more."""
    units: Counter[OrderLineId] = Counter()
    for one in returns:
        if one.state is ReturnState.EXCHANGED:
            for line in one.lines:
                units[line.line_id] += line.accepted_quantity
    return units


def _returned(returns: Iterable[Return]) -> Counter[OrderLineId]:
    units: Counter[OrderLineId] = Counter()
    for one in returns:
        for line in one.lines:
            if one.state in {ReturnState.REQUESTED, ReturnState.APPROVED}:
                units[line.line_id] += line.quantity
            elif one.state is not ReturnState.CANCELLED:
                units[line.line_id] += line.received_quantity
    return units - exchanged(returns)


def find_illegal_move(state: OrderState, told: Sequence[str]) -> str | None:
    """Return how an order came to its state as it could not, or None if all is well.

    told: its events that tell of a move, in their order; none if they are kept no longer.
    """
    moves = [TELLING[name] for name in told]
    for before, after in pairwise(moves):
        if not allows(ORDER_MOVES, before, after):
            return f"went from {before} to {after}"
    if moves and moves[-1] is not state:
        return f"is {state}, and was last told to be {moves[-1]}"
    return None
