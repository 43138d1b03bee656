"""Use-cases of orders, by group: the cart, placing, paying, expiring, refunding, reading."""

from koipond.order.service.attention import (
    clear_attention,
    flag_failed_refund,
    flag_mismatch,
    flag_order,
    flag_refund_elsewhere,
)
from koipond.order.service.auditing import audit
from koipond.order.service.cancelling import cancel_any_order, cancel_order
from koipond.order.service.cart import (
    add_to_cart,
    find_cart,
    set_checkout,
    update_cart_line,
)
from koipond.order.service.covering import check_cover, cover_order
from koipond.order.service.expiring import expire_order, expire_orders
from koipond.order.service.holding import lift_hold, place_hold
from koipond.order.service.payees import claim_payee_slot
from koipond.order.service.paying import pay_order
from koipond.order.service.placing import place_order
from koipond.order.service.reading import (
    explain_price,
    find_any_order,
    find_member_orders,
    find_orders,
    find_own_order,
)
from koipond.order.service.refunding import refund_order, void_payment
from koipond.order.service.replaying import Replayed, replay
from koipond.order.service.reviving import revive_order

__all__ = [
    "Replayed",
    "add_to_cart",
    "audit",
    "cancel_any_order",
    "cancel_order",
    "check_cover",
    "claim_payee_slot",
    "clear_attention",
    "cover_order",
    "expire_order",
    "expire_orders",
    "explain_price",
    "find_any_order",
    "find_cart",
    "find_member_orders",
    "find_orders",
    "find_own_order",
    "flag_failed_refund",
    "flag_mismatch",
    "flag_order",
    "flag_refund_elsewhere",
    "lift_hold",
    "pay_order",
    "place_hold",
    "place_order",
    "refund_order",
    "replay",
    "revive_order",
    "set_checkout",
    "update_cart_line",
    "void_payment",
]
