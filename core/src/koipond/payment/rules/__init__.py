"""Rules of payments: what a charge has become, what goes back of what, who signed a notice."""

from koipond.payment.rules.charges import (
    PAYMENT_MOVES,
    begin,
    brings_all,
    claimed,
    covered,
    due,
    find_event_mismatch,
    find_mismatch,
    find_refund_mismatch,
    fold,
    given_up,
    next_query,
    paid,
    standing,
)
from koipond.payment.rules.refunds import (
    freeze_parts,
    plan_amount,
    plan_whole,
    refreeze_parts,
    refund_units,
    surplus,
    unpaid,
)
from koipond.payment.rules.signatures import check_signature, sign

__all__ = [
    "PAYMENT_MOVES",
    "begin",
    "brings_all",
    "check_signature",
    "claimed",
    "covered",
    "due",
    "find_event_mismatch",
    "find_mismatch",
    "find_refund_mismatch",
    "fold",
    "freeze_parts",
    "given_up",
    "next_query",
    "paid",
    "plan_amount",
    "plan_whole",
    "refreeze_parts",
    "refund_units",
    "sign",
    "standing",
    "surplus",
    "unpaid",
]
