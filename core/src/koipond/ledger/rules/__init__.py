"""Rules of the ledger: which buckets value comes from and goes to, and what is booked. Pure."""

from koipond.ledger.rules.absorbing import absorb, give_up
from koipond.ledger.rules.accounts import account_id, check_units, day_key, last_day_over
from koipond.ledger.rules.booking import (
    Booking,
    Leg,
    Standing,
    check_pending_repeat,
    check_repeat,
    in_order,
    less,
    make_booking,
    weigh,
)
from koipond.ledger.rules.parts import (
    claw_back,
    credit,
    draw,
    find_lapsed,
    pay_debt,
    plan_restore,
    read_income,
)
from koipond.ledger.rules.pending import check_open, close, keep_aside
from koipond.ledger.rules.undoing import Undoable, check_undone_repeat, find_left, read_undoable

__all__ = [
    "Booking",
    "Leg",
    "Standing",
    "Undoable",
    "absorb",
    "account_id",
    "check_open",
    "check_pending_repeat",
    "check_repeat",
    "check_undone_repeat",
    "check_units",
    "claw_back",
    "close",
    "credit",
    "day_key",
    "draw",
    "find_lapsed",
    "find_left",
    "give_up",
    "in_order",
    "keep_aside",
    "last_day_over",
    "less",
    "make_booking",
    "pay_debt",
    "plan_restore",
    "read_income",
    "read_undoable",
    "weigh",
]
