"""Use-cases of promotions: carts ask, orders claim, staff decide."""

from koipond_promotions.service.auditing import audit
from koipond_promotions.service.carts import find_inputs, find_requests, note_order
from koipond_promotions.service.coupons import (
    add_coupon,
    find_coupons,
    find_coupons_of,
    generate,
    give_reward,
)
from koipond_promotions.service.forecasting import rehearse
from koipond_promotions.service.merging import absorb, release
from koipond_promotions.service.shown import find_running, label_of, make_offer, write_action
from koipond_promotions.service.staff import (
    create,
    edit,
    end,
    find_promotion,
    find_promotions,
    find_standing,
    find_uses,
    pause,
    publish,
)

__all__ = [
    "absorb",
    "add_coupon",
    "audit",
    "create",
    "edit",
    "end",
    "find_coupons",
    "find_coupons_of",
    "find_inputs",
    "find_promotion",
    "find_promotions",
    "find_requests",
    "find_running",
    "find_standing",
    "find_uses",
    "generate",
    "give_reward",
    "label_of",
    "make_offer",
    "note_order",
    "pause",
    "publish",
    "rehearse",
    "release",
    "write_action",
]
