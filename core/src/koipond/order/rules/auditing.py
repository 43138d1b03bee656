"""What must always hold of an order, whatever was done to it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from koipond.kernel.ids import VariantId
from koipond.kernel.state import allows
from koipond.order.events import OrderCancelled, OrderConfirmed, OrderExpired, OrderPlaced
from koipond.order.rules.placing import ORDER_MOVES
from koipond.order.types import Order, OrderState

# Of orders in these states the stock keeps the units.
_KEEPS = {OrderState.PLACED, OrderState.CONFIRMED}
# Nothing is told of it.
_CLOSING = (OrderState.CONFIRMED, OrderState.CLOSED)
# What each event tells that an order has become.
TELLING: Mapping[str, OrderState] = {
    OrderPlaced.name(): OrderState.PLACED,
    OrderConfirmed.name(): OrderState.CONFIRMED,
    OrderCancelled.name(): OrderState.CANCELLED,
    OrderExpired.name(): OrderState.EXPIRED,
}


def find_unheld(order: Order, kept: Mapping[VariantId, int]) -> dict[VariantId, int]:
    """Return {variant: units that an order should have and that the stock does not keep for it}.

    kept: what it does keep. Units that were given money back for need not be kept.
    """
    if order.state not in _KEEPS:
        return {}
    wanted: Counter[VariantId] = Counter()
    for line in order.lines:
        if line.tracked:
            wanted[line.variant_id] += line.quantity - line.refunded_quantity
    return {
        key: units - kept.get(key, 0) for key, units in wanted.items() if units > kept.get(key, 0)
    }


def find_illegal_move(state: OrderState, told: Sequence[str]) -> str | None:
    """Return how an order came to its state as it could not, or None if all is well.

    told: its events that tell of a move, in their order; none if they are kept no longer.
    """
    moves = [TELLING[name] for name in told]
    for before, after in pairwise(moves):
        if not allows(ORDER_MOVES, before, after):
            return f"went from {before} to {after}"
    if moves and moves[-1] is not state and (moves[-1], state) != _CLOSING:
        return f"is {state}, and was last told to be {moves[-1]}"
    return None
