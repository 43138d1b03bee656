"""Use-cases of orders, by group: the cart, placing, paying, cancelling, reading."""

from koipond.order.service.cancelling import cancel_order
from koipond.order.service.cart import (
    add_to_cart,
    find_cart,
    set_checkout,
    update_cart_line,
)
from koipond.order.service.paying import confirm_paid, pay_order
from koipond.order.service.placing import place_order
from koipond.order.service.reading import find_member_orders, find_own_order

__all__ = [
    "add_to_cart",
    "cancel_order",
    "confirm_paid",
    "find_cart",
    "find_member_orders",
    "find_own_order",
    "pay_order",
    "place_order",
    "set_checkout",
    "update_cart_line",
]
