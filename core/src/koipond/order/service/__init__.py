"""Use-cases of orders, by group: the cart, placing, paying, expiring, fulfilling, returning,
editing, refunding, reading, telling the buyer."""

from koipond.order.service.addressing import change_address
from koipond.order.service.attention import (
    actions_for,
    await_short_orders,
    clear_attention,
    flag_failed_refund,
    flag_mismatch,
    flag_order,
    flag_refund_elsewhere,
    flag_short_orders,
)
from koipond.order.service.auditing import audit
from koipond.order.service.belonging import claim_of_guest
from koipond.order.service.cancelling import cancel_any_order, cancel_order
from koipond.order.service.carrying import (
    absorb,
    absorb_carts,
    carry_units,
    find_strays,
    release,
    release_carts,
)
from koipond.order.service.cart import (
    add_to_cart,
    find_cart,
    set_checkout,
    update_cart_line,
)
from koipond.order.service.closing import close_orders
from koipond.order.service.consequences import find_consequences
from koipond.order.service.covering import check_cover, cover_order
from koipond.order.service.drafting import (
    create_draft,
    find_draft,
    find_drafts,
    place_draft,
    remove_draft,
    show_draft,
    update_draft,
)
from koipond.order.service.editing import (
    edit_order,
    exchange_return,
    find_edits_of,
    find_versions,
)
from koipond.order.service.expiring import expire_order, expire_orders
from koipond.order.service.fulfilling import (
    cancel_fulfilment,
    collect_fulfilment,
    create_fulfilment,
    deliver_fulfilment,
    ready_fulfilment,
    renew_pick_up_code,
    ship_fulfilment,
)
from koipond.order.service.history import import_past_orders
from koipond.order.service.holding import lift_hold, place_hold
from koipond.order.service.payees import claim_payee_slot
from koipond.order.service.paying import find_due, pay_order
from koipond.order.service.placing import place_order
from koipond.order.service.reading import (
    explain_price,
    find_any_order,
    find_member_orders,
    find_orders,
    find_own_order,
    get_any_order,
)
from koipond.order.service.refunding import (
    capture_payment,
    refund_order,
    retry_refund,
    void_payment,
)
from koipond.order.service.replaying import Replayed, replay
from koipond.order.service.returning import (
    approve_return,
    cancel_any_return,
    cancel_return,
    inspect_return,
    list_returns,
    receive_return,
    refund_return,
    reject_return,
    request_any_return,
    request_return,
)
from koipond.order.service.reviving import revive_order
from koipond.order.service.telling import MESSAGE_KINDS, TOLD_OF, tell_buyer

__all__ = [
    "MESSAGE_KINDS",
    "TOLD_OF",
    "Replayed",
    "absorb",
    "absorb_carts",
    "actions_for",
    "add_to_cart",
    "approve_return",
    "audit",
    "await_short_orders",
    "cancel_any_order",
    "cancel_any_return",
    "cancel_fulfilment",
    "cancel_order",
    "cancel_return",
    "capture_payment",
    "carry_units",
    "change_address",
    "check_cover",
    "claim_of_guest",
    "claim_payee_slot",
    "clear_attention",
    "close_orders",
    "collect_fulfilment",
    "cover_order",
    "create_draft",
    "create_fulfilment",
    "deliver_fulfilment",
    "edit_order",
    "exchange_return",
    "expire_order",
    "expire_orders",
    "explain_price",
    "find_any_order",
    "find_cart",
    "find_consequences",
    "find_draft",
    "find_drafts",
    "find_due",
    "find_edits_of",
    "find_member_orders",
    "find_orders",
    "find_own_order",
    "find_strays",
    "find_versions",
    "flag_failed_refund",
    "flag_mismatch",
    "flag_order",
    "flag_refund_elsewhere",
    "flag_short_orders",
    "get_any_order",
    "import_past_orders",
    "inspect_return",
    "lift_hold",
    "list_returns",
    "pay_order",
    "place_draft",
    "place_hold",
    "place_order",
    "ready_fulfilment",
    "receive_return",
    "refund_order",
    "refund_return",
    "reject_return",
    "release",
    "release_carts",
    "remove_draft",
    "renew_pick_up_code",
    "replay",
    "request_any_return",
    "request_return",
    "retry_refund",
    "revive_order",
    "set_checkout",
    "ship_fulfilment",
    "show_draft",
    "tell_buyer",
    "update_cart_line",
    "update_draft",
    "void_payment",
]
