"""SQL of the ledger.

locking                        accounts under their locks, and what they have
writing, postgresql, sqlite    one booking in as few statements as can be
expiring                       accounts that have something to lose, a batch at a time
absorbing                      owners that become one
reading, audits                without locks
"""

from koipond.ledger.repository.absorbing import (
    find_left_to,
    find_units,
    find_units_of,
    hand_on,
    lock_open,
    lock_pendings,
    repoint,
    set_heir,
)
from koipond.ledger.repository.audits import (
    find_bad_accounts,
    find_bad_buckets,
    find_bad_transfers,
    find_lost_transfers,
    find_overdrawn,
    find_too_much_undone,
)
from koipond.ledger.repository.expiring import forget_empty, lock_lapsed
from koipond.ledger.repository.locking import Sight, add_accounts, find_buckets, see
from koipond.ledger.repository.reading import (
    find_pending_by_source,
    find_standings,
    find_statement,
    find_transfer,
    find_transfer_by_source,
    find_undone,
    lock_pending,
    sum_system,
)
from koipond.ledger.repository.writing import book, set_aside, void

__all__ = [
    "Sight",
    "add_accounts",
    "book",
    "find_bad_accounts",
    "find_bad_buckets",
    "find_bad_transfers",
    "find_buckets",
    "find_left_to",
    "find_lost_transfers",
    "find_overdrawn",
    "find_pending_by_source",
    "find_standings",
    "find_statement",
    "find_too_much_undone",
    "find_transfer",
    "find_transfer_by_source",
    "find_undone",
    "find_units",
    "find_units_of",
    "forget_empty",
    "hand_on",
    "lock_lapsed",
    "lock_open",
    "lock_pending",
    "lock_pendings",
    "repoint",
    "see",
    "set_aside",
    "set_heir",
    "sum_system",
    "void",
]
