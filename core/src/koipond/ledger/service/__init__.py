"""Use-cases of the ledger, each in its caller's transaction; expiry has its own.

earn, burn, adjust, move    value comes, goes, is corrected, changes hands
set_aside, post, void       value waits for an open order; then it is spent, or free again
restore, reverse            what was spent comes back, what was earned goes back
absorb, give_up             two owners become one, and turn out to be two
expire                      what nobody spent in time is gone
"""

from koipond.ledger.service.absorbing import absorb, give_up
from koipond.ledger.service.aside import post, set_aside, void
from koipond.ledger.service.booking import adjust, burn, earn, move
from koipond.ledger.service.expiring import expire
from koipond.ledger.service.reading import (
    audit,
    find_balances,
    find_booked,
    find_pending,
    find_statement,
    find_system_balance,
    find_undone,
)
from koipond.ledger.service.undoing import restore, reverse

__all__ = [
    "absorb",
    "adjust",
    "audit",
    "burn",
    "earn",
    "expire",
    "find_balances",
    "find_booked",
    "find_pending",
    "find_statement",
    "find_system_balance",
    "find_undone",
    "give_up",
    "move",
    "post",
    "restore",
    "reverse",
    "set_aside",
    "void",
]
