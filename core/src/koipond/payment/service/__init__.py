"""Use-cases of payments.

begin           PENDING                  the order's transaction, before the provider is asked
ask_charge      PENDING -> what it says  the provider is asked in no transaction; apply_result
query           PENDING -> what it says  the same, later
receive_notice  any -> what it says      a notice, applied once
capture, void   AUTHORISED -> ...        asked in no transaction, by a key of its own
owe_refund      refunds PENDING          the transaction that calls an order off
give_refund     PENDING -> DONE, FAILED  asked in no transaction, by the refund's id

Of an order and its payments the payments are locked first.
"""

from koipond.payment.service.auditing import audit
from koipond.payment.service.capturing import capture_payment, run_capture
from koipond.payment.service.charging import (
    apply_result,
    apply_to_begun,
    ask_charge,
    begin,
    find_begun,
    query,
    query_unresolved,
    resolve,
    run_query,
)
from koipond.payment.service.providers import check_provider, provider_keys, unresolved
from koipond.payment.service.reading import (
    find_applied,
    find_parts,
    find_payment,
    find_payments,
    find_payments_of,
    find_refund,
    find_refunds,
    find_refunds_of,
    lock_payments,
)
from koipond.payment.service.refunding import (
    apply_refund,
    freeze,
    give_refund,
    owe_again,
    owe_parts,
    owe_refund,
    owe_surplus,
    refreeze,
    run_refund,
    settle_refunds,
)
from koipond.payment.service.voiding import close_open, run_void, settle_voids, void, void_pending
from koipond.payment.service.webhooks import receive_notice

__all__ = [
    "apply_refund",
    "apply_result",
    "apply_to_begun",
    "ask_charge",
    "audit",
    "begin",
    "capture_payment",
    "check_provider",
    "close_open",
    "find_applied",
    "find_begun",
    "find_parts",
    "find_payment",
    "find_payments",
    "find_payments_of",
    "find_refund",
    "find_refunds",
    "find_refunds_of",
    "freeze",
    "give_refund",
    "lock_payments",
    "owe_again",
    "owe_parts",
    "owe_refund",
    "owe_surplus",
    "provider_keys",
    "query",
    "query_unresolved",
    "receive_notice",
    "refreeze",
    "resolve",
    "run_capture",
    "run_query",
    "run_refund",
    "run_void",
    "settle_refunds",
    "settle_voids",
    "unresolved",
    "void",
    "void_pending",
]
