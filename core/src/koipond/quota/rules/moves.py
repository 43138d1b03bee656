"""The states of a reservation, and which move leads from where to where."""

from koipond.kernel.state import Moves
from koipond.quota.types import ReservationState

HELD = ReservationState.HELD
PLACED = ReservationState.PLACED
CONSUMED = ReservationState.CONSUMED
RETURNING = ReservationState.RETURNING
RELEASED = ReservationState.RELEASED

# A batch may take again what was let go: to HELD. PLACED to CONSUMED is also what becomes of a
# claim that stays used although its order is cancelled.
RESERVATION_MOVES: Moves[ReservationState] = {
    HELD: {PLACED, RETURNING, RELEASED},
    PLACED: {CONSUMED, RETURNING},
    CONSUMED: {RETURNING},
    RETURNING: {HELD, RELEASED},
    RELEASED: {HELD},
}


def sources(target: ReservationState) -> list[ReservationState]:
    """Return the states from which `target` can be reached in one move."""
    return [state for state, targets in RESERVATION_MOVES.items() if target in targets]
