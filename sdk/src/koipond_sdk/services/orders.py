"""Orders: looked at, held, cancelled. What a plugin adds to a new one it says in hooks."""

from koipond.order.errors import ActivityOver, OrderNotCancellable, OrderUnknown
from koipond.order.service import (
    cancel_any_order,
    find_any_order,
    find_own_order,
    lift_hold,
    place_hold,
)
from koipond.order.types import HoldWish, Order, OrderHold, OrderLine, OrderState

__all__ = [
    "ActivityOver",
    "HoldWish",
    "Order",
    "OrderHold",
    "OrderLine",
    "OrderNotCancellable",
    "OrderState",
    "OrderUnknown",
    "cancel_any_order",
    "find_any_order",
    "find_own_order",
    "lift_hold",
    "place_hold",
]
