"""Use-cases of shipping methods, fulfilments and returns.

create    PENDING                  units of an order, at one location
ship      PENDING -> SHIPPED       they leave the house: a movement of the stock
deliver   SHIPPED -> DELIVERED
ready     PENDING -> READY         a pick-up; the buyer is shown a code
collect   READY -> COLLECTED       the code was right; they leave the house
cancel    PENDING, READY -> CANCELLED

Those that write join the transaction of an order's use-case, which has the order locked.
"""

from koipond.fulfilment.service.auditing import audit
from koipond.fulfilment.service.methods import (
    check_methods,
    ensure_methods,
    find_methods,
    find_rules,
    set_method,
)
from koipond.fulfilment.service.parcels import (
    cancel,
    code_of,
    collect,
    create,
    deliver,
    find_fulfilment,
    find_fulfilments,
    find_fulfilments_of,
    ready,
    renew_code,
    ship,
)
from koipond.fulfilment.service.returns import (
    find_return,
    find_returns,
    find_returns_of,
    inspect_return,
    list_returns,
    move_return,
    receive_return,
    request_return,
)

__all__ = [
    "audit",
    "cancel",
    "check_methods",
    "code_of",
    "collect",
    "create",
    "deliver",
    "ensure_methods",
    "find_fulfilment",
    "find_fulfilments",
    "find_fulfilments_of",
    "find_methods",
    "find_return",
    "find_returns",
    "find_returns_of",
    "find_rules",
    "inspect_return",
    "list_returns",
    "move_return",
    "ready",
    "receive_return",
    "renew_code",
    "request_return",
    "set_method",
    "ship",
]
